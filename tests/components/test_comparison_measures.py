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
    many = np.random.default_rng(0).random((500, 3))
    assert len(measures.precision_recall(many > 0.7, many)) == measures.POINTS
    assert measures.precision_recall(LABELS & False, SCORES) == []


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


def test_constants_are_named():
    found = yardsticks.constants(LABELS, 5, ["Drama", "Comedy", "War"])
    assert list(found) == ["always Drama, Comedy, War", "every genre"]
    assert all(answer.all() and answer.shape == (5, 3) for answer in found.values())
    best, every = yardsticks.constants(LABELS[:1], 2, ["Drama", "Comedy", "War"]).items()
    assert (best[0], best[1].tolist()) == ("always Drama", [[True, False, False]] * 2)
    assert every[1].all()
