"""How much each head counts, film by film and genre by genre: a gate after that of Arevalo et al. (2017).

Their unit weighs what two modalities say by z and 1 - z, z a logistic function of both. Here it is what two or more
heads say for each genre, by shares that sum to 1, and they are a function of how sure each head is of the film. The
share of a poster is that of the heads that look at it; of what a film lacks it is 0.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import softmax

from trainer import ridge

PULL = 50.0  # films' worth, towards equal shares; sureness has a variance of 1 then
SHUT = -1e9  # for the share of a head that is not asked, which is 0 then, and the others' as if it were not there


def equal(asked: np.ndarray, genres: int) -> np.ndarray:
    """A gate by which the heads that are asked, bool [H], share equally: [H + 1, H, G]."""
    gate = np.zeros((len(asked) + 1, len(asked), genres))
    gate[-1, ~asked] = SHUT
    return gate


def sureness(evidence: np.ndarray) -> np.ndarray:
    """How sure each head is of a film, the mean size of its evidence, and last a 1: [H, N, G] -> [N, H + 1]."""
    sure = np.abs(evidence).mean(axis=2).T
    return np.concatenate([sure, np.ones((len(sure), 1))], axis=1)


def blend(sides: np.ndarray, sure: np.ndarray, gate: np.ndarray) -> np.ndarray:
    """What all heads say, each for its share.

    Args:
        sides: what each says, in logits, [N, H, G].
        sure: as `sureness` gives it, [N, H + 1].
        gate: what each sureness says for the share of a head, before a softmax over heads, [H + 1, H, G].

    Returns:
        [N, G].
    """
    return (_shares(sure, gate) * sides).sum(axis=1)


def learn(sides: np.ndarray, base: np.ndarray, sure: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The gate of the least cross-entropy, pulled towards equal shares, [H + 1, H, G].

    Args:
        sides: as `blend` takes them.
        base: what is added to what they say, [G].
        sure: as `blend` takes it.
        labels: bool [N, G].
    """
    mean, spread = sure[:, :-1].mean(axis=0), sure[:, :-1].std(axis=0) + 1e-9
    scaled = np.concatenate([(sure[:, :-1] - mean) / spread, sure[:, -1:]], axis=1)
    shape = (scaled.shape[1], *sides.shape[1:])

    def model(found: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        share = _shares(scaled, found.reshape(shape))
        said = (share * sides).sum(axis=1)
        slope = share * (sides - said[:, None])
        return said + base, lambda wrong: np.tensordot(scaled, wrong[:, None] * slope, (0, 0)).ravel()

    gate = ridge.solve(model, labels, np.full(np.prod(shape), PULL)).reshape(shape)
    gate[:-1] /= spread[:, None, None]
    gate[-1] -= np.tensordot(mean, gate[:-1], 1)
    return gate


def _shares(sure: np.ndarray, gate: np.ndarray) -> np.ndarray:
    """Of each head, for each genre: [N, H, G]."""
    return softmax(np.tensordot(sure, gate, 1), axis=1)
