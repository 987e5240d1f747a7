"""Rows of a CSV file of films, however bad some of them are."""

import collections
import csv
from collections.abc import Iterator
from typing import NamedTuple, TextIO

from components.film_example_gen.films import Reason, is_text

LONGEST = 1 << 24  # characters of a record: so much of a file, at most, is held for a quote that is never closed

_NO_LIMIT = (1 << 31) - 1  # the highest that csv takes everywhere


class Record(NamedTuple):
    """A row, or what can be told of it.

    Attributes:
        row: line on which it begins.
        fields: none but the first where it is no CSV.
        problem: what makes it unusable.
    """

    row: int
    fields: list[str]
    problem: tuple[Reason, str] | None = None


def open_table(path: str) -> TextIO:
    """Opens a file for `records`.

    Raises:
        OSError: it cannot be opened.
    """
    # Bytes that are not UTF-8 come through as surrogates, so that one bad row does not end the reading.
    return open(path, encoding="utf-8-sig", errors="surrogateescape", newline="")


def records(file: TextIO) -> Iterator[Record]:
    """Records of a CSV, each with the line on which it begins and the problem that makes it unusable, if any.

    A record with broken quotes would swallow the rows that follow it: it is rejected by itself, and reading
    goes on at its second line.
    """
    csv.field_size_limit(_NO_LIMIT)  # of the process: csv's own 131,072 characters are fewer than an overview may have
    lines = _Lines(file)
    rows = csv.reader(lines, strict=True)
    while True:
        row = lines.begin()
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back()
            rows = csv.reader(lines, strict=True)
            fields = lines.taken[0].replace("\0", "").rstrip("\r\n").split(",")[:1]
            yield Record(row, fields, (Reason.BROKEN_ROW, f"not CSV: {error}"))
            continue
        text = "".join(lines.taken)
        if "\0" in text:
            yield Record(row, fields, (Reason.NUL_BYTES, "the row holds NUL bytes"))
        elif not is_text(text):
            yield Record(row, fields, (Reason.NOT_UTF8, "the text is not UTF-8"))
        elif fields:
            yield Record(row, fields)


class _Lines:
    """Lines of a file, of which those of the record at hand can be read again. NULs, which csv refuses, are cut."""

    def __init__(self, file: TextIO):
        self._file = file
        self._again: collections.deque[str] = collections.deque()
        self._given = 0
        self._characters = 0
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self.taken.append(line)
        self._given += 1
        self._characters += len(line)
        if self._characters > LONGEST:
            raise csv.Error(f"more than {LONGEST:,} characters, or a quote that is never closed")
        return line.replace("\0", "")

    def begin(self) -> int:
        """Starts a record; returns the number of its first line."""
        self.taken, self._characters = [], 0
        return self._given + 1

    def give_back(self) -> None:
        """Gives back all lines of the record but the first."""
        self._again.extendleft(reversed(self.taken[1:]))
        self._given -= len(self.taken) - 1
