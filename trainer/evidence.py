"""What heads say of films that they have not learnt from: what everything after learning is chosen on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transform.errors import MarqueeError

FILE = "evidence.npz"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """H heads, N films, G genres, M flags of presence.

    Attributes:
        films: ids, bytes [N].
        on_eval: bool [N]: of the eval split, on which a whole committee was asked; else of train, where it was the
            member that had not seen the film.
        labels: bool [N, G].
        flags: names of the features that tell what a film has, [M].
        present: bool [N, M].
        heads: names, [H].
        looks_at: which flag's part of a film each head looks at, int64 [H].
        logits: float32 [H, N, G].
    """

    films: np.ndarray
    on_eval: np.ndarray
    labels: np.ndarray
    flags: Sequence[str]
    present: np.ndarray
    heads: Sequence[str]
    looks_at: np.ndarray
    logits: np.ndarray

    def save(self, folder: Path) -> None:
        np.savez_compressed(folder / FILE, **vars(self))


def load(folder: Path) -> Evidence:
    with np.load(folder / FILE) as file:
        values = dict(file)
    return Evidence(**{**values, "flags": values["flags"].tolist(), "heads": values["heads"].tolist()})


def join(parts: Sequence[Evidence]) -> Evidence:
    """The heads of several, over the films that all of them tell of.

    Raises:
        MarqueeError: they have no film in common.
    """
    common = sorted(set.intersection(*(set(part.films.tolist()) for part in parts)))
    if not common:
        raise MarqueeError("The models to fuse were trained on different films: run their Trainers again.")
    rows = []
    for part in parts:
        place = {film: row for row, film in enumerate(part.films.tolist())}
        rows.append([place[film] for film in common])
    flags = list(dict.fromkeys(flag for part in parts for flag in part.flags))
    present = {
        flag: part.present[row, number]
        for part, row in zip(parts, rows, strict=True)
        for number, flag in enumerate(part.flags)
    }
    return Evidence(
        films=np.array(common),
        on_eval=parts[0].on_eval[rows[0]],
        labels=parts[0].labels[rows[0]],
        flags=flags,
        present=np.stack([present[flag] for flag in flags], axis=1),
        heads=[head for part in parts for head in part.heads],
        looks_at=np.array([flags.index(part.flags[flag]) for part in parts for flag in part.looks_at]),
        logits=np.concatenate([part.logits[:, row] for part, row in zip(parts, rows, strict=True)]),
    )
