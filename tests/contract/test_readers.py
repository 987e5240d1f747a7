"""What every reader of a layout must do: the same films, whatever the form that they are kept in."""

import pickle

import pytest

from components.film_example_gen.films import Film, Reason, Reject
from components.film_example_gen.readers import AUTO, LAYOUTS, reader_for
from tests.films import FakeFilm, fake_films, write_span
from tests.pictures import picture
from transform.errors import MarqueeError

FILMS = [
    *fake_films(12),
    FakeFilm("x_1-Y", ("Film-Noir", "Sci-Fi"), 'He said "no",\nthen é ünd 映画.', picture()),
]


@pytest.fixture(params=sorted(LAYOUTS))
def layout(request):
    return request.param


def items_of(folder, layout=AUTO):
    reader = reader_for(str(folder), layout)[1]
    reader.check()
    return list(reader.read())


def test_it_reads_what_was_written(tmp_path, layout):
    folder = write_span(tmp_path, 1, FILMS, layout)
    read = {film.id: film for film in items_of(folder)}
    assert set(read) == {film.id for film in FILMS}
    for film in FILMS:
        found = read[film.id]
        assert set(found.genres) == set(film.genres)
        assert found.overview == film.overview
        with_poster = bool(film.poster)
        assert bool(found.poster) == with_poster
        if with_poster:
            assert (folder / found.poster).read_bytes() == film.poster
        assert (folder / found.file).is_file()


def test_an_overview_may_be_as_long_as_it_likes(tmp_path, layout):
    long = "A war hero comes home. " * 50_000
    films = items_of(write_span(tmp_path, 1, [FakeFilm("a"), FakeFilm("b", overview=long), FakeFilm("c")], layout))
    assert {film.id: film.overview for film in films}.keys() == {"a", "b", "c"}
    assert films[1].overview == long.strip()


def test_films_to_be_tagged_need_no_genres(tmp_path, layout):
    films = [FakeFilm("a", ()), FakeFilm("b", ("Drama",)), FakeFilm("c", (), overview="")]
    folder = str(write_span(tmp_path, 1, films, layout))

    untagged = list(reader_for(folder, layout, tagged=False)[1].read())
    tagged = list(reader_for(folder, layout)[1].read())

    assert [(item.id, getattr(item, "reason", None)) for item in untagged] == [
        ("a", None), ("b", None), ("c", Reason.NO_POSTER_NO_OVERVIEW),
    ]  # fmt: skip
    assert all(item.genres == () for item in untagged[:2])
    assert [getattr(item, "reason", None) for item in tagged] == [Reason.NO_GENRES, None, Reason.NO_GENRES]


def test_auto_recognises_the_layout(tmp_path, layout):
    assert reader_for(str(write_span(tmp_path, 1, FILMS, layout)), AUTO)[0] == layout


def test_the_order_is_the_same_every_time(tmp_path, layout):
    folder = write_span(tmp_path, 1, FILMS, layout)
    assert items_of(folder) == items_of(folder)


def test_a_reader_that_went_to_a_worker_reads_the_same(tmp_path, layout):
    reader = reader_for(str(write_span(tmp_path, 1, FILMS, layout)), layout)[1]
    assert list(pickle.loads(pickle.dumps(reader)).read()) == list(reader.read())


def test_it_counts_the_files_that_could_be_posters(tmp_path, layout):
    folder = write_span(tmp_path, 1, FILMS, layout)
    assert reader_for(str(folder), layout)[1].poster_files() == sum(bool(film.poster) for film in FILMS)


@pytest.mark.parametrize("extension", [".jpg", ".jpeg", ".png", ".JPG"])
def test_it_finds_posters_of_every_extension(tmp_path, layout, extension):
    folder = write_span(tmp_path, 1, [FakeFilm("a", poster=picture())], layout)
    (poster,) = folder.rglob("a.jp*g")
    renamed = poster.rename(poster.with_suffix(extension))
    (film,) = items_of(folder)
    assert folder / film.poster == renamed


def test_of_two_posters_it_takes_the_jpg(tmp_path, layout):
    folder = write_span(tmp_path, 1, [FakeFilm("a", poster=picture())], layout)
    (poster,) = folder.rglob("a.jp*g")
    poster.rename(poster.with_suffix(".jpg"))
    poster.with_suffix(".png").write_bytes(picture(format="PNG"))
    (film,) = items_of(folder)
    assert film.poster.endswith(".jpg")


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (FakeFilm("no genre", genres=()), Reason.BAD_ID),
        (FakeFilm("no-genre", genres=()), Reason.NO_GENRES),
        (FakeFilm("bare", overview=" \n "), Reason.NO_POSTER_NO_OVERVIEW),
        (FakeFilm("tt.1", poster=picture()), Reason.BAD_ID),
    ],
)
def test_it_rejects_and_reads_on(tmp_path, layout, film, reason):
    folder = write_span(tmp_path, 1, [FakeFilm("a"), FakeFilm("b")], layout)
    other = write_span(tmp_path, 2, [FakeFilm("a"), film, FakeFilm("b")], layout)
    good, mixed = items_of(folder), items_of(other)
    (reject,) = [item for item in mixed if isinstance(item, Reject)]
    assert reject.reason == reason
    assert not reject.kept
    assert [item.id for item in mixed if isinstance(item, Film)] == [item.id for item in good]


def test_an_empty_span_is_refused_at_once(tmp_path, layout):
    (tmp_path / "span-1").mkdir()
    with pytest.raises(MarqueeError, match="span-1"):
        reader_for(str(tmp_path / "span-1"), layout)[1].check()
