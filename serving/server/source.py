"""Which versions of a model lie in its folder, and which of them are to be served."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")


def versions_in(base_path: str | Path) -> dict[int, Path]:
    """The versions that are whole, by number; none where the folder is missing.

    A version is a folder whose name is a number. Pushers write saved_model.pb last, so it is whole once that is there.
    """
    try:
        entries = list(Path(base_path).iterdir())
    except OSError:
        return {}
    return {
        int(entry.name): entry
        for entry in entries
        if entry.name.isdecimal() and any((entry / name).is_file() for name in MODEL_FILES)
    }


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


def fingerprint(version: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes when a file of the version does; of one that could not be loaded, it says when to try again."""
    files = sorted(path for path in version.rglob("*") if path.is_file())
    return tuple((str(path), (status := path.stat()).st_size, status.st_mtime_ns) for path in files)
