"""From what heads say to calibrated scores and thresholds, all chosen on films that no head has learnt from.

A head's evidence is its logit less the genre's log-odds in train. The logit of a genre is those log-odds, plus an
offset of the genre, plus each head's evidence times a slope of the head (Platt's scaling, 1999, for one head; a product
of experts for several), plus a small share of the evidence for every other genre, since genres come together and
exclude each other (stacked binary relevance, Godbole and Sarawagi 2004). All of it is one matrix and one vector. Then a
gate says how much each head counts for the film at hand (`trainer.gate`).

There are a matrix, a vector, a gate and thresholds for each combination of what a film may have. They are learnt with
modality dropout (Neverova et al. 2016), of every modality of every film rather than by lot: one with poster and
overview is learnt from whole, without its poster, and without its overview.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops
from scipy.special import expit

from trainer import gate, heads, ridge, thresholds
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
        slopes: [P, H], for the record, of heads with equal shares.
        weights: [P, H, G, G], of a head's evidence for one genre (the first G) in the logit of another, were its share
            1.
        offsets: [P, G], log-odds included.
        gates: [P, H + 1, H, G], as `trainer.gate` has them.
        thresholds: [P, G].
    """

    log_odds: np.ndarray
    patterns: np.ndarray
    slopes: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    gates: np.ndarray
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

    A film is learnt from once for every part of what it has, where heads tell of it.

    Args:
        evidence: of films that the heads have not learnt from.
        log_odds: of each genre in train, [G].
    """
    count, genres = len(evidence.heads), len(log_odds)
    patterns = np.array(list(itertools.product([False, True], repeat=len(evidence.flags))))
    slopes = np.zeros((len(patterns), count))
    weights = np.zeros((len(patterns), count, genres, genres))
    offsets = np.tile(np.asarray(log_odds, np.float64), (len(patterns), 1))
    gates = np.stack([gate.equal(pattern[evidence.looks_at], genres) for pattern in patterns])
    limits = np.full((len(patterns), genres), UNKNOWN)
    said = evidence.logits - log_odds
    for row, pattern in enumerate(patterns):
        asked = pattern[evidence.looks_at]
        films = evidence.present[:, pattern].all(axis=1) & evidence.told[asked].all(axis=0)
        if not asked.any() or not films.any():
            continue
        labels, on_eval, part = evidence.labels[films], evidence.on_eval[films], said[asked][:, films]
        slopes[row, asked], weights[row, asked], offsets[row] = _affine(labels, part, log_odds)
        weights[row] *= asked.sum()  # the heads' mean has the slopes of their sum
        sides, sure = _sides(part, weights[row, asked]), gate.sureness(part)
        learnt = gate.learn(sides, offsets[row], sure, labels)
        gates[row][np.ix_(np.append(asked, True), asked)] = learnt
        logits = gate.blend(sides, sure, learnt) + offsets[row]
        if on_eval.any() and not on_eval.all():
            surer, offset = _surer(logits[on_eval], labels[on_eval])
            logits = surer * logits + offset
            for scaled in (slopes, weights, offsets):
                scaled[row] *= surer
            offsets[row] += offset
        limits[row] = thresholds.choose(labels, expit(logits))
    limits[~patterns.any(axis=1)] = limits[-1]  # of a film that has nothing
    rounded = np.round(limits, 6)  # as marquee.json has them
    return Decisions(
        log_odds=np.asarray(log_odds), patterns=patterns, slopes=slopes, weights=weights, offsets=offsets,
        gates=gates, thresholds=rounded,
    )  # fmt: skip


def scores_of(decisions: Decisions, evidence: Evidence) -> np.ndarray:
    """Calibrated scores, [N, G]; NaN for a film that any head does not tell of."""
    said = evidence.logits - decisions.log_odds
    sure = gate.sureness(said)
    by_pattern = [
        gate.blend(_sides(said, weights), sure, one) + offsets
        for weights, offsets, one in zip(decisions.weights, decisions.offsets, decisions.gates, strict=True)
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
        weights, offsets, gates, limits = (
            ops.convert_to_tensor(values.astype(np.float32))
            for values in (chosen.weights, chosen.offsets, chosen.gates, chosen.thresholds)
        )
        # Where a film lacks what a head looks at, its weights and share are 0: what it says then, and it is finite, is
        # nothing.
        sides = ops.einsum("nhj,phjg->nphg", evidence, weights)
        sure = ops.pad(ops.mean(ops.abs(evidence), axis=2), [(0, 0), (0, 1)], constant_values=1.0)
        shares = ops.softmax(ops.einsum("nk,pkhg->nphg", sure, gates), axis=2)
        by_pattern = ops.sum(shares * sides, axis=2) + offsets
        return ops.sigmoid(ops.einsum("np,npg->ng", pattern, by_pattern)), ops.matmul(pattern, limits)


def _affine(labels: np.ndarray, said: np.ndarray, log_odds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes [H], weights [H, G, G] and offsets [G] for films that have all that the heads look at."""
    count, _, genres = said.shape
    # First what each head is worth, in common for all genres. With each genre's own offset: a loss that moves scores
    # (focal, weights) would be seen as a head that says the contrary.
    start = np.full(count, 1 / count)
    base = log_odds + np.tensordot(start, said, 1)

    def in_common(found: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        logits = base + np.tensordot(found[:count], said, 1) + found[count:]
        return logits, lambda wrong: np.append(np.tensordot(said, wrong, 2), wrong.sum(axis=0))

    pull = np.append(np.full(count, RIDGE_SLOPE), np.full(genres, RIDGE_OFFSET))
    found = ridge.solve(in_common, labels, pull)
    slopes, first = start + found[:count], found[count:]
    base = log_odds + first + np.tensordot(slopes, said, 1)
    # Then, genre by genre, what is left to say.
    scaled = slopes[:, None, None] * said
    mean, spread = scaled.mean(axis=1), scaled.std(axis=1) + 1e-9
    design = np.concatenate([((part - m) / s) for part, m, s in zip(scaled, mean, spread, strict=True)], axis=1)
    design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    pull = np.append(np.full(count * genres, RIDGE_OTHERS), RIDGE_OFFSET)
    left = np.stack([ridge.linear(design, base[:, k], labels[:, k], pull) for k in range(genres)], axis=1)
    others = left[:-1].reshape(count, genres, genres) / spread[:, :, None]
    weights = slopes[:, None, None] * (others + np.eye(genres))
    offsets = log_odds + first + left[-1] - np.einsum("hj,hjg->g", mean, others)
    return slopes, weights, offsets


def _sides(said: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What each head says of all genres: [H, N, G] and [H, G, G] -> [N, H, G]."""
    return np.einsum("hnj,hjg->nhg", said, weights)


def _surer(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """A slope and an offset for what a committee says, which is surer, and righter, than its members.

    Args:
        logits: of films of eval, learnt where members spoke for the films of train, [N, G].
        labels: bool [N, G].
    """
    said = logits.ravel()
    design = np.stack([said, np.ones(len(said))], axis=1)
    slope, offset = ridge.linear(design, said, labels.ravel(), np.full(2, RIDGE_SLOPE))
    return 1 + slope, offset
