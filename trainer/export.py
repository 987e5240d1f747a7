"""The SavedModel: network and transform graph together, so that a server needs nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from trainer import data
from transform import features, posters

TOP = 3
RAW = {features.PIXELS: features.POSTER, features.TOKENS: features.OVERVIEW}
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


def save(
    model: keras.Model, transformed: tft.TFTransformOutput, about: Mapping[str, Any], image_size: int, folder: Path
) -> None:
    """Writes the SavedModel with the signatures of BUILD.md, and assets.extra/marquee.json.

    Args:
        model: inputs are transformed features by name, output scores float32 [N, G].
        transformed: its transform graph.
        about: `genres` [G], `thresholds` [G], and what else marquee.json says.
        image_size: side of a poster in pixels.
        folder: to write into.
    """
    module = ServingModule(model, transformed, about["genres"], about["thresholds"], image_size)
    tf.saved_model.save(module, str(folder), signatures=module.signatures())
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
    (extra / "marquee.json").write_text(text, encoding="utf-8")


class ServingModule(tf.Module):
    """Raw films in, genres out. Model and transform layer are both tracked: the vocabulary comes along."""

    def __init__(
        self,
        model: keras.Model,
        transformed: tft.TFTransformOutput,
        genres: list[str],
        thresholds: list[float],
        image_size: int,
    ):
        super().__init__()
        self.model = model
        # Keras does not track the seeds of dropout layers, which the graph captures although it never draws.
        self.variables_of_model = [variable.value for variable in model.variables]
        self.transform_layer = transformed.transform_features_layer()
        self._names = [tensor.name for tensor in model.inputs]
        self._raw_spec = transformed.raw_feature_spec()
        self._genres = tf.constant(genres)
        self._thresholds = tf.constant(thresholds, tf.float32)
        self._image_size = image_size

    def signatures(self) -> dict[str, Any]:
        """Concrete functions by signature name."""
        strings = tf.TensorSpec([None], tf.string)
        raw = [RAW[name] for name in (features.PIXELS, features.TOKENS) if name in self._names]
        examples = tf.TensorSpec([None], tf.string, name="examples")
        serve = tf.function(lambda **inputs: self._answer(self._of_strings(inputs)))
        return {
            "serving_default": serve.get_concrete_function(
                **{name: tf.TensorSpec(strings.shape, strings.dtype, name=name) for name in raw}
            ),
            "serving_examples": tf.function(
                lambda examples: self._answer(self._scores(self._parsed(examples, raw)))
            ).get_concrete_function(examples=examples),
            "evaluate": tf.function(self._evaluation).get_concrete_function(examples=examples),
            "transform_labels": tf.function(self._labels).get_concrete_function(examples=examples),
        }

    def _of_strings(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Scores float32 [N, G] of raw strings [N]; an empty string is a missing poster or overview."""
        raw = {name: _pictures(data) if name == features.POSTER else data for name, data in inputs.items()}
        return self._scores({name: _sparse(data) for name, data in raw.items()})

    def _scores(self, raw: Mapping[str, tf.SparseTensor]) -> tf.Tensor:
        films = next(iter(raw.values())).dense_shape[0]
        transformed = self.transform_layer(dict(raw))
        inputs = {}
        for name in self._names:
            if name == features.PIXELS:
                inputs[name] = posters.unpack_pixels(transformed[name], self._image_size)
            else:
                inputs[name] = data.padded(tf.RaggedTensor.from_sparse(transformed[name]))
        # TensorFlow's fused convolutions fail on a batch of none: such a batch gets a row that is cut off again.
        return self.model({name: data.at_least_one(rows, axis=0) for name, rows in inputs.items()}, training=False)[
            :films
        ]

    def _parsed(self, examples: tf.Tensor, names: list[str]) -> dict[str, Any]:
        return tf.io.parse_example(examples, {name: self._raw_spec[name] for name in names})

    def _decisions(self, scores: tf.Tensor) -> tf.Tensor:
        return scores >= self._thresholds

    def _answer(self, scores: tf.Tensor) -> dict[str, tf.Tensor]:
        films, genres = tf.shape(scores)[0], self._genres.shape[0]
        best = tf.math.top_k(scores, min(TOP, genres))
        missing = [[0, 0], [0, max(0, TOP - genres)]]  # fewer than three genres: "" and 0
        return {
            "scores": scores,
            "genres": tf.tile(self._genres[None], [films, 1]),
            "predicted": tf.cast(self._decisions(scores), tf.int64),
            "top_genres": tf.pad(tf.gather(self._genres, best.indices), missing, constant_values=""),
            "top_scores": tf.pad(best.values, missing),
        }

    def _evaluation(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = [RAW[name] for name in self._names]
        scores = self._scores(self._parsed(examples, raw))
        return {"evaluation": tf.concat([scores, tf.cast(self._decisions(scores), tf.float32)], axis=1)}

    def _labels(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = self._parsed(examples, [features.GENRES, features.POSTER, features.OVERVIEW])
        labels = self.transform_layer({features.GENRES: raw[features.GENRES]})[features.LABELS]
        dense = tf.reshape(tf.cast(tf.sparse.to_dense(labels), tf.float32), [-1, self._genres.shape[0]])
        return {
            features.LABELS: dense,
            features.HAS_POSTER: _yes_or_no(raw[features.POSTER]),
            features.HAS_OVERVIEW: _yes_or_no(raw[features.OVERVIEW]),
        }


def _sparse(values: tf.Tensor) -> tf.SparseTensor:
    """string [N] -> sparse [N, 1] without the empty ones, as parsed tf.Examples are."""
    return tf.sparse.from_dense(values[:, None])


def _yes_or_no(values: tf.SparseTensor) -> tf.Tensor:
    """string [N, 1]: whether a row of var-len strings has a value that is not empty."""
    first = tf.sparse.slice(values, [0, 0], [values.dense_shape[0], 1])
    lengths = tf.SparseTensor(first.indices, tf.strings.length(first.values), tf.stack([values.dense_shape[0], 1]))
    return tf.where(tf.sparse.to_dense(lengths) > 0, "yes", "no")


def _pictures(data: tf.Tensor) -> tf.Tensor:
    """`data`, or an InvalidArgumentError that names the first row that begins neither as a JPEG nor as a PNG."""
    known = tf.equal(tf.strings.length(data), 0)
    for magic in (JPEG, PNG):
        known |= tf.equal(tf.strings.substr(data, 0, len(magic)), magic)
    row = tf.argmin(tf.cast(tf.concat([known, [False]], axis=0), tf.int32))
    message = tf.strings.format("poster in row {} is neither a JPEG nor a PNG", row)
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(known), [message])]):
        return tf.identity(data)
