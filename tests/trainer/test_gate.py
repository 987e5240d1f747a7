"""The gate between heads, here of poster and overview: what it learns, and what a head that is not asked comes to."""

import numpy as np
import pytest
from scipy.special import expit

from trainer import gate

BASE = np.array([-1.0, 0.0, 1.0])
POSTER, OVERVIEW = 0, 1
EQUAL = gate.equal(np.array([True, True]), 3)


def films(count: int, seed: int, loud: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sides [N, 2, 3], sureness and labels: of every other film the poster says nothing, but says it `loud`ly."""
    rng = np.random.default_rng(seed)
    labels = rng.random((count, 3)) < expit(BASE)
    clues = 2.0 * labels[:, None] - 1 + rng.normal(size=(count, 2, 3))
    clues[::2, POSTER] = loud * rng.normal(size=clues[::2, POSTER].shape)
    return 2 * clues, gate.sureness(np.moveaxis(clues, 1, 0)), labels


def cost(logits: np.ndarray, labels: np.ndarray) -> float:
    return np.logaddexp(0, np.where(labels, -logits, logits)).mean()


def shares(sure: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Of poster and overview, as `blend` shows them where one says 1 and the other nothing: [N, 2, G]."""
    sides = np.zeros((2, len(sure), 2, 3))
    sides[POSTER, :, POSTER], sides[OVERVIEW, :, OVERVIEW] = 1, 1
    return np.stack([gate.blend(side, sure, learnt) for side in sides], axis=1)


def test_a_poster_that_shouts_of_nothing_counts_less():
    sides, sure, labels = films(4_000, 0, loud=5)
    learnt = gate.learn(sides, BASE, sure, labels)
    sides, sure, labels = films(4_000, 1, loud=5)
    found = shares(sure, learnt)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[::2, POSTER].mean() < 0.25 < found[1::2, POSTER].mean()
    gated, equal = (cost(BASE + gate.blend(sides, sure, one), labels) for one in (learnt, EQUAL))
    assert gated < 0.8 * equal


def test_each_genre_has_its_own_shares():
    """The poster tells of the first genre alone, the overview of the last alone, both as loudly of all."""
    rng = np.random.default_rng(0)
    labels = rng.random((8_000, 3)) < 0.5
    clues = 1.5 * rng.normal(size=(8_000, 2, 3))
    clues[:, POSTER, 0] += 2 * labels[:, 0] - 1
    clues[:, OVERVIEW, 2] += 2 * labels[:, 2] - 1
    sure = gate.sureness(np.moveaxis(clues, 1, 0))
    found = shares(sure, gate.learn(clues, np.zeros(3), sure, labels)).mean(axis=0)
    assert found[POSTER, 0] > 0.7 > 0.3 > found[POSTER, 2]


def test_the_gate_is_the_least_of_its_cost():
    """Any other, near by, is worse: the gradient that it was found by is right."""
    sides, sure, labels = films(300, 0, loud=2)
    sure[:, :2] = (sure[:, :2] - sure[:, :2].mean(axis=0)) / sure[:, :2].std(axis=0)  # as the pull has it
    learnt = gate.learn(sides, BASE, sure, labels)

    def whole(one: np.ndarray) -> float:
        return cost(BASE + gate.blend(sides, sure, one), labels) * labels.size + gate.PULL * (one**2).sum() / 2

    rng = np.random.default_rng(0)
    for step in rng.normal(size=(20, *learnt.shape)) / 100:
        assert whole(learnt) < min(whole(learnt + step), whole(learnt - step))


@pytest.mark.parametrize("count", [1, 3])
def test_hardly_any_film_leaves_the_shares_equal(count):
    sides, sure, labels = films(count, 0, loud=1)
    learnt = gate.learn(sides, BASE, sure, labels)
    _, sure, _ = films(50, 1, loud=1)
    np.testing.assert_allclose(shares(sure, learnt), 0.5, atol=0.05)


@pytest.mark.parametrize("asked", [POSTER, OVERVIEW])
def test_a_head_that_is_not_asked_has_no_share_and_the_other_all(asked):
    sides, sure, labels = films(500, 0, loud=3)
    np.testing.assert_array_equal(gate.blend(sides, sure, gate.equal(np.arange(2) == asked, 3)), sides[:, asked])
    alone = sides[:, [asked]]
    learnt = gate.learn(alone, BASE, sure[:, [asked, -1]], labels)
    np.testing.assert_array_equal(gate.blend(alone, sure[:, [asked, -1]], learnt), alone[:, 0])


def test_sureness_is_the_mean_size_of_evidence():
    evidence = np.array([[[1.0, -3.0]], [[0.0, 0.5]]])  # two heads, one film, two genres
    np.testing.assert_array_equal(gate.sureness(evidence), [[2, 0.25, 1]])
