"""Inputs that are odd but legal, and inputs that are broken on purpose, so that every path of a run is walked."""

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from pipeline.sample.films import Film, draw_film, draw_film_poster, jpeg
from pipeline.sample.genres import GENRES

Row = list[str]
"""Cells of the CSV: Id, Genre, a 0 or 1 per genre, Overview."""


def row_of(film: Film) -> Row:
    """The CSV row of a film in order."""
    flags = ["1" if genre in film.genres else "0" for genre in GENRES]
    return [film.id, repr(list(film.genres)), *flags, film.overview]


# ---------------------------------------------------------------- odd but legal


def _png(poster: Image.Image) -> bytes:
    file = io.BytesIO()
    poster.save(file, "PNG")
    return file.getvalue()


ODD_POSTERS: tuple[tuple[str, Callable[[Image.Image], bytes]], ...] = (
    ("CMYK JPEG", lambda poster: jpeg(poster.convert("CMYK"))),
    ("greyscale JPEG", lambda poster: jpeg(poster.convert("L"))),
    ("progressive JPEG", lambda poster: jpeg(poster, progressive=True)),
    ("PNG under a .jpg name", _png),
)
"""What the first posters of the first span are written as, and how."""


# ---------------------------------------------------------------- broken


@dataclass(frozen=True)
class Flaw:
    """A broken input.

    Attributes:
        id: of its rows, as the CSV has it.
        what: what is wrong, in a few words.
        rows: its rows.
        poster: the bytes of its poster; None where there is no file.
    """

    id: str
    what: str
    rows: tuple[Row, ...]
    poster: bytes | None


def draw_flaws(seed: int) -> list[Flaw]:
    """The broken inputs of the first span, on films of their own."""
    films = [draw_film(seed, 1, -1 - number) for number in range(8)]
    cut, text, bare, twice, other, path, unlisted, disagreeing = films

    def poster(film: Film) -> bytes:
        return jpeg(draw_film_poster(seed, film))

    whole = poster(cut)
    bare_row = row_of(bare)
    bare_row[-1] = ""
    other_row = [twice.id, *row_of(other)[1:]]
    path_row = ["../evil", *row_of(path)[1:]]
    unlisted_row = [unlisted.id, "Drama and War, mostly", *["0"] * len(GENRES), unlisted.overview]
    disagreeing_row = row_of(disagreeing)
    unset = next(genre for genre in GENRES if genre not in disagreeing.genres)
    disagreeing_row[2 + GENRES.index(unset)] = "1"
    return [
        Flaw(cut.id, "poster cut short", (row_of(cut),), whole[: len(whole) // 2]),
        Flaw(text.id, "poster that is a text file", (row_of(text),), b"This was a poster once.\n"),
        Flaw(bare.id, "neither poster nor overview", (bare_row,), None),
        Flaw(twice.id, "two different rows of one Id", (row_of(twice), other_row), poster(twice)),
        Flaw(path_row[0], "Id that is a path", (path_row,), None),
        Flaw(unlisted.id, "Genre that is no list, no genre column set", (unlisted_row,), poster(unlisted)),
        Flaw(disagreeing.id, "Genre and genre columns disagree", (disagreeing_row,), poster(disagreeing)),
    ]
