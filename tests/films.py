"""Tiny fake spans, made by code."""

import csv
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

CSV_NAME = "IMDB_overview_genres.csv"
WORDS = {
    "Comedy": ("laugh", "wedding", "prank", "clumsy"),
    "Drama": ("grief", "family", "letter", "winter"),
    "Horror": ("blood", "scream", "cellar", "demon"),
    "Western": ("sheriff", "saloon", "cattle", "outlaw"),
}
COLOURS = {"Comedy": (240, 220, 60), "Drama": (60, 80, 160), "Horror": (30, 10, 20), "Western": (200, 120, 50)}


@dataclass(frozen=True)
class FakeFilm:
    """A film to write; `poster` holds file bytes, empty for none."""

    id: str
    genres: tuple[str, ...] = ("Drama",)
    overview: str = "A letter comes in winter."
    poster: bytes = b""


def fake_films(count: int, seed: int = 0) -> list[FakeFilm]:
    """Films whose words and colours tell their genres; one in ten lacks the poster, one in ten the overview."""
    rng = random.Random(seed)
    films = []
    for number in range(count):
        genres = tuple(sorted(rng.sample(list(WORDS), rng.choice((1, 1, 2)))))
        words = [rng.choice(WORDS[rng.choice(genres)]) for _ in range(12)]
        films.append(
            FakeFilm(
                id=f"tt{number + 1:07d}",
                genres=genres,
                overview="" if number % 10 == 7 else f"The {' '.join(words)}.",
                poster=b"" if number % 10 == 3 else _poster(COLOURS[genres[0]], rng),
            )
        )
    return films


def write_span(root: Path, span: int, films: Sequence[FakeFilm], layout: str = "coursework") -> Path:
    """Writes `films` under `root/span-<span>` in one of the layouts; returns that folder."""
    folder = Path(root) / f"span-{span}"
    folder.mkdir(parents=True)
    if layout == "coursework":
        _write_coursework(folder, films)
    elif layout == "mm-imdb":
        _write_mm_imdb(folder, films)
    else:
        raise ValueError(layout)
    return folder


def header(genres: Sequence[str]) -> list[str]:
    """The columns of the coursework CSV for these genres."""
    return ["Id", "Genre", *genres, "Overview"]


def row(film: FakeFilm, genres: Sequence[str]) -> list[str]:
    """The cells of one film in the coursework CSV."""
    return [film.id, str(list(film.genres)), *("01"[genre in film.genres] for genre in genres), film.overview]


def _poster(colour: tuple[int, int, int], rng: random.Random, size: tuple[int, int] = (40, 60)) -> bytes:
    grain = Image.frombytes("RGB", size, rng.randbytes(size[0] * size[1] * 3))
    out = io.BytesIO()
    Image.blend(Image.new("RGB", size, colour), grain, 0.3).save(out, "JPEG")
    return out.getvalue()


def _write_coursework(folder: Path, films: Sequence[FakeFilm]) -> None:
    genres = sorted({genre for film in films for genre in film.genres})
    with open(folder / CSV_NAME, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header(genres))
        writer.writerows(row(film, genres) for film in films)
    (folder / "Images").mkdir()
    for film in films:
        if film.poster:
            (folder / "Images" / f"{film.id}.jpg").write_bytes(film.poster)


def _write_mm_imdb(folder: Path, films: Sequence[FakeFilm]) -> None:
    for film in films:
        content = {"title": film.id, "genres": list(film.genres), "plot": [film.overview] if film.overview else []}
        (folder / f"{film.id}.json").write_text(json.dumps(content), encoding="utf-8")
        if film.poster:
            (folder / f"{film.id}.jpeg").write_bytes(film.poster)
