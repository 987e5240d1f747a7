"""Weights of one label in training: in the loss, of its absence and its presence; and of its films in sampling."""

import math

MOST_REPEATS = 10.0


def inverse_frequency(absent: int, present: int) -> list[float]:
    """scikit-learn's "balanced" class weights: n / (2 n_c), for n = absent + present films.

    Returns:
        The weights of the label's absence and of its presence. Both are 1 where all films are of one class,
        as there is nothing to balance.
    """
    if not absent or not present:
        return [1.0, 1.0]
    films = absent + present
    return [films / (2 * absent), films / (2 * present)]


def effective_number(absent: int, present: int, beta: float) -> list[float]:
    """Class weights by the effective number of films, E_n = (1 - beta^n) / (1 - beta).

    Cui, Jia, Lin, Song, Belongie 2019, "Class-balanced loss based on effective number of samples", eq. 2: a class of n
    films weighs 1 / E_n. Scaled so that the mean weight of a film is 1, which leaves the loss its size.

    Args:
        absent: films without the label.
        present: films with it.
        beta: 0 to below 1.

    Returns:
        The weights of the label's absence and of its presence. Both are 1 where all films are of one class.
    """
    if not absent or not present:
        return [1.0, 1.0]
    negative, positive = ((1 - beta) / (1 - beta**films) for films in (absent, present))
    scale = (absent + present) / (absent * negative + present * positive)
    return [negative * scale, positive * scale]


def repeat_factor(share: float, threshold: float) -> float:
    """How often a film with the label is to be seen in an epoch: max(1, sqrt(threshold / share)), 10 at most.

    Gupta, Dollar, Girshick 2019, "LVIS: A dataset for large vocabulary instance segmentation", appendix; a film's own
    factor is the greatest of its labels.

    Args:
        share: of train's films that have the label, above 0.
        threshold: the share from which on the factor is 1.
    """
    return min(MOST_REPEATS, max(1.0, math.sqrt(threshold / share)))
