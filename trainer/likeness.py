"""The likeness head: a poster is of the genres of those that it looks like. Solved, not learnt a step at a time.

Logistic regression with a kernel: how alike two posters are is the sum, over what `looks` measures, of Gaussians of
their distance. A poster is held against some of the train split, the landmarks, rather than against all of it
(Nystroem's approximation, Williams and Seeger 2001), which of them is not a matter of labels.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops
from scipy import linalg, optimize
from scipy.special import expit

from trainer import folds
from trainer.looks import Looks
from trainer.recipe import Task
from transform import features

HEAD = "likeness"
LANDMARKS = 1024
RIDGE = 0.25  # how much weights are pulled towards what the genre's share alone says
NARROWNESS = (1.0, 2.0, 1.0, 1.0)  # of the Gaussians of `Looks`, for two posters at the median distance
LEAST_SPREAD = 0.01  # of a measure, in its own unit: what hardly varies tells posters apart only by chance
STEPS = 100


def landmarks(ids: Sequence[bytes], there: np.ndarray, seed: int) -> np.ndarray:
    """LANDMARKS films, or all, of those that have a poster, by a hash of their ids: bool [N] -> bool [N]."""
    order = np.argsort(np.where(there, folds.chances(ids, b"landmark" + seed.to_bytes(8, "big")), 2.0), kind="stable")
    chosen = np.zeros(len(there), bool)
    chosen[order[:LANDMARKS]] = True
    return chosen & there


def measure(pixels: np.ndarray, seed: int) -> keras.Model:
    """A network that tells how like each landmark a poster is.

    Args:
        pixels: of the landmarks, uint8 [M, S, S, 3].
        seed: of the patches.

    Returns:
        `pixels` uint8 [N, S, S, 3] -> float32 [N, M] in 0..1.
    """
    given = layers.Input(pixels.shape[1:], dtype="uint8", name=features.PIXELS)
    looks, likeness = Looks(name="Looks"), Likeness(len(pixels), name="Likeness")
    measured = looks(given)
    said = likeness(measured)
    looks.adapt(pixels, seed)
    likeness.adapt(keras.Model(given, measured).predict(pixels, batch_size=64, verbose=0))
    return keras.Model({features.PIXELS: given}, said, name="measure")


def solve(likeness: np.ndarray, among: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the landmarks in the logit of each genre.

    Args:
        likeness: of posters to landmarks, [N, M].
        among: of landmarks to each other, [M, M].
        labels: 0 or 1, [N, G].

    Returns:
        float32 [M, G], and float32 [G] of the constant: for films that are like nothing, near the genre's share.
    """
    truth = labels.astype(np.float32)
    positives = truth.sum(axis=0)
    share = np.log((positives + 1) / (len(truth) - positives + 1)).astype(np.float32)
    whiten = _whitening(among)
    design = np.concatenate([likeness @ whiten, np.ones((len(truth), 1), np.float32)], axis=1)

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(design.shape[1], -1).astype(np.float32)
        logits = design @ weights + share
        value = np.logaddexp(0, logits).sum(dtype=np.float64) - (logits * truth).sum(dtype=np.float64)
        slope = design.T @ (expit(logits) - truth) + RIDGE * weights
        return value + RIDGE / 2 * (weights**2).sum(dtype=np.float64), slope.ravel().astype(np.float64)

    start = np.zeros(design.shape[1] * len(share))
    solved = optimize.minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    weights = solved.reshape(design.shape[1], -1).astype(np.float32)
    return whiten @ weights[:-1], weights[-1] + share


def network(task: Task, measure: keras.Model, kernel: np.ndarray, bias: np.ndarray) -> keras.Model:
    """Scores float32 [N, G] of `pixels`."""
    [pixels] = measure.inputs
    output = layers.Dense(task.genres, activation="sigmoid", trainable=False, name="Output")
    scores = output(measure.outputs[0])
    output.set_weights([kernel, bias])
    return keras.Model({features.PIXELS: pixels}, scores, name="likeness_head")


@keras.saving.register_keras_serializable("marquee")
class Likeness(layers.Layer):
    """How like each of M landmarks a film is: what is measured of it, float32 [N, D] each -> float32 [N, M] in 0..1."""

    def __init__(self, landmarks: int, **options):
        super().__init__(**{**options, "trainable": False})
        self.landmarks = landmarks

    def build(self, input_shape):
        self.means, self.scales, self.places, self.squares = [], [], [], []
        for number, (_, size) in enumerate(input_shape):
            self.means.append(self.add_weight(shape=(size,), initializer="zeros", name=f"mean{number}"))
            self.scales.append(self.add_weight(shape=(size,), initializer="ones", name=f"scale{number}"))
            shape = (size, self.landmarks)
            self.places.append(self.add_weight(shape=shape, initializer="zeros", name=f"places{number}"))
            # Of the places, summed up: asked of them for each film alone, they would take longer than all else.
            self.squares.append(self.add_weight(shape=shape[1:], initializer="zeros", name=f"squares{number}"))

    def adapt(self, measured: Sequence[np.ndarray]) -> None:
        """Takes what is measured of the landmarks, [M, D] each."""
        weights: list[tuple[np.ndarray, ...]] = []
        for values, narrowness in zip(measured, NARROWNESS, strict=True):
            mean, scale = values.mean(axis=0), 1 / np.sqrt(values.var(axis=0) + LEAST_SPREAD**2)
            places = (values - mean) * scale
            distances = (places**2).sum(axis=1)[:, None] + (places**2).sum(axis=1) - 2 * places @ places.T
            unit = np.sqrt(narrowness / max(float(np.median(distances)), 1e-6))
            places = (places * unit).T
            weights.append((mean, scale * unit, places, (places**2).sum(axis=0)))
        kept_weights = (self.means, self.scales, self.places, self.squares)
        for kept, values in zip(kept_weights, zip(*weights, strict=True), strict=True):
            for variable, value in zip(kept, values, strict=True):
                variable.assign(value)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.landmarks)

    def call(self, measured):
        alike = []
        kept = (self.means, self.scales, self.places, self.squares)
        for values, mean, scale, places, squares in zip(measured, *kept, strict=True):
            film = (values - mean) * scale
            apart = ops.sum(film * film, axis=1, keepdims=True) + squares - 2 * ops.matmul(film, places)
            alike.append(ops.exp(-ops.relu(apart)))
        return sum(alike) / len(alike)

    def get_config(self):
        return {**super().get_config(), "landmarks": self.landmarks}


def _whitening(among: np.ndarray) -> np.ndarray:
    """float32 [M, R] that makes likeness to landmarks into coordinates whose products are likenesses."""
    values, axes = linalg.eigh((among + among.T).astype(np.float64) / 2)
    kept = values > 1e-5 * values.max()
    return (axes[:, kept] / np.sqrt(values[kept])).astype(np.float32)
