"""Runs signatures, rows of several requests together (Batcher) or request by request (Direct).

In threads, off the event loop, but for the small requests of a single client, who asks for one after the other.
"""

import asyncio
import itertools
import os
import re
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import grpc
import numpy as np

from serving.server import tensors
from serving.server.errors import ServingError, invalid, of, unavailable
from serving.server.metrics import Metrics
from serving.server.servable import Servable

Tensors = Mapping[str, np.ndarray]
T = TypeVar("T")

MAX_PENDING_BYTES = 256 << 20
MAX_PENDING_REQUESTS = 4096
# Rows that Direct runs in one call. What a model makes of a poster on its way takes megabytes: 256 of them stay below
# a gigabyte or so, and are by far enough to keep every core busy.
DIRECT_ROWS = 256

# What runs on the event loop: requests that come one by one, after so many alike, while none takes longer or is larger.
LONE_REQUESTS = 16
LONE_SECONDS = 0.01
LONE_BYTES = 256 << 10

# What a row can be to blame for. Anything else (a closed session, no memory) is not looked for row by row.
_BLAMED_ON_ROWS = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.DATA_LOSS}


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """TensorFlow Serving's parameters, under its names and with its defaults.

    Attributes:
        max_batch_size: rows of a request at most, and of what goes through a model together.
        batch_timeout_micros: how long a batch that isn't full waits for more; 0 takes what is there.
        max_enqueued_batches: full batches that wait at most for one signature of one version.
        num_batch_threads: batches that run side by side.
        allowed_batch_sizes: rising; a batch is padded to the next of them with copies of its first row; empty
            allows any.
        pad_variable_length_inputs: requests whose rows differ in shape are merged as well, padded to the
            largest with their request's first value; else only those of one shape are.
        enable_large_batch_splitting: max_execution_batch_size counts.
        max_execution_batch_size: rows that go through a model together at most, so that a larger request is run in
            parts; None for max_batch_size.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None

    @property
    def batch_rows(self) -> int:
        """Rows that go through a model together at most."""
        split = self.max_execution_batch_size if self.enable_large_batch_splitting else None
        return self.max_batch_size if split is None else split

    def __post_init__(self) -> None:
        """Raises ServingError, INVALID_ARGUMENT, where values cannot be or do not go together."""
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads", "batch_rows"):
            if getattr(self, name) < 1:
                named = "max_execution_batch_size" if name == "batch_rows" else name
                raise invalid(f"{named} must be positive; was {getattr(self, name)}")
        if self.batch_rows > self.max_batch_size:
            raise invalid(
                f"max_execution_batch_size, {self.batch_rows}, must be at most max_batch_size, {self.max_batch_size}"
            )
        if self.batch_timeout_micros < 0:
            raise invalid(f"batch_timeout_micros must be 0 or more; was {self.batch_timeout_micros}")
        sizes = self.allowed_batch_sizes
        if sizes and (sizes[0] < 1 or any(a >= b for a, b in itertools.pairwise(sizes))):
            raise invalid(f"allowed_batch_sizes must rise from 1 or more; were {list(sizes)}")
        if sizes and sizes[-1] != self.batch_rows:
            named = "max_batch_size" if self.batch_rows == self.max_batch_size else "max_execution_batch_size"
            raise invalid(f"the last of allowed_batch_sizes, {sizes[-1]}, must be {named}, {self.batch_rows}")


@dataclass(eq=False, kw_only=True)
class _Task:
    """A request that waits or runs. `rows` is None where it cannot be merged or taken apart."""

    servable: Servable
    signature: str
    inputs: Tensors
    outputs: tuple[str, ...]
    rows: int | None
    deadline: float | None
    size: int
    begun: float
    future: "asyncio.Future[dict[str, np.ndarray]]"


@dataclass(eq=False)
class _Queue:
    """Tasks that may be merged, in the order they came; a dict lets one leave from the middle."""

    tasks: dict[_Task, None] = field(default_factory=dict)
    rows: int = 0

    def add(self, task: _Task) -> None:
        self.tasks[task] = None
        self.rows += task.rows or 0

    def remove(self, task: _Task) -> None:
        del self.tasks[task]
        self.rows -= task.rows or 0

    @property
    def oldest(self) -> _Task:
        return next(iter(self.tasks))


class _Lone:
    """Whether requests are those of a single client, who waits for each answer before the next.

    One that finds nothing else there and is run on the event loop saves its way to a thread and back, a tenth of what
    a small model takes. It would hide from those that come meanwhile that there are several of them, so each
    LONE_REQUESTS-th goes to a thread all the same.
    """

    def __init__(self) -> None:
        self._kind: Hashable = None
        self._count = 0

    def comes(self, task: _Task, others: int) -> bool:
        """Counts a request that finds so many others there; whether it may run on the event loop."""
        kind = task.servable.name, task.servable.version, task.signature, task.outputs, task.rows
        if others or kind != self._kind:
            self._kind, self._count = kind, 0
        if others or task.size > LONE_BYTES:
            return False
        self._count += 1
        return self._count > LONE_REQUESTS and self._count % LONE_REQUESTS != 0

    def ran(self, seconds: float) -> None:
        """Notes how long a request took: after one that took too long, as many as at first go to threads again."""
        if seconds > LONE_SECONDS:
            self._count = 0


class _Gone(Exception):
    """Nobody waits for the answer any more, or its deadline has passed."""


class _Inseparable(ServingError):
    """The outputs of a signature on some rows are not those rows of its outputs on all."""


class _Scheduler:
    """Queues of tasks and the threads that run them. Everything but `_work` is on the event loop, and what it calls may
    be."""

    def __init__(self, parameters: BatchingParameters, max_pending_bytes: int, metrics: Metrics):
        self._parameters = parameters
        self._max_pending_bytes = max_pending_bytes
        self._metrics = metrics
        self._timeout = parameters.batch_timeout_micros / 1e6
        self._free = parameters.num_batch_threads
        self._threads = ThreadPoolExecutor(parameters.num_batch_threads, thread_name_prefix="tensorflow")
        self._converters = ThreadPoolExecutor(2, thread_name_prefix="convert")
        self._queues: dict[Hashable, _Queue] = {}  # in the order of their turns; none is empty
        # Asked of the protos each time it would cost as much as all else that is done for a request here.
        self._batchable_signatures: WeakKeyDictionary[Servable, dict[str, bool]] = WeakKeyDictionary()
        self._pending = 0
        self._pending_bytes = 0
        self._lone = _Lone()
        self._waking = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def submit(
        self,
        servable: Servable,
        signature: str,
        inputs: Tensors,
        outputs: tuple[str, ...],
        rows: int | None,
        deadline: float | None,
        size: int | None = None,
    ) -> dict[str, np.ndarray]:
        """Runs a signature once its turn has come.

        Args:
            servable, signature, inputs, outputs: what `servable.check` has passed.
            rows: the number of rows that `servable.check` gave.
            deadline: of time.monotonic(); None for none.
            size: bytes of the inputs where they are known; else they are counted.

        Returns:
            Each output; arrays may be views of a batch's, and read-only.

        Raises:
            ServingError: UNAVAILABLE, too much is waiting. DEADLINE_EXCEEDED, and it was not begun or its answer is
                given up. Whatever the run raised, with the first bad row named where one is to blame ("row 3: ...",
                from 0).
        """
        loop = asyncio.get_running_loop()
        task = _Task(
            servable=servable,
            signature=signature,
            inputs=inputs,
            outputs=outputs,
            rows=rows if rows and self._batchable(servable, signature) else None,
            deadline=deadline,
            size=tensors.size(inputs) if size is None else size,
            begun=time.monotonic(),
            future=loop.create_future(),
        )
        if not _wanted(task):
            raise _late()
        key = self._key(task)
        queue = self._queues.get(key) or _Queue()
        self._admit(task, queue)
        if self._lone.comes(task, self._pending):
            return self._run_here(task)
        queue.add(task)
        self._queues[key] = queue
        self._pending += 1
        self._pending_bytes += task.size
        timer = None if deadline is None else loop.call_later(deadline - task.begun, _answer, task, _late())
        self._wake()
        try:
            return await task.future
        finally:
            if timer is not None:
                timer.cancel()
            self._leave(key, task)

    async def convert(self, size: int, call: Callable[..., T], *arguments: Any) -> T:
        """What a call gives that takes long, from a thread. Its bytes are pending as a request's are.

        Args:
            size: bytes that it takes at most.
            call, arguments: the call.

        Raises:
            ServingError: UNAVAILABLE, too much is waiting. Whatever the call raised.
        """
        self._check_room(size)
        self._pending += 1
        self._pending_bytes += size
        job = asyncio.get_running_loop().run_in_executor(self._converters, call, *arguments)
        job.add_done_callback(lambda _: self._release(size))
        return await asyncio.shield(job)  # cancelled, it takes its bytes until the thread has ended

    def close(self) -> None:
        """Refuses what waits and what comes; what runs is run to its end."""
        self._closed = True
        for queue in list(self._queues.values()):
            for task in queue.tasks:
                _answer(task, unavailable("The server is shutting down."))
        self._threads.shutdown(wait=False)
        self._converters.shutdown(wait=False)

    def _batchable(self, servable: Servable, signature: str) -> bool:
        known = self._batchable_signatures.setdefault(servable, {})
        if signature not in known:
            known[signature] = servable.batchable(signature)
        return known[signature]

    def _key(self, task: _Task) -> Hashable:
        """Tasks of one key may be merged."""
        raise NotImplementedError

    def _admit(self, task: _Task, queue: _Queue) -> None:
        """Raises ServingError where there is no room for a task."""
        del queue
        self._check_room(task.size)

    def _check_room(self, size: int) -> None:
        """Raises ServingError where so many bytes more may not be pending."""
        if self._closed:
            raise unavailable("The server is shutting down.")
        if self._pending >= MAX_PENDING_REQUESTS:
            raise unavailable(f"The server is busy: {self._pending} requests are pending; try again.")
        # One request alone is bounded by the size of a message, and must not be refused for ever.
        if self._pending and self._pending_bytes + size > self._max_pending_bytes:
            raise unavailable(
                f"The server is busy: requests of {self._pending_bytes} bytes are pending, and this one of {size} "
                f"bytes would exceed {self._max_pending_bytes}; try again."
            )

    def _leave(self, key: Hashable, task: _Task) -> None:
        """Takes a task off its queue, where it still waits there."""
        queue = self._queues.get(key)
        if queue is not None and task in queue.tasks:
            queue.remove(task)
            if not queue.tasks:
                del self._queues[key]
            self._release(task.size)

    def _release(self, size: int) -> None:
        self._pending -= 1
        self._pending_bytes -= size

    def _wake(self) -> None:
        # Not at once: what arrived in the same turn of the loop can then go into the same batch.
        if not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._waking = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = time.monotonic()
        while self._free and not self._closed:
            key = next((key for key, queue in self._queues.items() if self._due(queue) <= now), None)
            if key is None:
                break
            self._start(self._take(key), now)
        if self._free and self._queues and not self._closed:
            soonest = min(self._due(queue) for queue in self._queues.values())
            self._timer = asyncio.get_running_loop().call_later(soonest - now, self._dispatch)

    def _due(self, queue: _Queue) -> float:
        """The moment from which on the tasks of a queue need not wait for more."""
        oldest = queue.oldest
        full = oldest.rows is None or queue.rows >= self._parameters.batch_rows
        return oldest.begun if full else oldest.begun + self._timeout

    def _take(self, key: Hashable) -> list[_Task]:
        """Takes a batch off a queue, which then waits for its next turn.

        What waits is shared out among the threads that are free: two batches of 16 rows on two cores are done in half
        the time of one of 32.
        """
        queue = self._queues.pop(key)
        share = min(self._parameters.batch_rows, -(-queue.rows // self._free))
        batch: list[_Task] = []
        rows = 0
        for task in queue.tasks:
            rows += task.rows or 0
            if batch and rows > share:
                break
            batch.append(task)
        for task in batch:
            queue.remove(task)
        if queue.tasks:
            self._queues[key] = queue
        return batch

    def _run_here(self, task: _Task) -> dict[str, np.ndarray]:
        self._metrics.waited(task.servable.name, 0.0)
        answer = self._answers([task])[task]
        self._ran([task])
        if answer is None or not _wanted(task):
            raise _late()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ran(self, batch: list[_Task]) -> None:
        self._lone.ran(time.monotonic() - batch[0].begun)
        self._metrics.batch_ran(batch[0].servable.name, sum(task.rows or 1 for task in batch))

    def _start(self, batch: list[_Task], now: float) -> None:
        for task in batch:
            self._metrics.waited(task.servable.name, now - task.begun)
        self._free -= 1
        self._threads.submit(self._work, batch, asyncio.get_running_loop())

    def _finish(self, batch: list[_Task], answers: Sequence[Any]) -> None:
        self._free += 1
        self._ran(batch)
        for task, answer in zip(batch, answers, strict=True):
            self._release(task.size)
            _answer(task, _late() if answer is None else answer)
        if self._queues:
            self._wake()

    def _work(self, batch: list[_Task], loop: asyncio.AbstractEventLoop) -> None:
        answers = self._answers([task for task in batch if _wanted(task)])
        loop.call_soon_threadsafe(self._finish, batch, [answers.get(task) for task in batch])

    def _answers(self, batch: list[_Task]) -> dict[_Task, Any]:
        """What each task is answered, an exception or its outputs: together, else one by one."""
        if len(batch) > 1:
            try:
                return dict(zip(batch, self._run_merged(batch), strict=True))
            except Exception:  # whoever is to blame, and for whatever: the others must not pay for it
                pass
        return {task: self._answer_alone(task) for task in batch}

    def _run_merged(self, batch: Sequence[_Task]) -> list[dict[str, np.ndarray]]:
        first = batch[0]
        inputs = {
            name: _concatenated([task.inputs[name] for task in batch], self._parameters.pad_variable_length_inputs)
            for name in first.inputs
        }
        ends = list(itertools.accumulate(task.rows or 0 for task in batch))
        values = self._run_rows(first, inputs, ends[-1])
        _check_rows(values, ends[-1])
        return [
            {name: value[end - (task.rows or 0) : end] for name, value in values.items()}
            for task, end in zip(batch, ends, strict=True)
        ]

    def _answer_alone(self, task: _Task) -> Any:
        try:
            if task.rows is None:
                _check_wanted(task)
                return task.servable.run(task.signature, task.inputs, task.outputs)
            return self._run_parts(task)
        except _Gone:
            return None
        except Exception as error:
            refusal = of(error)
            if task.rows is None or refusal.code not in _BLAMED_ON_ROWS:
                return refusal
            return self._blamed(task, refusal)

    def _run_parts(self, task: _Task) -> dict[str, np.ndarray]:
        step = self._parameters.batch_rows
        starts = range(0, task.rows or 0, step)
        parts = []
        for start in starts:
            _check_wanted(task)
            end = min(start + step, task.rows or 0)
            parts.append(self._run_part(task, start, end))
            if len(starts) > 1:
                _check_rows(parts[-1], end - start)
        if len(parts) == 1:
            return parts[0]
        for name in task.outputs:
            if len({part[name].shape[1:] for part in parts}) > 1:
                raise _Inseparable(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"output {name} has rows of another shape in each part of a request, so serve it without batching",
                )
        return {name: np.concatenate([part[name] for part in parts]) for name in task.outputs}

    def _run_part(self, task: _Task, start: int, end: int) -> dict[str, np.ndarray]:
        return self._run_rows(task, {name: value[start:end] for name, value in task.inputs.items()}, end - start)

    def _run_rows(self, task: _Task, inputs: Tensors, rows: int) -> dict[str, np.ndarray]:
        """Runs the signature of a task on rows, padded to an allowed number of them."""
        padded = next((size for size in self._parameters.allowed_batch_sizes if size >= rows), rows)
        if padded > rows:
            inputs = {
                name: np.concatenate([value, np.repeat(value[:1], padded - rows, axis=0)])
                for name, value in inputs.items()
            }
        values = task.servable.run(task.signature, inputs, task.outputs)
        if padded == rows:
            return values
        _check_rows(values, padded)
        return {name: value[:rows] for name, value in values.items()}

    def _blamed(self, task: _Task, refusal: ServingError) -> ServingError:
        """The refusal of a task with the first row that it is due to; halves the rows until one is left."""
        start, end = 0, task.rows or 0
        error = refusal
        try:
            while end - start > 1:
                _check_wanted(task)
                middle = (start + end) // 2
                found = self._refusal(task, start, middle)
                if found is None:
                    start = middle
                else:
                    end, error = middle, found
            # The last half was not run by itself where the one before it passed.
            found = error if task.rows == 1 else self._refusal(task, start, end)
        except (_Gone, ServingError):
            return refusal
        if found is None or found.code not in _BLAMED_ON_ROWS:
            return refusal
        # A model that names rows itself has seen this one alone.
        message = re.sub(r" in row 0\b", "", found.message)
        return ServingError(found.code, f"row {start}: {message}")

    def _refusal(self, task: _Task, start: int, end: int) -> ServingError | None:
        step = self._parameters.batch_rows
        try:
            for low in range(start, end, step):
                self._run_part(task, low, min(low + step, end))
        except Exception as error:
            return of(error)
        return None


class Batcher(_Scheduler):
    """Merges requests for the same outputs of the same signature of the same version."""

    def __init__(self, parameters: BatchingParameters, metrics: Metrics, max_pending_bytes: int = MAX_PENDING_BYTES):
        super().__init__(parameters, max_pending_bytes, metrics)

    def _key(self, task: _Task) -> Hashable:
        if task.rows is None:
            return task
        shapes = tuple((name, value.shape[1:]) for name, value in sorted(task.inputs.items()))
        if self._parameters.pad_variable_length_inputs:
            shapes = tuple((name, (len(shape),)) for name, shape in shapes)
        return task.servable, task.signature, task.outputs, shapes

    def _admit(self, task: _Task, queue: _Queue) -> None:
        super()._admit(task, queue)
        if task.rows is None:
            return
        most = self._parameters.max_batch_size
        if task.rows > most:
            raise invalid(f"Task size {task.rows} is larger than maximum input batch size {most}")
        if queue.rows and queue.rows + task.rows > self._parameters.max_enqueued_batches * self._parameters.batch_rows:
            raise unavailable(
                "The batch scheduling queue to which this task was submitted is full; "
                f"{queue.rows} rows wait, and max_enqueued_batches is {self._parameters.max_enqueued_batches}"
            )


class Direct(_Scheduler):
    """Runs each request by itself, `threads` of them side by side; one of many rows in parts, where it can be."""

    def __init__(self, metrics: Metrics, threads: int | None = None, max_pending_bytes: int = MAX_PENDING_BYTES):
        parameters = BatchingParameters(
            max_batch_size=DIRECT_ROWS,
            num_batch_threads=threads or os.cpu_count() or 1,
        )
        super().__init__(parameters, max_pending_bytes, metrics)

    def _key(self, task: _Task) -> Hashable:
        return task

    def _run_parts(self, task: _Task) -> dict[str, np.ndarray]:
        try:
            return super()._run_parts(task)
        except _Inseparable:  # the first part has shown it, and nothing forbids to run it as a whole
            _check_wanted(task)
            return task.servable.run(task.signature, task.inputs, task.outputs)


def _answer(task: _Task, answer: Any) -> None:
    if task.future.done():
        return
    if isinstance(answer, Exception):
        task.future.set_exception(answer)
    else:
        task.future.set_result(answer)


def _late() -> ServingError:
    return ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "The deadline passed before the model could answer.")


def _wanted(task: _Task) -> bool:
    """Whether somebody waits for the answer, and its deadline is still to come."""
    return not task.future.done() and (task.deadline is None or time.monotonic() < task.deadline)


def _check_wanted(task: _Task) -> None:
    if not _wanted(task):
        raise _Gone


def _check_rows(values: Tensors, rows: int) -> None:
    for name, value in values.items():
        if np.shape(value)[:1] != (rows,):
            raise _Inseparable(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"output {name} has the shape {list(np.shape(value))} for {rows} rows: its rows cannot "
                "be told apart, so serve it without batching",
            )


def _concatenated(values: Sequence[np.ndarray], pad: bool) -> np.ndarray:
    """Rows of several requests below each other; rows of different shapes padded to the largest, each request's with
    its own first value, as TensorFlow Serving does.

    Raises:
        ServingError: INVALID_ARGUMENT, a request has no value to pad with.
    """
    if not pad or len({value.shape[1:] for value in values}) == 1:
        return np.concatenate(values)
    largest = tuple(map(max, zip(*(value.shape[1:] for value in values), strict=True)))
    whole = np.empty((sum(map(len, values)), *largest), dtype=values[0].dtype)
    start = 0
    for value in values:
        if not value.size:
            raise invalid("Got empty tensor in batch of non-empty tensors.")
        rows = slice(start, start + len(value))
        place = (rows, *map(slice, value.shape[1:]))
        whole[rows] = value.flat[0]
        whole[place] = value
        start += len(value)
    return whole
