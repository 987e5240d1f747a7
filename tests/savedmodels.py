"""Tiny SavedModels with the signatures that the Evaluator reads, and films to feed them.

The scores are arithmetic on a film's Id, so that a test knows them without training anything.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf


@dataclass(frozen=True)
class Film:
    id: str
    genres: tuple[str, ...]
    poster: bool = True
    overview: bool = True


# (labels [N, G], noise [N, G] uniform in 0..1) -> scores [N, G]
Scorer = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def scores_of_skill(skill: float) -> Scorer:
    """Scores that follow the truth by `skill` (0: noise alone, 1: never wrong)."""
    return lambda labels, noise: skill * labels + (1.0 - skill) * noise


def constant_scores(labels: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """0.9 for the first genre and 0.1 for the others, whatever the film."""
    row = tf.one_hot(0, tf.shape(labels)[1], on_value=0.9, off_value=0.1)
    return tf.zeros_like(labels) + row


def nan_scores(labels: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """NaN for about a tenth of the films, else the truth."""
    return tf.where(noise[:, :1] < 0.1, tf.constant(float("nan")), labels)


class _Model(tf.Module):
    def __init__(self, genres: Sequence[str], scorer: Scorer, seed: int) -> None:
        super().__init__()
        self._genres = tf.constant(list(genres))
        self._scorer = scorer
        self._seed = seed

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = self._parse(examples)
        labels = self._labels(raw)
        keys = raw["id"][:, tf.newaxis] + f"/{self._seed}/" + self._genres[tf.newaxis]
        noise = tf.cast(tf.strings.to_hash_bucket_fast(keys, 1 << 20), tf.float32) / float(1 << 20)
        scores = self._scorer(labels, noise)
        decisions = tf.cast(scores > 0.5, tf.float32)
        return {"evaluation": tf.concat([scores, decisions], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def transform_labels(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = self._parse(examples)

        def present(feature: str) -> tf.Tensor:
            there = raw[feature].row_lengths()[:, tf.newaxis] > 0
            return tf.where(there, "yes", "no")

        return {
            "labels": self._labels(raw),
            "has_poster": present("poster"),
            "has_overview": present("overview"),
        }

    def _labels(self, raw: dict[str, tf.Tensor]) -> tf.Tensor:
        matches = raw["genres"].to_tensor()[:, :, tf.newaxis] == self._genres
        return tf.cast(tf.reduce_any(matches, axis=1), tf.float32)

    @staticmethod
    def _parse(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        some = {name: tf.io.RaggedFeature(tf.string) for name in ("overview", "poster", "genres")}
        return tf.io.parse_example(examples, {"id": tf.io.FixedLenFeature([], tf.string), **some})


def write_model(artifact: Path, genres: Sequence[str], scorer: Scorer, *, seed: int = 0) -> None:
    """Writes `artifact`/Format-Serving with the evaluation signatures and the marquee.json of an "lstm"."""
    folder = artifact / "Format-Serving"
    module = _Model(genres, scorer, seed)
    tf.saved_model.save(module, str(folder), {"evaluate": module.evaluate, "transform_labels": module.transform_labels})
    card = {"name": "lstm", "variant": "test", "genres": list(genres), "thresholds": [0.5] * len(genres), "seed": seed}
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    (extra / "marquee.json").write_text(json.dumps(card))


def write_films(artifact: Path, split: str, films: Sequence[Film]) -> None:
    """Writes `films` as FilmExampleGen would, into `artifact`/Split-<split>, gzipped."""
    folder = artifact / f"Split-{split}"
    folder.mkdir(parents=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), options) as writer:
        for film in films:
            writer.write(example(film).SerializeToString())


def example(film: Film) -> tf.train.Example:
    """The raw features of a film; a missing poster or overview is an empty feature."""

    def text(*values: str) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))

    features = {
        "id": text(film.id),
        "overview": text(*["A film about something."] * film.overview),
        "poster": text(*["\N{FILM FRAMES}"] * film.poster),
        "genres": text(*film.genres),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))
