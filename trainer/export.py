"""The SavedModel: network and transform graph together, so that a server needs nothing else."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_serving.apis import prediction_log_pb2

from trainer import data
from trainer.backbone import Backbone
from transform import features

TOP = 3
TOKENS_STEP = 16  # an overview is padded to a multiple of it
SMALL = 2**18  # numbers of a variable that is exported as a constant
CLIENT_OUTPUTS = ("genres", "predicted", "scores")  # what serving/client asks for
RAW = {
    features.PIXELS: features.POSTER,
    features.HAS_POSTER: features.POSTER,
    features.TOKENS: features.OVERVIEW,
    features.NGRAMS: features.OVERVIEW,
    features.NGRAM_WEIGHTS: features.OVERVIEW,
    features.HAS_OVERVIEW: features.OVERVIEW,
}
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


def save(
    model: keras.Model, transformed: tft.TFTransformOutput, about: Mapping[str, Any], image_size: int, folder: Path
) -> None:
    """Writes the SavedModel with the signatures of BUILD.md, and assets.extra/marquee.json.

    Args:
        model: inputs are transformed features by name, outputs `scores` and `thresholds`, float32 [N, G] each.
        transformed: its transform graph.
        about: `genres` [G], and what else marquee.json says.
        image_size: side of a poster in pixels.
        folder: to write into.
    """
    module = ServingModule(model, transformed, about["genres"], image_size)
    tf.saved_model.save(module, str(folder), signatures=module.signatures())
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
    (extra / "marquee.json").write_text(text, encoding="utf-8")
    write_warm_up(extra / "tf_serving_warmup_requests", module.raw_inputs)


def write_warm_up(file: Path, inputs: Sequence[str]) -> None:
    """Writes the requests that TensorFlow Serving makes of a version before it serves it.

    A first call, and a first call for other outputs, sets up what later ones find: it takes a hundred times as long.
    One film without poster or overview is all it needs.

    Args:
        file: TFRecord of PredictionLog.
        inputs: of `serving_default`.
    """
    missing = {name: tf.make_tensor_proto([b""]) for name in inputs}
    example = {"examples": tf.make_tensor_proto([tf.train.Example().SerializeToString()])}
    requests: list[tuple[str, Mapping[str, Any], Sequence[str]]] = [
        ("serving_default", missing, ()),
        ("serving_default", missing, CLIENT_OUTPUTS),
        ("serving_examples", example, ()),
    ]
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, values, outputs in requests:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.signature_name = signature
            request.output_filter.extend(outputs)
            for name, value in values.items():
                request.inputs[name].CopyFrom(value)
            writer.write(log.SerializeToString())


class ServingModule(tf.Module):
    """Raw films in, genres out.

    What is tracked is what the graph refers to: large variables, backbones, the vocabulary's tables. Keras models and
    layers as such would be traced once more each, for signatures that nobody asks for.
    """

    def __init__(
        self,
        model: keras.Model,
        transformed: tft.TFTransformOutput,
        genres: list[str],
        image_size: int,
    ):
        super().__init__()
        self.large = [variable.value for variable in model.variables if not _small(variable)]
        self.backbones = [layer for layer in _leaves(model) if isinstance(layer, Backbone)]
        self.transform_layer = transformed.transform_features_layer()
        self._network = _inference(model)
        self._inputs = [tensor.name for tensor in model.inputs]
        self.raw_inputs = sorted({RAW[name] for name in self._inputs}, reverse=True)  # the poster first
        self._raw_spec = transformed.raw_feature_spec()
        self._genres = tf.constant(genres)
        self._image_size = image_size
        # All signatures call this one, else each has the whole network again, to be traced, saved and loaded.
        self._judge = _traced(
            self._scores, **{name: tf.SparseTensorSpec([None, None], tf.string) for name in self.raw_inputs}
        )

    def signatures(self) -> dict[str, Any]:
        """Concrete functions by signature name."""
        examples = tf.TensorSpec([None], tf.string, name="examples")
        raw = {name: tf.TensorSpec([None], tf.string, name=name) for name in self.raw_inputs}
        return {
            "serving_default": _traced(
                lambda **inputs: self._answer({name: _sparse(inputs[name]) for name in self.raw_inputs}), **raw
            ),
            "serving_examples": _traced(
                lambda examples: self._answer(self._parsed(examples, self.raw_inputs)), examples=examples
            ),
            "evaluate": _traced(self._evaluation, examples=examples),
            "transform_labels": _traced(self._labels, examples=examples),
        }

    def _scores(self, **raw: tf.SparseTensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores float32 [N, G] and decisions bool [N, G] of sparse strings [N, 0..1].

        An absent string, and an empty one, is a missing input.
        """
        films = raw[self.raw_inputs[0]].dense_shape[0]
        transformed = self._transformed(raw)
        inputs = {name: data.network_input(name, transformed[name], self._image_size) for name in self._inputs}
        if features.TOKENS in inputs:
            # oneDNN compiles a product for each shape that it meets, and keeps a thousand of them a thread.
            inputs[features.TOKENS] = data.padded(inputs[features.TOKENS], TOKENS_STEP, axis=1)
        # TensorFlow's fused convolutions fail on a batch of none: such a batch gets a row that is cut off again.
        inputs = {name: data.at_least_one(values, axis=0) for name, values in inputs.items()}
        answer = self._network(inputs)
        scores, thresholds = (answer[name][:films] for name in ("scores", "thresholds"))
        return scores, scores >= thresholds

    def _transformed(self, raw: Mapping[str, tf.SparseTensor]) -> dict[str, Any]:
        # Not __call__, after which tf_keras would trace the layer for a signature of its own.
        return self.transform_layer.call(raw)

    def _parsed(self, examples: tf.Tensor, names: list[str]) -> dict[str, Any]:
        return tf.io.parse_example(examples, {name: self._raw_spec[name] for name in names})

    def _answer(self, raw: Mapping[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
        scores, decisions = self._judge(
            **{name: _pictures(raw[name]) if name == features.POSTER else raw[name] for name in raw}
        )
        films, genres = tf.shape(scores)[0], self._genres.shape[0]
        best = tf.math.top_k(scores, min(TOP, genres))
        missing = [[0, 0], [0, max(0, TOP - genres)]]  # fewer than three genres: "" and 0
        return {
            "scores": scores,
            "genres": tf.tile(self._genres[None], [films, 1]),
            "predicted": tf.cast(decisions, tf.int64),
            "top_genres": tf.pad(tf.gather(self._genres, best.indices), missing, constant_values=""),
            "top_scores": tf.pad(best.values, missing),
        }

    def _evaluation(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, decisions = self._judge(**self._parsed(examples, self.raw_inputs))
        return {"evaluation": tf.concat([scores, tf.cast(decisions, tf.float32)], axis=1)}

    def _labels(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = self._parsed(examples, [features.GENRES, features.POSTER, features.OVERVIEW])
        labels = self._transformed({features.GENRES: raw[features.GENRES]})[features.LABELS]
        dense = tf.reshape(tf.cast(tf.sparse.to_dense(labels), tf.float32), [-1, self._genres.shape[0]])
        return {
            features.LABELS: dense,
            features.HAS_POSTER: _yes_or_no(raw[features.POSTER]),
            features.HAS_OVERVIEW: _yes_or_no(raw[features.OVERVIEW]),
        }


def _small(variable: keras.Variable) -> bool:
    return math.prod(variable.shape) <= SMALL


def _inference(model: keras.Model) -> Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]]:
    """The model, its small variables constants.

    TensorFlow then makes one operation of a convolution, its normalisation and its activation, and arranges kernels
    once rather than with each call. Large ones stay variables: whoever asks for other outputs gets constants anew.
    """
    values = [(variable, variable.numpy()) for variable in model.variables if _small(variable)]

    def call(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        constants = [(variable, tf.constant(value)) for variable, value in values]
        with keras.StatelessScope(state_mapping=constants):
            return model(inputs, training=False)

    return call


def _leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _traced(call: Callable[..., Any], **specs: tf.TypeSpec) -> Any:
    """The concrete function of `call`, whose Python holds no branch or loop over tensors."""
    return tf.function(call, autograph=False).get_concrete_function(**specs)


def _sparse(values: tf.Tensor) -> tf.SparseTensor:
    """string [N] -> sparse [N, 1] without the empty ones, as parsed tf.Examples are."""
    return tf.sparse.from_dense(values[:, None])


def _yes_or_no(values: tf.SparseTensor) -> tf.Tensor:
    """string [N, 1]: whether a row of var-len strings has a value that is not empty."""
    first = tf.sparse.slice(values, [0, 0], [values.dense_shape[0], 1])
    lengths = tf.SparseTensor(first.indices, tf.strings.length(first.values), tf.stack([values.dense_shape[0], 1]))
    return tf.where(tf.sparse.to_dense(lengths) > 0, "yes", "no")


def _pictures(posters: tf.SparseTensor) -> tf.SparseTensor:
    """`posters`, or an InvalidArgumentError that names the first row that begins neither as a JPEG nor as a PNG.

    What begins well and is cut short fails in the decoder, which does not know its row.
    """
    known = tf.equal(tf.strings.length(posters.values), 0)
    for magic in (JPEG, PNG):
        known |= tf.equal(tf.strings.substr(posters.values, 0, len(magic)), magic)
    row = tf.reduce_min(posters.indices[:, 0][~known])
    message = tf.strings.format("poster in row {} is neither a JPEG nor a PNG", row)
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(known), [message])]):
        return posters.with_values(tf.identity(posters.values))
