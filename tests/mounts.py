"""Commands that run another one where `mount` has changed a folder, for that one alone.

Namespaces of the kernel's: nothing is left to clean up. Needs root, or a kernel that lets users make them.
"""

import os
from pathlib import Path


def read_only(folder: Path) -> list[str]:
    return _mounted('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"', folder)


def no_bigger_than(size: str, folder: Path) -> list[str]:
    """`size` as "256k"; the folder is empty to begin with."""
    return _mounted(f'mount -t tmpfs -o size={size} tmpfs "$1"', folder)


def full(folder: Path) -> list[str]:
    """Files can be made in it, and nothing be written into them."""
    return _mounted('mount -t tmpfs -o size=4k tmpfs "$1"; head -c 4096 /dev/zero > "$1/taken"', folder)


def _mounted(mount: str, folder: Path) -> list[str]:
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *user, "sh", "-ec", f'{mount}; shift; exec "$@"', "sh", str(folder)]
