"""Answers written as bytes beside the same answers made of messages."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2

from serving.server import tensors, wire
from tests.serving.test_tensors import KINDS, strings

NUMBERS = [[0, 1, 127], [127, 128, 255], [-1, 0, 1], [], [2**31 - 1, -(2**31), 5]]
STRINGS = [b"", b"a", b"\x00\xff", b"x" * 127, b"x" * 128, b"x" * 20_000, "Film noir é".encode()]


def by_message(value: np.ndarray | bytes) -> bytes:
    proto = tensor_pb2.TensorProto()
    tensors.fill_proto(proto, value)
    return proto.SerializeToString()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
def test_numbers_are_the_bytes_of_their_message(kind, numbers):
    with np.errstate(over="ignore"):
        flat = np.array(numbers).astype(tf.dtypes.as_dtype(kind).as_numpy_dtype)
    values = [flat, flat.reshape(1, -1), flat.reshape(-1, 1), np.stack([flat, flat])[:, ::-1], np.stack([flat] * 3).T]
    values += [flat[0], np.array(flat[0])] if len(flat) else [flat.reshape(0, 3), flat.reshape(2, 0, 4)]
    for value in values:
        assert wire.tensor(value) == by_message(value)


def test_what_is_no_number_keeps_its_bits():
    for kind in (np.float32, np.float64):
        value = np.array([[np.nan, np.inf, -np.inf, -0.0, np.finfo(kind).tiny]], kind)
        assert wire.tensor(value) == by_message(value)


def test_strings_are_the_bytes_of_their_message():
    row = strings(*STRINGS)
    for value in (row, row.reshape(1, -1), row.reshape(-1, 1)[::2], row[:0], row[:0].reshape(0, 3), *STRINGS):
        assert wire.tensor(value) == by_message(value)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**63])
def test_sizes_are_written_as_protobuf_does(number):
    message = predict_pb2.PredictRequest()
    message.model_spec.version.value = number if number < 2**63 else -(2**63)  # ten bytes at most
    assert message.SerializeToString().endswith(tensors.varint(number))


@pytest.mark.parametrize("name", ["m", "ein Name über 127 Bytes " * 20])
@pytest.mark.parametrize("version", [0, 1, 2**40])
def test_a_response_reads_as_its_message(name, version):
    values = {
        "scores": np.random.default_rng(7).random((3, 25), np.float32),
        "genres": np.array([[b"Drama", b"War"]] * 3, object),
        "ids": np.array([2**40, -1], np.int64),
        "half": np.array([1.5, 2], np.float16),
        "nothing": np.zeros([0, 4], np.float32),
        "scalar": b"bare",
        "k" * 200: np.int32(7),
    }
    message = predict_pb2.PredictResponse()
    for key, value in values.items():
        tensors.fill_proto(message.outputs[key], value)
    message.model_spec.name, message.model_spec.signature_name = name, "serving_default"
    message.model_spec.version.value = version
    written = wire.response(name, version, "serving_default", values)
    assert predict_pb2.PredictResponse.FromString(written) == message
    assert len(written) == message.ByteSize()
