"""The folder that answers go into: parts while the job is at work, whole files at its end.

    manifest.json        model, films and form of what lies here; written first
    parts/00000.csv      answers of the first films, without a header (.jsonl as well, by format)
    parts/00000.rejects  their rejects
    parts/00000.json     {"films": n, "rejects": {reason: n}, "kept": {reason: n}}; written last: the part is done
    parts/total          how many parts there are; written once the films have been read to their end
    predictions.csv      all parts, in the order of the films (.jsonl as well)
    rejects.jsonl        all rejects, as FilmExampleGen writes them
    summary.json         the sums of the parts; written last: the job is done, and the parts go

Every file is written under another name and renamed, so that none is ever half there.
"""

import collections
import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from components.film_example_gen.films import Reject
from components.losses import lost
from pipeline.tagging.answers import FORMATS, Answer
from transform.errors import MarqueeError

MANIFEST, SUMMARY, REJECTS, PARTS = "manifest.json", "summary.json", "rejects.jsonl", "parts"
_DONE, _PART_REJECTS, _TOTAL, _SCRATCH = ".json", ".rejects", "total", ".writing"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What decides the content of the folder: a job may go on only where nothing of it has changed.

    Attributes:
        model: its name and version.
        model_fingerprint: of its files.
        films: a fingerprint of the CSV or JSON files and of the posters.
        formats: keys of FORMATS.
        genres: of the scores.
        part: films of a part, with their rejects.
    """

    model: str
    model_fingerprint: str
    films: str
    formats: tuple[str, ...]
    genres: tuple[str, ...]
    part: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What has been done: films that have an answer, rejects by reason, and those of them whose film stays."""

    films: int
    rejects: dict[str, int]
    kept: dict[str, int]


class AnswersFolder:
    """Such a folder. Pickles, so that a Beam worker can write parts."""

    def __init__(self, path: str, manifest: Manifest):
        self.path = path
        self.manifest = manifest

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder and holds it; the kernel drops the lock with the process, so none is ever stale.

        Raises:
            MarqueeError: it cannot be written, or another process holds it.
        """
        try:
            os.makedirs(self.path, exist_ok=True)
            handle = os.open(os.path.join(self.path, ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise MarqueeError(f"{self.path}: cannot be written ({error.strerror}). Give another --out.") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise MarqueeError(f"{self.path}: another `marquee tag` is at work in it.") from None
            yield
        finally:
            os.close(handle)

    def begin(self, restart: bool = False) -> Summary | None:
        """Readies the folder for parts: it is new, or holds parts of the very same job.

        Args:
            restart: remove what an earlier job left.

        Returns:
            The summary, where the job is done already.

        Raises:
            MarqueeError: the folder holds another job, or files that no job has written, or cannot be written.
        """
        with _reported(self.path):
            for name in (*self._outputs(), MANIFEST):
                for left in Path(self.path).glob(f"{name}.*{_SCRATCH}"):  # of a job that was killed as it joined them
                    left.unlink()
            if restart:
                self._clear()
            found = self._file(MANIFEST)
            if found.is_file():
                self._compare(found)
            else:
                taken = [name for name in self._outputs() if self._file(name).exists()]
                if taken:
                    raise MarqueeError(
                        f"{self._file(taken[0])}: is there, and {MANIFEST} is not. Give another --out, or --restart "
                        f"to write over it."
                    )
                _write(found, json.dumps(dataclasses.asdict(self.manifest), ensure_ascii=False, indent=1) + "\n")
            whole = (SUMMARY, REJECTS, *(f"predictions.{name}" for name in self.manifest.formats))
            if all(self._file(name).is_file() for name in whole):
                shutil.rmtree(self._file(PARTS), ignore_errors=True)
                return Summary(**json.loads(self._file(SUMMARY).read_text(encoding="utf-8")))
            self._file(SUMMARY).unlink(missing_ok=True)
            self._file(PARTS).mkdir(exist_ok=True)
            for left in self._file(PARTS).glob(f"*{_SCRATCH}"):
                left.unlink()
        return None

    def done(self) -> list[int]:
        """Numbers of the parts that are whole, rising."""
        return sorted(int(file.stem) for file in self._file(PARTS).glob(f"*{_DONE}"))

    def write_part(self, number: int, answers: Sequence[Answer], rejects: Sequence[Reject]) -> None:
        """Writes a part; whoever writes it twice writes the same.

        Raises:
            MarqueeError: a file cannot be written.
        """
        with _reported(self.path):
            for name in self.manifest.formats:
                _write(self._part(number, f".{name}"), FORMATS[name].lines(self.manifest.genres, answers))
            _write(self._part(number, _PART_REJECTS), "".join(f"{reject.to_json()}\n" for reject in rejects))
            counts = Summary(
                films=len(answers),
                rejects=dict(collections.Counter(reject.reason.value for reject in rejects)),
                kept=dict(collections.Counter(reject.reason.value for reject in rejects if reject.kept)),
            )
            _write(self._part(number, _DONE), json.dumps(dataclasses.asdict(counts)))

    def write_total(self, parts: int) -> None:
        """Writes how many parts there are, whoever is still at work on them; whoever reads the films again, again.

        Raises:
            MarqueeError: the file cannot be written.
        """
        with _reported(self.path):
            _write(self._file(PARTS) / _TOTAL, f"{parts}\n")

    def finish(self) -> Summary:
        """Makes whole files of the parts, and removes these.

        Raises:
            MarqueeError: a file cannot be written, or not all parts are there.
        """
        numbers = self.done()
        self._require_all(numbers)
        films, rejects, kept = 0, collections.Counter[str](), collections.Counter[str]()
        with _reported(self.path):
            for number in numbers:
                counts = json.loads(self._part(number, _DONE).read_text(encoding="utf-8"))
                films += counts["films"]
                rejects.update(counts["rejects"])
                kept.update(counts["kept"])
            for name in self.manifest.formats:
                head = FORMATS[name].head(self.manifest.genres)
                self._join(f"predictions.{name}", head, [self._part(number, f".{name}") for number in numbers])
            self._join(REJECTS, "", [self._part(number, _PART_REJECTS) for number in numbers])
            summary = Summary(films=films, rejects=dict(sorted(rejects.items())), kept=dict(sorted(kept.items())))
            _write(self._file(SUMMARY), json.dumps(dataclasses.asdict(summary), indent=1) + "\n")
            shutil.rmtree(self._file(PARTS))
        return summary

    def _require_all(self, numbers: Sequence[int]) -> None:
        total = self._file(PARTS) / _TOTAL
        if not total.is_file():
            raise lost(f"{total}: no such file, so the films were not read to their end.")
        parts = int(total.read_text(encoding="utf-8"))
        missing = sorted(set(range(parts)) - set(numbers))
        if missing:
            named = ", ".join(map(str, missing))
            raise lost(f"{self.path}: not all {parts} parts are there: {named} missing.")
        if len(numbers) > parts:
            raise MarqueeError(f"{self.path}: {len(numbers)} parts are there, of {parts}. Begin anew with --restart.")

    def _file(self, name: str) -> Path:
        return Path(self.path) / name

    def _part(self, number: int, suffix: str) -> Path:
        return Path(self.path) / PARTS / f"{number:05}{suffix}"

    def _outputs(self) -> list[str]:
        return [*(f"predictions.{name}" for name in FORMATS), REJECTS, SUMMARY, PARTS]

    def _clear(self) -> None:
        """Removes what a job leaves, and nothing else: the summary first, the manifest last."""
        self._file(SUMMARY).unlink(missing_ok=True)
        if self._file(PARTS).is_dir():
            for number in self.done():  # first: without its answers, a part must not count as done
                self._part(number, _DONE).unlink()
            shutil.rmtree(self._file(PARTS))
        for name in (*self._outputs(), MANIFEST):
            self._file(name).unlink(missing_ok=True)

    def _compare(self, file: Path) -> None:
        try:
            before = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise MarqueeError(f"{file}: not a manifest of `marquee tag` ({error}). --restart begins anew.") from error
        now: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self.manifest)))
        other = [key for key, value in now.items() if before.get(key) != value]
        if other:
            key = other[0]
            raise MarqueeError(
                f"{self.path} holds the answers of another job: {key} was {before.get(key)!s:.80} and is "
                f"{now[key]!s:.80}. Give another --out, or --restart to begin anew."
            )

    def _join(self, name: str, head: str, parts: Sequence[Path]) -> None:
        with _renamed(self._file(name)) as out:
            out.write(head.encode())
            for part in parts:
                with open(part, "rb") as content:
                    shutil.copyfileobj(content, out, 1 << 20)


def _write(file: Path, text: str) -> None:
    with _renamed(file) as out:
        out.write(text.encode())


@contextlib.contextmanager
def _renamed(file: Path) -> Iterator[BinaryIO]:
    """A file to write, which appears whole at the end. Several may write the same at once: the last one stays."""
    scratch = file.with_name(f"{file.name}.{uuid.uuid4().hex}{_SCRATCH}")
    try:
        with open(scratch, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(scratch, file)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _reported(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MarqueeError(f"{error.filename or folder}: cannot be read or written ({error.strerror}).") from error
