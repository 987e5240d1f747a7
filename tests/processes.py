"""Beam's worker processes, as the kernel sees them."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def workers_of(session: int) -> list[int]:
    """Ids of the worker processes in a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if b"apache_beam.runners.worker.sdk_worker_main" in command and os.getsid(int(folder.name)) == session:
                found.append(int(folder.name))
    return found


def kill_a_worker(session: int, going_on: Callable[[], bool] = lambda: True) -> None:
    """Kills the first worker that a session starts; gives up where it is no longer going on."""
    while going_on():
        if workers := workers_of(session):
            os.kill(workers[0], signal.SIGKILL)
            return
        time.sleep(0.01)
