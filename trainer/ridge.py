"""Logistic regression whose weights are pulled towards 0."""

from collections.abc import Callable

import numpy as np
from scipy import optimize
from scipy.special import expit

# Logits of weights, and how to get from what is wrong with each logit to how much each weight is at fault.
Model = Callable[[np.ndarray], tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]]


def solve(model: Model, labels: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """The weights [D] of the least cross-entropy, in sum, plus half of `pull` [D] times their squares.

    Args:
        model: of weights, 0 to begin with.
        labels: bool, in the shape of the logits.
        pull: of each weight.
    """

    def cost(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits, back = model(weights)
        value = np.logaddexp(0, logits).sum() - logits[labels].sum() + (pull * weights**2).sum() / 2
        return value, back(expit(logits) - labels) + pull * weights

    return optimize.minimize(cost, np.zeros(len(pull)), jac=True, method="L-BFGS-B").x


def linear(design: np.ndarray, base: np.ndarray, labels: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """`solve` for logits `base` [N] + `design` [N, D] @ weights [D]."""
    return solve(lambda weights: (base + design @ weights, lambda wrong: design.T @ wrong), labels, pull)
