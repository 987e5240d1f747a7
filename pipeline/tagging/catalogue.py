"""The films to tag: a CSV and a folder of posters, or a span's folder in any layout that a run reads."""

import os
from dataclasses import dataclass
from pathlib import Path

from components.film_example_gen import driver, readers
from components.film_example_gen.coursework import CourseworkReader
from components.film_example_gen.reader import Reader
from pipeline import paths
from transform.errors import MarqueeError


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Films: their reader, the folders that they are read from, and a fingerprint of all that decides what they are."""

    reader: Reader
    folders: tuple[Path, ...]
    fingerprint: str


def of_table(table: Path, images: Path | None) -> Catalogue:
    """The films of a CSV with the columns Id and Overview; others are left alone.

    Args:
        table: the CSV.
        images: folder of <Id>.jpg, .jpeg or .png; None for no posters.

    Raises:
        MarqueeError: one of them cannot be read, or is of the wrong form.
    """
    table = table.resolve()
    if not table.is_file():
        raise MarqueeError(f"{table}: no such file. It should be a CSV with the columns Id and Overview.")
    if images is not None and not images.is_dir():
        raise MarqueeError(f"{images}: no such folder of posters.")
    folders = [] if images is None else [images.resolve()]
    posters = os.path.relpath(folders[0], table.parent) if folders else None
    reader = CourseworkReader(str(table.parent), tagged=False, table=table.name, images=posters)
    reader.check()
    prints = [paths.fingerprint(str(table)), *(driver.fingerprint(str(folder)) for folder in folders)]
    return Catalogue(reader=reader, folders=tuple(folders), fingerprint=" ".join(prints))


def of_span(folder: Path) -> Catalogue:
    """The films of a span's folder.

    Raises:
        MarqueeError: it is missing, cannot be read, or is of no known layout.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise MarqueeError(f"{folder}: no such folder of films.")
    layout, reader = readers.reader_for(str(folder), readers.AUTO, tagged=False)
    reader.check()
    return Catalogue(reader=reader, folders=(folder,), fingerprint=f"{layout} {driver.fingerprint(str(folder))}")
