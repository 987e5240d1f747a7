"""What heads say of films that they have not learnt from: what everything after learning is chosen on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transform.errors import MarqueeError

FILE = "evidence.npz"
UNTOLD = -1  # place of a film that a part does not tell of


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """H heads, N films, G genres, M flags of presence.

    Attributes:
        films: ids, bytes [N].
        on_eval: bool [N]: of the eval split, on which a whole committee was asked; else of train, where it was the
            member that had not seen the film.
        labels: bool [N, G].
        flags: names of the features that tell what a film has, [M].
        present: bool [N, M]; False, too, where no head that looks there tells of the film.
        heads: names, [H].
        looks_at: which flag's part of a film each head looks at, int64 [H].
        logits: float32 [H, N, G]; NaN where a head does not tell of a film, having learnt from it.
    """

    films: np.ndarray
    on_eval: np.ndarray
    labels: np.ndarray
    flags: Sequence[str]
    present: np.ndarray
    heads: Sequence[str]
    looks_at: np.ndarray
    logits: np.ndarray

    @property
    def told(self) -> np.ndarray:
        """Which head tells of which film, bool [H, N]."""
        return ~np.isnan(self.logits).any(axis=2)

    def save(self, folder: Path) -> None:
        np.savez_compressed(folder / FILE, **vars(self))


def load(folder: Path) -> Evidence:
    with np.load(folder / FILE) as file:
        values = dict(file)
    return Evidence(**{**values, "flags": values["flags"].tolist(), "heads": values["heads"].tolist()})


def join(parts: Sequence[Evidence]) -> Evidence:
    """The heads of several, over the films that any of them tells of.

    Raises:
        MarqueeError: there is no film that all of them tell of.
    """
    places = [_places(part.films) for part in parts]
    films = sorted(set().union(*places))
    if not set(films).intersection(*places):
        raise MarqueeError("The models to fuse were trained on different films: run their Trainers again.")
    tells = [
        (part, np.array([place.get(film, UNTOLD) for film in films])) for part, place in zip(parts, places, strict=True)
    ]
    flags = list(dict.fromkeys(flag for part in parts for flag in part.flags))
    genres = parts[0].labels.shape[1]
    on_eval, labels = np.zeros(len(films), bool), np.zeros((len(films), genres), bool)
    present = np.zeros((len(films), len(flags)), bool)
    logits = np.full((sum(len(part.heads) for part in parts), len(films), genres), np.nan, np.float32)
    first = 0
    for part, rows in tells:
        told = rows != UNTOLD
        on_eval[told], labels[told] = part.on_eval[rows[told]], part.labels[rows[told]]
        for number, flag in enumerate(part.flags):
            present[told, flags.index(flag)] = part.present[rows[told], number]
        logits[first : first + len(part.heads), told] = part.logits[:, rows[told]]
        first += len(part.heads)
    return Evidence(
        films=np.array([film for film, _ in films]),
        on_eval=on_eval,
        labels=labels,
        flags=flags,
        present=present,
        heads=[head for part in parts for head in part.heads],
        looks_at=np.array([flags.index(part.flags[flag]) for part in parts for flag in part.looks_at]),
        logits=logits,
    )


def _places(films: np.ndarray) -> dict[tuple[bytes, int], int]:
    """Where each film is: a film of several spans is there several times, and counted."""
    places: dict[tuple[bytes, int], int] = {}
    seen: Counter[bytes] = Counter()
    for place, film in enumerate(films.tolist()):
        places[film, seen[film]] = place
        seen[film] += 1
    return places
