"""Which versions of a model lie in its folder, and which of them are to be served."""

import functools
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
HIGHEST = (1 << 63) - 1  # TensorFlow Serving's versions are int64

log = logging.getLogger("marquee.serving")


class Versions(NamedTuple):
    """What lies in a model's folder, by number.

    Attributes:
        whole: can be loaded.
        unfinished: folders without any of MODEL_FILES: being copied, or left half copied.
        unreadable: folders that cannot be looked into, each with the reason.
    """

    whole: dict[int, Path]
    unfinished: dict[int, Path]
    unreadable: dict[int, tuple[Path, str]]


def versions_in(base_path: str | Path) -> Versions:
    """The versions there; none where the folder is missing.

    A version is a folder whose name is a number of at most 63 bits. Pushers write saved_model.pb last, so it is whole
    once that is there.

    Raises:
        OSError: the folder is there, and cannot be read.
    """
    try:
        entries = list(Path(base_path).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        entries = []
    found = Versions({}, {}, {})
    for number, folder in {int(entry.name): entry for entry in entries if _is_version(entry)}.items():
        try:
            if _is_whole(folder):
                found.whole[number] = folder
            elif folder.is_dir():  # looked at last: a folder that was removed a moment ago is not half a version
                found.unfinished[number] = folder
        except OSError as error:
            found.unreadable[number] = folder, error.strerror or str(error)
    return found


def wanted(versions: Iterable[int], policy: Any) -> list[int]:
    """The versions that a ServableVersionPolicy asks for, of those that are there; rising.

    Args:
        versions: those there are.
        policy: FileSystemStoragePathSourceConfig.ServableVersionPolicy; empty: the latest one.
    """
    there = sorted(versions)
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return there
    if choice == "specific":
        return [version for version in there if version in set(policy.specific.versions)]
    return there[-(policy.latest.num_versions or 1) :]


def fingerprint(version: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Changes when a file of the version, or its owner or mode does; says when to try again to load a broken one."""
    files = sorted(path for path in version.rglob("*") if path.is_file())
    return tuple((str(path), (status := path.stat()).st_size, status.st_mtime_ns, status.st_ctime_ns) for path in files)


def _is_version(entry: Path) -> bool:
    if not (entry.name.isascii() and entry.name.isdecimal()):
        return False
    # Python makes no number of thousands of digits.
    if len(entry.name.lstrip("0")) <= len(str(HIGHEST)) and int(entry.name) <= HIGHEST:
        return True
    _tell_too_high(entry)
    return False


def _is_whole(folder: Path) -> bool:
    return any((folder / name).is_file() for name in MODEL_FILES)


@functools.lru_cache(maxsize=1024)
def _tell_too_high(entry: Path) -> None:
    """Once for each folder, however often it is looked at."""
    log.warning("%s is no version: its number is above %d", entry, HIGHEST)
