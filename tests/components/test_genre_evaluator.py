"""GenreEvaluator's executor on real tf.Examples and small real SavedModels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils, standard_artifacts

from components.genre_evaluator import multilabel
from components.genre_evaluator.component import GenreEvaluator
from tests import savedmodels
from tests.execute import execute
from tests.savedmodels import Film, Scorer, scores_of_skill
from transform.errors import MarqueeError

GENRES = ("Drama", "Comedy", "Horror", "Western")  # no film is a Western
CANDIDATE_ID, BASELINE_ID = 7, 3


def films(count: int = 120) -> list[Film]:
    """Films whose genres follow from their number; every 10th lacks a poster, every 8th an overview."""
    rng = np.random.default_rng(0)
    drawn = rng.random((count, 3)) < (0.7, 0.4, 0.2)
    return [
        Film(
            id=f"tt{number:07}",
            genres=tuple(np.array(GENRES[:3])[row]) or ("Drama",),
            poster=number % 10 != 0,
            overview=number % 8 != 0,
        )
        for number, row in enumerate(drawn)
    ]


@dataclass
class Outcome:
    summary: dict[str, Any]
    blessing: types.Artifact
    evaluation: Path

    @property
    def blessed(self) -> bool:
        """What the summary, the artifact's property and its file must all say."""
        said = {
            self.summary["blessed"],
            self.blessing.get_int_custom_property("blessed") == 1,
            [path.name for path in Path(self.blessing.uri).iterdir()] == ["BLESSED"],
            [path.name for path in Path(self.blessing.uri).iterdir()] != ["NOT_BLESSED"],
        }
        (blessed,) = said
        return blessed


@dataclass
class Bench:
    """Runs an evaluation in `folder`."""

    folder: Path
    genres: Sequence[str] = GENRES
    examples: Sequence[Film] = ()

    def evaluate(
        self,
        scorer: Scorer,
        baseline: Scorer | None = None,
        *,
        baseline_genres: Sequence[str] = GENRES,
        accept_baseline_reset: bool = False,
    ) -> Outcome:
        inputs = {
            "examples": [self._examples()],
            "model": [self._model("candidate", CANDIDATE_ID, self.genres, scorer)],
            "baseline_model": [],
        }
        if baseline is not None:
            inputs["baseline_model"] = [self._model("baseline", BASELINE_ID, baseline_genres, baseline)]
        evaluator = GenreEvaluator(
            examples=types.Channel(type=standard_artifacts.Examples),
            model=types.Channel(type=standard_artifacts.Model),
            baseline_model=types.Channel(type=standard_artifacts.Model),
            accept_baseline_reset=accept_baseline_reset,
        )
        outputs = execute(evaluator, inputs, self.folder / "out")
        evaluation = Path(artifact_utils.get_single_uri(outputs["evaluation"]))
        summary = json.loads((evaluation / "summary.json").read_text())
        return Outcome(summary, artifact_utils.get_single_instance(outputs["blessing"]), evaluation)

    def _examples(self) -> types.Artifact:
        artifact = standard_artifacts.Examples()
        artifact.uri = str(self.folder / "examples")
        artifact.split_names = artifact_utils.encode_split_names(["eval", "test"])
        artifact.set_string_custom_property("file_format", "tfrecords_gzip")
        artifact.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
        savedmodels.write_films(Path(artifact.uri), "eval", films(1))  # must not be looked at
        savedmodels.write_films(Path(artifact.uri), "test", self.examples)
        return artifact

    def _model(self, name: str, identity: int, genres: Sequence[str], scorer: Scorer) -> types.Artifact:
        artifact = standard_artifacts.Model()
        artifact.uri = str(self.folder / name)
        artifact.id = identity
        savedmodels.write_model(Path(artifact.uri), genres, scorer, seed=identity)
        return artifact


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, examples=films())


def figures_of(folder: Path, some_films: Sequence[Film]) -> multilabel.Evaluation:
    """The figures computed from the model's own answers, without TFMA."""
    model = tf.saved_model.load(str(folder / "Format-Serving"))
    examples = tf.constant([savedmodels.example(film).SerializeToString() for film in some_films])
    labels = model.signatures["transform_labels"](examples=examples)["labels"].numpy()
    answer = model.signatures["evaluate"](examples=examples)["evaluation"].numpy()
    return multilabel.evaluate(labels, *np.split(answer, 2, axis=1))


def test_a_first_model_that_beats_the_constant_predictor(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="marquee"):
        outcome = bench.evaluate(scores_of_skill(0.4))
    summary = outcome.summary
    assert outcome.blessed
    expected = figures_of(bench.folder / "candidate", bench.examples)
    assert (summary["model"], summary["films"], summary["genres"]) == ("lstm", 120, list(GENRES))
    for name in ("micro_f1", "macro_f1", "weighted_f1", "samples_f1", "mean_average_precision"):
        assert summary["metrics"][name] == pytest.approx(getattr(expected, name), abs=1e-6)
    assert summary["constant"]["micro_f1"] == pytest.approx(expected.best_constant.micro_f1)
    assert summary["constant"]["genres"] == [GENRES[g] for g in expected.best_constant.genres]
    assert [row["genre"] for row in summary["per_genre"]] == list(GENRES)
    for column, row in enumerate(summary["per_genre"]):
        assert row["support"] == expected.support[column]
        assert row["f1"] == pytest.approx(expected.f1[column], abs=1e-6)
        assert row["threshold"] == 0.5
    assert summary["per_genre"][0]["average_precision"] == pytest.approx(expected.average_precision[0], abs=1e-6)
    assert summary["per_genre"][3]["average_precision"] is None
    assert summary["baseline"] is None
    assert not summary["baseline_reset"]

    films = {name: one["films"] for name, one in summary["slices"].items()}
    assert {name: count for name, count in films.items() if "," not in name} == {
        "has_poster=yes": 108,
        "has_poster=no": 12,
        "has_overview=yes": 105,
        "has_overview=no": 15,
    }
    both = {"has_overview=yes,has_poster=yes", "has_overview=yes,has_poster=no", "has_overview=no,has_poster=yes"}
    assert both <= {name for name in films if "," in name} <= both | {"has_overview=no,has_poster=no"}
    assert sum(count for name, count in films.items() if "," in name) == summary["films"]
    blind = figures_of(bench.folder / "candidate", [film for film in bench.examples if not film.poster])
    assert summary["slices"]["has_poster=no"]["macro_f1"] == pytest.approx(blind.macro_f1, abs=1e-6)

    first, second = summary["reasons"]
    assert first.startswith(f"micro-F1 {expected.micro_f1:.3f} beats the best constant predictor's ")
    assert second == "no blessed model to compare with"
    assert outcome.blessing.get_string_custom_property("reason") == f"{first}; {second}"
    assert f"lstm: {first}" in caplog.messages


def test_a_model_that_ranks_worse_than_the_last_blessed_one(bench: Bench) -> None:
    outcome = bench.evaluate(scores_of_skill(0.4), baseline=scores_of_skill(0.6))
    assert not outcome.blessed
    beats, fell = outcome.summary["reasons"]
    assert "beats the best constant predictor" in beats
    assert fell.endswith("of the last blessed model (3): fallen by over 0.01")
    expected = figures_of(bench.folder / "baseline", bench.examples)
    baseline = outcome.summary["baseline"]
    assert baseline["model_id"] == BASELINE_ID
    assert baseline["uri"] == str(bench.folder / "baseline")
    assert baseline["metrics"]["micro_f1"] == pytest.approx(expected.micro_f1, abs=1e-6)
    own = figures_of(bench.folder / "candidate", bench.examples)
    assert outcome.summary["metrics"]["micro_f1"] == pytest.approx(own.micro_f1, abs=1e-6)


def test_a_split_without_films(bench: Bench) -> None:
    bench.examples = ()
    with pytest.raises(MarqueeError, match="split 'test' holds no film"):
        bench.evaluate(scores_of_skill(1.0))


@pytest.mark.slow
def test_a_model_that_ranks_as_well_as_the_last_blessed_one(bench: Bench) -> None:
    outcome = bench.evaluate(scores_of_skill(0.6), baseline=scores_of_skill(0.4))
    assert outcome.blessed
    assert outcome.summary["reasons"][1].endswith("of the last blessed model (3): not fallen by over 0.01")


@pytest.mark.slow
def test_an_accepted_reset_leaves_the_comparison_out_and_is_recorded(bench: Bench) -> None:
    outcome = bench.evaluate(scores_of_skill(0.4), baseline=scores_of_skill(0.6), accept_baseline_reset=True)
    assert outcome.blessed
    assert outcome.summary["baseline_reset"]
    assert outcome.summary["baseline"]["metrics"]["micro_f1"] == 1.0
    assert outcome.summary["reasons"][1].endswith("was left out: --accept-baseline-reset")
    assert outcome.blessing.get_int_custom_property("baseline_reset") == 1


@pytest.mark.slow
@pytest.mark.parametrize("accepted", [False, True])
def test_a_last_blessed_model_of_another_label_set(bench: Bench, accepted: bool) -> None:
    outcome = bench.evaluate(
        scores_of_skill(1.0),
        baseline=scores_of_skill(0.3),
        baseline_genres=(*GENRES[:3], "Musical", "War"),
        accept_baseline_reset=accepted,
    )
    assert outcome.blessed == accepted
    assert outcome.summary["baseline"]["metrics"] is None
    if not accepted:
        assert "(new: Western; gone: Musical, War)" in outcome.summary["reasons"][1]
        assert "--accept-baseline-reset" in outcome.summary["reasons"][1]


@pytest.mark.slow
def test_the_same_label_set_in_another_order_is_comparable(bench: Bench) -> None:
    outcome = bench.evaluate(scores_of_skill(0.6), baseline=scores_of_skill(0.6), baseline_genres=GENRES[::-1])
    assert outcome.blessed
    assert outcome.summary["baseline"]["metrics"]["mean_average_precision"] == 1.0


@pytest.mark.slow
def test_scores_that_are_not_numbers(bench: Bench) -> None:
    outcome = bench.evaluate(savedmodels.nan_scores)
    assert not outcome.blessed
    assert outcome.summary["metrics"]["micro_f1"] > 0.9
    unusable = int(outcome.summary["metrics"]["unusable_films"])
    assert 0 < unusable < 60
    assert outcome.summary["reasons"][1] == f"{unusable} of 120 films got a score that is not a number"


@pytest.mark.slow
def test_a_model_that_ignores_the_film(bench: Bench) -> None:
    outcome = bench.evaluate(savedmodels.constant_scores)
    assert not outcome.blessed
    assert "does not beat the best constant predictor" in outcome.summary["reasons"][0]
    assert outcome.summary["reasons"][1] == "every film got the same scores"


@pytest.mark.slow
@pytest.mark.parametrize(("genres", "blessed"), [(("Drama",), True), (("Western",), False)])
def test_a_single_genre(bench: Bench, genres: tuple[str, ...], blessed: bool) -> None:
    """Worth having where it tells the films with the genre from the others; never where no film has it."""
    bench.genres = genres
    outcome = bench.evaluate(scores_of_skill(1.0))
    assert outcome.blessed == blessed
    assert (outcome.summary["metrics"]["mean_average_precision"] is None) != blessed
    assert ("no film of the test split has a genre that the model knows" in outcome.summary["reasons"]) != blessed
