"""glibc's malloc keeps what has been freed: less with few heaps, and a server that lives for months gives it back."""

import asyncio
import contextlib
import ctypes
import os

ARENAS = 2 * (os.cpu_count() or 1)
TRIM_SECONDS = 10.0
M_ARENA_MAX = -8  # of glibc's malloc.h


def bound() -> None:
    """Has all threads allocate from ARENAS heaps, unless the user has said from how many.

    glibc gives threads up to eight a core, each of which keeps the room that its largest batches took. With one a core,
    TensorFlow's threads wait for each other. To be called while threads are few: once there are more than eight heaps,
    glibc changes their limit no more.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    with contextlib.suppress(AttributeError):  # another malloc than glibc's
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


async def trim_forever() -> None:
    """Gives back what is free between the blocks in use, every TRIM_SECONDS.

    By itself malloc gives back the top of a heap alone, and batches come in all sizes.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except AttributeError:  # another malloc than glibc's
        return
    while True:
        await asyncio.sleep(TRIM_SECONDS)
        await asyncio.to_thread(trim, 0)
