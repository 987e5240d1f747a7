"""Thresholds of each genre, chosen on the eval split alone."""

import numpy as np

CANDIDATES = np.arange(1, 100) / 100
SHRINKAGE = 30.0  # films of a genre at which its own threshold and the common one weigh the same


def choose(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """A threshold for each genre: its own best one, shrunk towards the common one where its films are few.

    The common threshold gives the best micro-F1, a genre's own the best F1 of that genre; with n films of
    the genre its own weighs n / (n + SHRINKAGE). Ties go to the candidate in the middle of the best.

    Args:
        labels: 0 or 1, [N, G].
        scores: 0..1, [N, G].

    Returns:
        float64 [G], for decisions `score >= threshold`.
    """
    positive = labels.astype(bool)
    hits, said = np.empty((2, len(CANDIDATES), labels.shape[1]), np.int64)
    for row, candidate in enumerate(CANDIDATES):  # one at a time: all at once is a hundred times the memory
        decisions = scores >= candidate
        hits[row], said[row] = (decisions & positive).sum(axis=0), decisions.sum(axis=0)
    totals = said + positive.sum(axis=0)
    common = _best(_f1(hits.sum(axis=1), totals.sum(axis=1))[:, None])
    own = _best(_f1(hits, totals))
    weight = positive.sum(axis=0) / (positive.sum(axis=0) + SHRINKAGE)
    return weight * own + (1 - weight) * common


def _f1(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    return 2 * hits / np.maximum(totals, 1)


def _best(f1: np.ndarray) -> np.ndarray:
    """The candidate in the middle of those that are best, by column: [C, K] -> [K]."""
    return np.array([np.median(CANDIDATES[column >= column.max() - 1e-12]) for column in f1.T])
