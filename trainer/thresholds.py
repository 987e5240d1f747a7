"""Thresholds of each genre, from scores that are calibrated."""

import numpy as np
from scipy.special import expit

from trainer.heads import logits_of

CANDIDATES = np.arange(1, 100) / 100
COMMON = 0.22  # what the common threshold weighs beside a genre's own
FILMS = 1.0  # of a genre at which its own weighs half of what it would with many


def choose(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """A threshold for each genre: its own, pulled towards the common one, most where its films are few.

    A genre's own is the one that would give its best F1 if scores were the probabilities that they are calibrated to be
    (the plug-in rule of Ye et al. 2012): for a rare genre, the one that gives the best F1 of the films at hand is a
    matter of chance. The common one is that which gives the best micro-F1; of those that do, the middle. With n films
    of the genre its own weighs (1 - COMMON) n / (n + FILMS), the common one the rest, in log-odds.

    Args:
        labels: 0 or 1, [N, G].
        scores: 0..1, [N, G].

    Returns:
        float64 [G], for decisions `score >= threshold`.
    """
    positive = labels.astype(bool)
    films = positive.sum(axis=0)
    own = (1 - COMMON) * films / (films + FILMS)
    return expit(own * logits_of(_expected_best(scores)) + (1 - own) * logits_of(_common(positive, scores)))


def _common(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    f1 = np.empty(len(CANDIDATES))
    for row, candidate in enumerate(CANDIDATES):  # one at a time: all at once is a hundred times the memory
        said = scores >= candidate
        f1[row] = 2 * (said & positive).sum() / max(said.sum() + positive.sum(), 1)
    return np.median(CANDIDATES[f1 >= f1.max() - 1e-12])


def _expected_best(scores: np.ndarray) -> np.ndarray:
    """The threshold of the best expected F1 of each genre, scores taken for probabilities: [N, G] -> [G]."""
    falling = -np.sort(-scores, axis=0)
    said = np.arange(1, len(scores) + 1)[:, None]
    f1 = 2 * falling.cumsum(axis=0) / (said + falling.sum(axis=0))
    return np.take_along_axis(falling, f1.argmax(axis=0)[None], axis=0)[0]
