"""Clients that ask a model server for films, each waiting for its answer before it asks again.

They are h2load's (nghttp2), whose clients cost a twentieth of Python's, or else Python's own, run as a script:
`python -m tests.bench.load ENDPOINT CLIENTS SECONDS LOG BODY...`. Both log each answer as h2load does: its start in
microseconds of the epoch, the HTTP status, the microseconds it took. An error of gRPC has the status 200 as well, so
that failures are what the server itself counted.
"""

import asyncio
import itertools
import os
import shutil
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PREDICT = "/tensorflow.serving.PredictionService/Predict"
PROCESSES = 8  # of h2load at most; each sends one film again and again
MISSING = (
    "h2load is missing (scripts/h2load installs it, or Debian: apt-get install nghttp2-client): Python's own client "
    "makes the load, and costs about as much CPU as the server."
)


def generator() -> str | None:
    """The path of h2load, where it is installed."""
    return shutil.which("h2load")


def body(request: bytes) -> bytes:
    """A serialized request as gRPC sends it: not compressed, its length, itself."""
    return b"\0" + struct.pack(">I", len(request)) + request


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Of one load.

    Attributes:
        starts, seconds: float64 [N], when each request that ended began (seconds of the epoch), and how long it took.
        failed: how many of them, or of those that never ended, the server did not count as OK.
        cpu: seconds of CPU of those who asked.
    """

    starts: np.ndarray
    seconds: np.ndarray
    failed: int
    cpu: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.starts) / float(np.max(self.starts + self.seconds) - np.min(self.starts))


class Load:
    """Clients at work, as a `with` block, at whose end none is left. They end by themselves after `seconds`."""

    def __init__(self, endpoint: str, metrics: str, bodies: Sequence[Path], clients: int, seconds: float, folder: Path):
        """Starts them.

        Args:
            endpoint: the server's HOST:PORT of gRPC.
            metrics: URL of its Prometheus metrics.
            bodies: files that `body` made; each process of h2load takes the next of them.
            clients: requests under way at a time.
            seconds: how long new ones are begun.
            folder: for logs.
        """
        self._metrics = metrics
        self._clients = clients
        self._before = _counts(metrics)
        self._cpu = _children_cpu()
        tool = generator()
        count = min(clients, PROCESSES) if tool else 1
        self._logs = [folder / f"load-{number}.log" for number in range(count)]
        self._processes = []
        for number, log in enumerate(self._logs):
            log.unlink(missing_ok=True)
            share = clients // count + (number < clients % count)
            if tool:
                command = [tool, f"--duration={round(1000 * seconds)}ms", "--clients=1",
                           f"--max-concurrent-streams={share}", f"--data={bodies[number % len(bodies)]}",
                           "--header=content-type: application/grpc", "--header=te: trailers", f"--log-file={log}",
                           f"http://{endpoint}{PREDICT}"]  # fmt: skip
            else:
                command = [sys.executable, "-W", "ignore", "-m", "tests.bench.load", endpoint, str(share), str(seconds),
                           str(log), *map(str, bodies)]  # fmt: skip
            self._processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()

    def logged(self) -> int:
        """How many answers there are by now."""
        return sum(log.read_bytes().count(b"\n") for log in self._logs if log.is_file())

    def answers(self, *, now: bool = False) -> Answers:
        """What came of it, once it has ended; `now` ends it.

        Raises:
            RuntimeError: nothing was answered.
        """
        for process in self._processes:
            if now:
                process.terminate()
            process.wait()
        rows = [np.loadtxt(log, dtype=np.int64, ndmin=2) for log in self._logs if log.is_file() and log.stat().st_size]
        logged = np.concatenate(rows) if rows else np.zeros([0, 3], np.int64)
        ended = logged[logged[:, 1] > 0]
        if not len(ended):
            raise RuntimeError("The server answered nothing.")
        time.sleep(0.2)  # until the server has noticed that the clients left
        counted = {status: count - self._before.get(status, 0) for status, count in _counts(self._metrics).items()}
        # What is under way when the clients leave is cancelled, or ends without a status; no more than that may be.
        cancelled = max(counted.pop("CANCELLED", 0), int(np.sum(logged[:, 1] < 0)))
        answered = counted.pop("OK", 0)
        refused = sum(counted.values())
        uncounted = max(0, len(ended) - answered - refused)
        return Answers(
            starts=ended[:, 0] / 1e6,
            seconds=ended[:, 2] / 1e6,
            failed=refused + uncounted + max(0, cancelled - self._clients),
            cpu=_children_cpu() - self._cpu,
        )


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _counts(metrics: str) -> dict[str, int]:
    """Requests by status, of all models, as the server counts them."""
    counts: dict[str, int] = {}
    with urllib.request.urlopen(metrics) as response:
        for line in response.read().decode().splitlines():
            if line.startswith(":tensorflow:serving:request_count{"):
                status = line.split('status="')[1].split('"')[0]
                counts[status] = counts.get(status, 0) + int(float(line.split()[-1]))
    return counts


async def _ask(endpoint: str, clients: int, seconds: float, log: Path, bodies: Sequence[bytes]) -> None:
    import grpc

    channels = [grpc.aio.insecure_channel(endpoint, [("client", number)]) for number in range(min(clients, 4))]
    calls = [channel.unary_unary(PREDICT) for channel in channels]
    end = time.time() + seconds
    with log.open("w", buffering=1) as file:

        async def client(number: int) -> None:
            for request in itertools.cycle(bodies[number % len(bodies) :] + bodies[: number % len(bodies)]):
                start, begun = time.time(), time.perf_counter()
                if start > end:
                    return
                try:
                    await calls[number % len(calls)](request, timeout=30)
                    status = 200
                except grpc.RpcError:
                    status = 500
                file.write(f"{round(start * 1e6)}\t{status}\t{round((time.perf_counter() - begun) * 1e6)}\n")

        await asyncio.gather(*(client(number) for number in range(clients)))
    for channel in channels:
        await channel.close()


def main() -> None:
    endpoint, clients, seconds, log, *files = sys.argv[1:]
    bodies = [Path(file).read_bytes()[5:] for file in files]
    asyncio.run(_ask(endpoint, int(clients), float(seconds), Path(log), bodies))


if __name__ == "__main__":
    main()
