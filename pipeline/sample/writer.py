"""Writes a sample: all of it or nothing, the same bytes for the same seed."""

import contextlib
import csv
import fcntl
import hashlib
import json
import multiprocessing
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from pipeline.sample.films import MOST_FILMS, Film, draw_film, draw_film_poster, jpeg
from pipeline.sample.flaws import ODD_POSTERS, Flaw, draw_flaws, row_of
from pipeline.sample.genres import GENRES, SPANS
from transform.errors import MarqueeError

CSV_NAME = "IMDB_overview_genres.csv"
POSTERS_NAME = "Images"
RECORD_NAME = "sample.json"  # written last; a directory that has it is a whole sample

_FILMS_PER_PROCESS = 150  # below this, starting another process costs more than it saves
_SECOND_SPAN = 5  # the second span has one film for this many of the first

_README = """# A sample of made-up films

Drawn by `marquee sample --films {films} --seed {seed}`. The films, people and posters do not exist: code made all of
it, pictures and words, and it is in the public domain (CC0 1.0). Use it for anything.

- `span-1`: {films} films, and the broken inputs listed below.
- `span-2`: {second} films, a later span that drifts: thrillers doubled, fewer comedies, no Film-Noir, no Short, darker
  posters, longer overviews.

About 4 % of the films have no poster, 3 % no overview, none of these lacks both.

Odd but legal posters in `span-1`:
{odd}

Broken on purpose in `span-1`, so that the table of rejects is never empty:
{broken}
"""


@dataclass(frozen=True)
class SampleReport:
    """What a sample holds.

    Attributes:
        path: its directory.
        films: films in order, by span name ("span-1", "span-2").
        posters: posters of those films, by span name.
        overviews: overviews of those films, by span name.
        broken: (Id, what is wrong) of each input broken on purpose, all in "span-1".
        drawn: False if the same sample was there already and nothing was written.
    """

    path: Path
    films: dict[str, int]
    posters: dict[str, int]
    overviews: dict[str, int]
    broken: tuple[tuple[str, str], ...]
    drawn: bool


def draw(out: Path, films: int = 600, seed: int = 7) -> SampleReport:
    """Draws a sample of made-up films into a directory.

    Does nothing if the directory holds the same sample already. It is drawn beside its place and renamed, so
    that a draw that is killed leaves no part of it; what it leaves under a hidden name, the next draw removes.

    Args:
        out: the directory; it gets `span-1` and `span-2`. If it exists, it must be empty or an earlier sample,
            which is replaced.
        films: how many films the first span has; the second has a fifth of that.
        seed: 0 or more; the same seed gives the same bytes.

    Raises:
        MarqueeError: `films` or `seed` is out of range, `out` holds something else, or cannot be written.
    """
    if not 1 <= films <= MOST_FILMS:
        raise MarqueeError(f"--films {films}: a sample has 1 to {MOST_FILMS} films")
    if seed < 0:
        raise MarqueeError(f"--seed {seed}: a seed is 0 or more")
    out = out.resolve()
    sizes = {1: films, 2: max(1, films // _SECOND_SPAN)}
    try:
        known = _read_record(out)
        identity = {"films": films, "seed": seed, "generator": _generator()}
        if known and known["identity"] == identity and _is_whole(out, known):
            return _report(out, known, drawn=False)
        with _beside(out) as part:
            record = _write_sample(part, sizes, seed, identity)
            _replace(out, part)
    except OSError as error:
        raise MarqueeError(f"cannot write the sample to {out}: {error.strerror or error}") from error
    return _report(out, record, drawn=True)


# ---------------------------------------------------------------- the directory


def _generator() -> str:
    """A digest of this package's sources: films drawn by other code are another sample."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


def _read_record(out: Path) -> dict | None:
    """The record of the sample in `out`; None if there is no directory, or an empty one.

    Raises:
        MarqueeError: there is something else.
    """
    try:
        if not any(out.iterdir()):
            return None
        record = json.loads((out / RECORD_NAME).read_text(encoding="utf-8"))
        if isinstance(record, dict) and "identity" in record:
            return record
    except FileNotFoundError:
        if not out.exists():
            return None
    except (NotADirectoryError, ValueError):
        pass
    raise MarqueeError(f"{out} is not a sample: choose another --out, or move it out of the way")


def _is_whole(out: Path, record: dict) -> bool:
    """Whether the files are all there that the record counts."""
    return all(
        (out / span / CSV_NAME).is_file() and sum(1 for _ in (out / span / POSTERS_NAME).glob("*")) == count
        for span, count in record["files"].items()
    )


@contextlib.contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A new directory beside `out`, gone at the end; what killed draws left there is removed first.

    A draw holds a lock on its directory, which goes with its process: one without a lock is nobody's.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}.part-"
    for stale in out.parent.glob(f"{prefix}*"):
        with contextlib.suppress(OSError), _locked(stale):
            shutil.rmtree(stale)
    part = out.parent / f"{prefix}{secrets.token_hex(4)}"
    part.mkdir()
    with _locked(part):
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Holds the directory's lock; BlockingIOError if another process does."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _replace(out: Path, part: Path) -> None:
    """Puts the finished sample in `part` in its place; an earlier one goes with `part`."""
    if out.exists():
        _read_record(out)  # refuse what has appeared in the meantime
        os.rename(out, part / "earlier")
    try:
        os.rename(part / "sample", out)
    except OSError:
        if (part / "earlier").exists():
            os.rename(part / "earlier", out)
        raise


# ---------------------------------------------------------------- its files


def _write_sample(part: Path, sizes: dict[int, int], seed: int, identity: dict) -> dict:
    """Writes the sample to `part`/sample and returns its record."""
    root = part / "sample"
    for span in SPANS:
        (root / f"span-{span}" / POSTERS_NAME).mkdir(parents=True)
    flaws = draw_flaws(seed)
    record: dict = {"identity": identity, "films": {}, "posters": {}, "overviews": {}, "files": {}, "broken": []}
    odd: dict[int, int] = {}  # index of a film in span 1 -> which of ODD_POSTERS it is written as
    for span in SPANS:
        name = f"span-{span}"
        posters = overviews = 0
        with open(root / name / CSV_NAME, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["Id", "Genre", *GENRES, "Overview"])
            for index in range(sizes[span]):
                film = draw_film(seed, span, index)
                rows.writerow(row_of(film))
                posters += film.has_poster
                overviews += bool(film.overview)
                if span == 1 and film.has_poster and len(odd) < len(ODD_POSTERS):
                    odd[index] = len(odd)
            if span == 1:
                rows.writerows(row for flaw in flaws for row in flaw.rows)
        broken_posters = sum(flaw.poster is not None for flaw in flaws) if span == 1 else 0
        record["films"][name], record["posters"][name], record["overviews"][name] = sizes[span], posters, overviews
        record["files"][name] = posters + broken_posters
    record["broken"] = [[flaw.id, flaw.what] for flaw in flaws]
    _draw_posters(root, sizes, seed, odd)
    for flaw in flaws:
        if flaw.poster is not None:
            _poster_path(root, 1, flaw.id).write_bytes(flaw.poster)
    _write_readme(root, sizes, seed, odd, flaws)
    (root / RECORD_NAME).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return record


def _poster_path(root: Path, span: int, film_id: str) -> Path:
    return root / f"span-{span}" / POSTERS_NAME / f"{film_id}.jpg"


def _write_readme(root: Path, sizes: dict[int, int], seed: int, odd: dict[int, int], flaws: list[Flaw]) -> None:
    odd_lines = [f"- `{draw_film(seed, 1, index).id}`: {ODD_POSTERS[which][0]}" for index, which in odd.items()]
    broken_lines = [f"- `{flaw.id}`: {flaw.what}" for flaw in flaws]
    text = _README.format(
        films=sizes[1], second=sizes[2], seed=seed, odd="\n".join(odd_lines), broken="\n".join(broken_lines)
    )
    (root / "README.md").write_text(text, encoding="utf-8")


def _report(out: Path, record: dict, *, drawn: bool) -> SampleReport:
    broken = tuple((film_id, what) for film_id, what in record["broken"])
    return SampleReport(out, record["films"], record["posters"], record["overviews"], broken, drawn)


# ---------------------------------------------------------------- posters, in several processes


def _draw_posters(root: Path, sizes: dict[int, int], seed: int, odd: dict[int, int]) -> None:
    films = [(span, index) for span in SPANS for index in range(sizes[span])]
    cores = len(os.sched_getaffinity(0))
    workers = max(1, min(cores, len(films) // _FILMS_PER_PROCESS))
    if workers == 1:
        _draw_share(root, films, seed, odd)
        return
    # Spawned, not forked: the caller may run threads, and a child must not hold the lock of `_beside`.
    context = multiprocessing.get_context("spawn")
    running = []
    try:
        for worker in range(workers):
            receiving, sending = context.Pipe(duplex=False)
            process = context.Process(
                target=_work, args=(sending, os.getpid(), root, films[worker::workers], seed, odd), daemon=True
            )
            process.start()
            sending.close()
            running.append((process, receiving))
        for process, receiving in running:
            try:
                failure = receiving.recv()
            except EOFError:
                process.join()
                raise MarqueeError(
                    f"a process that draws posters ended early (exit code {process.exitcode}): draw again"
                ) from None
            if failure is not None:
                raise failure
    finally:
        for process, _ in running:
            process.kill()
            process.join()


def _work(
    sending: Connection, parent: int, root: Path, films: list[tuple[int, int]], seed: int, odd: dict[int, int]
) -> None:
    """Draws its share in a process of its own and sends None, or the error that stopped it."""
    try:
        _draw_share(root, films, seed, odd, parent)
        sending.send(None)
    except Exception as error:
        sending.send(error)


def _draw_share(
    root: Path, films: list[tuple[int, int]], seed: int, odd: dict[int, int], parent: int | None = None
) -> None:
    """Draws the posters of some films; stops when the process that asked for them is gone."""
    for span, index in films:
        if parent is not None and os.getppid() != parent:
            return
        film = draw_film(seed, span, index)
        if film.has_poster:
            which = odd.get(index) if span == 1 else None
            _poster_path(root, span, film.id).write_bytes(_poster_file(seed, film, which))


def _poster_file(seed: int, film: Film, which: int | None) -> bytes:
    poster = draw_film_poster(seed, film)
    return jpeg(poster) if which is None else ODD_POSTERS[which][1](poster)
