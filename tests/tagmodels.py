"""A tiny pushed model that takes posters and overviews, whose answers one can foretell, and its answers in process."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

GENRES = ("Drama", "Comedy", "War")
THRESHOLDS = (0.25, 0.5, 0.5)
INPUTS = ("poster", "overview")


def push(serving: Path, name: str = "fusion", version: int = 1, *, inputs: Sequence[str] = INPUTS, slow: float = 0.0):
    """Writes `serving`/name/version.

    Drama is 0.3, Comedy the brightness of the poster's middle, War the share of "war" in the overview, 0 without.
    An overview with "refuse" in it fails the request, one with "nan" gets NaN.

    Args:
        serving: folder of the models.
        name: of the model.
        version: of the model; its hundredth is added to Drama.
        inputs: those of INPUTS that it takes.
        slow: seconds that each call lasts at least.
    """

    def brightness(poster: tf.Tensor) -> tf.Tensor:
        return tf.cond(
            tf.strings.length(poster) > 0,
            lambda: tf.reduce_mean(tf.cast(tf.io.decode_jpeg(poster, channels=3), tf.float32)) / 255,
            lambda: 0.0,
        )

    def answer(**given: tf.Tensor) -> dict[str, tf.Tensor]:
        films = tf.shape(next(iter(given.values())))[0]
        comedy, war = tf.zeros([films]), tf.zeros([films])
        checks = [_wait(slow)] if slow else []
        if "poster" in given:
            comedy = tf.map_fn(brightness, given["poster"], fn_output_signature=tf.TensorSpec([], tf.float32))
        if "overview" in given:
            text = given["overview"]
            refused = tf.reduce_any(tf.strings.regex_full_match(text, "(?s).*refuse.*"))
            checks.append(tf.debugging.Assert(~refused, ["no film of mine"]))
            without = tf.strings.length(tf.strings.regex_replace(text, "war", ""))
            length = tf.strings.length(text)
            war = tf.math.divide_no_nan(tf.cast(length - without, tf.float32), tf.cast(length, tf.float32))
            war = tf.where(tf.strings.regex_full_match(text, "(?s).*nan.*"), float("nan"), war)
        with tf.control_dependencies(checks):
            scores = tf.stack([tf.fill([films], 0.3 + version / 100), comedy, war], axis=1)
        return {
            "scores": scores,
            "predicted": tf.cast(scores >= tf.constant(THRESHOLDS), tf.int64),
            "genres": tf.tile(tf.constant([GENRES]), [films, 1]),
        }

    def of_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(
            **tf.io.parse_example(examples, {key: tf.io.FixedLenFeature([], tf.string, "") for key in inputs})
        )

    strings = {key: tf.TensorSpec([None], tf.string, name=key) for key in inputs}
    signatures = {
        "serving_default": tf.function(answer).get_concrete_function(**strings),
        "serving_examples": tf.function(of_examples).get_concrete_function(
            tf.TensorSpec([None], tf.string, "examples")
        ),
    }
    folder = serving / name / str(version)
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)
    (folder / "assets.extra").mkdir(exist_ok=True)
    card = {"name": name, "genres": GENRES, "thresholds": THRESHOLDS}
    (folder / "assets.extra" / "marquee.json").write_text(json.dumps(card))
    return folder


def _wait(seconds: float) -> tf.Operation:
    end = tf.timestamp() + seconds
    return tf.while_loop(lambda now: now < end, lambda _: [tf.timestamp()], [tf.timestamp()])[0].op


def scores(folder: Path, **given: Sequence[bytes | str]) -> np.ndarray:
    """What the model says when it is called in process, as a client asks: float32 [N, G]."""
    model = tf.saved_model.load(str(folder))
    return model.signatures["serving_default"](**{key: tf.constant(list(values)) for key, values in given.items()})[
        "scores"
    ].numpy()
