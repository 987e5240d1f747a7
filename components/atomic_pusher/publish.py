"""Puts a model into a folder that a model server watches; imports nothing but the standard library."""

import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from transform.errors import MarqueeError

# Around a version whose files are still being copied, or are being removed.
PREFIX, PUSHING, PRUNING = ".", ".pushing", ".pruning"
HIGHEST = (1 << 63) - 1  # versions are int64
MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")  # a server loads a folder that has one of them


def publish(model: Path, base: Path) -> Path:
    """Copies `model` to a new version folder of `base`, which appears all at once; returns that folder.

    The version is the Unix time in seconds, or one more than the highest there, whichever is higher: the
    clock may jump, and a model server takes the highest version for the newest. What killed pushes left
    behind is removed. Two pushes to one `base` at the same time are not provided for.

    Raises:
        MarqueeError: a file can't be read or written (disk full, no permission); no version is left behind.
    """
    with _reported(model, base):
        base.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(base)
        version = max([int(time.time()), *(taken + 1 for taken, _ in numbered(base))])
        staging = base / f"{PREFIX}{version}{PUSHING}"
        destination = base / str(version)
        try:
            shutil.copytree(model, staging)
            os.rename(staging, destination)
        except OSError:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    return destination


def archive(model: Path, folder: Path) -> None:
    """Copies `model` into `folder`, which may exist and which nobody watches.

    Raises:
        MarqueeError: as `publish`.
    """
    with _reported(model, folder):
        shutil.copytree(model, folder, dirs_exist_ok=True)


def versions(base: Path) -> list[int]:
    """The versions in `base` that a model server can load, rising."""
    return [number for number, entry in numbered(base) if not missing(entry)]


def numbered(base: Path) -> list[tuple[int, Path]]:
    """What has a version's name in `base`, whatever it is, rising. A model server knows none above HIGHEST."""
    entries = [(int(entry.name), entry) for entry in base.iterdir() if entry.name.isascii() and entry.name.isdigit()]
    return sorted((number, entry) for number, entry in entries if number <= HIGHEST)


def missing(version: Path) -> str:
    """What a model server lacks in a version's folder; empty where it has all that it looks for."""
    if not version.is_dir():
        return "it is no folder"
    return "" if any((version / name).is_file() for name in MODEL_FILES) else f"it has no {MODEL_FILES[0]}"


def prune(base: Path, keep: int, wanted: Collection[int] = ()) -> list[int]:
    """Removes old versions, each at once for who watches; returns those removed.

    Args:
        base: the model's folder.
        keep: how many of the newest stay.
        wanted: versions that stay, whatever their age.

    Raises:
        MarqueeError: a version can't be removed.
    """
    removed = [version for version in versions(base)[:-keep] if version not in wanted]
    for version in removed:
        gone = base / f"{PREFIX}{version}{PRUNING}"
        try:
            os.rename(base / str(version), gone)
            shutil.rmtree(gone)
        except OSError as error:
            raise MarqueeError(f"{error.filename}: an old version, cannot be removed ({error.strerror}).") from error
    return removed


def _remove_leftovers(base: Path) -> None:
    for suffix in (PUSHING, PRUNING):
        for leftover in base.glob(f"{PREFIX}*{suffix}"):
            shutil.rmtree(leftover)


@contextmanager
def _reported(model: Path, destination: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if isinstance(error, shutil.Error):  # copytree's list of (source, destination, why)
            reason = str(error.args[0][0][-1])
        raise MarqueeError(
            f"The model {model} could not be copied to {destination}: {reason}. "
            "Make room or mend the permissions there, and run again."
        ) from error
