"""Networks, metrics and schedules at the edges of what the settings allow."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from trainer import cnn, metrics, schedules
from trainer.recipe import Task


@pytest.mark.parametrize("variant", cnn.RECIPES)
@pytest.mark.parametrize("size", [16, 17, 64])
def test_posters_of_any_size_that_the_settings_allow(variant, size):
    task = Task(positives=[3], films=9, image_size=size, vocabulary_size=10, ngram_buckets=64)
    network = cnn.RECIPES[variant].build(task)
    scores = network({"pixels": tf.zeros([2, size, size, 3], tf.uint8)}).numpy()
    assert scores.shape == (2, 1)
    assert ((scores > 0) & (scores < 1)).all()


def test_log_odds_are_finite_for_a_genre_of_no_film_and_of_all():
    odds = Task(positives=[0, 5, 10], films=10, image_size=16, vocabulary_size=10, ngram_buckets=64).log_odds
    np.testing.assert_allclose(odds, np.log([1 / 11, 1, 11]), rtol=1e-6)


def test_log_odds_are_of_the_weighted_share():
    odds = Task(
        positives=[1, 5, 10], films=10, image_size=16, vocabulary_size=10, ngram_buckets=64,
        class_weights=[[0.5, 4.0], [2.0, 2.0], [0.0, 0.5]],
    ).log_odds  # fmt: skip
    np.testing.assert_allclose(odds, np.log([(4 * 2) / (0.5 * 10), 1, 0.5 * 11]), rtol=1e-6)
    assert odds.dtype == np.float32


def test_best_micro_f1_is_scikit_learns_over_batches():
    rng = np.random.default_rng(3)
    labels = (rng.random((90, 4)) < 0.3).astype(np.float32)
    scores = np.clip(0.5 * labels + 0.6 * rng.random((90, 4)), 0, 1).astype(np.float32)
    metric = metrics.BestMicroF1()
    for batch in np.split(np.arange(90), [40, 80]):
        metric.update_state(labels[batch], scores[batch])
    expected = max(f1_score(labels, scores >= threshold, average="micro") for threshold in metric.THRESHOLDS)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0
    counted = rng.random(90) < 0.5
    metric.update_state(labels, scores, counted[:, None])
    expected = max(f1_score(labels[counted], scores[counted] >= at, average="micro") for at in metric.THRESHOLDS)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_the_cosine_warms_up_and_falls():
    shares = [schedules.warm_up_then_cosine(epoch, 10) for epoch in range(10)]
    assert shares[0] == 0.5
    assert shares[1:] == sorted(shares[1:], reverse=True)
    assert 0.02 <= shares[-1] < 0.1 < 0.9 < shares[1] < 1
    assert schedules.warm_up_then_cosine(0, 1) == 0.5


def test_expected_calibration_error():
    labels = np.array([[1, 0], [1, 0], [1, 1]], bool)
    scores = np.array([[0.9, 0.02], [0.92, 0.04], [0.34, 0.38]])
    # Bins of 1/15: 0.02 and 0.04 (none true), 0.34 and 0.38 (both true), 0.9 and 0.92 (both true).
    expected = (2 * 0.03 + 2 * (1 - 0.36) + 2 * (1 - 0.91)) / 6
    assert metrics.expected_calibration_error(labels, scores) == pytest.approx(expected)
