"""From what heads say to calibrated scores and thresholds, all chosen on films that no head has learnt from.

A head's evidence is its logit less the genre's log-odds in train. The logit of a genre is those log-odds, plus an
offset of the genre, plus each head's evidence times a slope of the head (Platt's scaling, 1999, for one head; a product
of experts for several), plus a small share of the evidence for every other genre, since genres come together and
exclude each other (stacked binary relevance, Godbole and Sarawagi 2004). All of it is one matrix and one vector. As in
the gated unit of Arevalo et al. (2017), how much poster and overview count depends on the film: there are such a matrix
and vector, and thresholds, for each combination of what a film may have.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops
from scipy import optimize
from scipy.special import expit

from trainer import heads, thresholds
from trainer.evidence import Evidence

FILE = "decisions.npz"
RIDGE_OFFSET = 3.0  # films' worth of pull towards no offset
RIDGE_SLOPE = 3.0  # and towards heads that count the same
RIDGE_OTHERS = 100.0  # and towards no say of other genres, whose evidence is scaled to a variance of 1
UNKNOWN = 0.5  # threshold where there is no film to choose it on


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """H heads, G genres, P combinations of M flags.

    Attributes:
        log_odds: of each genre in train, [G]: evidence is what a logit is more.
        patterns: bool [P, M], every combination of flags.
        slopes: [P, H], for the record.
        weights: [P, H, G, G], of a head's evidence for one genre (the first G) in the logit of another.
        offsets: [P, G], log-odds included.
        thresholds: [P, G].
    """

    log_odds: np.ndarray
    patterns: np.ndarray
    slopes: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    thresholds: np.ndarray

    def save(self, folder: Path) -> None:
        np.savez_compressed(folder / FILE, **vars(self))

    def rows(self, present: np.ndarray) -> np.ndarray:
        """The combination of each film: bool [N, M] -> int64 [N]."""
        return (present[:, None, :] == self.patterns).all(axis=2).argmax(axis=1)


def load(folder: Path) -> Decisions:
    with np.load(folder / FILE) as file:
        return Decisions(**file)


def choose(evidence: Evidence, log_odds: np.ndarray) -> Decisions:
    """The decisions that are best for what a split says.

    Whatever a film lacks, it is learnt from for every part of what it has, and that heads tell of: one with poster and
    overview three times.

    Args:
        evidence: of films that the heads have not learnt from.
        log_odds: of each genre in train, [G].
    """
    genres = len(log_odds)
    patterns = np.array(list(itertools.product([False, True], repeat=len(evidence.flags))))
    slopes = np.zeros((len(patterns), len(evidence.heads)))
    weights = np.zeros((len(patterns), len(evidence.heads), genres, genres))
    offsets = np.tile(np.asarray(log_odds, np.float64), (len(patterns), 1))
    limits = np.full((len(patterns), genres), UNKNOWN)
    said = evidence.logits - log_odds
    for row, pattern in enumerate(patterns):
        asked = pattern[evidence.looks_at]
        films = evidence.present[:, pattern].all(axis=1) & evidence.told[asked].all(axis=0)
        if not asked.any() or not films.any():
            continue
        labels, part = evidence.labels[films], said[asked][:, films]
        slopes[row, asked], weights[row, asked], offsets[row] = _affine(labels, part, evidence.on_eval[films], log_odds)
        limits[row] = thresholds.choose(labels, expit(_logits(part, weights[row, asked], offsets[row])))
    limits[~patterns.any(axis=1)] = limits[-1]  # of a film that has nothing
    rounded = np.round(limits, 6)  # as marquee.json has them
    return Decisions(
        log_odds=np.asarray(log_odds), patterns=patterns, slopes=slopes, weights=weights, offsets=offsets,
        thresholds=rounded,
    )  # fmt: skip


def scores_of(decisions: Decisions, evidence: Evidence) -> np.ndarray:
    """Calibrated scores, [N, G]; NaN for a film that any head does not tell of."""
    said = evidence.logits - decisions.log_odds
    by_pattern = [
        _logits(said, weights, offsets) for weights, offsets in zip(decisions.weights, decisions.offsets, strict=True)
    ]
    return expit(np.stack(by_pattern)[decisions.rows(evidence.present), np.arange(len(evidence.films))])


@keras.saving.register_keras_serializable("marquee")
class Decide(keras.layers.Layer):
    """`scores_of` as a layer, and the thresholds that go with them.

    Scores float32 [N, G] of each head, presence float32 [N] by flag -> scores and thresholds, float32 [N, G] each.
    """

    def __init__(self, decisions: Decisions, **options):
        super().__init__(trainable=False, **options)
        self.decisions = decisions

    def compute_output_shape(self, said_shape, presence_shape):
        return said_shape[0], said_shape[0]

    def call(self, said, presence):
        chosen = self.decisions
        present = ops.stack([flag > 0.5 for flag in presence], axis=1)
        same = ops.cast(present[:, None, :] == ops.convert_to_tensor(chosen.patterns), "int32")
        pattern = ops.one_hot(ops.argmax(ops.prod(same, axis=2), axis=1), len(chosen.patterns))
        log_odds = chosen.log_odds.astype(np.float32)
        evidence = ops.stack([heads.logits(scores) - log_odds for scores in said], axis=1)
        weights, offsets, limits = (
            ops.convert_to_tensor(values.astype(np.float32))
            for values in (chosen.weights, chosen.offsets, chosen.thresholds)
        )
        # Where a film lacks what a head looks at, its weights are 0: what it says then, and it is finite, is nothing.
        by_pattern = ops.einsum("nhj,phjg->npg", evidence, weights) + offsets
        return ops.sigmoid(ops.einsum("np,npg->ng", pattern, by_pattern)), ops.matmul(pattern, limits)


def _affine(
    labels: np.ndarray, said: np.ndarray, on_eval: np.ndarray, log_odds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes [H], weights [H, G, G] and offsets [G] for films that have all that the heads look at."""
    count, _, genres = said.shape
    # First what each head is worth, in common for all genres. With each genre's own offset: a loss that moves scores
    # (focal, weights) would be seen as a head that says the contrary.
    start = np.full(count, 1 / count)
    base = log_odds + np.tensordot(start, said, 1)
    found = _ridge(
        lambda weights: base + np.tensordot(weights[:count], said, 1) + weights[count:],
        lambda wrong: np.append(np.tensordot(said, wrong, 2), wrong.sum(axis=0)),
        labels,
        np.append(np.full(count, RIDGE_SLOPE), np.full(genres, RIDGE_OFFSET)),
    )
    slopes, first = start + found[:count], found[count:]
    base = log_odds + first + np.tensordot(slopes, said, 1)
    # Then, genre by genre, what is left to say.
    scaled = slopes[:, None, None] * said
    mean, spread = scaled.mean(axis=1), scaled.std(axis=1) + 1e-9
    design = np.concatenate([((part - m) / s) for part, m, s in zip(scaled, mean, spread, strict=True)], axis=1)
    design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    pull = np.append(np.full(count * genres, RIDGE_OTHERS), RIDGE_OFFSET)
    left = np.stack([_linear(design, base[:, k], labels[:, k], pull) for k in range(genres)], axis=1)
    others = left[:-1].reshape(count, genres, genres) / spread[:, :, None]
    weights = slopes[:, None, None] * (others + np.eye(genres))
    offsets = log_odds + first + left[-1] - np.einsum("hj,hjg->g", mean, others)
    if on_eval.any() and not on_eval.all():
        # A committee is surer, and righter, than its members, who spoke for the films of train.
        logits = _logits(said[:, on_eval], weights, offsets).ravel()
        design = np.stack([logits, np.ones(len(logits))], axis=1)
        slope, offset = _linear(design, logits, labels[on_eval].ravel(), np.full(2, RIDGE_SLOPE))
        slopes, weights, offsets = slopes * (1 + slope), weights * (1 + slope), offsets * (1 + slope) + offset
    return slopes, weights, offsets


def _linear(design: np.ndarray, base: np.ndarray, labels: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """`_ridge` of logits `base` [N] + `design` [N, D] @ weights [D]."""
    return _ridge(lambda weights: base + design @ weights, lambda wrong: design.T @ wrong, labels, pull)


def _ridge(
    logits_of: Callable[[np.ndarray], np.ndarray],
    back: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    pull: np.ndarray,
) -> np.ndarray:
    """Weights [D] of a logistic regression, each pulled towards 0 by so much.

    Args:
        logits_of: of weights, in the shape of the labels.
        back: how much each weight is at fault, for what is wrong with each logit.
        labels: bool.
        pull: [D].
    """

    def cost(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = logits_of(weights)
        value = np.logaddexp(0, logits).sum() - logits[labels].sum() + (pull * weights**2).sum() / 2
        return value, back(expit(logits) - labels) + pull * weights

    return optimize.minimize(cost, np.zeros(len(pull)), jac=True, method="L-BFGS-B").x


def _logits(said: np.ndarray, weights: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """[H, N, G] and [H, G, G] -> [N, G]."""
    return np.einsum("hnj,hjg->ng", said, weights) + offsets
