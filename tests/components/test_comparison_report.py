"""ComparisonReport's spec, and its executor on models that were just trained."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from tfx import types
from tfx.types import standard_artifacts

from components.comparison_report import executor
from components.comparison_report.artifact import FILE_NAME
from components.comparison_report.artifact import ComparisonReport as Artifact
from components.comparison_report.component import ComparisonReport
from components.genre_evaluator import multilabel
from tests.execute import execute
from tests.training import fit
from trainer.metrics import expected_calibration_error
from transform.errors import MarqueeError

SPLITS = '["train", "eval", "test"]'


def component(**parameters) -> ComparisonReport:
    kinds = standard_artifacts
    return ComparisonReport(
        examples=types.Channel(type=kinds.Examples),
        transformed_examples=types.Channel(type=kinds.Examples),
        model=types.Channel(type=kinds.Model),
        model_run=types.Channel(type=kinds.ModelRun),
        explain_fn="trainer.explain.explain_fn",
        max_words=20,
        **parameters,
    )


def artifact(kind, uri: Path, **properties):
    made = kind()
    made.uri = str(uri)
    for name, value in properties.items():
        setattr(made, name, value)
    return made


def compared(transformed, fits, folder: Path, window: int = 1, **parameters) -> dict:
    """comparison.json of trained models, of a window of as many spans, which all have the same films."""
    models = []
    for number, each in enumerate(fits):
        uri = folder / f"model{number}"
        uri.mkdir(parents=True)
        (uri / "Format-Serving").symlink_to(each.model)
        models.append(artifact(standard_artifacts.Model, uri))
    inputs = {
        "examples": [artifact(standard_artifacts.Examples, transformed.examples, split_names=SPLITS)],
        "transformed_examples": [
            artifact(standard_artifacts.Examples, transformed.transformed, split_names=SPLITS) for _ in range(window)
        ],
        "model": models,
        "model_run": [artifact(standard_artifacts.ModelRun, each.run) for each in fits],
    }
    if window > 1:
        inputs["learnt_examples"] = inputs["examples"] * window
    [made] = execute(component(**parameters), inputs, folder / "out")["comparison"]
    return json.loads((Path(made.uri) / FILE_NAME).read_text(encoding="utf-8"))


def test_the_spec():
    report = component(films=7, source="abc")
    assert report.outputs["comparison"].type is Artifact
    given = {"films": 7, "explain_fn": "trainer.explain.explain_fn", "source": "abc", "max_words": 20}
    assert report.exec_properties == given
    assert component().exec_properties["films"] == 10


def test_a_score_that_is_no_number_is_told_and_stops_nothing(tmp_path, caplog):
    (tmp_path / "Split-test").mkdir()
    with tf.io.TFRecordWriter(str(tmp_path / "Split-test" / "a.gz"), "GZIP") as writer:
        writer.write(tf.train.Example().SerializeToString())
    signatures = {
        "evaluate": lambda examples: {"evaluation": tf.constant([[np.nan, 0.75, 0.0, 1.0]])},
        "transform_labels": lambda examples: {"labels": tf.constant([[1.0, 0.0]])},
    }
    model = SimpleNamespace(signatures=signatures)
    found = executor.scoring.ask({"cnn": model}, model, [tmp_path], "test", 2)
    assert found.scores["cnn"].tolist() == [[0, 0.75]]
    assert "cnn: 1 films got a score that is no number" in caplog.text


def test_figures_are_the_evaluators_and_not_rounded():
    """A page that rounds them once more said .519 of a fusion here, and .520 there."""
    rng = np.random.default_rng(5)
    labels, scores = rng.random([40, 3]) < 0.4, rng.random([40, 3])
    found = executor._figures(labels, scores, scores > 0.5, ["Drama", "Comedy", "War"])
    expected = multilabel.evaluate(labels, scores, scores > 0.5)
    assert found["metrics"]["mean_average_precision"] == expected.mean_average_precision
    assert list(found["per_genre"].values()) == expected.f1.tolist()
    assert any(bound != round(bound, 4) for bounds in found["intervals"].values() for bound in bounds)


@pytest.fixture(scope="module")
def fusion(transformed, tmp_path_factory):
    return fit(transformed, tmp_path_factory.mktemp("fusion"), "fusion", "default", epochs=1)


@pytest.fixture(scope="module")
def content(transformed, fusion, tmp_path_factory):
    parts = [part(fusion, name) for name in ("lstm", "cnn")]  # whatever the order
    return compared(transformed, [*parts, fusion], tmp_path_factory.mktemp("comparison"), films=4)


def served(fusion, name):
    return tf.saved_model.load(str(part(fusion, name).model)).signatures


def part(fusion, name):
    folder = fusion.model.parent / name
    return type(fusion)(model=folder / "model", run=folder / "run")


@pytest.mark.slow
def test_models_and_yardsticks_are_measured_alike(content):
    assert set(content["models"]) >= {"cnn", "lstm", "fusion", "TF-IDF + logistic regression", "every genre"}
    assert [name for name, model in content["models"].items() if not model["yardstick"]] == ["lstm", "cnn", "fusion"]
    for name, model in content["models"].items():
        assert set(model["per_genre"]) == set(content["genres"])
        constant = name.startswith("always") or name == "every genre"
        assert (model["metrics"]["mean_average_precision"] is None) == constant
        assert all(0 <= low <= high <= 1 for low, high in model["intervals"].values())
        assert set(model["intervals"]) == {"micro_f1", "macro_f1"}
    assert set(content["confusion"]) == set(content["calibration"]) == {"cnn", "lstm", "fusion"}


@pytest.mark.slow
def test_films_are_shown_with_what_was_looked_at(content, transformed):
    assert len(content["shown"]) == 4
    for film in content["shown"]:
        assert set(film["models"]) == {"cnn", "lstm", "fusion"}
        for top in film["models"].values():
            assert [answer["score"] for answer in top] == sorted((a["score"] for a in top), reverse=True)
            assert all(answer["hit"] == (answer["genre"] in film["genres"]) for answer in top)
        assert set(film["heat"]) == ({"cnn"} if film["poster"] else set())  # a fusion looks through its parts
        if film["overview"]:
            said = film["words"]["lstm"]
            assert len(said["words"]) == len(said["worth"]) == len(said["attention"])
            assert sum(said["attention"]) == pytest.approx(1, abs=0.02)
        assert film["poster"] is None or film["poster"].startswith("data:image/webp")


@pytest.mark.slow
def test_what_is_counted_is_what_the_served_models_say(content, fusion, transformed):
    genres, records = content["genres"], transformed.raw("test")
    labels = fusion.served["transform_labels"](examples=tf.constant(records))["labels"].numpy().astype(bool)
    models = {"fusion": fusion.served, **{name: served(fusion, name) for name in ("cnn", "lstm")}}
    answers = {name: model["serving_examples"](examples=tf.constant(records)) for name, model in models.items()}
    found = {}
    for name, answer in answers.items():
        said, scores = answer["predicted"].numpy().astype(bool), answer["scores"].numpy()
        both = [int((labels[:, genre] & said[:, genre]).sum()) for genre in range(len(genres))]
        table = np.array(content["confusion"][name])
        assert table.diagonal().tolist() == both
        assert table[0, 1] == (labels[:, 0] & ~said[:, 0] & ~labels[:, 1] & said[:, 1]).sum()
        best = np.argsort(-scores, axis=1)[:, :3]
        found[name] = int(np.take_along_axis(labels, best, axis=1).sum())
        assert content["calibration_error"][name] == pytest.approx(expected_calibration_error(labels, scores), abs=2e-3)
        costs = [mistake["cost"] for mistake in content["mistakes"][name]]
        assert costs == sorted(costs, reverse=True)
        surprise = -np.log(np.where(labels, scores, 1 - scores)).mean(axis=1)
        assert costs[0] == pytest.approx(surprise.max(), abs=2e-3)
    assert {name: counted["found"] for name, counted in content["race"]["split"]["models"].items()} == found
    assert content["race"]["split"]["possible"] == np.minimum(labels.sum(axis=1), 3).sum()
    for name, counted in content["race"]["films"]["models"].items():
        assert counted["found"] == sum(answer["hit"] for film in content["shown"] for answer in film["models"][name])


@pytest.mark.slow
def test_of_a_window_one_span_is_shown_and_all_are_learnt_from(content, transformed, fusion, tmp_path, monkeypatch):
    asked = []
    ask = executor.scoring.ask
    monkeypatch.setattr(executor.scoring, "ask", lambda *given: asked.append((given[3], len(given[2]))) or ask(*given))
    parts = [part(fusion, name) for name in ("lstm", "cnn")]
    window = compared(transformed, [*parts, fusion], tmp_path, window=2, films=4)
    assert asked == [("test", 1), ("train", 2), ("eval", 2)]
    assert window["films"] == content["films"]
    assert [film["id"] for film in window["shown"]] == [film["id"] for film in content["shown"]]
    for name in ("cnn", "lstm", "fusion"):
        assert window["models"][name] == content["models"][name]


@pytest.mark.slow
def test_a_network_without_attention_is_asked_word_by_word_all_the_same(transformed, tmp_path):
    reference = fit(transformed, tmp_path / "fit", "lstm", "reference", epochs=1, folds=1)
    alone = compared(transformed, [reference], tmp_path / "comparison", films=2)
    said = [film["words"]["lstm"] for film in alone["shown"] if film["overview"]]
    assert said
    assert all(each["attention"] is None and each["worth"] for each in said)
    assert [film["heat"] for film in alone["shown"]] == [{}, {}]


@pytest.mark.slow
def test_a_fusion_whose_parts_are_not_compared_is_looked_into_itself(content, transformed, fusion, tmp_path):
    alone = compared(transformed, [fusion], tmp_path, films=4)
    for film, beside in zip(alone["shown"], content["shown"], strict=True):
        assert set(film["heat"]) == ({"fusion"} if film["poster"] else set())
        assert set(film["words"]) == ({"fusion"} if film["overview"] else set())
        if film["overview"]:
            said, parts = film["words"]["fusion"], beside["words"]["lstm"]
            assert said["genre"] == film["models"]["fusion"][0]["genre"]
            assert len(said["worth"]) == len(said["words"])
            assert said["attention"] == pytest.approx(parts["attention"], abs=1e-3)  # of the same network


@pytest.mark.slow
def test_models_of_different_genres_are_not_compared(fusion, tmp_path):
    cards = {"cnn": {"genres": ["Drama"]}, "lstm": {"genres": ["Drama", "War"]}}
    with pytest.raises(MarqueeError, match="cnn and lstm are of different genres"):
        executor._same_genres(cards)
