"""A sample of the requests and their answers, as TFRecord files of PredictionLog, written off the request path."""

import logging
import os
import queue
import random
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.metrics import Metrics

_LOGGER = logging.getLogger(__name__)
_END = object()
_PAUSE_SECONDS = 10  # after a failure, before another file is tried


@dataclass(frozen=True, kw_only=True)
class _Entry:
    kind: str
    request: Any
    response: Any
    spec: Any
    seconds: int
    size: int


class RequestLog:
    """Writes a sample of what was asked and answered, from a thread of its own.

    Files are called `requests-<start>-<process>-<number>.tfrecord`, a new one each time one reaches `max_file_bytes`.
    A request never waits for the disk, nor fails by it: what the writer cannot keep up with is left out and counted.
    """

    def __init__(
        self,
        folder: Path,
        sampling: float,
        metrics: Metrics,
        max_file_bytes: int = 64 << 20,
        max_pending_bytes: int = 64 << 20,
    ):
        """Starts the writer.

        Args:
            folder: made if missing.
            sampling: the share of requests that is logged, 0 to 1.
            metrics: counts them.
            max_file_bytes: a file that has reached it is followed by another.
            max_pending_bytes: of requests and answers not yet written; those that come beyond it are left out.

        Raises:
            OSError: the folder cannot be made, or no file in it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        self._prefix = folder / f"requests-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}"
        self._sampling = sampling
        self._metrics = metrics
        self._max_file_bytes = max_file_bytes
        self._max_pending_bytes = max_pending_bytes
        self._pending_bytes = 0
        self._lock = threading.Lock()
        self._entries: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name="request-log", daemon=True)
        self._thread.start()

    def log(self, kind: str, request: Any, response: Any, spec: Any) -> None:
        """Logs a request or doesn't, by chance. Does not wait; the messages must not change from here on.

        Args:
            kind: the field of PredictionLog, such as "predict_log".
            request, response: its messages.
            spec: the ModelSpec that answered.
        """
        if self._closed or random.random() >= self._sampling:
            return
        size = request.ByteSize() + response.ByteSize()
        with self._lock:
            fits = self._pending_bytes + size <= self._max_pending_bytes
            if fits:
                self._pending_bytes += size
        if fits:
            seconds = int(time.time())
            self._entries.put(
                _Entry(kind=kind, request=request, response=response, spec=spec, seconds=seconds, size=size)
            )
        self._metrics.request_logged(spec.name, fits)

    def close(self) -> None:
        """Writes what is pending and ends the writer; blocks until that is done."""
        if not self._closed:
            self._closed = True
            self._entries.put(_END)
        self._thread.join()

    def _write_all(self) -> None:
        files = _Files(self._prefix, self._max_file_bytes)
        resume_at = 0.0
        while (entry := self._entries.get()) is not _END:
            try:
                if time.monotonic() >= resume_at:
                    files.write(self._record(entry))
                    if self._entries.empty():
                        files.flush()
            except Exception as error:  # whatever it is, e.g. a full disk, serving goes on
                _LOGGER.error("The request log leaves out requests for %d s: %s", _PAUSE_SECONDS, error)
                resume_at = time.monotonic() + _PAUSE_SECONDS
                files.give_up()
            with self._lock:
                self._pending_bytes -= entry.size
        try:
            files.close()
        except Exception as error:
            _LOGGER.error("The request log's last file may be incomplete: %s", error)

    def _record(self, entry: _Entry) -> bytes:
        log = prediction_log_pb2.PredictionLog()
        part = getattr(log, entry.kind)
        part.request.CopyFrom(entry.request)
        part.response.CopyFrom(entry.response)
        log.log_metadata.model_spec.CopyFrom(entry.spec)
        log.log_metadata.sampling_config.sampling_rate = self._sampling
        log.log_metadata.timestamp_secs = entry.seconds
        return log.SerializeToString()


class _Files:
    """TFRecord files one after the other."""

    def __init__(self, prefix: Path, max_bytes: int):
        self._prefix = prefix
        self._max_bytes = max_bytes
        self._number = 0
        self._bytes = 0
        self._writer: Any = None

    def write(self, record: bytes) -> None:
        if self._writer is None:
            self._writer = tf.io.TFRecordWriter(str(self._next()))
            self._bytes = 0
        self._writer.write(record)
        self._bytes += len(record)
        if self._bytes >= self._max_bytes:
            self.close()

    def _next(self) -> Path:
        """A name not taken: in a container every server has the same process number."""
        while True:
            self._number += 1
            path = self._prefix.with_name(f"{self._prefix.name}-{self._number:05d}.tfrecord")
            if not path.exists():
                return path

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def give_up(self) -> None:
        """Leaves a file that cannot be written; the next record begins another."""
        self._writer = None
