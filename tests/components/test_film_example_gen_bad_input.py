"""Bad input: a clear error, or a counted reject and nothing else lost."""

import codecs
import csv
import io
import json
import struct

import pytest
import tensorflow as tf

from components.film_example_gen import examples, records
from components.film_example_gen.films import Film, Reject
from components.film_example_gen.readers import AUTO, reader_for
from tests.films import CSV_NAME, FakeFilm, write_span
from tests.pictures import picture
from transform import features
from transform.errors import MarqueeError

HEADER = "Id,Genre,Comedy,Drama,Overview"
FIRST = "first,['Drama'],0,1,A letter."
LAST = "last,['Comedy'],1,0,A laugh."


def span(tmp_path, *rows, header=HEADER, posters=(), end="\n"):
    """A span whose CSV has these lines, text or bytes, and the posters named."""
    folder = tmp_path / "span-1"
    (folder / "Images").mkdir(parents=True)
    lines = [line if isinstance(line, bytes) else line.encode() for line in (header, *rows)]
    (folder / CSV_NAME).write_bytes(b"".join(line + end.encode() for line in lines))
    for name in posters:
        (folder / "Images" / name).write_bytes(picture())
    return folder


def ingest(folder):
    """The ids that are kept, and the rejects, as the executor has them."""
    reader = reader_for(str(folder), AUTO)[1]
    reader.check()
    kept, rejects, items = [], [], list(reader.read())
    converted = examples.convert([item for item in items if isinstance(item, Film)], str(folder))
    for item in items:
        example, reject = (None, item) if isinstance(item, Reject) else next(converted)
        if reject:
            rejects.append(reject)
        if example:
            kept.append(item.id)
    return kept, rejects


ROWS = {
    "missing id": (",['Drama'],0,1,Text.", "missing_id"),
    "blank id": ("  ,['Drama'],0,1,Text.", "missing_id"),
    "path trick": ("../../etc/passwd,['Drama'],0,1,Text.", "bad_id"),
    "absolute path": ("/etc/passwd,['Drama'],0,1,Text.", "bad_id"),
    "dot": (".,['Drama'],0,1,Text.", "bad_id"),
    "id that is not ASCII": ("ttä,['Drama'],0,1,Text.", "bad_id"),
    "same row again": (FIRST, "duplicate_id"),
    "same id, other row": ("first,['Comedy'],1,0,Other.", "duplicate_id_conflict"),
    "too few fields": ("x,['Drama'],0,1", "broken_row"),
    "too many fields": ("x,['Drama'],0,1,Text, and more", "broken_row"),
    "quote inside a quoted field": ('x,[\'Drama\'],0,1,"He said "no" twice"', "broken_row"),
    "quote never closed": ("x,['Drama'],0,1,\"Text", "broken_row"),
    "NUL byte": (b"x,['Drama'],0,1,Te\0xt", "nul_bytes"),
    "Latin-1": ("x,['Drama'],0,1,Amélie".encode("latin-1"), "not_utf8"),
    "one-hot of 2": ("x,['Drama'],0,2,Text.", "one_hot_not_binary"),
    "empty one-hot": ("x,['Drama'],,1,Text.", "one_hot_not_binary"),
    "list and one-hot disagree": ("x,['Drama'],1,0,Text.", "genres_disagree"),
    "genre without a column": ("x,\"['Drama', 'War']\",0,1,Text.", "genres_disagree"),
    "no genres": ("x,[],0,0,Text.", "no_genres"),
    "no genres, no list": ("x,,0,0,Text.", "no_genres"),
    "genre is no list, one-hot empty": ("x,Drama,0,0,Text.", "genre_not_list"),
    "neither poster nor overview": ("x,['Drama'],0,1,", "no_poster_no_overview"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_bad_row_is_rejected_and_its_neighbours_stay(tmp_path, name):
    row, reason = ROWS[name]
    kept, rejects = ingest(span(tmp_path, FIRST, row, LAST))
    assert kept == ["first", "last"]
    assert [(reject.reason, reject.row, reject.file, reject.kept) for reject in rejects] == [
        (reason, 3, CSV_NAME, False)
    ]
    assert json.loads(rejects[0].to_json())["reason"] == reason


GENRE_CELLS = {
    "text": ("Drama", "genre_not_list"),
    "list of numbers": ("[1]", "genre_not_list"),
    "a call": ("__import__('os').getcwd()", "genre_not_list"),
    "brackets without end": ("[" * 5000, "genre_not_list"),
    "a list in a set": ("{['Drama']}", "genre_not_list"),
    "a list as a key": ("{['Drama']: 1}", "genre_not_list"),
    "a tuple": ("\"('Drama',)\"", "genre_not_list"),
    "nothing": ("", "no_genres"),
    "a list of blanks": ("['  ']", "no_genres"),
}


@pytest.mark.parametrize("name", GENRE_CELLS)
def test_a_genre_cell_alone_must_be_a_list(tmp_path, name):
    cell, reason = GENRE_CELLS[name]
    folder = span(tmp_path, "first,['Drama'],Text.", f"x,{cell},Text.", header="Id,Genre,Overview")
    kept, rejects = ingest(folder)
    assert kept == ["first"]
    assert [reject.reason for reject in rejects] == [reason]


def test_a_genre_cell_that_is_no_list_gives_way_to_one_hot(tmp_path):
    kept, rejects = ingest(span(tmp_path, "x,Drama,0,1,Text."))
    assert kept == ["x"]
    assert [(reject.reason, reject.kept) for reject in rejects] == [("genre_not_list", True)]


def test_a_row_that_is_lost_is_one_reject(tmp_path):
    kept, rejects = ingest(span(tmp_path, "x,Drama,0,1,Text.", "x,Drama,0,1,Text."))
    assert kept == ["x"]
    assert [(reject.reason, reject.row, reject.kept) for reject in rejects] == [
        ("genre_not_list", 2, True),
        ("duplicate_id", 3, False),
    ]


@pytest.mark.parametrize("blanks", [0, 2000], ids=["short", "long"])
def test_rows_with_the_same_fault_are_rejected_each_by_its_own_name(tmp_path, blanks):
    cell = " " * blanks + "Drama"
    kept, rejects = ingest(span(tmp_path, f"x,{cell},0,0,Text.", FIRST, f"y,{cell},0,0,Text.", f"z,{cell},0,1,Text."))
    assert kept == ["first", "z"]
    assert [(reject.id, reject.row, reject.reason, reject.kept) for reject in rejects] == [
        ("x", 2, "genre_not_list", False),
        ("y", 4, "genre_not_list", False),
        ("z", 5, "genre_not_list", True),
    ]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path):
    with pytest.raises(MarqueeError, match=f"{tmp_path / 'gone'} cannot be read: No such file or directory"):
        reader_for(str(tmp_path / "gone"), AUTO)


def test_a_genre_is_one_line(tmp_path):
    header = 'Id,Genre,Drama,"Sci\n Fi",Overview'
    folder = span(tmp_path, "x,\"['Sci\\n  Fi', ' Drama ']\",1,1,Text.", header=header)
    (film,) = reader_for(str(folder), AUTO)[1].read()
    assert film.genres == ("Drama", "Sci Fi")
    folder = write_span(tmp_path / "mm", 1, [FakeFilm("x", genres=("Sci\r\nFi", "Drama"))], "mm-imdb")
    (film,) = reader_for(str(folder), AUTO)[1].read()
    assert film.genres == ("Sci Fi", "Drama")


def test_one_hot_columns_alone_will_do(tmp_path):
    folder = span(tmp_path, "x,0.0,1.0,Text.", header="Id,Comedy,Drama,Overview")
    (film,) = reader_for(str(folder), AUTO)[1].read()
    assert film.genres == ("Drama",)


def test_a_quote_never_closed_costs_one_row_of_a_thousand(tmp_path):
    rows = [f"a{number},['Drama'],0,1,Text." for number in range(1000)]
    rows[500] = "a500,['Drama'],0,1,\"Text."
    kept, rejects = ingest(span(tmp_path, *rows))
    assert len(kept) == 999
    assert [(reject.id, reject.row) for reject in rejects] == [("a500", 502)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", [b"", codecs.BOM_UTF8])
def test_line_ends_and_bom_make_no_difference(tmp_path, start, end):
    folder = span(tmp_path, FIRST, 'x,[\'Drama\'],0,1,"Two\nlines, ""quoted"""', "", LAST, end=end)
    path = folder / CSV_NAME
    path.write_bytes(start + path.read_bytes())
    films = list(reader_for(str(folder), AUTO)[1].read())
    assert [film.id for film in films] == ["first", "x", "last"]
    assert films[1].overview == 'Two\nlines, "quoted"'
    assert [film.row for film in films] == [2, 3, 6]


def test_the_first_usable_row_of_an_id_is_the_one_that_stays(tmp_path):
    folder = span(tmp_path, "x,[],0,0,No genre.", "x,['Drama'],0,1,Kept.", "x,['Drama'],0,1,Late.")
    items = list(reader_for(str(folder), AUTO)[1].read())
    assert [item.overview for item in items if isinstance(item, Film)] == ["Kept."]
    assert [item.reason for item in items if isinstance(item, Reject)] == ["no_genres", "duplicate_id_conflict"]


def test_a_megabyte_of_overview_is_an_overview(tmp_path):
    long = "A war. " * 150_000
    kept, rejects = ingest(span(tmp_path, FIRST, f"x,['Drama'],0,1,\"{long}\"", LAST))
    assert kept == ["first", "x", "last"]
    assert rejects == []


@pytest.mark.parametrize("row", ["x,['Drama'],0,1," + "a" * 1000, "x,['Drama'],0,1,\"Text\n" + "more\n" * 200])
def test_a_row_of_too_many_characters_is_rejected_by_itself(tmp_path, monkeypatch, row):
    monkeypatch.setattr(records, "LONGEST", 500)
    kept, rejects = ingest(span(tmp_path, FIRST, row, LAST))
    assert kept == ["first", "last"]
    assert rejects[0].detail == "not CSV: more than 500 characters, or a quote that is never closed"
    assert {reject.reason for reject in rejects} == {"broken_row"}
    assert rejects[0].row == 3


def rewrite(content):
    return lambda folder: (folder / CSV_NAME).write_bytes(content)


def replace_images_by_a_file(folder):
    (folder / "Images").rmdir()
    (folder / "Images").write_text("not a folder")


def replace_csv_by_a_folder(folder):
    (folder / CSV_NAME).unlink()
    (folder / CSV_NAME).mkdir()


SPANS = {
    "empty CSV": (rewrite(b""), "is empty"),
    "header only": (rewrite(HEADER.encode()), "a header and no films"),
    "no Id": (rewrite(b"Name,Genre,Drama,Overview\n"), "missing Id"),
    "no Overview": (rewrite(b"Id,Genre,Drama,Plot\n"), "missing Overview"),
    "semicolons": (rewrite(b"Id;Genre;Drama;Overview\n"), "separated by commas; found Id;Genre"),
    "no genre columns": (rewrite(b"Id,Overview\nx,Text.\n"), "no genres"),
    "column twice": (rewrite(b"Id,Genre,Drama,Drama,Overview\n"), "Drama appears 2 times"),
    "column without a name": (rewrite(b",Id,Genre,Overview\n"), "a column has no name"),
    "UTF-16": (rewrite(HEADER.encode("utf-16")), "UTF-16. Save it as UTF-8"),
    "UTF-16 without BOM": (rewrite((HEADER + "\n").encode("utf-16-le")), "NUL bytes"),
    "header in Latin-1": (rewrite("Id,Genre,Comédie,Overview\n".encode("latin-1")), "not UTF-8"),
    "CSV is a folder": (replace_csv_by_a_folder, "cannot be read: Is a directory"),
    "Images is a file": (replace_images_by_a_file, "cannot be read: Not a directory"),
    "CSV under another name": (lambda folder: (folder / CSV_NAME).rename(folder / "a.csv"), "Rename a.csv to it"),
    "nothing there": (lambda folder: (folder / CSV_NAME).unlink(), "no films found. Expected: IMDB_overview"),
}


@pytest.mark.parametrize("name", SPANS)
def test_a_span_that_cannot_be_used_is_refused_by_name(tmp_path, name):
    spoil, message = SPANS[name]
    folder = span(tmp_path, FIRST)
    spoil(folder)
    with pytest.raises(MarqueeError, match="span-1") as error:
        reader_for(str(folder), AUTO)[1].check()
    assert message in str(error.value)


def test_a_csv_without_permission_is_refused_by_name(tmp_path, monkeypatch):
    folder = span(tmp_path, FIRST)

    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", refuse)  # tests may run as root, whom no permission stops
    with pytest.raises(MarqueeError, match=f"{CSV_NAME} cannot be read: Permission denied"):
        reader_for(str(folder), AUTO)[1].check()


def test_without_an_images_folder_films_stay_for_their_overviews(tmp_path, caplog):
    folder = span(tmp_path, FIRST, LAST)
    (folder / "Images").rmdir()
    kept, rejects = ingest(folder)
    assert kept == ["first", "last"]
    assert [(reject.reason, reject.kept) for reject in rejects] == [("images_missing", True)]
    assert "go on without posters" in caplog.text


JPEG, PNG = picture(), picture(format="PNG")
POSTERS = {
    "empty file": (b"", "poster_unreadable"),
    "JPEG cut short": (JPEG[:-40], "poster_unreadable"),
    "JPEG cut in its header": (JPEG[:30], "poster_unreadable"),
    "PNG cut short": (PNG[:-20], "poster_unreadable"),
    "PNG cut in its header": (PNG[:20], "poster_unreadable"),
    "corrupt PNG": (PNG.replace(b"IDAT", b"IDAX"), "poster_unreadable"),
    "GIF": (picture(format="GIF", mode="P"), "poster_format"),
    "WebP": (picture(format="WEBP"), "poster_format"),
    "web page": (b"<!DOCTYPE html><title>404</title>", "poster_format"),
    "PNG of 51 megapixels": (PNG[:16] + struct.pack(">II", 8500, 6000) + PNG[24:], "poster_too_large"),
    "JPEG of 51 megapixels": (
        JPEG.replace(struct.pack(">HH", 90, 60), struct.pack(">HH", 8500, 6000)),
        "poster_too_large",
    ),
}


@pytest.mark.parametrize("overview", ["A letter.", ""])
@pytest.mark.parametrize("name", POSTERS)
def test_a_bad_poster_costs_the_film_only_if_there_is_no_overview(tmp_path, name, overview):
    data, reason = POSTERS[name]
    folder = write_span(tmp_path, 1, [FakeFilm("first"), FakeFilm("x", overview=overview, poster=data or b"!")])
    (folder / "Images" / "x.jpg").write_bytes(data)
    kept, rejects = ingest(folder)
    assert kept == ["first", "x"] if overview else ["first"]
    assert [(reject.id, reject.row, reject.file, reject.reason, reject.kept) for reject in rejects] == [
        ("x", 3, "Images/x.jpg", reason, bool(overview))
    ]


def test_a_poster_that_is_kept_out_leaves_empty_features(tmp_path):
    folder = write_span(tmp_path, 1, [FakeFilm("x", poster=b"no picture")])
    (film,) = reader_for(str(folder), AUTO)[1].read()
    [(example, _)] = examples.convert([film], str(folder))
    feature = tf.train.Example.FromString(example).features.feature
    for name in (features.POSTER, features.POSTER_WIDTH, features.POSTER_HEIGHT, features.POSTER_LUMA):
        assert feature[name].WhichOneof("kind") is None


def test_a_bad_poster_beside_its_json_is_named_as_such(tmp_path):
    folder = write_span(tmp_path, 1, [FakeFilm("x", poster=JPEG[:-40])], "mm-imdb")
    kept, rejects = ingest(folder)
    assert kept == ["x"]
    assert [(reject.file, reject.reason) for reject in rejects] == [("x.jpeg", "poster_unreadable")]


@pytest.mark.parametrize("kind", ["folder", "symlink to nothing", "huge file"])
def test_a_poster_that_cannot_be_opened_is_rejected(tmp_path, kind):
    folder = span(tmp_path, FIRST)
    poster = folder / "Images" / "first.jpg"
    if kind == "folder":
        poster.mkdir()
    elif kind == "symlink to nothing":
        poster.symlink_to("nowhere.jpg")
    else:
        with open(poster, "wb") as file:
            file.truncate(33 * 2**20)
    kept, rejects = ingest(folder)
    assert kept == ["first"]
    assert [reject.reason for reject in rejects] == ["poster_too_large" if kind == "huge file" else "poster_unreadable"]


JSONS = {
    "not JSON": (b"{", "broken_json"),
    "a list": (b"[]", "broken_json"),
    "brackets without end": (b"[" * 100_000, "broken_json"),
    "Latin-1": ('{"plot": "Amélie"}'.encode("latin-1"), "not_utf8"),
    "half a surrogate pair": (b'{"genres": ["Drama"], "plot": ["\\ud83d"]}', "not_utf8"),
    "genres as text": (b'{"genres": "Drama", "plot": ["Text."]}', "genre_not_list"),
    "genres as numbers": (b'{"genres": [1], "plot": ["Text."]}', "genre_not_list"),
    "no genres": (b'{"plot": ["Text."]}', "no_genres"),
    "plot of numbers": (b'{"genres": ["Drama"], "plot": [1]}', "no_poster_no_overview"),
}


@pytest.mark.parametrize("name", JSONS)
def test_a_bad_json_is_rejected_and_its_neighbours_stay(tmp_path, name):
    content, reason = JSONS[name]
    folder = write_span(tmp_path, 1, [FakeFilm("a"), FakeFilm("c")], "mm-imdb")
    (folder / "b.json").write_bytes(content)
    kept, rejects = ingest(folder)
    assert kept == ["a", "c"]
    assert [(reject.id, reject.row, reject.file, reject.reason) for reject in rejects] == [
        ("b", None, "b.json", reason)
    ]


PLOTS = {
    "the longest plot, without its author": (
        {"plot": ["Short.", "The longest one: he wins.::Anne <a@b.org>"]},
        "The longest one: he wins.",
    ),
    "a plot as text": ({"plot": "Text."}, "Text."),
    "the outline where there is no plot": ({"plot": [], "plot outline": "Outline."}, "Outline."),
}


@pytest.mark.parametrize("name", PLOTS)
def test_mm_imdb_overviews(tmp_path, name):
    content, overview = PLOTS[name]
    folder = write_span(tmp_path, 1, [FakeFilm("a")], "mm-imdb")
    (folder / "a.json").write_text(json.dumps({"genres": ["Drama"], **content}))
    (film,) = reader_for(str(folder), AUTO)[1].read()
    assert film.overview == overview


def test_every_good_row_is_read_as_csv_has_it(tmp_path):
    rows = [["a", "['Drama']", "0", "1", 'Commas, "quotes"\nand lines'], ["b", "['Comedy']", "1", "0", "'single'"]]
    text = io.StringIO()
    csv.writer(text).writerows([HEADER.split(","), *rows])
    folder = span(tmp_path, FIRST)
    (folder / CSV_NAME).write_text(text.getvalue(), newline="")
    films = list(reader_for(str(folder), AUTO)[1].read())
    assert [film.overview for film in films] == [row[-1] for row in rows]
