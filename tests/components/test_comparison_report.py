"""ComparisonReport's spec, and its executor on models that were just trained."""

import json
from pathlib import Path

import pytest
from tfx import types
from tfx.types import standard_artifacts

from components.comparison_report import executor
from components.comparison_report.artifact import FILE_NAME
from components.comparison_report.artifact import ComparisonReport as Artifact
from components.comparison_report.component import ComparisonReport
from tests.execute import execute
from tests.training import fit
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
    assert report.exec_properties == {"films": 7, "explain_fn": "trainer.explain.explain_fn", "source": "abc"}


@pytest.fixture(scope="module")
def fusion(transformed, tmp_path_factory):
    return fit(transformed, tmp_path_factory.mktemp("fusion"), "fusion", "default", epochs=1)


@pytest.fixture(scope="module")
def content(transformed, fusion, tmp_path_factory):
    parts = [part(fusion, name) for name in ("lstm", "cnn")]  # whatever the order
    return compared(transformed, [*parts, fusion], tmp_path_factory.mktemp("comparison"), films=4)


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
        assert model["metrics"]["micro_f1"] is not None
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
def test_models_of_different_genres_are_not_compared(fusion, tmp_path):
    cards = {"cnn": {"genres": ["Drama"]}, "lstm": {"genres": ["Drama", "War"]}}
    with pytest.raises(MarqueeError, match="cnn and lstm are of different genres"):
        executor._same_genres(cards)
