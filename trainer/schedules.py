"""Learning rates over epochs, as shares of the highest."""

import math


def held_then_exponential(epoch: int, epochs: int) -> float:
    """1 before epoch 10, then times exp(-0.01) an epoch: the reference models' schedule."""
    return math.exp(-0.01 * max(0, epoch - 9))


def warm_up_then_cosine(epoch: int, epochs: int) -> float:
    """Half in the first epoch, then half a cosine wave down to 2 % (Loshchilov and Hutter 2017, one cycle)."""
    if epoch == 0:
        return 0.5
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * epoch / max(1, epochs)))
