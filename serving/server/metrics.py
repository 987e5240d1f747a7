"""Counters and histograms under TensorFlow Serving's names, in Prometheus's text format.

Written out here, since prometheus_client appends `_total` to the name of every counter; TensorFlow Serving doesn't.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# TensorFlow Serving's: 10 us times 1.8 a step, up to about 20 minutes; rows by powers of two.
_MICROSECONDS = tuple(10 * 1.8**step for step in range(33))
_ROWS = tuple(float(2**step) for step in range(15))


@dataclass
class _Family:
    name: str
    kind: str
    help: str
    labels: tuple[str, ...]


@dataclass
class _Counter(_Family):
    values: dict[tuple[str, ...], float] = field(default_factory=dict)

    def add(self, *labels: str, amount: float = 1) -> None:
        self.values[labels] = self.values.get(labels, 0) + amount

    def set(self, *labels: str, value: float) -> None:
        self.values[labels] = value

    def lines(self) -> Iterator[str]:
        for labels, value in sorted(self.values.items()):
            yield f"{self.name}{_labels(self.labels, labels)} {_number(value)}"


@dataclass
class _Histogram(_Family):
    buckets: Sequence[float] = ()
    counts: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    sums: dict[tuple[str, ...], float] = field(default_factory=dict)

    def add(self, *labels: str, value: float) -> None:
        counts = self.counts.get(labels)
        if counts is None:
            counts = self.counts[labels] = [0] * (len(self.buckets) + 1)
        counts[bisect_left(self.buckets, value)] += 1
        self.sums[labels] = self.sums.get(labels, 0) + value

    def lines(self) -> Iterator[str]:
        for labels, counts in sorted(self.counts.items()):
            so_far = 0
            for bound, count in zip((*self.buckets, math.inf), counts, strict=True):
                so_far += count
                yield f"{self.name}_bucket{_labels((*self.labels, 'le'), (*labels, _number(bound)))} {so_far}"
            yield f"{self.name}_sum{_labels(self.labels, labels)} {_number(self.sums[labels])}"
            yield f"{self.name}_count{_labels(self.labels, labels)} {so_far}"


class Metrics:
    """What one server process has done. Not for several threads at once: call it on the event loop."""

    def __init__(self) -> None:
        self._request_count = _Counter(
            ":tensorflow:serving:request_count", "counter", "Requests by their end.", ("model_name", "status")
        )
        self._request_latency = _Histogram(
            ":tensorflow:serving:request_latency",
            "histogram",
            "Microseconds from the request to its answer.",
            ("model_name", "API", "entrypoint"),
            _MICROSECONDS,
        )
        self._runtime_latency = _Histogram(
            ":tensorflow:serving:runtime_latency",
            "histogram",
            "Microseconds in the queue and in TensorFlow.",
            ("model_name", "API", "runtime"),
            _MICROSECONDS,
        )
        self._example_counts = _Histogram(
            ":tensorflow:serving:request_example_counts", "histogram", "Rows of a request.", ("model",), _ROWS
        )
        self._example_count_total = _Counter(
            ":tensorflow:serving:request_example_count_total", "counter", "Rows of all requests.", ("model",)
        )
        self._batch_size = _Histogram(
            ":tensorflow:serving:batching_session:processed_batch_size",
            "histogram",
            "Rows that went through a model together, padding left out.",
            ("model_name",),
            _ROWS,
        )
        self._queuing_latency = _Histogram(
            ":tensorflow:serving:batching_session:queuing_latency",
            "histogram",
            "Microseconds that a request waited for its batch.",
            ("model_name",),
            _MICROSECONDS,
        )
        self._request_log_count = _Counter(
            ":tensorflow:serving:request_log_count",
            "counter",
            "Requests chosen for the log.",
            ("model_name", "status_code"),
        )
        self._families: tuple[_Counter | _Histogram, ...] = (
            self._request_count,
            self._request_latency,
            self._runtime_latency,
            self._example_counts,
            self._example_count_total,
            self._batch_size,
            self._queuing_latency,
            self._request_log_count,
        )

    def request_ended(self, model: str, api: str, entrypoint: str, code: str, seconds: float, rows: int) -> None:
        """Counts a request.

        Args:
            model: its name; empty where the request names none that is served.
            api: Predict, Classify, Regress or MultiInference.
            entrypoint: GRPC or REST.
            code: the status code's name; OK for an answer.
            seconds: from its arrival to its end.
            rows: how many an answered request brought; 0 where its signature has no rows.
        """
        self._request_count.add(model, code)
        self._request_latency.add(model, api, entrypoint, value=seconds * 1e6)
        if rows:
            self._example_counts.add(model, value=rows)
            self._example_count_total.add(model, amount=rows)

    def ran(self, model: str, api: str, seconds: float) -> None:
        """Counts a run of a signature, from its submission to its outputs."""
        self._runtime_latency.add(model, api, "TF1", value=seconds * 1e6)

    def batch_ran(self, model: str, rows: int) -> None:
        """Counts a batch that went through a model, whatever came of it."""
        self._batch_size.add(model, value=rows)

    def waited(self, model: str, seconds: float) -> None:
        """Counts how long a request waited in its queue."""
        self._queuing_latency.add(model, value=seconds * 1e6)

    def request_logged(self, model: str, written: bool) -> None:
        """Counts a request chosen for the log: queued to be written, or left out since the writer lags behind."""
        self._request_log_count.add(model, "OK" if written else "UNAVAILABLE")

    def render(self) -> str:
        """All of them in Prometheus's text format, CONTENT_TYPE."""
        lines: list[str] = []
        for family in self._families:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}", *family.lines()]
        return "\n".join(lines) + "\n"


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if value == int(value) else f"{value:.6g}" if abs(value) < 1e5 else repr(value)
