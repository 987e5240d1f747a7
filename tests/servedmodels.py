"""Tiny models with all four signatures of BUILD.md, sound or wrong in one way, and films to ask them about."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import tensorflow as tf

GENRES = ("Drama", "Comedy", "Thriller", "War")
THRESHOLD = 0.5

Answer = dict[str, tf.Tensor]


def _sound(answer: Answer) -> Answer:
    return answer


def nan_scores(answer: Answer) -> Answer:
    """NaN in the first row of each request."""
    first = tf.one_hot(0, tf.shape(answer["scores"])[0])[:, None] > 0
    return answer | {"scores": tf.where(first, float("nan"), answer["scores"])}


def a_genre_too_many(answer: Answer) -> Answer:
    return answer | {"scores": tf.pad(answer["scores"], [[0, 0], [0, 1]])}


def another_order(answer: Answer) -> Answer:
    """The names alone are turned round."""
    return answer | {"genres": tf.reverse(answer["genres"], [1])}


def other_decisions(answer: Answer) -> Answer:
    return answer | {"predicted": 1 - answer["predicted"]}


def other_names(answer: Answer) -> Answer:
    """The best genre is named as the third, and the third as the best."""
    return answer | {"top_genres": tf.reverse(answer["top_genres"], [1])}


def refusal(answer: Answer) -> Answer:
    with tf.control_dependencies([tf.debugging.Assert(tf.shape(answer["scores"])[0] < 0, ["no film is good enough"])]):
        return answer | {"scores": tf.identity(answer["scores"])}


def slowness(answer: Answer) -> Answer:
    """A tenth of a second for each request."""
    end = tf.timestamp() + 0.1
    now = tf.while_loop(lambda now: now < end, lambda _: [tf.timestamp()], [tf.timestamp()])
    with tf.control_dependencies(now):
        return answer | {"scores": tf.identity(answer["scores"])}


class _Model(tf.Module):
    """A film's scores are worked out from its overview's bytes."""

    def __init__(self, genres: Sequence[str], fault: Callable[[Answer], Answer], evaluates_with: float, labels: int):
        super().__init__()
        self._genres, self._fault, self._evaluates_with = tf.constant(list(genres)), fault, evaluates_with
        self._labels = labels

    def _scores(self, overviews: tf.Tensor) -> tf.Tensor:
        hashed = tf.strings.to_hash_bucket_fast(overviews[:, None] + "/" + tf.constant(GENRES)[None], 1 << 20)
        return tf.cast(hashed, tf.float32) / float(1 << 20)

    def answer(self, overviews: tf.Tensor) -> Answer:
        scores = self._scores(overviews)
        best = tf.math.top_k(scores, 3)
        return self._fault(
            {
                "scores": scores,
                "genres": tf.tile(self._genres[None], [tf.shape(scores)[0], 1]),
                "predicted": tf.cast(scores >= THRESHOLD, tf.int64),
                "top_genres": tf.gather(self._genres, best.indices),
                "top_scores": best.values,
            }
        )

    def evaluate(self, examples: tf.Tensor) -> Answer:
        """What the Evaluator takes; without "evaluation" where `evaluates_with` is 0."""
        if not self._evaluates_with:
            return {"something_else": tf.zeros([tf.size(examples), 1])}
        scores = self._scores(_overviews(examples)) * self._evaluates_with
        return {"evaluation": tf.concat([scores, tf.cast(scores >= THRESHOLD, tf.float32)], axis=1)}

    def transform_labels(self, examples: tf.Tensor) -> Answer:
        raw = tf.io.parse_example(examples, {"genres": tf.io.RaggedFeature(tf.string)})["genres"]
        matches = raw.to_tensor()[:, :, None] == tf.constant(GENRES)
        return {"labels": tf.cast(tf.reduce_any(matches, axis=1), tf.float32)[:, : self._labels]}


def _overviews(examples: tf.Tensor) -> tf.Tensor:
    return tf.io.parse_example(examples, {"overview": tf.io.FixedLenFeature([], tf.string, "")})["overview"]


def write(
    artifact: Path,
    fault: Callable[[Answer], Answer] = _sound,
    *,
    genres: Sequence[str] = GENRES,
    labels: int = len(GENRES),
    evaluates_with: float = 1.0,
    without: str = "",
) -> None:
    """Writes `artifact`/Format-Serving of an "lstm".

    Args:
        artifact: folder of a Model.
        fault: what is done to every answer.
        genres: as answers and marquee.json name the columns, which are GENRES.
        labels: how many columns `transform_labels` gives.
        evaluates_with: factor of the scores that `evaluate` gives; 0: it gives none.
        without: a signature to leave out.
    """
    module = _Model(genres, fault, evaluates_with, labels)
    text, examples = (tf.TensorSpec([None], tf.string, name) for name in ("overview", "examples"))
    signatures: Mapping[str, tf.types.experimental.ConcreteFunction] = {
        "serving_default": tf.function(module.answer).get_concrete_function(text),
        "serving_examples": tf.function(lambda examples: module.answer(_overviews(examples))).get_concrete_function(
            examples
        ),
        "evaluate": tf.function(module.evaluate).get_concrete_function(examples),
        "transform_labels": tf.function(module.transform_labels).get_concrete_function(examples),
    }
    folder = artifact / "Format-Serving"
    kept = {name: function for name, function in signatures.items() if name != without}
    tf.saved_model.save(module, str(folder), kept)
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    card = {"name": "lstm", "variant": "test", "genres": list(genres), "thresholds": [THRESHOLD] * 4, "seed": 0}
    (extra / "marquee.json").write_text(json.dumps(card))
