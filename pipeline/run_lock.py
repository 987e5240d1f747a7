"""One run at a time: a lock that the kernel drops with the process that holds it, so none is ever stale."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from transform.errors import MarqueeError


@contextlib.contextmanager
def held(work: Path, lock: Path) -> Iterator[None]:
    """Holds a work folder while the block runs. Commands that it starts do not inherit the lock.

    Args:
        work: the folder, which is there.
        lock: the file in it to lock; it is made, and stays.

    Raises:
        MarqueeError: another process holds it.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MarqueeError(
                f"work folder {work}: another run is at work in it. Wait, or set WORK to another."
            ) from None
        yield
    finally:
        os.close(handle)
