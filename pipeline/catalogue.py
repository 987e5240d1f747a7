"""A CSV file of films to ask a model server about, and the CSV file of its answers."""

import contextlib
import csv
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from components.film_example_gen.records import Record, open_table, records
from transform.errors import MarqueeError

if TYPE_CHECKING:
    from serving.client import Film, Prediction

ID, OVERVIEW = "Id", "Overview"
SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of the table.

    Attributes:
        id: of the film.
        overview: empty where it has none.
        poster: its file; None where it has none.
        refusal: why no model can be asked about it; empty where one can.
    """

    id: str
    overview: str
    poster: Path | None
    refusal: str

    def film(self) -> "Film":
        """The film with its poster's bytes.

        Raises:
            MarqueeError: the poster cannot be read.
        """
        from serving.client import Film

        try:
            return Film(poster=self.poster.read_bytes() if self.poster else b"", overview=self.overview)
        except OSError as error:
            raise MarqueeError(f"{self.poster}: cannot be read ({error.strerror}).") from error

    def size(self) -> int:
        """Bytes of poster and overview; a poster that is not there is told of when it is read."""
        try:
            poster = self.poster.stat().st_size if self.poster else 0
        except OSError:
            poster = 0
        return poster + len(self.overview.encode())


def entries(table: Path, images: Path | None) -> list[Entry]:
    """The rows of a table, in their order.

    Args:
        table: CSV with the columns Id and Overview; others are left alone.
        images: folder of <Id>.jpg, .jpeg or .png; None for no posters.

    Raises:
        MarqueeError: the table cannot be read or lacks the column Id, or the folder is missing.
    """
    if images is not None and not images.is_dir():
        raise MarqueeError(f"{images}: no such folder of posters.")
    try:
        with open_table(str(table)) as file:
            rows = records(file)
            columns = _columns(next(rows, None), table)
            return [_entry(row, columns, images) for row in rows]
    except OSError as error:
        raise MarqueeError(f"{table}: cannot be read ({error.strerror}).") from error


def _columns(header: Record | None, table: Path) -> list[str]:
    if header is not None and header.problem:
        raise MarqueeError(f"{table}: no CSV file in UTF-8: {header.problem[1]}.")
    columns = [name.strip() for name in header.fields] if header else []
    if ID not in columns:
        raise MarqueeError(f"{table}: no column {ID}. Its columns: {', '.join(columns) or 'none'}.")
    return columns


def batches(entries: Iterable[Entry], films: int, size: int) -> Iterator[list[Entry]]:
    """The entries in their order, at most so many films and bytes together; a film larger than that is alone."""
    batch: list[Entry] = []
    filled = 0
    for entry in entries:
        more = entry.size()
        if batch and (len(batch) == films or filled + more > size):
            yield batch
            batch, filled = [], 0
        batch.append(entry)
        filled += more
    if batch:
        yield batch


def _entry(row: Record, columns: Sequence[str], images: Path | None) -> Entry:
    cells = dict(zip(columns, row.fields, strict=False))
    # Of a row that is not UTF-8, the answer says as much of its Id as can be written.
    id, overview = cells.get(ID, "").strip().encode(errors="replace").decode(), cells.get(OVERVIEW, "").strip()
    if row.problem:
        return Entry(id=id, overview="", poster=None, refusal=f"line {row.row}: {row.problem[1]}")
    poster = None
    # A name out of a table must not lead out of the folder.
    if images is not None and id and Path(id).name == id:
        poster = next((file for suffix in SUFFIXES if (file := images / f"{id}{suffix}").is_file()), None)
    refusal = "" if poster or overview else "neither poster nor overview"
    return Entry(id=id, overview=overview, poster=poster, refusal=refusal)


class Answers:
    """A CSV file of predictions: Id, Genres (most likely first), Scores (of all genres), Error.

    Written beside its place and put there at the end. Where it comes to no end, what there is of it is kept as
    `partial`, and nothing where no film was asked about.
    """

    COLUMNS = ("Id", "Genres", "Scores", "Error")

    def __init__(self, out: Path):
        """Opens the file.

        Raises:
            MarqueeError: it cannot be written.
        """
        self.written = self.refused = 0
        self._whole = False
        self.partial = out.with_name(f"{out.name}.part")
        self._out = out
        self._scratch = out.with_name(f".{out.name}.{os.getpid()}")
        with self._told():
            if out.is_dir():  # would be found out only once all films have been asked about
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._file = open(self._scratch, "w", encoding="utf-8", newline="")  # noqa: SIM115 - closed by __exit__
        self._writer = csv.writer(self._file)
        self._writer.writerow(self.COLUMNS)

    def write(self, entries: Sequence[Entry], answers: Sequence["Prediction | str"]) -> None:
        """Adds rows: a prediction each, or why there is none.

        Raises:
            MarqueeError: they cannot be written.
        """
        with self._told():
            for entry, answer in zip(entries, answers, strict=True):
                if isinstance(answer, str):
                    self._writer.writerow([entry.id, "", "", answer])
                else:
                    scores = " ".join(f"{genre}={score:.4f}" for genre, score in answer.scores.items())
                    self._writer.writerow([entry.id, "|".join(answer.genres), scores, ""])
            self._file.flush()
        self.written += len(entries)
        self.refused += sum(isinstance(answer, str) for answer in answers)

    def __enter__(self) -> "Answers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.ExitStack() as ends:
            if kind is None:
                ends.enter_context(self._told())
            else:  # why it ends is known
                ends.enter_context(contextlib.suppress(OSError))
            ends.callback(self._put_away)
            self._file.close()
            self._whole = kind is None

    def _put_away(self) -> None:
        if self._whole:
            try:
                self._scratch.replace(self._out)
            except OSError:
                self._scratch.replace(self.partial)
                raise
        elif self.written:
            self._scratch.replace(self.partial)
        else:
            self._scratch.unlink()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MarqueeError(f"{self._out}: cannot be written ({error.strerror}).") from error
