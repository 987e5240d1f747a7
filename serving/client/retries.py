"""When to ask again, and how long to wait."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}


@dataclass(frozen=True, kw_only=True)
class Retries:
    """Waits between attempts: doubling, with full jitter (Brooker 2015, "Exponential backoff and jitter").

    Attributes:
        attempts: at most, the first included.
        first: the longest wait after the first attempt, in seconds.
        longest: the longest wait of all, in seconds.
    """

    attempts: int = 5
    first: float = 0.1
    longest: float = 5.0

    def waits(self, deadline: float) -> Iterator[float]:
        """Seconds to wait before each further attempt; ends where that would pass `deadline` of time.monotonic()."""
        for attempt in range(self.attempts - 1):
            wait = random.uniform(0, min(self.longest, self.first * 2**attempt))
            if time.monotonic() + wait >= deadline:
                return
            yield wait


DEFAULT = Retries()


def passes(error: grpc.RpcError) -> bool:
    """Whether the same request may well be answered a moment later. A message that is too large never is."""
    details = error.details() or ""
    return error.code() in PASSING and "larger than max" not in details
