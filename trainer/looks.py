"""What a poster looks like, in numbers that no label has a say in: its colours, its edges, its small squares."""

import keras
import numpy as np
from keras import layers, ops

from transform import features

SIDE = 64  # pixels that everything is measured on
HUES, SATURATIONS, VALUES = 8, 3, 4
COLOURS = HUES * SATURATIONS * VALUES
COLOUR_CELLS = 4  # along a side
EDGE_CELLS = 8
ANGLES = 9  # of 180 degrees
PATCH, STEP = 6, 3  # pixels
PATCHES = 400
PATCH_CELLS = 2
SAMPLE = 30_000  # patches that their covariance is estimated on
FAINT = 10.0  # variance of grey levels below which a patch counts as flat
SURE = 1.0  # what a patch must be like one of PATCHES to count, in standard deviations


def colours(rgb: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Histograms of hue, saturation and value over the whole poster and over its cells, square roots of shares.

    A pixel is shared between the two nearest bins of each, so that a little more red changes little.

    Args:
        rgb: float32 [N, SIDE, SIDE, 3] in 0..1.

    Returns:
        float32 [N, COLOURS] and [N, COLOUR_CELLS^2 COLOURS].
    """
    hsv = ops.image.rgb_to_hsv(rgb)
    hue = _shares(hsv[..., 0] * HUES, HUES, circular=True)
    saturation = _shares(hsv[..., 1] * (SATURATIONS - 1), SATURATIONS)
    value = _shares(hsv[..., 2] * (VALUES - 1), VALUES)
    rest = ops.reshape(saturation[..., :, None] * value[..., None, :], (-1, SIDE, SIDE, SATURATIONS * VALUES))
    together = ops.matmul(ops.transpose(_cells(hue), (0, 1, 3, 2)), _cells(rest))  # [N, cells, hues, rest]
    shares = ops.reshape(together, (-1, COLOUR_CELLS**2, COLOURS)) / (SIDE // COLOUR_CELLS) ** 2
    whole = ops.sqrt(ops.mean(shares, axis=1))
    return whole, ops.reshape(ops.sqrt(shares), (-1, COLOUR_CELLS**2 * COLOURS))


def edges(rgb: keras.KerasTensor) -> keras.KerasTensor:
    """Histograms of the direction of edges in each cell (Dalal and Triggs 2005), float32 [N, EDGE_CELLS^2 ANGLES].

    Args:
        rgb: float32 [N, SIDE, SIDE, 3] in 0..1.
    """
    grey = ops.mean(rgb, axis=-1, keepdims=True)
    across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    angle = ops.arctan2(down, across) / np.pi % 1.0
    strength = ops.sqrt(across * across + down * down + 1e-8) * _shares(angle[..., 0] * ANGLES, ANGLES, circular=True)
    side = SIDE // EDGE_CELLS
    cells = ops.average_pool(ops.pad(strength, ((0, 0), (1, 1), (1, 1), (0, 0))), side, side)
    cells = cells / (ops.sqrt(ops.sum(cells * cells, axis=-1, keepdims=True)) + 0.02)
    return ops.reshape(cells, (-1, EDGE_CELLS**2 * ANGLES))


@keras.saving.register_keras_serializable("marquee")
class Looks(layers.Layer):
    """uint8 [N, S, S, 3] -> what is measured of a poster, float32 [N, D] each: colours, by cell, edges, patches.

    The patches are those of Coates, Ng and Lee 2011 at their plainest: random ones of posters, whitened. How much a
    poster's patches are like each, or like its negative, is averaged over the cells of a coarse grid.
    """

    def __init__(self, **options):
        super().__init__(**{**options, "trainable": False})

    def build(self, input_shape):
        shape = (PATCH, PATCH, features.CHANNELS, PATCHES)
        self.patches = self.add_weight(shape=shape, initializer="zeros", name="patches")
        self.offset = self.add_weight(shape=(PATCHES,), initializer="zeros", name="offset")

    def adapt(self, pixels: np.ndarray, seed: int) -> None:
        """Draws the patches from posters, uint8 [M, S, S, 3]."""
        draw = np.random.default_rng(seed)
        posters = np.round(ops.convert_to_numpy(_at_side(ops.cast(pixels, "float32"))))
        rows = draw.integers(0, len(posters), SAMPLE)
        tops, lefts = draw.integers(0, SIDE - PATCH + 1, (2, SAMPLE))
        inside = np.arange(PATCH)
        sample = posters[rows[:, None, None], tops[:, None, None] + inside[:, None], lefts[:, None, None] + inside]
        flat = sample.reshape(SAMPLE, -1).astype(np.float64)
        flat -= flat.mean(axis=1, keepdims=True)
        flat /= np.sqrt(flat.var(axis=1, keepdims=True) + FAINT)
        mean = flat.mean(axis=0)
        variances, axes = np.linalg.eigh(np.cov(flat - mean, rowvar=False))
        whiten = (axes / np.sqrt(variances + 0.1)) @ axes.T
        chosen = (flat[:PATCHES] - mean) @ whiten
        chosen /= np.linalg.norm(chosen, axis=1, keepdims=True) + 1e-9
        kernel = whiten @ chosen.T
        self.set_weights([kernel.reshape(self.patches.shape), -mean @ kernel])

    def compute_output_shape(self, input_shape):
        sizes = (COLOURS, COLOUR_CELLS**2 * COLOURS, EDGE_CELLS**2 * ANGLES, PATCH_CELLS**2 * 2 * PATCHES)
        return [(input_shape[0], size) for size in sizes]

    def call(self, pixels):
        posters = _at_side(ops.cast(pixels, "float32"))
        return [*colours(posters / 255), edges(posters / 255), self._patches(posters)]

    def _patches(self, posters: keras.KerasTensor) -> keras.KerasTensor:
        mean = ops.average_pool(ops.mean(posters, axis=-1, keepdims=True), PATCH, STEP)
        squares = ops.average_pool(ops.mean(posters * posters, axis=-1, keepdims=True), PATCH, STEP)
        variance = ops.maximum(squares - mean * mean, 0.0)
        said = ops.conv(posters, self.patches, STEP) - mean * ops.sum(self.patches, axis=(0, 1, 2))
        said = said / ops.sqrt(variance + FAINT) + self.offset
        side = said.shape[1] // PATCH_CELLS
        like, unlike = (ops.average_pool(ops.relu(sign * said - SURE), side, side) for sign in (1, -1))
        cells = ops.concatenate([like, unlike], axis=-1)
        return ops.reshape(cells, (-1, PATCH_CELLS**2 * 2 * PATCHES))


def _at_side(posters: keras.KerasTensor) -> keras.KerasTensor:
    if tuple(posters.shape[1:3]) == (SIDE, SIDE):
        return posters
    return ops.image.resize(posters, (SIDE, SIDE), antialias=True)


def _shares(place: keras.KerasTensor, bins: int, circular: bool = False) -> keras.KerasTensor:
    """How much of each bin a place among them, counted in bins, belongs to: [...] -> [..., bins]."""
    distance = ops.abs(place[..., None] - np.arange(bins, dtype=np.float32))
    return ops.relu(1 - (ops.minimum(distance, bins - distance) if circular else distance))


def _cells(values: keras.KerasTensor) -> keras.KerasTensor:
    """[N, SIDE, SIDE, K] -> [N, COLOUR_CELLS^2, pixels of a cell, K]."""
    side, last = SIDE // COLOUR_CELLS, values.shape[-1]
    apart = ops.reshape(values, (-1, COLOUR_CELLS, side, COLOUR_CELLS, side, last))
    return ops.reshape(ops.transpose(apart, (0, 1, 3, 2, 4, 5)), (-1, COLOUR_CELLS**2, side * side, last))
