"""Requests that share a batch, wait, give up, fail and crowd."""

import asyncio
import threading
import time

import grpc
import numpy as np
import pytest

from serving.server import batching
from serving.server.batching import LONE_BYTES, LONE_REQUESTS, Batcher, BatchingParameters, Direct
from serving.server.errors import ServingError, invalid
from serving.server.metrics import Metrics

BAD = -1.0


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """No request is slow, however busy the machine is; a test that wants slow ones sets LONE_SECONDS to 0."""
    monkeypatch.setattr(batching, "LONE_SECONDS", 60.0)


class Doubler:
    """A servable that doubles; it answers no batch with BAD in it, and waits for `gate` before each."""

    name, version = "doubler", 1

    def __init__(self, batchable: bool = True):
        self.batches: list[int] = []
        self.shapes: list[tuple[int, ...]] = []
        self.threads: list[threading.Thread] = []
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Semaphore(0)
        self.error: Exception = invalid("a bad value")
        self._batchable = batchable

    def batchable(self, signature: str) -> bool:
        return self._batchable

    def run(self, signature, inputs, outputs):
        x = inputs["x"]
        self.batches.append(len(x))
        self.shapes.append(x.shape)
        self.threads.append(threading.current_thread())
        self.started.release()
        assert self.gate.wait(20)
        if x.dtype != object and (x == BAD).any():
            raise self.error
        return dict.fromkeys(outputs, x * 2 if x.dtype != object else x)


def batcher(metrics: Metrics | None = None, pending: int = 1 << 30, **parameters) -> Batcher:
    parameters = {"num_batch_threads": 1, "max_batch_size": 10_000, **parameters}
    return Batcher(BatchingParameters(**parameters), metrics or Metrics(), pending)


def ask(runner, servable, *values: float, deadline: float | None = None, outputs=("y",), x: np.ndarray | None = None):
    x = np.array(values, np.float32) if x is None else x
    submitted = runner.submit(servable, "serving_default", {"x": x}, outputs, len(x), deadline)
    return asyncio.ensure_future(submitted)


async def blocked(runner, servable):
    """Keeps the only thread busy with one request until the gate is opened."""
    servable.gate.clear()
    first = ask(runner, servable, 0)
    await asyncio.to_thread(servable.started.acquire)
    return first


def code(result) -> grpc.StatusCode:
    assert isinstance(result, ServingError), result
    return result.code


def test_what_waits_together_runs_together_and_each_gets_its_own_rows():
    async def main():
        servable, metrics = Doubler(), Metrics()
        runner = batcher(metrics)
        first = await blocked(runner, servable)
        others = [ask(runner, servable, n, n + 0.5) for n in range(1, 6)]
        await asyncio.sleep(0)
        servable.gate.set()
        await first
        for n, result in enumerate(await asyncio.gather(*others), 1):
            assert result["y"].tolist() == [2 * n, 2 * n + 1]
        assert servable.batches == [1, 10]
        assert ':processed_batch_size_sum{model_name="doubler"} 11' in metrics.render()
        runner.close()

    asyncio.run(main())


def test_what_arrives_in_one_turn_of_the_loop_shares_a_batch():
    async def main():
        servable = Doubler()
        runner = batcher()
        await asyncio.gather(*(ask(runner, servable, n) for n in range(8)))
        assert servable.batches == [8]
        runner.close()

    asyncio.run(main())


def test_only_the_same_outputs_signature_version_and_shape_are_merged():
    async def main():
        one, two = Doubler(), Doubler()
        runner = batcher()
        wide = np.zeros([2, 3], np.float32)
        asked = [
            ask(runner, one, 1),
            ask(runner, one, 2, outputs=("y", "z")),
            ask(runner, one, x=wide),
            ask(runner, one, 3),
            ask(runner, two, 4),
        ]
        await asyncio.gather(*asked)
        assert sorted(one.batches) == [1, 2, 2]
        assert two.batches == [1]
        runner.close()

    asyncio.run(main())


def test_no_batch_is_larger_than_max_batch_size_and_no_request_is_cut():
    async def main():
        servable = Doubler()
        runner = batcher(max_batch_size=5)
        first = await blocked(runner, servable)
        others = [ask(runner, servable, 1, 2) for _ in range(4)]
        await asyncio.sleep(0)
        servable.gate.set()
        await asyncio.gather(first, *others)
        assert servable.batches == [1, 4, 4]
        with pytest.raises(ServingError, match="Task size 6 is larger than maximum input batch size 5") as caught:
            await ask(runner, servable, *range(6))
        assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
        runner.close()

    asyncio.run(main())


def test_large_requests_are_run_in_parts_where_that_is_allowed():
    async def main():
        servable = Doubler()
        runner = batcher(max_batch_size=10, max_execution_batch_size=4, enable_large_batch_splitting=True)
        assert (await ask(runner, servable, *range(10)))["y"].tolist() == [2 * n for n in range(10)]
        assert servable.batches == [4, 4, 2]
        with pytest.raises(ServingError, match=r"^row 6: a bad value$"):
            await ask(runner, servable, 1, 2, 3, 4, 5, 6, BAD, 8, 9, BAD)
        with pytest.raises(ServingError, match=r"^Task size 11 is larger than maximum input batch size 10$"):
            await ask(runner, servable, *range(11))
        runner.close()

    asyncio.run(main())


def test_batches_are_padded_to_an_allowed_size():
    async def main():
        servable = Doubler()
        runner = batcher(max_batch_size=8, allowed_batch_sizes=(2, 8))
        assert (await ask(runner, servable, 1))["y"].tolist() == [2]
        results = await asyncio.gather(ask(runner, servable, 1, 2), ask(runner, servable, 3))
        assert [result["y"].tolist() for result in results] == [[2, 4], [6]]
        assert servable.batches == [2, 8]
        runner.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("kind", "one", "other", "padding"),
    [(np.float32, 1, 7, 2), (np.int64, 1, 7, 2), (object, b"a", b"b", b"a")],
    ids=["float", "int", "string"],
)
def test_rows_of_different_lengths_are_padded_with_their_requests_first_value(kind, one, other, padding):
    async def main():
        servable = Doubler()
        runner = batcher(pad_variable_length_inputs=True)
        short, long = np.full([1, 2], one, kind), np.full([2, 3], other, kind)
        results = await asyncio.gather(ask(runner, servable, x=short), ask(runner, servable, x=long))
        assert servable.shapes == [(3, 3)]
        assert results[0]["y"][0, 2] == padding
        assert len(results[1]["y"]) == 2
        runner.close()

    asyncio.run(main())


def test_what_has_no_value_to_be_padded_with_is_run_by_itself():
    async def main():
        servable = Doubler()
        runner = batcher(pad_variable_length_inputs=True)
        empty, long = np.zeros([1, 0]), np.ones([1, 3])
        results = await asyncio.gather(ask(runner, servable, x=empty), ask(runner, servable, x=long))
        assert servable.shapes == [(1, 0), (1, 3)]
        assert [result["y"].tolist() for result in results] == [[[]], [[2, 2, 2]]]
        runner.close()

    asyncio.run(main())


def test_a_batch_waits_for_its_timeout_unless_it_is_full():
    async def main():
        servable = Doubler()
        runner = batcher(max_batch_size=3, batch_timeout_micros=2_000_000)
        begun = time.monotonic()
        first = ask(runner, servable, 1)
        await asyncio.sleep(0.02)
        await asyncio.gather(first, ask(runner, servable, 2))
        assert 1.9 < time.monotonic() - begun < 20
        runner.close()
        runner = batcher(max_batch_size=3, batch_timeout_micros=60_000_000)
        begun = time.monotonic()
        await asyncio.gather(*(ask(runner, servable, n) for n in range(3)))
        assert time.monotonic() - begun < 30
        assert servable.batches == [2, 3]
        runner.close()

    asyncio.run(main())


def test_one_bad_request_fails_alone():
    async def main():
        servable = Doubler()
        runner = batcher()
        asked = [ask(runner, servable, 1), ask(runner, servable, 2, BAD, 3), ask(runner, servable, 4)]
        good, bad, other = await asyncio.gather(*asked, return_exceptions=True)
        assert (good["y"].tolist(), other["y"].tolist()) == ([2], [8])
        assert code(bad) == grpc.StatusCode.INVALID_ARGUMENT
        assert bad.message == "row 1: a bad value"
        runner.close()

    asyncio.run(main())


@pytest.mark.parametrize("make", [batcher, lambda: Direct(Metrics(), 1)], ids=["batcher", "direct"])
@pytest.mark.parametrize("row", [0, 7, 12, 24])
def test_the_first_bad_row_is_named(make, row):
    async def main():
        servable = Doubler()
        runner = make()
        values = np.ones(25, np.float32)
        values[row:] = BAD
        with pytest.raises(ServingError, match=f"^row {row}: a bad value$"):
            await ask(runner, servable, x=values)
        assert len(servable.batches) < 8
        runner.close()

    asyncio.run(main())


def test_no_row_is_blamed_for_what_no_row_did():
    async def main():
        servable = Doubler()
        servable.error = ServingError(grpc.StatusCode.RESOURCE_EXHAUSTED, "no memory")
        runner = batcher()
        with pytest.raises(ServingError, match=r"^no memory$"):
            await ask(runner, servable, 1, BAD)
        servable.error = RuntimeError("broken")
        with pytest.raises(ServingError, match="broken") as caught:
            await ask(runner, servable, 1, BAD)
        assert caught.value.code == grpc.StatusCode.INTERNAL
        assert servable.batches == [2, 2]
        runner.close()

    asyncio.run(main())


def test_rows_that_cannot_be_told_apart_are_not_merged():
    async def main():
        servable = Summer()
        runner = batcher()
        results = await asyncio.gather(ask(runner, servable, 1, 2), ask(runner, servable, 3))
        assert [result["y"].tolist() for result in results] == [[6], [6]]
        servable = Doubler(batchable=False)
        await asyncio.gather(*(ask(runner, servable, n) for n in range(3)))
        assert servable.batches == [1, 1, 1]
        runner.close()

    asyncio.run(main())


def test_no_rows_at_all_are_run_by_themselves():
    async def main():
        servable = Doubler()
        runner = batcher(allowed_batch_sizes=(4,), max_batch_size=4)
        assert (await ask(runner, servable))["y"].shape == (0,)
        runner.close()

    asyncio.run(main())


def test_a_full_queue_refuses_and_serves_on():
    async def main():
        servable = Doubler()
        runner = batcher(max_batch_size=2, max_enqueued_batches=2)
        first = await blocked(runner, servable)
        others = [ask(runner, servable, n) for n in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(ServingError, match=r"queue .* is full") as caught:
            await others[4]
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE
        servable.gate.set()
        await asyncio.gather(first, *others[:4])
        assert (await ask(runner, servable, 1))["y"].tolist() == [2]
        runner.close()

    asyncio.run(main())


@pytest.mark.parametrize("make", [batcher, lambda pending: Direct(Metrics(), 1, pending)], ids=["batcher", "direct"])
def test_pending_bytes_are_bounded_and_given_back(make):
    async def main():
        servable = Doubler()
        runner = make(pending=10_000)
        large = np.ones(2000, np.float32)
        first = await blocked(runner, servable)
        second = ask(runner, servable, x=large)
        await asyncio.sleep(0)
        with pytest.raises(ServingError, match="busy") as caught:
            await ask(runner, servable, x=large)
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE
        second.cancel()
        await asyncio.sleep(0)
        third = ask(runner, servable, x=large)
        await asyncio.sleep(0)
        servable.gate.set()
        await asyncio.gather(first, third)
        # Larger than what is allowed, but alone.
        await ask(runner, servable, x=np.ones(5000, np.float32))
        runner.close()

    asyncio.run(main())


def test_past_its_deadline_a_request_is_answered_and_never_run():
    async def main():
        servable = Doubler()
        runner = batcher()
        first = await blocked(runner, servable)
        begun = time.monotonic()
        late = ask(runner, servable, 1, 2, 3, deadline=begun + 0.05)
        (result,) = await asyncio.gather(late, return_exceptions=True)
        assert code(result) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert 0.04 < time.monotonic() - begun < 1
        servable.gate.set()
        await first
        (result,) = await asyncio.gather(ask(runner, servable, 1, 2, deadline=begun), return_exceptions=True)
        assert code(result) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert (await ask(runner, servable, 1, deadline=time.monotonic() + 10))["y"].tolist() == [2]
        assert servable.batches == [1, 1]
        runner.close()

    asyncio.run(main())


def test_a_deadline_passes_while_the_loop_is_stuck():
    async def main():
        servable = Doubler()
        runner = batcher()
        first = await blocked(runner, servable)
        late = ask(runner, servable, 1, 2, 3, deadline=time.monotonic() + 0.02)
        good = ask(runner, servable, 4)
        await asyncio.sleep(0)
        time.sleep(0.05)
        servable.gate.set()
        _, result, _ = await asyncio.gather(first, late, good, return_exceptions=True)
        assert code(result) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert servable.batches == [1, 1]
        runner.close()

    asyncio.run(main())


def test_a_request_whose_deadline_passes_while_it_runs_is_answered_in_time():
    async def main():
        servable = Doubler()
        runner = batcher()
        servable.gate.clear()
        begun = time.monotonic()
        (result,) = await asyncio.gather(ask(runner, servable, 1, deadline=begun + 0.05), return_exceptions=True)
        assert code(result) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - begun < 1
        servable.gate.set()
        assert (await ask(runner, servable, 2))["y"].tolist() == [4]
        runner.close()

    asyncio.run(main())


def test_a_cancelled_request_leaves_the_batch():
    async def main():
        servable = Doubler()
        runner = batcher()
        first = await blocked(runner, servable)
        gone, kept = ask(runner, servable, 1, 2, 3), ask(runner, servable, 4)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        servable.gate.set()
        await asyncio.gather(first, kept)
        assert servable.batches == [1, 1]
        assert gone.cancelled()
        runner.close()

    asyncio.run(main())


def test_a_request_cancelled_while_it_runs_does_no_harm():
    async def main():
        servable = Doubler()
        runner = batcher(pending=1 << 20)
        first = await blocked(runner, servable)
        first.cancel()
        second = ask(runner, servable, 1)
        await asyncio.sleep(0.01)
        servable.gate.set()
        assert (await second)["y"].tolist() == [2]
        assert (runner._pending, runner._pending_bytes, runner._free) == (0, 0, 1)
        runner.close()

    asyncio.run(main())


async def alone(runner, servable) -> None:
    """Asks one by one until the last is answered on the event loop."""
    for n in range(LONE_REQUESTS + 1):
        await ask(runner, servable, n)
    assert here(servable) == [False] * LONE_REQUESTS + [True]


def here(servable: Doubler) -> list[bool]:
    """Whether each run was on the event loop."""
    return [thread is threading.current_thread() for thread in servable.threads]


@pytest.mark.parametrize("make", [batcher, lambda: Direct(Metrics(), 1)], ids=["batcher", "direct"])
def test_a_single_client_is_answered_on_the_event_loop_after_a_while(make):
    async def main():
        servable, runner = Doubler(), make()
        for n in range(3 * LONE_REQUESTS):
            assert (await ask(runner, servable, n))["y"].tolist() == [2 * n]
        more = [True] * (LONE_REQUESTS - 1) + [False]
        assert here(servable) == [False] * LONE_REQUESTS + more * 2
        with pytest.raises(ServingError, match="a bad value"):
            await ask(runner, servable, BAD)
        assert here(servable)[-1]
        assert (runner._pending, runner._pending_bytes, runner._free) == (0, 0, 1)
        runner.close()
        with pytest.raises(ServingError, match="shutting down"):
            await ask(runner, servable, 1)

    asyncio.run(main())


def test_requests_on_the_event_loop_are_counted_like_others():
    async def main():
        servable, metrics = Doubler(), Metrics()
        runner = batcher(metrics)
        for n in range(2 * LONE_REQUESTS):
            await ask(runner, servable, n, n)
        assert f':processed_batch_size_sum{{model_name="doubler"}} {4 * LONE_REQUESTS}' in metrics.render()
        runner.close()

    asyncio.run(main())


def test_several_clients_find_each_other_though_one_was_answered_on_the_event_loop():
    async def main():
        servable, runner = Doubler(), batcher()
        await alone(runner, servable)

        async def client():
            for n in range(3 * LONE_REQUESTS):
                await ask(runner, servable, n)

        await asyncio.gather(client(), client())
        assert not any(here(servable)[3 * LONE_REQUESTS :])
        runner.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"outputs": ("y", "z")}, id="other outputs"),
        pytest.param({"x": np.zeros(2, np.float32)}, id="other rows"),
        pytest.param({"x": np.zeros((1, LONE_BYTES), np.float32)}, id="large"),
    ],
)
def test_a_request_unlike_those_before_it_is_run_in_a_thread(other):
    async def main():
        servable, runner = Doubler(), batcher()
        await alone(runner, servable)
        await ask(runner, servable, **other)
        assert here(servable)[-2:] == [True, False]
        runner.close()

    asyncio.run(main())


@pytest.mark.parametrize("slow_at_first", [True, False])
def test_a_slow_model_keeps_the_event_loop_once_at_most(monkeypatch, slow_at_first):
    async def main():
        servable, runner = Doubler(), batcher()
        if not slow_at_first:
            await alone(runner, servable)
        monkeypatch.setattr(batching, "LONE_SECONDS", 0.0)
        before = len(servable.threads)
        for n in range(2 * LONE_REQUESTS):
            await ask(runner, servable, n)
        assert sum(here(servable)[before:]) == (0 if slow_at_first else 1)
        runner.close()

    asyncio.run(main())


def test_an_answer_on_the_event_loop_after_its_deadline_is_given_up():
    async def main():
        servable, runner = Doubler(), batcher()
        await alone(runner, servable)
        run = servable.run
        servable.run = lambda *arguments: time.sleep(0.02) or run(*arguments)
        with pytest.raises(ServingError) as refused:
            await ask(runner, servable, 1, deadline=time.monotonic() + 0.01)
        assert here(servable)[-1]
        assert code(refused.value) is grpc.StatusCode.DEADLINE_EXCEEDED
        runner.close()

    asyncio.run(main())


def test_direct_runs_each_request_by_itself_and_so_many_at_a_time():
    async def main():
        servable = Doubler()
        runner = Direct(Metrics(), 2)
        servable.gate.clear()
        asked = [ask(runner, servable, n, n) for n in range(4)]
        await asyncio.to_thread(servable.started.acquire)
        await asyncio.to_thread(servable.started.acquire)
        await asyncio.sleep(0.05)
        assert servable.batches == [2, 2]
        servable.gate.set()
        assert [result["y"].tolist() for result in await asyncio.gather(*asked)] == [[2 * n] * 2 for n in range(4)]
        assert servable.batches == [2] * 4
        runner.close()

    asyncio.run(main())


def test_direct_runs_many_rows_in_parts():
    async def main():
        servable = Doubler()
        runner = Direct(Metrics(), 1)
        x = np.arange(1000, dtype=np.float32)
        assert (await ask(runner, servable, x=x))["y"].tolist() == (x * 2).tolist()
        assert servable.batches == [256, 256, 256, 232]
        x[700] = BAD
        with pytest.raises(ServingError, match=r"^row 700: a bad value$"):
            await ask(runner, servable, x=x)
        assert max(servable.batches) == 256
        runner.close()

    asyncio.run(main())


class Summer(Doubler):
    """Gives one row, whatever the number of rows."""

    def run(self, signature, inputs, outputs):
        return {"y": super().run(signature, inputs, outputs)["y"].sum(keepdims=True)}


class Widener(Doubler):
    """Gives rows that are as wide as the largest value of all."""

    def run(self, signature, inputs, outputs):
        y = super().run(signature, inputs, outputs)["y"]
        return {"y": np.repeat(y[:, None], int(inputs["x"].max()), axis=1)}


def test_direct_runs_many_rows_that_cannot_be_parted_as_a_whole():
    async def main():
        runner = Direct(Metrics(), 1)
        unmergeable = Doubler(batchable=False)
        x = np.arange(1000, dtype=np.float32)
        assert (await ask(runner, unmergeable, x=x))["y"].tolist() == (x * 2).tolist()
        assert unmergeable.batches == [1000]
        summer = Summer()
        assert (await ask(runner, summer, x=np.ones(1000, np.float32)))["y"].tolist() == [2000]
        assert summer.batches == [256, 1000]
        widener = Widener()
        assert (await ask(runner, widener, x=x[:300]))["y"].shape == (300, 299)
        assert widener.batches == [256, 44, 300]
        runner.close()

    asyncio.run(main())


def test_rows_of_parts_that_differ_in_shape_are_refused_where_a_batch_is_the_limit():
    async def main():
        runner = batcher(max_batch_size=10, max_execution_batch_size=4, enable_large_batch_splitting=True)
        with pytest.raises(ServingError, match="serve it without batching") as caught:
            await ask(runner, Widener(), *range(1, 7))
        assert caught.value.code == grpc.StatusCode.FAILED_PRECONDITION
        runner.close()

    asyncio.run(main())


@pytest.mark.parametrize("make", [batcher, lambda pending: Direct(Metrics(), 1, pending)], ids=["batcher", "direct"])
def test_what_is_converted_is_pending_until_its_thread_has_ended(make):
    async def main():
        servable, runner = Doubler(), make(pending=10_000)
        begun, go_on = threading.Event(), threading.Event()

        def held_up(answer):
            begun.set()
            assert go_on.wait(20)
            return answer

        loop_thread = threading.get_ident()
        assert await runner.convert(1 << 30, threading.get_ident) != loop_thread  # large, but alone
        first = asyncio.ensure_future(runner.convert(8000, held_up, 7))
        assert await asyncio.to_thread(begun.wait, 20)
        assert (await ask(runner, servable, 1))["y"].tolist() == [2]
        for _ in range(2):
            with pytest.raises(ServingError, match="busy") as caught:
                await runner.convert(8000, held_up, 8)
            assert caught.value.code == grpc.StatusCode.UNAVAILABLE
            with pytest.raises(ServingError, match="busy"):
                await ask(runner, servable, x=np.ones(2000, np.float32))
            first.cancel()
            await asyncio.wait([first])
        go_on.set()
        while runner._pending:
            await asyncio.sleep(0.01)
        assert runner._pending_bytes == 0
        assert await runner.convert(8000, held_up, 9) == 9
        with pytest.raises(ZeroDivisionError):
            await runner.convert(8000, lambda: 1 / 0)
        assert (runner._pending, runner._pending_bytes) == (0, 0)
        runner.close()
        with pytest.raises(ServingError, match="shutting down"):
            await runner.convert(1, held_up, 1)

    asyncio.run(main())


def test_bytes_that_are_known_are_not_counted_again():
    async def main():
        servable, runner = Doubler(), Direct(Metrics(), 1, 10_000)
        first = await blocked(runner, servable)
        x = {"x": np.ones(1, np.float32)}
        with pytest.raises(ServingError, match="this one of 20000 bytes"):
            await runner.submit(servable, "serving_default", x, ("y",), 1, None, 20_000)
        servable.gate.set()
        await first
        runner.close()

    asyncio.run(main())


def test_close_refuses_what_waits_and_what_comes():
    async def main():
        servable = Doubler()
        runner = batcher()
        first = await blocked(runner, servable)
        waiting = ask(runner, servable, 1)
        await asyncio.sleep(0)
        runner.close()
        results = await asyncio.gather(waiting, ask(runner, servable, 2), return_exceptions=True)
        assert [code(result) for result in results] == [grpc.StatusCode.UNAVAILABLE] * 2
        servable.gate.set()
        assert (await first)["y"].tolist() == [0]

    asyncio.run(main())


def test_what_waits_is_shared_out_among_free_threads():
    async def main():
        servable = Doubler()
        runner = batcher(num_batch_threads=2)
        servable.gate.clear()
        asked = [ask(runner, servable, n) for n in range(9)]
        await asyncio.to_thread(servable.started.acquire)
        await asyncio.to_thread(servable.started.acquire)
        servable.gate.set()
        await asyncio.gather(*asked)
        assert sorted(servable.batches) == [4, 5]
        runner.close()

    asyncio.run(main())


def test_no_signature_starves_another():
    async def main():
        servable = Doubler()
        runner = batcher(max_batch_size=1)
        first = await blocked(runner, servable)
        many = [ask(runner, servable, n) for n in range(9)]
        other = ask(runner, servable, 1, outputs=("z",))
        await asyncio.sleep(0)
        servable.gate.set()
        await other
        assert sum(task.done() for task in many) <= 2
        await asyncio.gather(first, *many)
        runner.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_batch_size": 0},
        {"batch_timeout_micros": -1},
        {"num_batch_threads": 0},
        {"max_enqueued_batches": 0},
        {"max_batch_size": 8, "allowed_batch_sizes": (2, 4)},
        {"max_batch_size": 2, "allowed_batch_sizes": (4, 2)},
        {"max_batch_size": 2, "allowed_batch_sizes": (0, 2)},
    ],
    ids=str,
)
def test_parameters_that_cannot_be(parameters):
    with pytest.raises(ServingError, match=next(iter(reversed(parameters)))):
        BatchingParameters(**parameters)
