"""Whatever a client sends, it is answered with the right code, and the server goes on serving."""

import asyncio
import re
import socket
import time

import aiohttp
import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.server.errors import ServingError
from tests.serving import models
from tests.serving.wire import on_a_server, relay, request, tensor

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
ROWS = {"text": [b"a"]}


def labelled(label):
    message = request("rows", **ROWS)
    message.model_spec.version_label = label
    return message


def malformed():
    message = request("half_plus_two", x=np.float32([1, 2]))
    message.inputs["x"].tensor_shape.dim[0].size = 7
    return message


@pytest.mark.parametrize("enable_batching", [False, True])
def test_each_is_answered_with_its_code(base_paths, tmp_path, enable_batching):
    async def scenario(wire):
        for message, code, words in (
            (request("nope", **ROWS), NOT_FOUND, "Servable not found for request: Latest(nope)"),
            (request("rows", version=7, **ROWS), NOT_FOUND, "Servable not found for request: Specific(rows, 7)"),
            (request("", **ROWS), INVALID, "ModelSpec has no name specified."),
            (labelled("canary"), INVALID, "Unrecognized servable version label: canary"),
            (request("rows", "z", **ROWS), grpc.StatusCode.FAILED_PRECONDITION, 'signature key "z" not found'),
            (request("rows", words=[b"a"]), INVALID, "not found in signature: words"),
            (
                request("rows"),
                INVALID,
                "input size does not match signature: 0!=1 len({}) != len({text}). "
                "Sent extra: {}. Missing but required: {text}.",
            ),
            (request("rows", text=np.float32([1])), INVALID, "dtype string, not float32"),
            (request("rows", text=[[b"a"]]), INVALID, "must have the shape [?]"),
            (request("rows", text=b"a"), INVALID, "must have the shape [?]"),
            (malformed(), INVALID, "x"),
        ):
            answer = await wire.refused(message)
            assert answer[0] is code, (message, answer)
            assert words in answer[1]
        assert tensor(await wire.predict(request("rows", **ROWS)), "echo").tolist() == [b"a"]

    on_a_server(base_paths, tmp_path, scenario, enable_batching=enable_batching)


@pytest.mark.parametrize("enable_batching", [False, True])
@pytest.mark.parametrize("bad", [b"no tf.Example", b"GIF89a\x00\x01", b"\xff\xd8\xff" + bytes(100_000)])
def test_what_is_no_tf_example(base_paths, tmp_path, enable_batching, bad):
    async def scenario(wire):
        given = request("examples_tf1", examples=[models.example(0.25), bad])
        assert await wire.refused(given) == (INVALID, "row 1: Could not parse example input")

    on_a_server({"examples_tf1": base_paths["examples_tf1"]}, tmp_path, scenario, enable_batching=enable_batching)


@pytest.mark.parametrize("enable_batching", [False, True])
def test_batches_of_none_and_of_ten_thousand(base_paths, tmp_path, enable_batching):
    async def scenario(wire):
        none = request("rows")
        none.inputs["text"].CopyFrom(tf.make_tensor_proto(np.array([], object), dtype=tf.string, shape=[0]))
        assert tensor(await wire.predict(none), "length").shape == (0,)
        many = [str(number).encode() for number in range(10_000)]
        if enable_batching:  # TensorFlow Serving's largest batch is 1,000 unless told otherwise
            assert (await wire.refused(request("rows", text=many)))[0] is INVALID
        else:
            assert tensor(await wire.predict(request("rows", text=many)), "echo").tolist() == many
        assert tensor(await wire.predict(request("rows", **ROWS)), "echo").tolist() == [b"a"]

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, enable_batching=enable_batching)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("max_batch_size { value: 2 }", INVALID),
        ("max_batch_size { value: 2 } enable_large_batch_splitting { value: false }", INVALID),
        ("max_batch_size { value: 4 } max_execution_batch_size { value: 2 }", None),
        ("max_batch_size { value: 4 } enable_large_batch_splitting { value: true }", None),
        ("max_batch_size { value: 2 } enable_large_batch_splitting { value: true }", INVALID),
        (
            "max_batch_size { value: 2 } "
            "enable_large_batch_splitting { value: true } max_execution_batch_size { value: 1 }",
            INVALID,
        ),
        (  # the allowed size is the one executed
            "max_batch_size { value: 4 } allowed_batch_sizes: 2 "
            "enable_large_batch_splitting { value: true } max_execution_batch_size { value: 2 }",
            None,
        ),
    ],
)
def test_requests_larger_than_a_batch(base_paths, tmp_path, parameters, code):
    async def scenario(wire):
        given = request("rows", text=[b"a"] * 3)
        if code is None:
            assert tensor(await wire.predict(given), "echo").tolist() == [b"a"] * 3
        else:
            assert (await wire.refused(given))[0] is code

    file = tmp_path / "batching"
    file.write_text(parameters)
    flags = {"enable_batching": True, "batching_parameters_file": str(file)}
    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, **flags)


def test_a_batch_executed_is_at_most_a_batch_taken(base_paths, tmp_path):
    async def scenario(_):
        raise AssertionError("has started")

    file = tmp_path / "batching"
    file.write_text(
        "max_batch_size { value: 2 } enable_large_batch_splitting { value: true } max_execution_batch_size { value: 4 }"
    )
    flags = {"enable_batching": True, "batching_parameters_file": str(file)}
    with pytest.raises(ServingError, match="max_execution_batch_size, 4, must be at most max_batch_size, 2"):
        on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, **flags)


@pytest.mark.parametrize("letter", ["a", "é", "%"])
def test_names_so_long_that_the_refusal_would_not_fit_into_an_answer(base_paths, tmp_path, letter):
    async def scenario(wire):
        code, words = await wire.refused(request(9000 * letter, **ROWS))
        assert code is grpc.StatusCode.NOT_FOUND
        assert words.startswith(f"Servable not found for request: Latest({letter}")
        assert (await wire.refused(request("rows", **{20_000 * letter: [b"a"]})))[0] is INVALID
        await wire.predict(request("rows", **ROWS))

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario)


def test_a_message_over_the_limit_and_a_megabyte_within_it(base_paths, tmp_path):
    async def scenario(wire):
        code, words = await wire.refused(request("rows", text=[b"x" * (100 << 20)]))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in words
        response = await wire.predict(request("rows", text=[b"x" * (1 << 20), b"\xff\xfe", b""]))
        assert tensor(response, "length").tolist() == [1 << 20, 2, 0]

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, max_message_bytes=64 << 20)


@pytest.mark.parametrize("idle_on", ["gRPC", "REST"])
def test_idle_clients_are_in_nobodys_way(base_paths, tmp_path, idle_on):
    async def scenario(wire):
        port = wire.port if idle_on == "gRPC" else rest_port(wire)
        # In a thread, lest no loop is there to accept them.
        idle = await asyncio.to_thread(lambda: [socket.create_connection(("127.0.0.1", port)) for _ in range(500)])
        try:
            assert await wire.post("/v1/models/slow:predict", {"instances": [3]}) == (200, {"predictions": [3]})
            response = await wire.predict(request("slow", x=np.float32([3])), timeout=20)
            assert tensor(response, "y").tolist() == [3]
        finally:
            for connection in idle:
                connection.close()

    on_a_server({"slow": base_paths["slow"]}, tmp_path, scenario)


SLOW = 0.5  # seconds of a call, by the clock: on any machine
WAITING = 30  # calls that fill the queue
QUEUE = f"max_batch_size {{ value: 1 }} max_enqueued_batches {{ value: {WAITING} }} num_batch_threads {{ value: 1 }}"


def rest_port(wire):
    return int(wire.rest.rpartition(":")[2])


async def by_grpc(stub, *rows):
    try:
        await stub.Predict(request("slow", x=np.float32(rows)))
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


async def by_rest(session, port, *rows):
    try:
        url = f"http://127.0.0.1:{port}/v1/models/slow:predict"
        async with session.post(url, json={"instances": rows}) as answer:
            return {200: "OK", 503: "UNAVAILABLE"}[answer.status]
    except aiohttp.ClientError as error:
        return type(error).__name__


@pytest.fixture(scope="module")
def slower(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slower")
    models.slow(folder / "1", SLOW)
    return folder


@pytest.mark.parametrize("way", ["gRPC, each call cancelled", "gRPC, socket dropped", "REST, sockets dropped"])
def test_whoever_hangs_up_is_waited_for_by_nobody(slower, tmp_path, way):
    async def scenario(wire):
        port = rest_port(wire) if way.startswith("REST") else wire.port
        async with (
            relay(port) as (by_relay, cut),
            grpc.aio.insecure_channel(f"127.0.0.1:{by_relay}") as channel,
            aiohttp.ClientSession() as session,
        ):
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            calls = [
                asyncio.create_task(by_rest(session, by_relay, 1) if way.startswith("REST") else by_grpc(stub, 1))
                for _ in range(2 * WAITING)  # so many more that some come while others wait
            ]
            # One that is refused tells that the queue is full.
            while not any(call.done() and call.result() == "UNAVAILABLE" for call in calls):
                await asyncio.sleep(0.01)
            if way.endswith("cancelled"):
                for call in calls:
                    call.cancel()
            else:
                cut()
            begun = time.monotonic()
            while (answer := await by_grpc(wire.predictions, 2)) == "UNAVAILABLE":
                await asyncio.sleep(0.05)  # full still: they have not been missed yet
            assert answer == "OK"
            # Behind those that wait it would take twice as long at least; it takes that of one at work, and its own.
            assert time.monotonic() - begun < WAITING * SLOW / 2
            _, text = await wire.get("/monitoring/prometheus/metrics")
            cancelled = re.search(r'request_count{model_name="slow",status="CANCELLED"} (\d+)', text)
            assert cancelled is not None
            assert int(cancelled[1]) > WAITING / 2
            await asyncio.gather(*calls, return_exceptions=True)

    parameters, monitoring = tmp_path / "batching", tmp_path / "monitoring"
    parameters.write_text(QUEUE)
    monitoring.write_text("prometheus_config { enable: true }")
    on_a_server(
        {"slow": slower},
        tmp_path,
        scenario,
        enable_batching=True,
        batching_parameters_file=str(parameters),
        monitoring_config_file=str(monitoring),
    )


@pytest.mark.parametrize("protocol", ["gRPC", "REST"])
def test_a_socket_dropped_in_mid_message(base_paths, tmp_path, protocol):
    size, arrived = 900 << 10, 600 << 10

    async def scenario(wire):
        async with (
            relay(wire.port if protocol == "gRPC" else rest_port(wire), arrived) as (port, _),
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
            aiohttp.ClientSession() as session,
        ):
            if protocol == "gRPC":
                stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await stub.Predict(request("rows", text=[b"x" * size]))
                assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            else:
                url = f"http://127.0.0.1:{port}/v1/models/rows:predict"
                with pytest.raises(aiohttp.ClientError):
                    await session.post(url, json={"instances": ["x" * size]})
            assert tensor(await wire.predict(request("rows", **ROWS)), "echo").tolist() == [b"a"]
            # Nothing of it is kept: there is room for another one, as soon as the first has been missed.
            while (answer := await wire.post("/v1/models/rows:predict", {"instances": ["x" * size]}))[0] == 503:
                await asyncio.sleep(0.05)
            assert answer[0] == 200

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, max_pending_bytes=1 << 20)
