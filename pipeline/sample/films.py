"""One made-up film, drawn from its own seed: the same whatever else is drawn, by however many processes."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.sample.genres import SPANS, draw_genres
from pipeline.sample.overviews import cast_and_crew, draw_overview, draw_title
from pipeline.sample.posters import draw_poster

_NO_POSTER, _NO_OVERVIEW = 0.04, 0.03  # shares of films; none has neither

# IMDb's form, in a range of its own for each span; the last range is for inputs that are broken on purpose.
_FIRST_ID = {1: 8_000_000, 2: 9_000_000}
_FIRST_BROKEN_ID = 7_000_001
MOST_FILMS = 1_000_000  # a span's range of Ids

_STORY, _PICTURE = 0, 1  # streams of chance, so that a change to the art leaves the words as they are

JPEG_QUALITY = 85


@dataclass(frozen=True)
class Film:
    """A film.

    Attributes:
        id: as IMDb's, "tt" and seven digits.
        span: 1 or 2.
        index: 0 and up; a span's broken films have indices below 0.
        genres: one to four, alphabetical.
        title: printed on the poster.
        overview: "" where it is missing.
        has_poster: whether there is a poster.
    """

    id: str
    span: int
    index: int
    genres: tuple[str, ...]
    title: str
    overview: str
    has_poster: bool


def _rng(seed: int, span: int, index: int, stream: int) -> np.random.Generator:
    # Seed sequences take no negative numbers.
    return np.random.default_rng([seed, span, abs(index), int(index < 0), stream])


def draw_film(seed: int, span: int, index: int) -> Film:
    """Draws all of a film but its poster.

    Args:
        seed: of the sample, 0 or more.
        span: one of `genres.SPANS`.
        index: of the film in its span; below 0 for one that will be broken, which gets a poster and an overview.
    """
    assert span in SPANS
    rng = _rng(seed, span, index, _STORY)
    genres = draw_genres(rng, span)
    title = draw_title(rng, genres, span)
    overview = draw_overview(rng, genres, span)
    fate = 1.0 if index < 0 else rng.random()
    number = _FIRST_BROKEN_ID - 1 - index if index < 0 else _FIRST_ID[span] + index
    return Film(
        id=f"tt{number:07d}",
        span=span,
        index=index,
        genres=genres,
        title=title,
        overview="" if _NO_POSTER <= fate < _NO_POSTER + _NO_OVERVIEW else overview,
        has_poster=fate >= _NO_POSTER,
    )


def draw_film_poster(seed: int, film: Film) -> Image.Image:
    """The film's poster, RGB, 182 x 268."""
    rng = _rng(seed, film.span, film.index, _PICTURE)
    names = cast_and_crew(rng, 6)
    return draw_poster(rng, film.genres, film.title, names, film.span)


def jpeg(image: Image.Image, *, progressive: bool = False) -> bytes:
    """The image as the bytes of a JPEG file, in the image's own mode."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY, progressive=progressive)
    return file.getvalue()
