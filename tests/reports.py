"""Runs made up for tests of the report: what artifacts hold, by the contracts of BUILD.md."""

import math
from collections.abc import Mapping
from typing import Any

from components.thumbnails import data_uri, thumbnail
from pipeline.report.record import FINISHED, Model, Node, Outcome, RunRecord
from tests.pictures import picture

WAR = "<War> & Peace"  # looks like a tag and an entity
YEAR = "2001"  # looks like a number or a date
SPLITS = {"train": 50, "eval": 8, "test": 8}
GENRES = {
    "Drama": {"train": 30, "eval": 5, "test": 5},
    "Comedy": {"train": 22, "eval": 4, "test": 4},
    WAR: {"train": 5, "eval": 1, "test": 0},
    YEAR: {"train": 0, "eval": 0, "test": 1},
}
DECISIONS = {WAR: "warn", YEAR: "leave_out"}
TOGETHER = {("Drama", "Comedy"): 20, ("Drama", WAR): 6}
METRICS = {"micro_f1": 0.5, "macro_f1": 0.25, "weighted_f1": 0.4, "samples_f1": 0.45, "mean_average_precision": None}
TRAINING = {
    "name": "cnn", "variant": "default", "seed": 7, "batch_size": 64, "class_balance": "none", "learning_rate": 0.002,
    "class_weights": "effective_number", "focal_gamma": 2.0, "films": 50, "parameters": 1_234_567, "epochs": 3,
    "heads": ["likeness", "poster"], "folds": 5, "image_size": 64, "seconds_per_epoch": 1.5,
    "fingerprints": {"train": "a1", "eval": "b2"},
    "calibration_error": {"before": 0.0625, "after": 0.03125},
    "versions": {"tfx": "1.16.0", "tensorflow": "2.16.2", "keras": "3.12.4", "python": "3.10.13"},
}  # fmt: skip
HISTOGRAM = [[5, 10, 20], [10, 15, 25], [15, 20, 4]]


def balance(genres: Mapping[str, Mapping[str, int]] = GENRES) -> dict[str, Any]:
    """label_balance.json of films with these genres: positives by genre and split."""
    everything = sum(SPLITS.values())
    films = {genre: sum(splits.values()) for genre, splits in genres.items()}
    labels = [genre for genre, splits in genres.items() if splits["train"]]
    most = max(splits["train"] for splits in genres.values())
    pairs = [[_together(one, other, films) for other in genres] for one in genres]
    return {
        "films": SPLITS,
        "genres": [
            {
                "genre": genre,
                "films": films[genre],
                "share": films[genre] / everything,
                "splits": dict(splits),
                "irlbl": most / splits["train"] if splits["train"] else None,
                "below": ["test"] if genre in DECISIONS else [],
                "decision": DECISIONS.get(genre, "keep"),
                "because": f"{splits['test']} films in test, fewer than 3" if genre in DECISIONS else "",
            }
            for genre, splits in genres.items()
        ],
        "labels": labels,
        "relabel": {YEAR: ""} if YEAR in genres else {},
        "unlabelled": {"train": 0, "eval": 0, "test": 1},
        "measures": {split: _measures() for split in ("all", *SPLITS)},
        "cooccurrence": {
            "genres": list(genres),
            "films": pairs,
            "lift": [
                [
                    pairs[y][x] * everything / (films[one] * films[other]) if films[one] * films[other] else None
                    for x, other in enumerate(genres)
                ]
                for y, one in enumerate(genres)
            ],
        },
        "weights": {
            genre: {
                "positives": genres[genre]["train"],
                "inverse_frequency": [0.6, 2.5],
                "effective_number": [0.7, 2.0],
                "repeat_factor": 1.25,
            }
            for genre in labels
        },
        "warnings": [f"{genre}: too few films in test" for genre in DECISIONS if genre in genres],
    }


def _together(one: str, other: str, films: Mapping[str, int]) -> int:
    return films[one] if one == other else TOGETHER.get((one, other), TOGETHER.get((other, one), 0))


def _measures() -> dict[str, Any]:
    return {
        "mean_ir": 3.25,
        "max_ir": 6.0,
        "cv_ir": None,  # undefined for one label
        "scumble": 0.125,
        "cardinality": 1.5,
        "density": 0.375,
        "label_sets": 7,
        "films": 66,
    }


def drift(verdict: str = "drift") -> dict[str, Any]:
    """drift.json of span 2 against span 1."""
    drifted = verdict == "drift"
    shares = {"Drama": (0.6, 0.3), WAR: (0.1, 0.0), "Comedy": (0.44, 0.45)}
    words = f"Drama 60.0 % -> 30.0 %; {WAR} 10.0 % -> 0 %"
    return {
        "span": 2,
        "baseline": {"span": 1, "uri": "/statistics/1"},
        "verdict": verdict,
        "sentences": [f"genres: {words}"] if drifted else [],
        "comparisons": [
            _comparison("genres", "jensen_shannon", 0.1234, 0.02, drifted, words),
            _comparison("overview", "presence", 0.01, 0.05, False, "99.0 % -> 100 %"),
            _comparison("overview_words", "jensen_shannon", 0.004, None, False, "mean 11.2 -> 11.4"),
        ],
        "genres": [
            {"genre": genre, "before": before, "after": after, "change": after - before}
            for genre, (before, after) in shares.items()
        ],
        "features": {},
        "films": {"before": 50, "after": 4_000},
    }


def no_baseline() -> dict[str, Any]:
    """drift.json of a first span."""
    genres = [{**row, "before": None} for row in drift()["genres"]]
    first = {"span": 1, "baseline": None, "verdict": "no baseline", "sentences": [], "comparisons": []}
    return {**drift(), **first, "genres": genres, "films": {"before": 0, "after": 50}}


def skew() -> dict[str, Any]:
    """skew.json of requests without genres."""
    row = _comparison("poster", "presence", 0.4, 0.05, True, "100 % -> 60.0 %")
    content = {**drift(), "sentences": ["poster: 100 % -> 60.0 %"], "comparisons": [row], "genres": []}
    return content | {"requests": 1_200}


def _comparison(
    feature: str, metric: str, value: float, threshold: float | None, drifted: bool, words: str
) -> dict[str, Any]:
    return {
        "feature": feature,
        "metric": metric,
        "value": value,
        "threshold": threshold,
        "drifted": drifted,
        "words": words,
    }


def statistics() -> dict[str, Any]:
    """Statistics of films whose posters are all of one width."""
    empty: dict[str, Any] = {"films": 0, "missing": 50, "mean": None, "std": None, "histogram": []}
    words = {"films": 49, "missing": 1, "mean": 11.25, "std": 3.5, "histogram": HISTOGRAM}
    width = {"films": 50, "missing": 0, "mean": 182.0, "std": 0.0, "histogram": [[182.0, 182.0, 50]]}
    return {"train": {"overview_words": words, "poster_width": width, "poster_luma": empty}}


def model(blessed: bool = True, pushed: str | None = None) -> Model:
    """A model that its Evaluator has judged."""
    rows = [
        {
            "genre": genre,
            "precision": 0.5,
            "recall": 0.5,
            "f1": f1,
            "average_precision": None,
            "support": 7,
            "threshold": 0.25,
        }
        for genre, f1 in {"Drama": 0.75, "Comedy": 0.5, WAR: 0.0}.items()
    ]
    return Model(
        evaluation={
            "films": 9,
            "genres": [row["genre"] for row in rows],
            "metrics": METRICS,
            "per_genre": rows,
            "slices": {"has_poster=yes": {"films": 8, **METRICS}},
            "constant": {"micro_f1": 0.375, "macro_f1": 0.125, "genres": ["Drama", "Comedy"]},
            "blessed": blessed,
            "reasons": ["because of this"],
        },
        history={
            "loss": [0.5, 0.4, 0.3],
            "val_loss": [0.6, 0.5, 0.55],
            "cross_entropy": [0.5, 0.4, 0.3],
            "val_cross_entropy": [0.7, 0.5, 0.6],
            "precision": [0.1, 0.2, 0.3],
            "val_precision": [0.2, 0.25, 0.5],
            "recall": [0.5, 0.6, 0.7],
            "val_recall": [0.5, 0.75, 0.625],
            "f1": [0.2, 0.3, 0.4],
            "val_f1": [0.3, 0.375, 0.5],
        },
        training=TRAINING,
        pushed=pushed,
    )


def comparison() -> dict[str, Any]:
    """comparison.json of two models, two films shown, one of them without a poster."""
    genres = ["Drama", "Comedy", WAR]
    metrics = {**METRICS, "mean_average_precision": 0.375}
    film = {
        "id": "tt0000001",
        "overview": "A <b>war</b> hero",
        "genres": ["Drama", WAR],
        "poster": poster(1)["image"],
        "models": {
            "cnn": [_answer("Drama", 0.9, True), _answer("Comedy", 0.5, False), _answer(WAR, 0.125, True)],
            "lstm": [_answer(WAR, 0.75, True), _answer("Drama", 0.5, True), _answer("Comedy", 0.25, False)],
        },
        "heat": {"cnn": {"genre": "Drama", "image": poster(2)["image"]}},
        "words": {
            "lstm": {
                "genre": WAR,
                "words": ["a", "war", "hero"],
                "worth": [0.0, 2.0, -1.25],
                "attention": [0.1, 0.7, 0.2],
            }
        },
    }
    bare = {**film, "id": "tt0000002", "poster": None, "heat": {}, "words": {}, "genres": []}
    few = {
        "possible": 4,
        "models": {"cnn": {"found": 2, "share": 0.5, "ahead": 0}, "lstm": {"found": 3, "share": 0.75, "ahead": 1}},
    }
    all_of_them = {
        "possible": 16,
        "models": {"cnn": {"found": 4, "share": 0.25, "ahead": 2}, "lstm": {"found": 14, "share": 0.875, "ahead": 6}},
    }
    return {
        "genres": genres,
        "films": 9,
        "models": {
            name: {
                "yardstick": name == "bag",
                "metrics": metrics,
                "intervals": {"micro_f1": [0.4375, 0.5625], "macro_f1": [0.1875, 0.3125]},
                "per_genre": dict.fromkeys(genres, 0.5),
            }
            for name in ("cnn", "lstm", "bag")
        },
        "precision_recall": {name: [[0.0, 1.0], [0.5, 0.75], [1.0, 0.25]] for name in ("cnn", "lstm", "bag")},
        "calibration": {name: [{"score": 0.25, "share": 0.5, "count": 8}] for name in ("cnn", "lstm")},
        "calibration_error": {"cnn": 0.25, "lstm": 0.25},
        "race": {"films": few, "split": all_of_them},
        "confusion": {name: [[4, 1, 0], [0, 3, 1], [2, 0, 0]] for name in ("cnn", "lstm")},
        "confusion_shares": {name: [[0.8, 0.2, 0], [0, 0.75, 0.25], [1, 0, 0]] for name in ("cnn", "lstm")},
        "mistakes": {
            name: [{"id": "tt9", "overview": "Lost.", "genres": [WAR], "said": ["Drama", "Comedy"], "cost": 1.5}]
            for name in ("cnn", "lstm")
        },
        "shown": [film, bare],
    }


def _answer(genre: str, score: float, hit: bool) -> dict[str, Any]:
    return {"genre": genre, "score": score, "hit": hit}


def poster(number: int) -> dict[str, Any]:
    """A film of the sample of posters."""
    image = thumbnail(picture(seed=number))
    assert image
    return {"id": f"tt{number:07d}", "genres": ["Drama", WAR], "image": data_uri(image)}


def finished(**other: Any) -> RunRecord:
    """A run with everything in it, and `other` in place of some of it."""
    ids = ("FilmExampleGen", "StatisticsGen", "LabelBalance", "DriftReport", "Transform", "Trainer.cnn")
    content: dict[str, Any] = {
        "id": "2026-01-02T03:04:05.678",
        "pipeline": "marquee",
        "outcome": FINISHED,
        "nodes": [Node(id=id, state="ran", seconds=math.pi, outputs={}) for id in ids],
        "ingest": {
            "span": 2,
            "films": 66,
            "splits": SPLITS,
            "rejects": {"bad_id": 1, "poster_format": 2},
            "kept": {"poster_format": 2},
        },
        "rejects": [
            {"id": "../<script>", "row": 4, "file": "f.csv", "reason": "bad_id", "detail": "path", "kept": False},
        ],
        "balance": balance(),
        "statistics": statistics(),
        "anomalies": [
            {"split": "eval", "feature": "genres", "severity": "warning", "description": f"Unexpected: {WAR}"}
        ],
        "drift": drift(),
        "comparison": comparison(),
        "posters": [poster(number) for number in range(3)],
        "models": {"cnn": model(pushed="/served/cnn/1"), "lstm": model(blessed=False)},
    }
    return RunRecord(**content | other)


def stopped() -> RunRecord:
    """A run of which no component finished."""
    return RunRecord(
        id="2026-01-02T03:04:05.678",
        pipeline="marquee",
        outcome=Outcome(state="stopped", message="films.csv: <no> usable film.\n  Bring more."),
        nodes=[Node(id="FilmExampleGen", state="failed", seconds=0.25, outputs={})],
        ingest={},
        rejects=[],
    )
