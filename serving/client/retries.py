"""When to ask again, and how long to wait."""

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}
# gRPC's words where no server answered. Were they others, a wrong address would only be asked for longer.
UNREACHED = ("failed to connect", "DNS resolution failed")


@dataclass(frozen=True, kw_only=True)
class Retries:
    """Waits between attempts: doubling, with full jitter (Brooker 2015, "Exponential backoff and jitter").

    Attributes:
        attempts: at most, the first included; None for as many as the call's timeout allows.
        first: the longest wait after the first attempt, in seconds.
        longest: the longest wait of all, in seconds; no call ends earlier than that before its timeout.
        contact: seconds for a server that this client has never reached: its address may well be wrong.
    """

    attempts: int | None = None
    first: float = 0.1
    longest: float = 2.0
    contact: float = 5.0

    def waits(self, deadline: float) -> Iterator[float]:
        """Seconds to wait before each further attempt; ends where that would pass `deadline` of time.monotonic()."""
        ceiling = min(self.longest, self.first)
        for _ in itertools.islice(itertools.count(1), None if self.attempts is None else self.attempts - 1):
            wait = random.uniform(0, ceiling)
            if time.monotonic() + wait >= deadline:
                return
            yield wait
            ceiling = min(self.longest, 2 * ceiling)


DEFAULT = Retries()


class Server:
    """What a client has learnt of its server: whether anything ever came from it."""

    def __init__(self) -> None:
        self.reached = False


class Call:
    """One call: how long its next attempt may take, and the wait before another."""

    def __init__(self, retries: Retries, timeout: float, server: Server):
        """Begins the call.

        Args:
            retries: of the client.
            timeout: seconds, all attempts together.
            server: what the client's calls have learnt; this one adds to it.
        """
        begun = time.monotonic()
        self._deadline, self._contact = begun + timeout, begun + retries.contact
        self._waits = retries.waits(self._deadline)
        self._server = server
        self._passing: grpc.RpcError | None = None

    @property
    def left(self) -> float:
        """Seconds until the timeout."""
        return self._deadline - time.monotonic()

    def succeeded(self) -> None:
        self._server.reached = True

    def wait(self, error: grpc.RpcError) -> float:
        """Seconds to wait, after an attempt that failed, before the next.

        Raises:
            grpc.RpcError: the call has failed.
        """
        if self._passing is not None and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            raise self._passing  # it says why there was no answer in time
        if not unreached(error):
            self._server.reached = True
        wait = next(self._waits, None) if passes(error) else None
        if wait is None or (not self._server.reached and time.monotonic() + wait >= self._contact):
            raise error
        self._passing = error
        return wait


def passes(error: grpc.RpcError) -> bool:
    """Whether the same request may well be answered a moment later. A message that is too large never is."""
    details = error.details() or ""
    return error.code() in PASSING and "larger than max" not in details


def unreached(error: grpc.RpcError) -> bool:
    """Whether there was nobody at the address, or nobody to speak with."""
    details = error.details() or ""
    return error.code() is grpc.StatusCode.UNAVAILABLE and any(words in details for words in UNREACHED)
