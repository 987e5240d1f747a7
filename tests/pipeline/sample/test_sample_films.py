"""Labels, titles and overviews: statistics that the sample promises, without drawing a poster."""

import csv
import io
import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from pipeline.sample.films import Film, draw_film
from pipeline.sample.flaws import draw_flaws, row_of
from pipeline.sample.genres import GENRES, draw_genres
from pipeline.sample.overviews import MAX_WORDS, MIN_WORDS, article

FILMS = 400


@pytest.fixture(scope="module")
def first() -> list[Film]:
    return [draw_film(7, 1, index) for index in range(FILMS)]


@pytest.fixture(scope="module")
def second() -> list[Film]:
    return [draw_film(7, 2, index) for index in range(FILMS)]


@pytest.fixture(scope="module")
def labels() -> dict[int, list[tuple[str, ...]]]:
    """Genres of many films, by span."""
    rng = np.random.default_rng(0)
    return {span: [draw_genres(rng, span) for _ in range(3000)] for span in (1, 2)}


def _shares(films: list[tuple[str, ...]]) -> Counter[str]:
    counts = Counter(genre for genres in films for genre in genres)
    return Counter({genre: count / len(films) for genre, count in counts.items()})


def test_genres_are_imbalanced_as_imdbs(first: list[Film]) -> None:
    shares = _shares([film.genres for film in first])
    assert shares["Drama"] == pytest.approx(0.50, abs=0.07)
    assert shares["Comedy"] == pytest.approx(0.37, abs=0.07)
    assert shares["Film-Noir"] < 0.02
    assert shares["Western"] < 0.04
    assert shares.most_common(1)[0][0] == "Drama"


def test_films_have_one_to_four_different_genres_in_order(first: list[Film]) -> None:
    counts = [len(film.genres) for film in first]
    assert 2.3 < sum(counts) / len(counts) < 2.7
    assert set(counts) == {1, 2, 3, 4}
    for film in first:
        assert list(film.genres) == sorted(set(film.genres))
        assert set(film.genres) <= set(GENRES)


def test_genres_keep_company(labels: dict[int, list[tuple[str, ...]]]) -> None:
    films = labels[1]
    shares = _shares(films)
    pairs = Counter(pair for genres in films for pair in combinations(genres, 2))

    def lift(one: str, other: str) -> float:
        return pairs[one, other] / len(films) / (shares[one] * shares[other])

    for one, other in (("Action", "Thriller"), ("Animation", "Family"), ("Crime", "Drama"), ("Biography", "History")):
        assert lift(one, other) > 1.15, (one, other)
    assert lift("Comedy", "Thriller") < 0.6
    assert lift("Family", "Horror") < 0.2


def test_second_span_drifts(labels: dict[int, list[tuple[str, ...]]], first: list[Film], second: list[Film]) -> None:
    before, after = _shares(labels[1]), _shares(labels[2])
    assert after["Thriller"] > 1.5 * before["Thriller"]
    assert after["Comedy"] < 0.85 * before["Comedy"]
    assert after["Film-Noir"] == after["Short"] == 0
    assert before["Film-Noir"] > 0
    assert before["Short"] > 0

    def words(films: list[Film]) -> float:
        lengths = [len(film.overview.split()) for film in films if film.overview]
        return sum(lengths) / len(lengths)

    assert words(second) > words(first) + 8
    assert not {film.id for film in first} & {film.id for film in second}


def test_some_posters_and_overviews_are_missing_never_both(first: list[Film], second: list[Film]) -> None:
    films = first + second
    without_poster = sum(not film.has_poster for film in films) / len(films)
    without_overview = sum(not film.overview for film in films) / len(films)
    assert without_poster == pytest.approx(0.04, abs=0.02)
    assert without_overview == pytest.approx(0.03, abs=0.02)
    assert all(film.has_poster or film.overview for film in films)


def test_overviews_are_distinct_finished_sentences(first: list[Film], second: list[Film]) -> None:
    overviews = [film.overview for film in first + second if film.overview]
    assert len(set(overviews)) == len(overviews)
    for overview in overviews:
        assert MIN_WORDS <= len(overview.split()) <= MAX_WORDS
        assert not re.search(r"[{}\[\]|_/]|  ", overview), overview
        assert re.match(r"""["'A-ZÀ-Þ0-9]""", overview), overview
        assert overview[-1] in ".?", overview
    assert any(re.search(r"[À-ÿ]", overview) for overview in overviews)


def test_titles_are_nearly_always_distinct(first: list[Film]) -> None:
    titles = [film.title for film in first]
    assert len(set(titles)) > 0.93 * len(titles)


@pytest.mark.parametrize(
    ("noun", "expected"), [("explorer", "an"), ("FBI profiler", "an"), ("SWAT leader", "a"), ("baker", "a")]
)
def test_article(noun: str, expected: str) -> None:
    assert article(noun) == expected


def test_film_depends_on_seed_span_and_index_alone() -> None:
    assert draw_film(7, 1, 3) == draw_film(7, 1, 3)
    others = {draw_film(8, 1, 3).overview, draw_film(7, 2, 3).overview, draw_film(7, 1, 4).overview}
    assert draw_film(7, 1, 3).overview not in others


def test_row_says_the_genres_twice() -> None:
    film = draw_film(7, 1, 0)
    row = row_of(film)
    assert row[0] == film.id
    assert re.fullmatch(r"tt\d{7}", row[0])
    assert row[1] == "[" + ", ".join(f"'{genre}'" for genre in film.genres) + "]"
    assert [genre for genre, flag in zip(GENRES, row[2:-1], strict=True) if flag == "1"] == list(film.genres)


def test_broken_rows_leave_the_csv_parseable() -> None:
    flaws = draw_flaws(7)
    rows = [row for flaw in flaws for row in flaw.rows]
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    assert list(csv.reader(io.StringIO(file.getvalue(), newline=""))) == rows
    assert {len(row) for row in rows} == {len(GENRES) + 3}

    twice = next(flaw for flaw in flaws if len(flaw.rows) == 2)
    assert twice.rows[0][0] == twice.rows[1][0]
    assert twice.rows[0] != twice.rows[1]
    assert any(flaw.id.startswith("../") for flaw in flaws)
    bare = next(flaw for flaw in flaws if flaw.poster is None and flaw.id.startswith("tt"))
    assert bare.rows[0][-1] == ""
    unlisted = next(row for row in rows if not row[1].startswith("["))
    assert "1" not in unlisted[2:-1]
    disagreeing = flaws[-1].rows[0]
    assert disagreeing[2:-1].count("1") == disagreeing[1].count("'") // 2 + 1
