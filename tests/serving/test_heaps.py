"""Heaps of glibc's malloc: as many as are allowed, and what is free in them given back."""

import asyncio
import ctypes
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from serving.server import heaps

THREADS = """
import ctypes, threading
together = threading.Barrier(count)
def allocate():
    kept = [ctypes.create_string_buffer(50_000) for _ in range(10)]
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(count)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ctypes.CDLL(None).malloc_stats()
"""


def arenas(bound: str) -> int:
    """How many heaps a process has whose threads are more than ARENAS."""
    code = f"{bound}; count = {heaps.ARENAS + 8}{THREADS}"
    told = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=True).stderr
    return sum(line.startswith("Arena ") for line in told.splitlines())


@pytest.mark.parametrize("bound", ["from serving.server import heaps; heaps.bound()", "import pipeline.dag"])
def test_threads_share_heaps(bound):
    assert 1 <= arenas(bound) <= heaps.ARENAS


def test_the_user_may_say_how_many(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert arenas("from serving.server import heaps; heaps.bound()") == 2


def rss() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_what_is_free_between_blocks_in_use_is_given_back(monkeypatch):
    monkeypatch.setattr(heaps, "TRIM_SECONDS", 0.01)
    blocks = [ctypes.create_string_buffer(50_000) for _ in range(2_000)]
    kept = blocks[::20]
    full = rss()
    del blocks
    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(heaps.trim_forever(), 3))
    assert full - rss() > 50e6
    assert len(kept) == 100
