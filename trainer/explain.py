"""What the networks of a trained model looked at."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from trainer import data, heads
from trainer.backbone import Backbone
from trainer.likeness import Likeness
from trainer.linear import NgramLinear
from trainer.looks import Looks
from trainer.sequences import AttentionPooling
from transform import features

LAYERS = (AttentionPooling, Backbone, Likeness, Looks, NgramLinear)  # imported, so that Keras knows them


def explain_fn(
    run: Path, patterns: Sequence[str], films: Sequence[str], columns: Sequence[int]
) -> list[dict[str, np.ndarray]]:
    """Where the members of a committee looked, on average.

    Args:
        run: folder of a ModelRun.
        patterns: of gzipped TFRecords of transformed examples.
        films: ids of some of them.
        columns: the genre that is asked about, for each film.

    Returns:
        For each film `heat` float32 [h, w] in 0..1 where a network has convolutions, and `attention` float32 [T], of
        the tokens and of what pads them to the longest overview, where it has attention.
    """
    network = keras.saving.load_model(run / heads.NETWORK_FILE, compile=False)
    members = list(_members(network))
    inputs = _inputs(data.some(patterns, films), network)
    answers: list[dict[str, np.ndarray]] = [{} for _ in films]
    heat = [_grad_cam(member, last, inputs, columns) for member in members for last in _of(member, layers.Conv2D)[-1:]]
    if heat:
        for answer, mean in zip(answers, np.mean(heat, axis=0), strict=True):
            answer["heat"] = mean / max(mean.max(), 1e-9)
    attention = [_attention(member, one, inputs) for member in members for one in _of(member, AttentionPooling)]
    if attention:
        for answer, mean in zip(answers, np.mean(attention, axis=0), strict=True):
            answer["attention"] = mean
    return answers


def _members(network: keras.Model) -> Iterator[keras.Model]:
    """The innermost networks."""
    inner = [layer for layer in network.layers if isinstance(layer, keras.Model)]
    if not inner:
        yield network
    for layer in inner:
        yield from _members(layer)


def _inputs(films: list[bytes], network: keras.Model) -> dict[str, tf.Tensor]:
    sides = {tensor.name: tensor.shape[1] for tensor in network.inputs}
    kinds = {name: kind for name, kind in data.SPEC.items() if name in sides}
    parsed = tf.io.parse_example(films, kinds)
    return {name: data.network_input(name, values, sides[name] or 0) for name, values in parsed.items()}


def _of(member: keras.Model, kind: type[layers.Layer]) -> list[Any]:
    return [layer for layer in member.layers if isinstance(layer, kind)]


def _grad_cam(member: keras.Model, last: Any, inputs: dict[str, tf.Tensor], columns: Sequence[int]) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017) of the last convolution, for one genre of each film: [N, h, w], 0 or more."""
    both = keras.Model(member.inputs, [last.output, member.output])
    with tf.GradientTape() as tape:
        maps, scores = both([inputs[tensor.name] for tensor in member.inputs], training=False)
        logits = tf.gather(heads.logits(scores), columns, axis=1, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(logits, maps), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()


def _attention(member: keras.Model, layer: Any, inputs: dict[str, tf.Tensor]) -> np.ndarray:
    """What a layer makes of each token of each film, [N, T]."""
    given = keras.tree.flatten(layer.input)[0]  # the mask comes after it
    below = tf.function(keras.Model(member.inputs, given))  # an LSTM that is not traced takes its steps in Python
    steps = below([inputs[tensor.name] for tensor in member.inputs], training=False)
    mask = inputs[features.TOKENS] != features.PADDING
    return layer.attention(steps, mask)[:, :, 0].numpy()
