"""What is measured of a poster."""

import keras
import numpy as np
import pytest

from trainer import looks
from trainer.looks import Looks

RED = np.tile(np.array([255, 0, 0], np.uint8), (1, looks.SIDE, looks.SIDE, 1))


def measured(pixels: np.ndarray) -> list[np.ndarray]:
    layer = Looks()
    layer.build(pixels.shape)
    layer.adapt(pixels, seed=3)
    return [keras.ops.convert_to_numpy(values) for values in layer(pixels)]


def test_a_red_poster_is_red_all_over():
    whole, cells, _, _ = measured(RED)
    expected = np.zeros(looks.COLOURS)
    expected[looks.SATURATIONS * looks.VALUES - 1] = 1  # the first hue, full of colour and light
    np.testing.assert_allclose(whole[0], expected, atol=1e-6)
    np.testing.assert_allclose(cells[0], np.tile(expected, looks.COLOUR_CELLS**2), atol=1e-6)


def test_colours_are_told_by_cell_and_add_up():
    half = RED.copy()
    half[:, :, looks.SIDE // 2 :] = [0, 0, 255]
    whole, cells, _, _ = measured(half)
    np.testing.assert_allclose((whole**2).sum(), 1, rtol=1e-5)
    by_cell = cells.reshape(looks.COLOUR_CELLS, looks.COLOUR_CELLS, looks.COLOURS)
    bins = looks.SATURATIONS * looks.VALUES
    assert (by_cell[:, :2].argmax(axis=-1) == bins - 1).all()
    assert (by_cell[:, 2:, bins * 5 : bins * 6].max(axis=-1) > 0.5).all()  # blue is two thirds round the circle


@pytest.mark.parametrize(("axis", "bins"), [(2, {0}), (1, {4, 5})])
def test_edges_are_told_by_their_direction(axis, bins):
    lit = np.arange(looks.SIDE) % 8 < 4
    stripes = np.where(lit[None, :, None, None] if axis == 1 else lit[None, None, :, None], 255, 0) * np.ones(RED.shape)
    [_, _, edges, _] = measured(stripes.astype(np.uint8))
    strongest = edges.reshape(-1, looks.ANGLES).argmax(axis=1)
    assert set(strongest.tolist()) <= bins


@pytest.mark.parametrize("size", [16, 17, 96])
def test_posters_of_any_size_are_measured_alike(size):
    posters = np.random.default_rng(1).integers(0, 256, (2, size, size, 3), np.uint8)
    values = measured(posters)
    shapes = Looks().compute_output_shape(posters.shape)
    assert [each.shape for each in values] == shapes
    assert all(np.isfinite(each).all() for each in values)
    larger = np.tile(RED[:, :1, :1], (1, size, size, 1))
    np.testing.assert_allclose(measured(larger)[0], measured(RED)[0], atol=1e-3)


def test_patches_are_drawn_by_the_seed():
    posters = np.random.default_rng(1).integers(0, 256, (4, looks.SIDE, looks.SIDE, 3), np.uint8)
    drawn = []
    for seed in (3, 3, 4):
        layer = Looks()
        layer.build(posters.shape)
        layer.adapt(posters, seed)
        drawn.append(layer.get_weights()[0])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    for poster in (posters, RED):  # a flat one, too
        assert np.isfinite(measured(poster)[3]).all()
