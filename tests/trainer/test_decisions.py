"""Slopes, other genres' say, thresholds, and the layer that applies them."""

import dataclasses

import keras
import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from trainer import decisions, gate, heads, metrics
from trainer.evidence import Evidence

LOG_ODDS = np.log(np.array([0.5, 0.1, 0.02]) / (1 - np.array([0.5, 0.1, 0.02])))


def films(count: int, seed: int = 0, strengths=(0.3, 1.0), missing: float = 0.2) -> Evidence:
    """Of two heads, for what a poster and an overview say: clues of so much strength, with noise of 1."""
    rng = np.random.default_rng(seed)
    labels = rng.random((count, 3)) < expit(LOG_ODDS)
    clues = [strength * (2.0 * labels - 1) + rng.normal(size=labels.shape) for strength in strengths]
    return Evidence(
        films=np.array([b"%d" % film for film in range(count)]),
        on_eval=np.ones(count, bool),
        labels=labels,
        flags=["has_poster", "has_overview"],
        present=rng.random((count, 2)) >= missing,
        heads=["poster", "words"],
        looks_at=np.array([0, 1]),
        logits=LOG_ODDS + np.stack(clues),
    )


def shouting(count: int, seed: int = 0) -> Evidence:
    """As `films` that have both; of every other one the poster's head says nothing, but says it loudly."""
    given = films(count, seed, strengths=(1.0, 0.5), missing=0)
    given.logits[0, ::2] = LOG_ODDS + 2.5 * np.random.default_rng(seed).normal(size=given.logits[0, ::2].shape)
    return given


def having(evidence: Evidence, *flags: bool) -> Evidence:
    """As if every film had just that."""
    return dataclasses.replace(evidence, present=np.tile(flags, (len(evidence.films), 1)))


def words_alone(evidence: Evidence) -> Evidence:
    return dataclasses.replace(
        evidence, flags=["has_overview"], present=evidence.present[:, 1:], heads=["words"], looks_at=np.array([0]),
        logits=evidence.logits[1:],
    )  # fmt: skip


def cost(evidence: Evidence, scores: np.ndarray) -> float:
    return -np.mean(np.where(evidence.labels, np.log(scores), np.log(1 - scores)))


def test_an_overconfident_head_is_taken_back():
    given = words_alone(films(20_000, missing=0))
    loud = dataclasses.replace(given, logits=LOG_ODDS + 8 * (given.logits - LOG_ODDS))
    chosen = decisions.choose(loud, LOG_ODDS)
    assert chosen.slopes[1, 0] == pytest.approx(2 / 8, abs=0.05)  # clues of strength 1 and noise 1 weigh twice
    scores = decisions.scores_of(chosen, loud)
    assert metrics.expected_calibration_error(loud.labels, scores) < 0.02
    assert metrics.expected_calibration_error(loud.labels, expit(loud.logits[0])) > 0.05


def test_a_head_whose_scores_are_moved_is_worth_the_same():
    """As a loss does that weighs what is rare: up for the rare, down for the rest."""
    given = words_alone(films(20_000, missing=0))
    moved = dataclasses.replace(given, logits=given.logits - 1.5 * (LOG_ODDS - LOG_ODDS.mean()))
    there, here = decisions.choose(moved, LOG_ODDS), decisions.choose(given, LOG_ODDS)
    np.testing.assert_allclose(there.slopes[1], here.slopes[1], rtol=0.05)
    np.testing.assert_allclose(decisions.scores_of(there, moved), decisions.scores_of(here, given), atol=0.01)


def test_slopes_are_those_of_a_logistic_regression():
    given = films(5_000, missing=0)
    common = dataclasses.replace(given, labels=given.labels[:, :1], logits=given.logits[..., :1])
    slopes = decisions.choose(common, LOG_ODDS[:1]).slopes[3]
    clues = (common.logits[..., 0] - LOG_ODDS[0]).T
    expected = LogisticRegression(C=1e6, fit_intercept=True).fit(clues, common.labels[:, 0])
    np.testing.assert_allclose(slopes, expected.coef_[0], rtol=0.03)


def test_a_genre_learns_of_those_that_it_comes_with():
    """Nothing is said of the last genre, which every film of the first has and no other."""
    given = words_alone(films(4_000, missing=0, strengths=(0.3, 2.0)))
    labels = given.labels[:, [0, 1, 0]]
    logits = given.logits * [1, 1, 0] + LOG_ODDS * [0, 0, 1]
    chosen = decisions.choose(dataclasses.replace(given, labels=labels, logits=logits), LOG_ODDS)
    assert chosen.weights[1, 0, 0, 2] > 0.3 > abs(chosen.weights[1, 0, 1, 2])


def test_a_film_with_one_of_two_gets_what_the_single_model_says():
    given, other = films(3_000), films(3_000, seed=1)
    both, alone = decisions.choose(given, LOG_ODDS), decisions.choose(words_alone(given), LOG_ODDS)
    only = having(other, False, True)
    expected = decisions.scores_of(alone, words_alone(only))
    np.testing.assert_allclose(decisions.scores_of(both, only), expected)
    np.testing.assert_array_equal(both.thresholds[both.rows(only.present)][0], alone.thresholds[1])
    whole = decisions.scores_of(both, having(other, True, True))
    assert cost(other, whole) < cost(other, expected)


def test_a_poster_that_shouts_of_nothing_counts_less():
    chosen = decisions.choose(shouting(4_000), LOG_ODDS)
    equal = dataclasses.replace(chosen, gates=np.stack([gate.equal(pattern, 3) for pattern in chosen.patterns]))
    given = shouting(4_000, seed=1)
    gated, ungated = (cost(given, decisions.scores_of(one, given)) for one in (chosen, equal))
    assert gated < 0.99 * ungated
    only = having(given, True, False)
    np.testing.assert_allclose(decisions.scores_of(chosen, only), decisions.scores_of(equal, only))


def test_what_one_head_has_learnt_from_the_other_may_still_be_asked_about():
    given = films(3_000)
    untold = np.arange(3_000) % 2 == 0
    logits = given.logits.copy()
    logits[0, untold] = np.nan
    partly = dataclasses.replace(given, logits=logits)
    expected, chosen = decisions.choose(words_alone(given), LOG_ODDS), decisions.choose(partly, LOG_ODDS)
    np.testing.assert_array_equal(chosen.thresholds[1], expected.thresholds[1])  # of all films
    np.testing.assert_array_equal(chosen.weights[1, 1], expected.weights[1, 0])
    half = dataclasses.replace(
        given, films=given.films[~untold], on_eval=given.on_eval[~untold], labels=given.labels[~untold],
        present=given.present[~untold], logits=given.logits[:, ~untold],
    )  # fmt: skip
    for row in (2, 3):
        np.testing.assert_array_equal(chosen.weights[row], decisions.choose(half, LOG_ODDS).weights[row])


def test_saved_and_loaded(tmp_path):
    chosen = decisions.choose(films(500), LOG_ODDS)
    chosen.save(tmp_path)
    again = decisions.load(tmp_path)
    for name, values in vars(chosen).items():
        np.testing.assert_array_equal(getattr(again, name), values)


def test_a_film_with_nothing_gets_the_shares_of_train():
    given = films(500)
    scores = decisions.scores_of(decisions.choose(given, LOG_ODDS), having(given, False, False))
    np.testing.assert_allclose(scores[0], expit(LOG_ODDS))


def test_the_last_word_on_how_sure_to_be_is_evals():
    """On eval the committee, three times as sure as the members that spoke for train, and right to be."""
    rng = np.random.default_rng(0)
    given = words_alone(films(6_000, missing=0))
    on_eval = rng.random(6_000) < 0.3
    said = given.logits - LOG_ODDS
    mixed = np.where(on_eval[:, None], said, said / 3 + rng.normal(size=said.shape))
    chosen = decisions.choose(dataclasses.replace(given, on_eval=on_eval, logits=mixed + LOG_ODDS), LOG_ODDS)
    scores = decisions.scores_of(chosen, given)
    assert metrics.expected_calibration_error(given.labels[on_eval], scores[on_eval]) < 0.03
    without = decisions.choose(
        dataclasses.replace(given, on_eval=np.zeros(6_000, bool), logits=mixed + LOG_ODDS), LOG_ODDS
    )
    assert chosen.slopes[1, 0] > 1.3 * without.slopes[1, 0]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_film_leaves_the_heads_alone(count):
    few = films(10, missing=0)
    few = dataclasses.replace(
        few, films=few.films[:count], on_eval=few.on_eval[:count], labels=few.labels[:count],
        present=few.present[:count], logits=few.logits[:, :count],
    )  # fmt: skip
    chosen = decisions.choose(few, LOG_ODDS)
    assert np.abs(chosen.offsets - LOG_ODDS).max() < 1
    assert ((chosen.thresholds > 0) & (chosen.thresholds < 1)).all()
    scores = decisions.scores_of(chosen, films(5))
    assert ((scores > 0) & (scores < 1)).all()


def test_the_layer_says_what_scores_of_says():
    given = shouting(200)
    given.present[::3, 0], given.present[::5, 1] = False, False
    given.logits[:, 0], given.logits[:, 1] = 40, -40  # scores of 1 and 0
    chosen = decisions.choose(given, LOG_ODDS)
    scores = [expit(head).astype(np.float32) for head in given.logits]
    said, limits = decisions.Decide(chosen)(scores, [given.present[:, flag].astype(np.float32) for flag in range(2)])
    clipped = dataclasses.replace(given, logits=np.stack([heads.logits_of(head) for head in scores]))
    expected = decisions.scores_of(chosen, clipped)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(said), expected, atol=1e-5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(limits), chosen.thresholds[chosen.rows(given.present)])
    assert np.isfinite(expected).all()
