"""The head that holds posters against others."""

import keras
import numpy as np
import pytest

from trainer import likeness
from trainer.recipe import Task
from transform import features

SIZE = 16


@pytest.fixture(scope="module")
def posters() -> np.ndarray:
    """Twenty noisy posters, uint8 [20, S, S, 3]; the first ten red, the others blue."""
    noise = np.random.default_rng(2).integers(0, 60, (20, SIZE, SIZE, 3))
    noise[:10, ..., 0] += 190
    noise[10:, ..., 2] += 190
    return noise.astype(np.uint8)


@pytest.fixture(scope="module")
def measure(posters) -> keras.Model:
    return likeness.measure(posters, seed=5)


LABELS = np.array([[1, 0, 0, 1]] * 10 + [[0, 1, 0, 1]] * 10, bool)  # the third no film has, the fourth all


def test_landmarks_are_films_with_a_poster(monkeypatch):
    monkeypatch.setattr(likeness, "LANDMARKS", 5)
    ids = [b"%d" % film for film in range(12)]
    there = np.arange(12) % 4 != 0
    chosen = likeness.landmarks(ids, there, seed=1)
    assert chosen.sum() == 5
    assert not (chosen & ~there).any()
    np.testing.assert_array_equal(likeness.landmarks(ids[::-1], there[::-1], seed=1)[::-1], chosen)
    assert (likeness.landmarks(ids, there, seed=2) != chosen).any()
    np.testing.assert_array_equal(likeness.landmarks(ids[:6], there[:6], seed=1), there[:6])  # fewer than wanted


def test_a_poster_is_most_like_itself_and_more_like_its_kind(posters, measure):
    like = measure.predict(posters, verbose=0)
    assert (like.shape, like.dtype) == ((20, 20), np.float32)
    np.testing.assert_allclose(np.diag(like), 1, atol=1e-3)
    np.testing.assert_allclose(like, like.T, atol=1e-4)
    assert like.min() >= 0
    assert like[:10, :10].mean() > 2 * like[:10, 10:].mean()


def test_a_poster_speaks_for_the_genre_of_those_that_it_is_like(posters, measure):
    like = measure.predict(posters, verbose=0)
    rows = np.arange(20) % 2 == 0
    kernel, bias = likeness.solve(like[rows], like, LABELS[rows])
    assert (kernel.shape, kernel.dtype, bias.shape, bias.dtype) == ((20, 4), np.float32, (4,), np.float32)
    logits = like[~rows] @ kernel + bias
    np.testing.assert_array_equal(logits[:, :2] > 0, LABELS[~rows, :2])
    assert (logits[:, 2] < -1).all()
    assert (logits[:, 3] > 1).all()
    assert np.isfinite(logits).all()


def test_the_network_says_what_was_solved_before_and_after_saving(posters, measure, tmp_path):
    like = measure.predict(posters, verbose=0)
    kernel, bias = likeness.solve(like, like, LABELS)
    task = Task(positives=[10, 10, 0, 20], films=20, image_size=SIZE, vocabulary_size=9, ngram_buckets=6)
    network = likeness.network(task, measure, kernel, bias)
    said = network.predict({features.PIXELS: posters}, verbose=0)
    np.testing.assert_allclose(said, 1 / (1 + np.exp(-(like @ kernel + bias))), atol=1e-4)
    assert not network.trainable_variables
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(again.predict({features.PIXELS: posters}, verbose=0), said)


def test_posters_that_are_all_the_same(posters):
    same = np.repeat(posters[:1], 6, axis=0)
    measure = likeness.measure(same, seed=5)
    like = measure.predict(posters, verbose=0)
    kernel, bias = likeness.solve(measure.predict(same, verbose=0), measure.predict(same, verbose=0), LABELS[:6])
    assert np.isfinite(like @ kernel + bias).all()
