"""Asks exported models about films."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from transform import features
from transform.errors import MarqueeError

BATCH = 64

_LOGGER = logging.getLogger("marquee.comparison")


@dataclass(frozen=True, kw_only=True)
class Split:
    """What models say of the N films of a split, and what is true.

    Attributes:
        ids: [N].
        overviews: [N], empty where a film has none.
        has_poster: bool [N].
        labels: bool [N, G].
        scores: float32 [N, G] by model, finite.
        decisions: bool [N, G] by model.
    """

    ids: list[str]
    overviews: list[str]
    has_poster: np.ndarray
    labels: np.ndarray
    scores: dict[str, np.ndarray]
    decisions: dict[str, np.ndarray]


def ask(models: Mapping[str, Any], labeller: Any, examples: Sequence[Path], split: str, genres: int) -> Split:
    """Goes through a split once, a batch at a time.

    Args:
        models: loaded SavedModels by name; may be none.
        labeller: the one that tells the labels.
        examples: folders of raw Examples artifacts.
        split: its name.
        genres: G.

    Raises:
        MarqueeError: the split holds no film.
    """
    ids, overviews, has_poster, labels = [], [], [], []
    answers: dict[str, list[np.ndarray]] = {name: [] for name in models}
    for records in _batches(examples, split):
        batch = tf.constant(records)
        labels.append(labeller.signatures["transform_labels"](examples=batch)["labels"].numpy() > 0.5)
        for name, model in models.items():
            answers[name].append(model.signatures["evaluate"](examples=batch)["evaluation"].numpy())
        for film in map(tf.train.Example.FromString, records):
            ids.append(value_of(film, features.ID).decode())
            overviews.append(value_of(film, features.OVERVIEW).decode(errors="replace"))
            has_poster.append(bool(value_of(film, features.POSTER)))
    if not ids:
        raise MarqueeError(
            f"The split '{split}' holds no film, so that models cannot be compared; add films to the data."
        )
    said = {name: np.concatenate(parts) for name, parts in answers.items()}
    return Split(
        ids=ids,
        overviews=overviews,
        has_poster=np.array(has_poster),
        labels=np.concatenate(labels),
        scores={name: _finite(name, each[:, :genres]) for name, each in said.items()},
        decisions={name: each[:, genres:] > 0.5 for name, each in said.items()},
    )


def _finite(model: str, scores: np.ndarray) -> np.ndarray:
    """Scores with 0 for those that are no numbers, which the Evaluator has not blessed the model for."""
    films = int((~np.isfinite(scores)).any(axis=1).sum())
    if films:
        _LOGGER.warning("%s: %d films got a score that is no number; they are shown as 0", model, films)
    return np.nan_to_num(scores, nan=0.0, posinf=0.0, neginf=0.0)


def posters(examples: Sequence[Path], split: str, ids: Sequence[str]) -> dict[str, bytes]:
    """The posters of a few films, by id; a film without one is left out."""
    found = {}
    for records in _batches(examples, split):
        for film in map(tf.train.Example.FromString, records):
            film_id, poster = value_of(film, features.ID).decode(), value_of(film, features.POSTER)
            if film_id in ids and poster:
                found[film_id] = poster
    return found


def value_of(film: tf.train.Example, feature: str) -> bytes:
    values = film.features.feature[feature].bytes_list.value
    return values[0] if values else b""


def _batches(examples: Sequence[Path], split: str) -> Iterator[list[bytes]]:
    files = sorted(str(path) for folder in examples for path in (folder / f"Split-{split}").glob("*.gz"))
    for batch in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(BATCH).as_numpy_iterator():
        yield batch.tolist()
