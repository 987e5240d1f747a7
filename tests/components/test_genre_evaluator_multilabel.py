"""Multi-label metrics against scikit-learn."""

import itertools
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from components.genre_evaluator import multilabel


def rows(seed: int, films: int, genres: int, levels: int = 1000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random labels, scores (few `levels`: many ties) and decisions; a rare genre may have no positive."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((films, genres)) < np.linspace(0.5, 0.02, genres)).astype(np.float32)
    scores = (rng.integers(0, levels, (films, genres)) / levels + 0.3 * labels).astype(np.float32)
    return labels, scores, (scores > 0.6).astype(np.float32)


CASES = {
    "many films": rows(0, 500, 25),
    "ties": rows(1, 200, 12, levels=4),
    "every score equal": (rows(2, 50, 6)[0], np.full((50, 6), 0.5), np.ones((50, 6))),
    "genres without positives": rows(3, 20, 30),
    "a single row": rows(4, 1, 8),
    "a single genre": rows(5, 60, 1),
    "nothing answered": (*rows(6, 40, 5)[:2], np.zeros((40, 5))),
    "no positive at all": (np.zeros((30, 4)), *rows(7, 30, 4)[1:]),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_scikit_learn(name: str) -> None:
    labels, scores, decisions = CASES[name]
    got = multilabel.evaluate(labels, scores, decisions)

    def prf(average):
        # One column would make scikit-learn call the problem binary: a second, empty one is cut off again.
        if average is None and labels.shape[1] == 1:
            wide = [np.hstack([a, np.zeros_like(a)]) for a in (labels, decisions)]
            return [a[:1] for a in sk.precision_recall_fscore_support(*wide, zero_division=0)]
        return sk.precision_recall_fscore_support(labels, decisions, average=average, zero_division=0)

    precision, recall, f1, support = prf(None)
    close = {"rtol": 0, "atol": 1e-6}
    np.testing.assert_allclose(got.precision, precision, **close)
    np.testing.assert_allclose(got.recall, recall, **close)
    np.testing.assert_allclose(got.f1, f1, **close)
    np.testing.assert_array_equal(got.support, support)
    for g, column in enumerate(labels.T):
        if column.any():
            expected = sk.average_precision_score(column, scores[:, g])
            assert got.average_precision[g] == pytest.approx(expected, abs=1e-6)
        else:
            assert np.isnan(got.average_precision[g])
    present = labels.any(axis=0)
    if present.any():
        expected = sk.average_precision_score(labels[:, present], scores[:, present], average="macro")
        assert got.mean_average_precision == pytest.approx(expected, abs=1e-6)
    else:
        assert np.isnan(got.mean_average_precision)
    if labels.shape[1] == 1:
        assert got.macro_f1 == pytest.approx(f1[0], abs=1e-6)
        return
    assert (got.micro_precision, got.micro_recall, got.micro_f1) == pytest.approx(prf("micro")[:3], abs=1e-6)
    assert (got.macro_precision, got.macro_recall, got.macro_f1) == pytest.approx(prf("macro")[:3], abs=1e-6)
    assert got.weighted_f1 == pytest.approx(prf("weighted")[2], abs=1e-6)
    assert got.samples_f1 == pytest.approx(prf("samples")[2], abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_no_constant_set_of_genres_beats_the_best_constant(seed: int) -> None:
    labels, *_ = rows(seed, films=3 + seed, genres=6)
    every = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for size in range(1, 7):
            for chosen in itertools.combinations(range(6), size):
                answer = np.zeros_like(labels)
                answer[:, chosen] = 1
                every[frozenset(chosen)] = (
                    sk.f1_score(labels, answer, average="micro", zero_division=0),
                    sk.f1_score(labels, answer, average="macro", zero_division=0),
                )
    got = multilabel.best_constant(labels.sum(axis=0), len(labels))
    assert got.micro_f1 == pytest.approx(max(micro for micro, _ in every.values()), abs=1e-6)
    assert (got.micro_f1, got.macro_f1) == pytest.approx(every[frozenset(got.genres)], abs=1e-6)
    everything = multilabel.evaluate(labels, labels, labels).all_genres
    assert (everything.micro_f1, everything.macro_f1) == pytest.approx(every[frozenset(range(6))], abs=1e-6)


def test_a_model_that_answers_the_best_constant_has_no_margin() -> None:
    labels, *_ = rows(8, 100, 10)
    best = multilabel.best_constant(labels.sum(axis=0), 100)
    decisions = np.zeros_like(labels)
    decisions[:, best.genres] = 1
    assert multilabel.evaluate(labels, decisions, decisions).micro_f1_margin == 0
    assert multilabel.evaluate(labels, labels, labels).micro_f1_margin == 1 - best.micro_f1


def test_no_rows() -> None:
    got = multilabel.evaluate(*(np.zeros((0, 3)),) * 3)
    assert (got.films, got.micro_f1, got.macro_f1, got.samples_f1, got.micro_f1_margin) == (0, 0, 0, 0, 0)
    assert np.isnan(got.mean_average_precision)
    assert np.isnan(got.average_precision).all()


def test_scores_that_are_not_finite_rank_last_and_are_counted() -> None:
    labels = np.array([[1.0], [1.0], [0.0], [0.0]])
    scores = np.array([[0.9], [np.nan], [0.5], [np.inf]])
    got = multilabel.evaluate(labels, scores, np.where(scores > 0.4, 1.0, 0.0))
    assert got.unusable_films == 2
    assert np.isnan(got.score_range)
    last = sk.average_precision_score(labels[:, 0], [0.9, -1, 0.5, -1])
    assert got.average_precision[0] == pytest.approx(last, abs=1e-6)


def test_score_range_is_zero_for_a_model_that_ignores_its_input() -> None:
    labels, scores, decisions = rows(9, 30, 4)
    assert multilabel.evaluate(labels, np.tile(scores[:1], (30, 1)), decisions).score_range == 0
    spread = (scores.max(axis=0) - scores.min(axis=0)).max()
    assert multilabel.evaluate(labels, scores, decisions).score_range == pytest.approx(spread)


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        multilabel.evaluate(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 4)))
