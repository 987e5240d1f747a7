"""What is measured of models beside the Evaluator's figures, in NumPy and scikit-learn alone.

Labels and decisions are bool [N, G], scores float [N, G], for N films and G genres.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve

POINTS = 100  # of a curve
BINS = 15
DRAWS = 1_000  # of the bootstrap
TOP = 3


def precision_recall(labels: np.ndarray, scores: np.ndarray) -> list[list[float]]:
    """The curve over all genres together, as [recall, precision] by rising recall: POINTS of even recall at most."""
    if not labels.any():
        return []
    precision, recall, _ = precision_recall_curve(labels.ravel(), scores.ravel())
    # scikit-learn has recall fall from 1 to 0. The last point that reaches each: thresholds beyond it add precision.
    kept = np.unique(np.searchsorted(-recall, -np.linspace(1, 0, POINTS), side="right") - 1)
    return np.stack([recall[kept], precision[kept]], axis=1)[::-1].round(4).tolist()


def intervals(labels: np.ndarray, decisions: np.ndarray, seed: int = 0) -> dict[str, list[float]]:
    """Between which figures micro- and macro-F1 lie for 95 of 100 test splits like this one.

    Percentiles of DRAWS samples of the films with replacement (Efron and Tibshirani 1993, the bootstrap).
    """
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=DRAWS).astype(np.float64)
    hits, positives, said = (times @ each.astype(np.float64) for each in (labels & decisions, labels, decisions))
    micro = 2 * hits.sum(axis=1) / np.maximum((positives + said).sum(axis=1), 1)
    macro = (2 * hits / np.maximum(positives + said, 1)).mean(axis=1)
    return {
        name: np.percentile(drawn, [2.5, 97.5]).tolist() for name, drawn in (("micro_f1", micro), ("macro_f1", macro))
    }


def calibration(labels: np.ndarray, scores: np.ndarray) -> list[dict[str, float]]:
    """Bins of equal width of the scores (Guo et al. 2017): mean score, share of hits, number of scores in each."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        {
            "score": round(float(scores[inside].mean()), 4),
            "share": round(float(labels[inside].mean()), 4),
            "count": int(inside.sum()),
        }
        for number in range(BINS)
        if (inside := bins == number).any()
    ]


def calibration_error(bins: Sequence[Mapping[str, float]]) -> float:
    """The expected calibration error of bins as `calibration` makes them."""
    count = sum(each["count"] for each in bins)
    return round(sum(each["count"] * abs(each["score"] - each["share"]) for each in bins) / count, 4)


def top_three(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of each film's highest scores, best first, [N, up to 3], and which of them are true."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    return best, np.take_along_axis(labels, best, axis=1)


def race(labels: np.ndarray, scores: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """How many of the films' genres each model has among its top three, and for how many films it alone has most.

    Returns:
        `possible`, the genres that could be found, no more than three a film; and by model `found`, its `share` of
        those, and `ahead`.
    """
    hits = {name: top_three(labels, each)[1].sum(axis=1) for name, each in scores.items()}
    table = np.stack(list(hits.values()))
    alone = (table == table.max(axis=0)).sum(axis=0) == 1
    possible = int(np.minimum(labels.sum(axis=1), TOP).sum())
    return {
        "possible": possible,
        "models": {
            name: {
                "found": int(found.sum()),
                "share": round(found.sum() / max(possible, 1), 4),
                "ahead": int((alone & (found == table.max(axis=0))).sum()),
            }
            for name, found in hits.items()
        },
    }


def confusion(labels: np.ndarray, decisions: np.ndarray) -> list[list[int]]:
    """Films by a genre that they have (row) and one that the model gave them (column), [G, G].

    On the diagonal the films for which it was right. Beside it a film counts for each genre that it has and was not
    given, with each that it was given and does not have: what was said instead, where two sets leave open which stands
    for which (compare Krstinic et al. 2020, who share out one film among such pairs).
    """
    missed, wrong = labels & ~decisions, decisions & ~labels
    table = missed.T.astype(int) @ wrong.astype(int)
    np.fill_diagonal(table, (labels & decisions).sum(axis=0))
    return table.tolist()


def shares(confusion: Sequence[Sequence[int]]) -> list[list[float]]:
    """Each row of a confusion by its sum."""
    return [[round(films / max(sum(row), 1), 4) for films in row] for row in confusion]


def cost(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Mean cross-entropy of each film, [N]: how surprised a model is by the truth."""
    sure = np.clip(scores, 1e-6, 1 - 1e-6)
    return -np.where(labels, np.log(sure), np.log(1 - sure)).mean(axis=1)
