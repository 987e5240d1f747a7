"""Folds depend on ids alone."""

import numpy as np

from trainer import folds

IDS = [b"tt%d" % film for film in range(3_000)]


def test_folds_are_even_and_always_the_same():
    fold = folds.of_films(IDS, 5, seed=7)
    assert np.bincount(fold, minlength=5).min() > 500
    np.testing.assert_array_equal(folds.of_films(IDS[::-1], 5, seed=7), fold[::-1])
    assert (folds.of_films(IDS, 5, seed=8) != fold).mean() > 0.5


def test_of_many_films_nothing_is_left_out():
    assert folds.count(5, folds.MANY - 1) == 5
    assert folds.count(5, folds.MANY) == 1
    assert not folds.of_films(IDS, 1, seed=7).any()
