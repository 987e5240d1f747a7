"""Whatever a client sends, it is answered with the right code, and the server goes on serving."""

import asyncio
import socket

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.server.errors import ServingError
from tests.serving import models
from tests.serving.wire import on_a_server, request, tensor

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


def test_a_message_over_the_limit_and_a_megabyte_within_it(base_paths, tmp_path):
    async def scenario(wire):
        code, words = await wire.refused(request("rows", text=[b"x" * (100 << 20)]))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in words
        response = await wire.predict(request("rows", text=[b"x" * (1 << 20), b"\xff\xfe", b""]))
        assert tensor(response, "length").tolist() == [1 << 20, 2, 0]

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, max_message_bytes=64 << 20)


@pytest.mark.parametrize("idle_on", ["gRPC", "REST"])
def test_clients_that_hang_up_and_idle_ones(base_paths, tmp_path, idle_on):
    async def scenario(wire):
        calls = [wire.predictions.Predict(request("slow", x=np.float32([1]))) for _ in range(50)]
        await asyncio.sleep(0.05)
        for call in calls:
            call.cancel()
        port = wire.port if idle_on == "gRPC" else int(wire.rest.rpartition(":")[2])
        # In a thread, lest no loop is there to accept them.
        idle = await asyncio.to_thread(lambda: [socket.create_connection(("127.0.0.1", port)) for _ in range(500)])
        try:
            assert await wire.post("/v1/models/slow:predict", {"instances": [3]}) == (200, {"predictions": [3]})
            response = await wire.predict(request("slow", x=np.float32([3])), timeout=5)
            assert tensor(response, "y").tolist() == [3]
        finally:
            for connection in idle:
                connection.close()

    on_a_server({"slow": base_paths["slow"]}, tmp_path, scenario)
