"""Each loss beside its formula, worked out in NumPy."""

import keras
import numpy as np
import pytest

from trainer import losses

RNG = np.random.default_rng(1)
LABELS = (RNG.random((6, 3)) < 0.4).astype(np.float32)
SCORES = RNG.uniform(0.02, 0.98, (6, 3)).astype(np.float32)
WEIGHTS = [[0.6, 4.0], [1.0, 1.0], [2.5, 0.3]]


def loss_of(class_balance: str, focal_gamma: float = 2.0) -> keras.losses.Loss:
    asymmetric = {"gamma_negative": 4.0, "gamma_positive": 1.0, "margin": 0.05}
    settings = {f"asymmetric_{key}": value for key, value in asymmetric.items()}
    return losses.loss_of(class_balance, {"focal_gamma": focal_gamma, **settings}, WEIGHTS)


def cross_entropy() -> np.ndarray:
    return -(LABELS * np.log(SCORES) + (1 - LABELS) * np.log(1 - SCORES))


@pytest.mark.parametrize("class_balance", ["none", "oversample"])
def test_plain_cross_entropy(class_balance):
    loss = loss_of(class_balance)
    assert float(loss(LABELS, SCORES)) == pytest.approx(cross_entropy().mean(), rel=1e-5)


def test_weights_are_by_genre_and_by_label():
    loss = loss_of("weights")
    expected = 0.0
    for film in range(6):
        for genre, (negative, positive) in enumerate(WEIGHTS):
            score = SCORES[film, genre]
            expected -= positive * np.log(score) if LABELS[film, genre] else negative * np.log(1 - score)
    assert float(loss(LABELS, SCORES)) == pytest.approx(expected / 18, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal(gamma):
    loss = loss_of("focal", gamma)
    of_truth = np.where(LABELS == 1, SCORES, 1 - SCORES)
    expected = (-((1 - of_truth) ** gamma) * np.log(of_truth)).mean()
    assert float(loss(LABELS, SCORES)) == pytest.approx(expected, rel=1e-5)


def test_asymmetric_forgets_easy_absent_labels():
    loss = loss_of("asymmetric")
    shifted = np.maximum(SCORES - 0.05, 0)
    absent = -(shifted**4) * np.log(1 - shifted)
    expected = np.where(LABELS == 1, -(1 - SCORES) * np.log(SCORES), absent).mean()
    assert float(loss(LABELS, SCORES)) == pytest.approx(expected, rel=1e-4)
    plain = losses.AsymmetricLoss(gamma_negative=0, gamma_positive=0, margin=0)
    assert float(plain(LABELS, SCORES)) == pytest.approx(cross_entropy().mean(), rel=1e-5)


@pytest.mark.parametrize("class_balance", ["none", "weights", "oversample", "focal", "asymmetric"])
def test_scores_of_0_and_1_cost_much_but_no_infinity(class_balance):
    loss = loss_of(class_balance)
    wrong, right = float(loss(LABELS, 1 - LABELS)), float(loss(LABELS, LABELS))
    assert np.isfinite(wrong)
    assert wrong > 5
    assert right == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("class_balance", ["none", "weights", "focal", "asymmetric"])
def test_a_loss_comes_back_from_its_config(class_balance):
    loss = loss_of(class_balance)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert float(again(LABELS, SCORES)) == pytest.approx(float(loss(LABELS, SCORES)), rel=1e-6)
