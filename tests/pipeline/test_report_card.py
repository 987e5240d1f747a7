"""Model cards: what they say, and that data cannot break them."""

import dataclasses
import re

import pytest

from pipeline import report
from pipeline.report import card
from pipeline.report.record import as_dict
from tests import reports

SECTIONS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]


def written(name: str = "cnn", **changes) -> str:
    return card.markdown(as_dict(reports.finished(**changes)), name)


def test_the_sections_are_those_of_the_paper():
    assert re.findall(r"^## (.+)$", written(), re.MULTILINE) == SECTIONS


def test_it_says_what_the_run_says():
    text = written()
    for part in (
        "Parameters: 1,234,567.",
        "Trained for 3 epochs of 1.5 s, batches of 64, learning rate 0.00200, class balance none, seed 7.",
        "Posters are seen at 64 × 64 pixels",
        "Fingerprints of the films: train a1, eval b2.",
        "0.062 before calibration and 0.031 after on eval",
        "66 films: train 50, eval 8, test 8.",
        "3 rows or files could not be used: bad id 1, poster format 2.",
        "Blessed: yes. because of this.",
        "| Drama | 30 | 7 | 0.500 | 0.500 | 0.750 | – | 0.250 |",
        "| with a poster | 8 | 0.500 | 0.250 | 0.400 | 0.450 | – |",
        "Compared with span 1: drift.",
        "Never named rightly on the test split: &lt;War&gt; &amp; Peace.",
    ):
        assert part in text
    found = reports.comparison()
    for name, row in found["models"].items():
        assert f"| {name} | {row['metrics']['micro_f1']:.3f} |" in text
    assert "0.250 on test" in text
    assert "| &lt;War&gt; &amp; Peace | Drama | 2 |" in text
    assert "A committee of 5" in text


def test_a_model_that_was_not_blessed_says_so_twice():
    text = written("lstm")
    assert "Blessed: no." in text
    assert "- Not blessed, and not to be served." in text
    assert "Pushed to" not in text


def test_a_fusion_says_what_it_is_made_of():
    part = {key: reports.TRAINING[key] for key in ("variant", "batch_size", "learning_rate", "class_balance", "seed")}
    trained = {"cnn": {**part, "folds": 5, "epochs": 30}, "lstm": {**part, "folds": 1, "epochs": 9}}
    told = {"name": "fusion", "parts": ["cnn", "lstm"], "trained": trained, "epochs": 0}
    kept = {key: reports.TRAINING[key] for key in ("parameters", "calibration_error", "versions")}
    found = reports.comparison()
    found["calibration_error"]["fusion"], found["confusion"]["fusion"] = 0.125, [[0] * 3] * 3
    model = dataclasses.replace(reports.model(), training=told | kept)
    text = written("fusion", models={"fusion": model}, comparison=found)
    assert "Made of cnn and lstm; no network is trained a second time." in text
    assert "- cnn, default: networks trained 5, 30 epochs each, batches of 64" in text
    assert "what members of the committee say" in text
    trained["cnn"]["folds"] = 1
    assert "what members of the committee say" not in written("fusion", models={"fusion": model}, comparison=found)


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        ({}, "- TFX 1.16.0, TensorFlow 2.16.2, Keras 3.12.4, Python 3.10.13."),
        (
            {
                "warm_start": {
                    "model": 3,
                    "genres": {"carried": ["War"], "new": []},
                    "words": {"carried": 8000, "new": 9},
                }
            },
            "- Started from model 3, which knew 1 of 1 genres and 8,000 of 8,009 words.",
        ),
        (
            {"warm_start": {"model": 3, "genres": {"carried": ["War"], "new": ["Noir"]}}},
            "- Started from model 3, which knew 1 of 2 genres.",
        ),
        (
            {"warm_start": {"model": 3, "refused": "seed was 8 and is 7"}},
            "- A warm start from model 3 was not possible: seed was 8 and is 7.",
        ),
        (
            {"hyperparameters": {"learning_rate": 0.00123, "width": 2.0}},
            "- Found by a search on eval: learning rate 0.00123, width × 2.",
        ),
    ],
)
def test_what_a_training_began_with(training, sentence):
    model = dataclasses.replace(reports.model(), training=reports.TRAINING | training)
    lines = written(models={"cnn": model}).splitlines()
    assert sentence in lines
    known = [line for line in lines if line.startswith(("- Started", "- A warm start", "- Found by"))]
    assert known == ([sentence] if training else [])


@pytest.mark.parametrize(
    ("name", "training", "words"),
    [
        ("cnn", {}, "each of four convolutions, mean and peak over the poster, and a linear model over how alike"),
        (
            "cnn",
            {"backbone": "/nets/a.keras"},
            "over the features of a frozen network, a.keras, and a linear model",
        ),
        (
            "lstm",
            {"embeddings": "/data/glove.txt"},
            "n-grams of words and letters; words begin with the vectors of glove.txt",
        ),
    ],
)
def test_what_a_network_is(name, training, words):
    assert words in (card.network(name, reports.TRAINING | training) or "")


def test_a_reference_variant_and_no_comparison():
    model = dataclasses.replace(reports.model(), training=reports.TRAINING | {"variant": "reference"})
    text = written(models={"cnn": model}, comparison=None, balance=None, drift=None)
    assert "seven convolutions and two dense layers, variant reference" in text
    assert "| 0.500 | 0.250 | 0.400 | 0.450 | – |" in text
    assert "on test." not in text


def test_names_from_the_data_are_taken_for_text():
    nasty = "*a* | [b](c) `d`\n<script>"
    judged = reports.model()
    rows = [{**row, "genre": nasty} for row in judged.evaluation["per_genre"]]
    model = dataclasses.replace(judged, evaluation={**judged.evaluation, "per_genre": rows})
    html = card.page(written(models={"cnn": model}), "Model card")
    assert "<td>*a* | [b](c) `d` &lt;script&gt;</td>" in html
    assert "<script" not in html


@pytest.mark.parametrize(("name", "tables"), [("cnn", 5), ("lstm", 5)])
def test_every_row_of_a_table_has_its_columns(name, tables):
    html = card.page(written(name), "Model card")
    assert html.count("<table>") == tables
    for table in html.split("<table>")[1:]:
        cells = {len(re.findall(r"<t[hd]", row)) for row in table.split("</table>")[0].split("<tr>")[1:]}
        assert len(cells) == 1


def test_cards_lie_beside_the_report_and_are_linked(tmp_path):
    unevaluated = reports.Model(evaluation={}, history={}, training={}, pushed=None)
    models = {"cnn": reports.model(), "lstm": unevaluated}
    html = report.write(reports.finished(models=models, comparison=None), tmp_path)
    assert sorted(file.name for file in html.parent.iterdir()) == [
        "card-cnn.html",
        "card-cnn.md",
        "index.html",
        "run.json",
    ]
    page = html.read_text(encoding="utf-8")
    assert 'href="card-cnn.html"' in page
    assert "card-lstm" not in page
