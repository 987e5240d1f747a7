import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import f1_score

from trainer import thresholds


def test_the_threshold_of_a_frequent_genre_parts_its_films():
    labels = np.repeat([[0], [1]], 5_000, axis=0)
    scores = np.where(labels, 0.7, 0.3)
    [chosen] = thresholds.choose(labels, scores)
    assert 0.5 < chosen < 0.7


def test_a_genre_without_films_has_the_common_threshold():
    labels = np.array([[1, 0], [0, 0], [1, 0], [0, 0]] * 500)
    scores = np.array([[0.9, 0.1], [0.2, 0.1], [0.9, 0.1], [0.2, 0.1]] * 500)
    assert thresholds.choose(labels, scores)[1] == pytest.approx(0.55, abs=0.01)  # of 0.21 to 0.90, the middle


@pytest.mark.parametrize("films", [1, 4, 30])
def test_few_films_weigh_as_the_formula_says(films):
    labels = np.zeros((1_000, 2))
    labels[:500, 0] = labels[:films, 1] = 1
    scores = np.full((1_000, 2), 0.005)
    scores[:500, 0], scores[:30, 1] = 0.205, 0.605
    _, rare = thresholds.choose(labels, scores)
    common = 0.105  # the middle of 0.01 to 0.20, which lose no film of either
    own = 0.605  # 30 said, of 0.605 * 30 + 0.005 * 970 expected
    weight = 0.78 * films / (films + 1)
    assert rare == pytest.approx(expit(weight * logit(own) + (1 - weight) * logit(common)), abs=1e-6)


def test_the_threshold_of_probabilities_costs_little_micro_f1_and_names_rare_genres():
    rng = np.random.default_rng(0)
    scores = rng.beta(1, [2, 4, 9, 40, 40], (600, 5))
    labels = rng.random(scores.shape) < scores
    held_out = rng.beta(1, [2, 4, 9, 40, 40], (600, 5))
    truth = rng.random(held_out.shape) < held_out
    grid = [thresholds.CANDIDATES[best] for best in [max(
        range(99), key=lambda at: f1_score(labels, scores >= thresholds.CANDIDATES[at], average="micro"))]]  # fmt: skip
    chosen = held_out >= thresholds.choose(labels, scores)
    common = held_out >= grid[0]
    assert f1_score(truth, chosen, average="micro") >= f1_score(truth, common, average="micro") - 0.02
    assert f1_score(truth, chosen, average="macro") > f1_score(truth, common, average="macro") + 0.02
