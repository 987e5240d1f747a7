"""Writes comparison.json.

    {"genres": [G], "films": N,
     "models": {name: {"yardstick": bool, "metrics": {name: figure}, "intervals": {name: [figure, figure]},
                       "per_genre": {genre: F1}}},
     "precision_recall": {name: [[recall, precision]]},
     "calibration": {name: [{"score", "share", "count"}]}, "calibration_error": {name: figure},
     "race": {"films" and "split": {"possible", "models": {name: {"found", "share", "ahead"}}}},
     "confusion": {name: [[films]]}, "confusion_shares": {name: [[share]]},   rows true, columns said
     "mistakes": {name: [{"id", "overview", "genres", "said", "cost"}]},
     "shown": [{"id", "overview", "genres", "poster", "models": {name: [{"genre", "score", "hit"}]},
                "heat": {name: {"genre", "image"}},
                "words": {name: {"genre", "words", "worth", "attention"}}}]}

Images are data URIs, so that the file says it all.
"""

import functools
import hashlib
import importlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import EXAMPLES_KEY, MODEL_KEY, MODEL_RUN_KEY, TRANSFORMED_EXAMPLES_KEY
from tfx.utils import io_utils, path_utils

from components.comparison_report import artifact, measures, scoring, words, yardsticks
from components.comparison_report.scoring import Split
from components.genre_evaluator import multilabel
from components.thumbnails import data_uri, thumbnail
from transform import features, overviews
from transform.errors import MarqueeError

FILMS_KEY, EXPLAIN_FN_KEY, SOURCE_KEY, MAX_WORDS_KEY = "films", "explain_fn", "source", "max_words"
LEARNT_EXAMPLES_KEY = "learnt_examples"
COMPARISON_KEY = "comparison"

TEST = "test"
MISTAKES = 5  # of a model that are shown
EXCERPT = 280  # characters of an overview
METRICS = ("micro_f1", "macro_f1", "weighted_f1", "samples_f1", "mean_average_precision")

_LOGGER = logging.getLogger("marquee.comparison")

# What a network looked at: of a ModelRun, transformed examples, ids of films and a column each -> for each film
# `heat` float32 [h, w] and `attention` [T], as the network has them.
ExplainFn = Callable[[Path, Sequence[str], Sequence[str], Sequence[int]], list[dict[str, Any]]]


class Executor(base_executor.BaseExecutor):
    """Writes the ComparisonReport."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the component.

        Raises:
            MarqueeError: there is no film in the test split, or the models are of different genres.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = _folders(input_dict[EXAMPLES_KEY])
        learnt_from = _folders(input_dict.get(LEARNT_EXAMPLES_KEY) or input_dict[EXAMPLES_KEY])
        folders = [Path(path_utils.serving_model_path(model.uri)) for model in input_dict[MODEL_KEY]]
        cards = {card["name"]: card for card in map(_card, folders)}
        genres = _same_genres(cards)
        models = {name: tf.saved_model.load(str(folder)) for name, folder in zip(cards, folders, strict=True)}
        labeller = next(iter(models.values()))
        test = scoring.ask(models, labeller, examples, TEST, len(genres))
        learnt = [scoring.ask({}, labeller, learnt_from, split, len(genres)) for split in ("train", "eval")]
        scores, decisions = dict(test.scores), dict(test.decisions)
        if yardsticks.has_words(learnt[0].overviews):
            train, held_out = ((split.overviews, split.labels) for split in learnt)
            bag = yardsticks.bag_of_words(train, held_out, test.overviews)
            scores[yardsticks.NAME], decisions[yardsticks.NAME] = bag
        for name, constant in yardsticks.constants(learnt[0].labels, len(test.ids), genres).items():
            scores[name], decisions[name] = constant.astype(np.float32), constant
        chosen = _chosen(test, exec_properties[FILMS_KEY])
        shown = _shown(test, chosen, genres, scoring.posters(examples, TEST, [test.ids[film] for film in chosen]))
        transformed = [
            io_utils.all_files_pattern(uri)
            for uri in artifact_utils.get_split_uris(input_dict[TRANSFORMED_EXAMPLES_KEY], TEST)
        ]
        explain = _imported(exec_properties[EXPLAIN_FN_KEY])
        for run in input_dict[MODEL_RUN_KEY]:
            _explain(
                shown, explain, Path(run.uri), transformed, test, chosen, genres, models, exec_properties[MAX_WORDS_KEY]
            )
        for film in shown:
            poster = film.pop("poster_bytes")
            image = thumbnail(poster) if poster else None
            film["poster"] = data_uri(image) if image else None
        figures: dict[str, dict[str, Any]] = {
            name: {"yardstick": name not in models, **_figures(test.labels, scores[name], decisions[name], genres)}
            for name in scores
        }
        calibration = {name: measures.calibration(test.labels, test.scores[name]) for name in models}
        confusion = {name: measures.confusion(test.labels, test.decisions[name]) for name in models}
        content = {
            "genres": genres,
            "films": len(test.ids),
            "models": figures,
            "precision_recall": {
                name: measures.precision_recall(test.labels, each)
                for name, each in scores.items()
                if figures[name]["metrics"]["mean_average_precision"] is not None
            },
            "calibration": calibration,
            "calibration_error": {name: measures.calibration_error(bins) for name, bins in calibration.items()},
            "race": {
                "films": measures.race(test.labels[chosen], {name: test.scores[name][chosen] for name in models}),
                "split": measures.race(test.labels, test.scores),
            },
            "confusion": confusion,
            "confusion_shares": {name: measures.shares(table) for name, table in confusion.items()},
            "mistakes": {name: _mistakes(test, name, genres) for name in models},
            "shown": shown,
        }
        folder = Path(artifact_utils.get_single_uri(output_dict[COMPARISON_KEY]))
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / artifact.FILE_NAME).write_text(text, encoding="utf-8")
        best = max(models, key=lambda name: figures[name]["metrics"]["micro_f1"])
        _LOGGER.info("%d models on %d films; best micro-F1: %s", len(models), len(test.ids), best)


def _folders(examples: Sequence[types.Artifact]) -> list[Path]:
    return [Path(each.uri) for each in examples]


def _card(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "assets.extra" / "marquee.json").read_text(encoding="utf-8"))


def _same_genres(cards: Mapping[str, Mapping[str, Any]]) -> list[str]:
    (first, card), *others = cards.items()
    for name, other in others:
        if other["genres"] != card["genres"]:
            raise MarqueeError(f"The models {first} and {name} are of different genres: run their Trainers again.")
    return list(card["genres"])


def _imported(path: str) -> ExplainFn:
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


def _figures(labels: np.ndarray, scores: np.ndarray, decisions: np.ndarray, genres: Sequence[str]) -> dict[str, Any]:
    found = multilabel.evaluate(labels, scores, decisions)
    metrics = {name: _finite(getattr(found, name)) for name in METRICS}
    if found.score_range == 0:  # ranks no film before another
        metrics["mean_average_precision"] = None
    return {
        "metrics": metrics,
        "intervals": measures.intervals(labels, decisions),
        "per_genre": dict(zip(genres, found.f1.tolist(), strict=True)),
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _chosen(test: Split, count: int) -> list[int]:
    """Rows of films to show, by a hash of their ids; those with poster and overview first."""
    whole = test.has_poster & np.array([bool(overview) for overview in test.overviews])
    order = [hashlib.blake2b(film.encode(), digest_size=8).digest() for film in test.ids]
    return sorted(range(len(order)), key=lambda film: (not whole[film], order[film]))[:count]


def _shown(
    test: Split, chosen: Sequence[int], genres: Sequence[str], posters: Mapping[str, bytes]
) -> list[dict[str, Any]]:
    return [
        {
            "id": test.ids[film],
            "overview": test.overviews[film],
            "genres": _names(test.labels[film], genres),
            "poster_bytes": posters.get(test.ids[film]),
            "models": {name: _top(test.labels[film], scores[film], genres) for name, scores in test.scores.items()},
            "heat": {},
            "words": {},
        }
        for film in chosen
    ]


def _top(labels: np.ndarray, scores: np.ndarray, genres: Sequence[str]) -> list[dict[str, Any]]:
    [best], [hits] = measures.top_three(labels[None], scores[None])
    return [
        {"genre": genres[column], "score": round(float(scores[column]), 4), "hit": bool(hit)}
        for column, hit in zip(best, hits, strict=True)
    ]


def _names(row: np.ndarray, genres: Sequence[str]) -> list[str]:
    return [genre for genre, there in zip(genres, row, strict=True) if there]


def _mistakes(test: Split, name: str, genres: Sequence[str]) -> list[dict[str, Any]]:
    cost = measures.cost(test.labels, test.scores[name])
    return [
        {
            "id": test.ids[film],
            "overview": _excerpt(test.overviews[film]),
            "genres": _names(test.labels[film], genres),
            "said": [answer["genre"] for answer in _top(test.labels[film], test.scores[name][film], genres)],
            "cost": round(float(cost[film]), 3),
        }
        for film in np.argsort(-cost, kind="stable")[:MISTAKES]
    ]


def _excerpt(overview: str) -> str:
    return overview if len(overview) <= EXCERPT else overview[:EXCERPT].rsplit(" ", 1)[0] + " …"


def _explain(
    shown: list[dict[str, Any]],
    explain: ExplainFn,
    run: Path,
    transformed: Sequence[str],
    test: Split,
    chosen: Sequence[int],
    genres: Sequence[str],
    models: Mapping[str, Any],
    max_words: int,
) -> None:
    """Adds to each film what one network looked at; a fusion looks through its parts, where they are compared too."""
    about = json.loads((run / "training.json").read_text(encoding="utf-8"))
    name, parts = about["name"], set(about.get("parts", ()))
    if name not in models or (parts and parts <= models.keys()):
        return
    columns = [int(test.scores[name][film].argmax()) for film in chosen]
    answers = explain(run, transformed, [film["id"] for film in shown], columns)
    serve = models[name].signatures["serving_default"]
    inputs = set(serve.structured_input_signature[1])
    for film, answer, column in zip(shown, answers, columns, strict=True):
        if "heat" in answer and film["poster_bytes"]:
            image = thumbnail(film["poster_bytes"], answer["heat"])
            if image:
                film["heat"][name] = {"genre": genres[column], "image": data_uri(image)}
        split = [word.decode() for word in overviews.tokenize(tf.constant([film["overview"]]), max_words)[0].numpy()]
        if features.OVERVIEW in inputs and split:
            poster = {features.POSTER: film["poster_bytes"] or b""} if features.POSTER in inputs else {}
            attention = answer.get("attention")
            film["words"][name] = {
                "genre": genres[column],
                "words": split,
                "worth": words.worth(split, column, functools.partial(_scores, serve, poster)),
                "attention": None if attention is None else [round(float(each), 4) for each in attention[: len(split)]],
            }


def _scores(
    serve: Callable[..., Mapping[str, tf.Tensor]], rest: Mapping[str, bytes], texts: Sequence[str]
) -> np.ndarray:
    """What a served model says of overviews, with the rest of the film the same: [N, G]."""
    same = {name: tf.fill([len(texts)], value) for name, value in rest.items()}
    return serve(**{features.OVERVIEW: tf.constant(texts)}, **same)["scores"].numpy()
