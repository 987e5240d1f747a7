"""Figures of the comparison, on tables small enough to count by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from components.comparison_report import measures, words, yardsticks

LABELS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], bool)
SCORES = np.array([[0.9, 0.2, 0.1], [0.3, 0.8, 0.4], [0.6, 0.5, 0.1]])


def test_precision_and_recall_span_the_curve():
    points = measures.precision_recall(LABELS, SCORES)
    assert points[0] == [0, 1]
    assert points[-1][0] == 1
    recall, precision = np.array(points).T
    area = float((np.diff(recall) * precision[1:]).sum())
    assert area == pytest.approx(average_precision_score(LABELS.ravel(), SCORES.ravel()), abs=1e-3)


def test_a_long_curve_is_thinned_by_its_recall():
    rng = np.random.default_rng(0)
    labels = rng.random((2_000, 3)) < 0.1
    scores = labels + rng.normal(size=labels.shape)
    points = np.array(measures.precision_recall(labels, scores))
    assert len(points) == measures.POINTS
    assert np.diff(points[:, 0]).max() < 0.02
    area = float((np.diff(points[:, 0]) * points[1:, 1]).sum())
    assert area == pytest.approx(average_precision_score(labels.ravel(), scores.ravel()), abs=0.01)


def test_no_curve_without_a_film_of_any_genre():
    assert measures.precision_recall(LABELS & False, SCORES) == []


def test_intervals_hold_what_other_splits_of_the_same_kind_have():
    rng = np.random.default_rng(0)

    def split(films: int):
        labels = rng.random((films, 3)) < [0.5, 0.3, 0.2]
        return labels, labels ^ (rng.random(labels.shape) < 0.2)

    def f1(labels, decisions):
        hits, both = (labels & decisions).sum(axis=0), labels.sum(axis=0) + decisions.sum(axis=0)
        return {"micro_f1": 2 * hits.sum() / both.sum(), "macro_f1": float(np.mean(2 * hits / both))}

    found, others = measures.intervals(*split(300)), [f1(*split(300)) for _ in range(400)]
    for name, (low, high) in found.items():
        spread = np.percentile([other[name] for other in others], [2.5, 97.5])
        assert high - low == pytest.approx(spread[1] - spread[0], rel=0.2)
    exact = split(300)
    assert all(low <= f1(*exact)[name] <= high for name, (low, high) in measures.intervals(*exact).items())
    assert measures.intervals(*exact) == measures.intervals(*exact)


def test_bins_hold_every_score_once():
    bins = measures.calibration(LABELS, SCORES)
    assert sum(each["count"] for each in bins) == SCORES.size
    assert bins[0] == {"score": 0.1, "share": 0.5, "count": 2}
    assert measures.calibration(LABELS, np.ones((3, 3)))[0] == {"score": 1.0, "share": 0.4444, "count": 9}


def test_the_calibration_error_weighs_bins_by_what_is_in_them():
    assert measures.calibration_error([{"score": 0.25, "share": 0.5, "count": 3}]) == 0.25
    bins = [{"score": 0.1, "share": 0.2, "count": 3}, {"score": 0.9, "share": 0.4, "count": 1}]
    assert measures.calibration_error(bins) == 0.2


def test_the_race_counts_what_is_found_and_who_is_ahead():
    labels = np.array([[1, 0, 0, 0, 0], [1, 1, 1, 1, 0]], bool)
    good = np.array([[0.9, 0.1, 0.2, 0.3, 0.0], [0.9, 0.8, 0.7, 0.1, 0.0]])
    bad = np.array([[0.9, 0.1, 0.2, 0.3, 0.0], [0.9, 0.1, 0.2, 0.1, 0.8]])
    counted = measures.race(labels, {"good": good, "bad": bad})
    assert counted == {
        "possible": 4,  # one of the first film, three of the second
        "models": {"good": {"found": 4, "share": 1, "ahead": 1}, "bad": {"found": 3, "share": 0.75, "ahead": 0}},
    }


def test_confusion_pairs_what_was_missed_with_what_was_said():
    decisions = np.array([[0, 1, 0], [1, 1, 0], [1, 1, 0]], bool)
    assert measures.confusion(LABELS, decisions) == [[1, 1, 0], [0, 1, 0], [1, 1, 0]]
    assert measures.shares([[1, 1, 0], [0, 3, 1], [0, 0, 0]]) == [[0.5, 0.5, 0], [0, 0.75, 0.25], [0, 0, 0]]


def test_the_costliest_film_is_the_one_that_is_most_wrong():
    assert measures.cost(LABELS, SCORES).argmax() == 2
    assert measures.cost(LABELS, LABELS * 1.0).max() < 1e-5


def test_a_word_is_worth_what_the_score_loses_without_it():
    def score(texts):
        return np.array([[0.8 if "war" in text.split() else 0.2, 0.5] for text in texts])

    assert words.worth(["a", "war", "hero"], 0, score) == [0, pytest.approx(2.773, abs=1e-3), 0]
    assert words.worth(["a", "war"], 1, score) == [0, 0]


def test_the_bag_of_words_learns_words_and_answers_what_it_cannot_learn():
    texts = ["a war hero", "the war ends", "a funny clown", "the clown laughs"] * 5
    labels = np.array([[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0]] * 5, bool)
    scores, decisions = yardsticks.bag_of_words(
        (texts, labels), (texts, labels), ["a war hero", "the clown laughs", ""]
    )
    assert decisions[:2, :2].tolist() == [[True, False], [False, True]]
    assert scores[:, 2].tolist() == [1, 1, 1]
    assert not decisions[:, 3].any()


def test_scores_of_the_bag_of_words_are_as_probable_as_its_genres():
    rng = np.random.default_rng(0)
    labels = rng.random((400, 1)) < 0.1
    texts = [f"{'clown' if label ^ (rng.random() < 0.2) else 'war'} {rng.integers(50)}" for label in labels[:, 0]]
    scores, _ = yardsticks.bag_of_words((texts, labels), (texts, labels), texts)
    assert scores.mean() == pytest.approx(labels.mean(), abs=0.03)


def test_a_bag_of_words_needs_a_word():
    assert yardsticks.has_words(["", "???", "é"])
    assert not yardsticks.has_words(["", "???"])


def test_constants_are_named():
    found = yardsticks.constants(LABELS, 5, ["Drama", "Comedy", "War"])
    assert list(found) == ["always Drama, Comedy, War", "every genre"]
    assert all(answer.all() and answer.shape == (5, 3) for answer in found.values())
    best, every = yardsticks.constants(LABELS[:1], 2, ["Drama", "Comedy", "War"]).items()
    assert (best[0], best[1].tolist()) == ("always Drama", [[True, False, False]] * 2)
    assert every[1].all()
