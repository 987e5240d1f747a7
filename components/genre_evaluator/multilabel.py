"""Multi-label metrics of N films and G genres, in NumPy alone.

Figures agree with scikit-learn's `precision_recall_fscore_support(zero_division=0)` and
`average_precision_score`; where they are 0/0 they are 0. The one difference: the mean average precision is
taken over the genres that have a positive film in these rows, because the average precision of the others
is undefined (scikit-learn warns and counts them as 0). Such a genre's own figure is NaN here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Constant:
    """A predictor that answers the same genres for every film."""

    genres: tuple[int, ...]  # columns, by falling support
    micro_f1: float
    macro_f1: float


@dataclass(frozen=True)
class Evaluation:
    """Every figure of one set of rows; arrays have shape [G] and dtype float64."""

    films: int
    support: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    average_precision: Floats  # NaN for a genre without a positive film
    micro_precision: float
    micro_recall: float
    micro_f1: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    weighted_f1: float
    samples_f1: float
    mean_average_precision: float  # NaN without any positive film
    best_constant: Constant
    all_genres: Constant
    unusable_films: int  # films with a score that is NaN or infinite
    score_range: float  # over genres, the largest difference between two films' scores; 0: a constant model

    @property
    def micro_f1_margin(self) -> float:
        """Micro-F1 minus that of the best constant predictor of the same rows."""
        return self.micro_f1 - self.best_constant.micro_f1


def evaluate(labels: NDArray, scores: NDArray, decisions: NDArray) -> Evaluation:
    """All figures of `labels`, `scores` and `decisions`, each of shape [N, G]; N and G may be 0.

    Labels and decisions are true where they exceed 0.5. A score that isn't finite ranks below every other.

    Raises:
        ValueError: the shapes differ.
    """
    if not labels.shape == scores.shape == decisions.shape or labels.ndim != 2:
        raise ValueError(f"shapes differ: {labels.shape}, {scores.shape}, {decisions.shape}")
    truth = labels > 0.5
    answer = decisions > 0.5
    finite = np.isfinite(scores)
    ranked = np.where(finite, scores, -np.inf)

    hits = (truth & answer).sum(axis=0)
    answered = answer.sum(axis=0)
    support = truth.sum(axis=0)
    precision, recall, f1 = _ratios(hits, answered, support)
    micro_precision, micro_recall, micro_f1 = _ratios(hits.sum(), answered.sum(), support.sum())
    _, _, film_f1 = _ratios((truth & answer).sum(axis=1), answer.sum(axis=1), truth.sum(axis=1))
    average_precision = np.array(
        [_average_precision(truth[:, g], ranked[:, g]) for g in range(truth.shape[1])], dtype=np.float64
    )
    defined = average_precision[support > 0]
    return Evaluation(
        films=len(truth),
        support=support.astype(np.float64),
        precision=precision,
        recall=recall,
        f1=f1,
        average_precision=average_precision,
        micro_precision=float(micro_precision),
        micro_recall=float(micro_recall),
        micro_f1=float(micro_f1),
        macro_precision=_mean(precision),
        macro_recall=_mean(recall),
        macro_f1=_mean(f1),
        weighted_f1=float((f1 * support).sum() / max(support.sum(), 1)),
        samples_f1=_mean(film_f1),
        mean_average_precision=float(defined.mean()) if defined.size else float("nan"),
        best_constant=best_constant(support, len(truth)),
        all_genres=constant(range(truth.shape[1]), support, len(truth)),
        unusable_films=int((~finite.all(axis=1)).sum()),
        score_range=_score_range(scores) if finite.all() else float("nan"),
    )


def constant(genres: Sequence[int], support: NDArray, films: int) -> Constant:
    """The figures of always answering `genres`, where genre g is true of `support[g]` of `films` films."""
    chosen = np.zeros(len(support), dtype=bool)
    chosen[list(genres)] = True
    hits = np.where(chosen, support, 0)
    answered = np.where(chosen, films, 0)
    _, _, micro_f1 = _ratios(hits.sum(), answered.sum(), support.sum())
    _, _, f1 = _ratios(hits, answered, support)
    return Constant(tuple(int(g) for g in genres), float(micro_f1), _mean(f1))


def best_constant(support: NDArray, films: int) -> Constant:
    """The constant predictor of the highest micro-F1 (of several, the one with the fewest genres).

    Micro-F1 is 2 * hits / (answers + positives). Of all sets of k genres the answers (k * films) and the
    positives are the same, so that the k commonest genres, which have the most hits, are the best of them:
    trying k = 1..G tries everything.
    """
    order = tuple(int(g) for g in np.argsort(-support, kind="stable"))
    best = constant(order[:1], support, films)
    for k in range(2, len(order) + 1):
        candidate = constant(order[:k], support, films)
        if candidate.micro_f1 > best.micro_f1:
            best = candidate
    return best


def _ratios(hits: NDArray, answered: NDArray, support: NDArray) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1, elementwise; 0 where undefined."""
    return _divide(hits, answered), _divide(hits, support), _divide(2 * hits, answered + support)


def _divide(numerator: NDArray, denominator: NDArray) -> Floats:
    zero = np.zeros(np.shape(numerator), dtype=np.float64)
    return np.divide(numerator, denominator, out=zero, where=np.asarray(denominator) > 0)


def _average_precision(truth: NDArray[np.bool_], scores: NDArray) -> float:
    """Sum over the distinct scores, as thresholds, of precision times the recall gained; [N], [N]."""
    positives = int(truth.sum())
    if positives == 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    hits = np.cumsum(truth[order])[last_of_tie]
    answered = np.flatnonzero(last_of_tie) + 1
    gained = np.diff(hits, prepend=0)
    return float((hits / answered * gained).sum() / positives)


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else 0.0


def _score_range(scores: NDArray) -> float:
    return float(np.ptp(scores, axis=0).max()) if scores.size else 0.0
