"""Parts of the train split, each left out once: what a network says of films it has not seen is worth more."""

import hashlib
from collections.abc import Sequence

import numpy as np

MANY = 20_000  # films of train from which on the eval split alone is enough to choose calibration and thresholds on


def count(wanted: int, films: int) -> int:
    """How many folds to make: as many as wanted, one (nothing is left out) of MANY films."""
    return wanted if films < MANY else 1


def of_films(ids: Sequence[bytes], folds: int, seed: int) -> np.ndarray:
    """The fold of each film, int64 [N] from 0 to `folds` - 1, by a hash of its id: the same in every run."""
    return (chances(ids, b"fold" + seed.to_bytes(8, "big")) * folds).astype(np.int64)


def chances(ids: Sequence[bytes], key: bytes) -> np.ndarray:
    """A number for each id that looks drawn evenly from 0..1, float64 [N], and is always the same for one key."""
    digests = [hashlib.blake2b(film, digest_size=8, key=key).digest() for film in ids]
    return np.array([int.from_bytes(digest, "big") / 2**64 for digest in digests])
