"""The coursework layout: one CSV with a 0/1 column per genre, and `Images/<Id>.jpg`."""

import ast
import collections
import functools
import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from components.film_example_gen.films import Film, Reason, Reject, checked, one_line
from components.film_example_gen.reader import Reader, posters_in
from components.film_example_gen.records import Record, open_table, records
from transform.errors import MarqueeError

CSV_NAME = "IMDB_overview_genres.csv"
IMAGES = "Images"
ID, GENRE, OVERVIEW = "Id", "Genre", "Overview"

_BINARY = {"0": False, "0.0": False, "1": True, "1.0": True}  # the latter as pandas writes a column with gaps
_SHORT = 1024  # characters of a row's genres that are understood once for all rows that say the same


class CourseworkReader(Reader):
    """Reads the CSV as a stream, in one thread, since a quoted overview may span lines."""

    expects = f"{CSV_NAME} beside {IMAGES}/<Id>.jpg"

    def __init__(self, folder: str, tagged: bool = True, table: str = CSV_NAME, images: str | None = IMAGES):
        """Makes a reader.

        Args:
            folder: the span.
            tagged: whether films must come with genres; where not, only Id is needed of the columns.
            table: the CSV, from `folder` on.
            images: the folder of posters, from `folder` on; None to leave posters out.
        """
        super().__init__(folder, tagged)
        self._table = table
        self._csv = os.path.join(folder, table)
        self._images = images

    def recognises(self) -> bool:
        return any(name.lower().endswith(".csv") for name in os.listdir(self.folder))

    def check(self) -> None:
        if not os.path.exists(self._csv):
            others = sorted(name for name in os.listdir(self.folder) if name.lower().endswith(".csv"))
            hint = f" Rename {others[0]} to it?" if others else ""
            raise MarqueeError(f"{self._csv} is missing.{hint}")
        try:
            with open(self._csv, "rb") as raw:
                start = raw.read(4)
            if start.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise MarqueeError(f"{self._csv} is UTF-16. Save it as UTF-8.")
            with open_table(self._csv) as file:
                rows = records(file)
                self._check_header(next(rows, None))
                if next(rows, None) is None:
                    raise MarqueeError(f"{self._csv} has a header and no films.")
            self._posters()
        except OSError as error:
            raise MarqueeError(f"{error.filename} cannot be read: {error.strerror}.") from error

    def _check_header(self, record: Record | None) -> None:
        if record is None:
            raise MarqueeError(f"{self._csv} is empty.")
        columns = _columns(record)
        where = f"{self._csv}, line {record.row} (the header)"
        if record.problem:
            raise MarqueeError(f"{where}: {record.problem[1]}. Save the file as UTF-8 CSV.")
        missing = [name for name in ((ID, OVERVIEW) if self.tagged else (ID,)) if name not in columns]
        if missing:
            expected = f"{ID},{GENRE},<one column per genre>,{OVERVIEW}" if self.tagged else f"{ID} and {OVERVIEW}"
            raise MarqueeError(
                f"{where}: missing {' and '.join(missing)}. Expected {expected}, separated by commas; "
                f"found {','.join(columns):.200}."
            )
        if self.tagged and not set(columns) - {ID, OVERVIEW}:
            raise MarqueeError(f"{where}: no genres. Add the column {GENRE}, or one 0/1 column per genre.")
        for name, count in collections.Counter(columns).items():
            if (self.tagged or name in (ID, OVERVIEW)) and (not name or count > 1):
                problem = f"column {name} appears {count} times" if name else "a column has no name"
                raise MarqueeError(f"{where}: {problem}. Found {','.join(columns):.200}.")

    def poster_files(self) -> int:
        return sum(len(names) for names in self._posters().values())

    def _posters(self) -> dict[str, list[str]]:
        if self._images is None:
            return {}
        folder = os.path.join(self.folder, self._images)
        return posters_in(folder) if os.path.lexists(folder) else {}

    def read(self) -> Iterator[Film | Reject]:
        if self._images is not None and not os.path.lexists(images := os.path.join(self.folder, self._images)):
            logging.warning("%s is missing: these films go on without posters.", images)
            yield Reject("", None, self._images, Reason.IMAGES_MISSING, "no posters for the whole span", kept=True)
        posters = {stem: os.path.join(self._images or "", names[0]) for stem, names in self._posters().items()}
        first: dict[str, tuple[int, bytes]] = {}  # Id -> line and digest of the row that is kept
        with open_table(self._csv) as file:
            rows = records(file)
            columns = _columns(next(rows))
            one_hot = tuple(name for name in columns if name not in (ID, GENRE, OVERVIEW))
            for record in rows:
                item, aside = _item(record, columns, one_hot, posters, self._table, self.tagged)
                if isinstance(item, Film):
                    item = _unless_repeated(item, record, first)
                if aside and isinstance(item, Film):
                    yield aside
                yield item


def _columns(header: Record) -> list[str]:
    return [one_line(name) for name in header.fields]


def _unless_repeated(film: Film, record: Record, first: dict[str, tuple[int, bytes]]) -> Film | Reject:
    digest = hashlib.blake2b("\x1f".join(record.fields).encode(), digest_size=8).digest()
    row, earlier = first.setdefault(film.id, (record.row, digest))
    if row == record.row:
        return film
    if digest == earlier:
        return Reject(film.id, film.row, film.file, Reason.DUPLICATE_ID, f"the same as row {row}")
    return Reject(film.id, film.row, film.file, Reason.DUPLICATE_ID_CONFLICT, f"row {row} has this Id too")


def _item(
    record: Record,
    columns: Sequence[str],
    one_hot: tuple[str, ...],
    posters: Mapping[str, str],
    table: str,
    tagged: bool,
) -> tuple[Film | Reject, Reject | None]:
    """What a row amounts to, and what of it is rejected though the film may stay."""
    cells = dict(zip(columns, record.fields, strict=False))
    film_id = cells.get(ID, "").strip()

    def reject(reason: Reason, detail: str, kept: bool = False) -> Reject:
        return Reject(film_id, record.row, table, reason, detail, kept)

    if record.problem:
        return reject(*record.problem), None
    if len(record.fields) != len(columns):
        return reject(Reason.BROKEN_ROW, f"{len(record.fields)} fields where the header has {len(columns)}"), None
    genres = _genres(one_hot, cells) if tagged else _Genres()
    if genres.problem:
        return reject(*genres.problem), None
    overview = cells.get(OVERVIEW, "").strip()
    film = Film(film_id, genres.names, overview, posters.get(film_id, ""), table, record.row)
    return checked(film, tagged), reject(*genres.aside, kept=True) if genres.aside else None


class _Genres(NamedTuple):
    """The genres that a row gives, why it is rejected, and what of it is rejected though the film may stay."""

    names: tuple[str, ...] = ()
    problem: tuple[Reason, str] | None = None
    aside: tuple[Reason, str] | None = None


def _genres(one_hot: tuple[str, ...], cells: Mapping[str, str]) -> _Genres:
    marks, cell = tuple([cells[name] for name in one_hot]), cells.get(GENRE, "")
    # To understand them was half of what a row cost, and thousands of films say the same.
    understand = _understood if len(cell) + sum(map(len, marks)) <= _SHORT else _understand
    return understand(one_hot, marks, cell)


def _understand(one_hot: tuple[str, ...], marks: tuple[str, ...], cell: str) -> _Genres:
    """What the 0/1 columns and the list say together, either of which may be absent."""
    values = {name: value.strip() for name, value in zip(one_hot, marks, strict=True)}
    for name, value in values.items():
        if value not in _BINARY:
            return _Genres(problem=(Reason.ONE_HOT_NOT_BINARY, f"column {name} holds {value!r:.40}, expected 0 or 1"))
    marked = tuple(name for name, value in values.items() if _BINARY[value])

    cell = cell.strip()
    listed = _listed(cell)
    aside = None
    if listed is None and cell:
        aside = (Reason.GENRE_NOT_LIST, f"{GENRE} is {cell!r:.100}, expected ['A', 'B']")
        if not marked:
            return _Genres(problem=aside)
    if one_hot and listed is not None and set(listed) != set(marked):
        only = ", ".join(sorted(set(listed) ^ set(marked)))
        return _Genres(problem=(Reason.GENRES_DISAGREE, f"{GENRE} and the 0/1 columns differ in {only}"))

    return _Genres(marked if one_hot else listed or (), aside=aside)


_understood = functools.lru_cache(maxsize=4096)(_understand)


def _listed(cell: str) -> tuple[str, ...] | None:
    """The names in a Genre cell, without repeats; None where it is not a list of strings."""
    try:
        value = ast.literal_eval(cell)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return None
    return tuple(dict.fromkeys(one_line(name) for name in value if name.strip()))
