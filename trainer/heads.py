"""Heads: each looks at a film in its own way, learns by itself, and gives scores float32 [N, G]."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops

from trainer.recipe import Task
from transform import features

# What tells whether a film has what a network looks at, by its inputs.
PRESENCE = {
    features.PIXELS: features.HAS_POSTER,
    features.TOKENS: features.HAS_OVERVIEW,
    features.NGRAMS: features.HAS_OVERVIEW,
    features.NGRAM_WEIGHTS: features.HAS_OVERVIEW,
}
NETWORK_FILE = "network.keras"  # of a ModelRun: a network whose outputs are those of heads
EDGE = 1e-6  # of scores, so that their logits are finite


def output_layer(task: Task) -> keras.layers.Layer:
    """Sigmoid scores that start from each genre's share of the train split."""
    bias = keras.initializers.Constant(task.log_odds)
    return keras.layers.Dense(task.genres, activation="sigmoid", bias_initializer=bias, name="Output")


def presence(network: keras.Model) -> str:
    """The feature that tells whether a film has what a network of one head looks at."""
    [flag] = {PRESENCE[tensor.name] for tensor in network.inputs}
    return flag


def committee(networks: Sequence[keras.Model], name: str) -> keras.Model:
    """A network that says what its members, of the same inputs, say on average."""
    inputs = _inputs(networks)
    if len(networks) == 1:
        return keras.Model(inputs, networks[0](inputs), name=name)
    for number, network in enumerate(networks, start=1):
        network.name = f"{name}_{number}"
    return keras.Model(inputs, MeanOdds(name="Committee")([network(inputs) for network in networks]), name=name)


def members(network: keras.Model, head: str) -> list[keras.Model]:
    """The networks whose committee is a head of a network, as `committee` was given them."""
    inner = [layer for layer in apart(network)[head].layers if isinstance(layer, keras.Model)]
    return sorted(inner, key=lambda member: int(member.name.rpartition("_")[2])) if len(inner) > 1 else inner


def side_by_side(networks: Mapping[str, keras.Model], name: str) -> keras.Model:
    """A network whose outputs are those of several, by head; what several look at is one input."""
    inputs = _inputs(list(networks.values()))
    outputs = {
        head: network({tensor.name: inputs[tensor.name] for tensor in network.inputs})
        for head, network in networks.items()
    }
    return keras.Model(inputs, outputs, name=name)


def apart(network: keras.Model) -> dict[str, keras.Model]:
    """The networks that `side_by_side` was given, by head.

    A `keras.Model(network.input, scores)` would say the same, but as a layer it cannot be loaded once it is saved.
    """
    return {head: scores._keras_history.operation for head, scores in network.output.items()}


@keras.saving.register_keras_serializable("marquee")
class MeanOdds(keras.layers.Layer):
    """The geometric mean of the odds of several scores, as a score: float32 [N, G] each -> float32 [N, G]."""

    def compute_output_shape(self, shapes):
        return shapes[0]

    def call(self, scores):
        return ops.sigmoid(sum(logits(each) for each in scores) / len(scores))


def logits(scores: keras.KerasTensor) -> keras.KerasTensor:
    """The log-odds of scores, for tensors as for arrays."""
    clipped = ops.clip(scores, EDGE, 1 - EDGE)
    return ops.log(clipped) - ops.log(1 - clipped)


def logits_of(scores: np.ndarray) -> np.ndarray:
    """The log-odds of scores."""
    clipped = np.clip(scores, EDGE, 1 - EDGE)
    return np.log(clipped) - np.log(1 - clipped)


def _inputs(networks: Sequence[keras.Model]) -> dict[str, keras.KerasTensor]:
    """New inputs like those of the networks, by name."""
    tensors = {tensor.name: tensor for network in networks for tensor in network.inputs}
    return {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in tensors.items()}
