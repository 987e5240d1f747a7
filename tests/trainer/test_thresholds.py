import numpy as np
import pytest
from sklearn.metrics import f1_score

from trainer import thresholds


def test_the_threshold_of_a_frequent_genre_parts_its_films():
    labels = np.repeat([[0], [1]], 5_000, axis=0)
    scores = np.where(labels, 0.7, 0.3)
    assert thresholds.choose(labels, scores) == pytest.approx([0.505], abs=0.01)


def test_a_genre_without_films_takes_the_common_threshold():
    labels = np.array([[1, 0], [0, 0], [1, 0], [0, 0]] * 500)
    scores = np.array([[0.9, 0.1], [0.2, 0.1], [0.9, 0.1], [0.2, 0.1]] * 500)
    chosen = thresholds.choose(labels, scores)
    assert chosen[1] == pytest.approx(chosen[0], abs=0.02)


def test_few_films_weigh_as_the_formula_says():
    labels = np.zeros((1_000, 2))
    labels[:500, 0] = labels[:30, 1] = 1
    scores = np.full((1_000, 2), 0.005)
    scores[:500, 0], scores[:30, 1] = 0.205, 0.605
    common, own = 0.105, 0.305  # middles of 0.01..0.20, which loses no film of either, and of 0.01..0.60
    _, rare = thresholds.choose(labels, scores)
    assert thresholds.SHRINKAGE == 30
    assert rare == pytest.approx((common + own) / 2, abs=1e-6)


def test_common_threshold_gives_the_best_micro_f1():
    rng = np.random.default_rng(0)
    labels = rng.random((400, 5)) < 0.3
    scores = np.clip(0.4 * labels + rng.random((400, 5)) * 0.6, 0, 1)
    grid = [f1_score(labels, scores >= threshold, average="micro") for threshold in thresholds.CANDIDATES]
    chosen = f1_score(labels, scores >= thresholds.choose(labels, scores), average="micro")
    assert chosen >= max(grid) - 0.01
