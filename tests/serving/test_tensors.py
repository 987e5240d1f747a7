"""Tensors of every dtype there and back, in every form that clients send them in."""

import re
import tracemalloc

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, regression_pb2

from serving.server import tensors
from serving.server.errors import ServingError

KINDS = [
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "complex64",
]


def strings(*values: bytes) -> np.ndarray:
    return np.array(values, dtype=object)


def whole(proto) -> tensor_pb2.TensorProto:
    """What a client's message is on arrival."""
    return tensor_pb2.TensorProto.FromString(proto.SerializeToString())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(2, 3), (4,), (), (0, 3)])
def test_any_dtype_comes_as_tensorflow_sends_it_and_goes_as_tensorflow_reads_it(kind, shape):
    value = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(tf.dtypes.as_dtype(kind).as_numpy_dtype)
    got = tensors.from_proto(whole(tf.make_tensor_proto(value)), "x")
    assert got.dtype == value.dtype
    np.testing.assert_array_equal(got, value)
    answer = tensor_pb2.TensorProto()
    tensors.fill_proto(answer, value)
    np.testing.assert_array_equal(tf.make_ndarray(whole(answer)), value)
    assert tf.io.parse_tensor(answer.SerializeToString(), value.dtype).shape == shape


def test_values_one_by_one_and_the_last_one_for_those_left_out():
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1, 2])
    for size in (2, 2):
        proto.tensor_shape.dim.add(size=size)
    assert tensors.from_proto(proto, "x").tolist() == [[1, 2], [2, 2]]
    proto.ClearField("float_val")
    assert tensors.from_proto(proto, "x").tolist() == [[0, 0], [0, 0]]


def test_floats_are_written_where_clients_read_them():
    proto = tensor_pb2.TensorProto()
    tensors.fill_proto(proto, np.array([[0.5, 0.25]] * 100, np.float32)[::2])
    assert list(proto.float_val) == [0.5, 0.25] * 50
    assert not proto.tensor_content


def test_strings_keep_every_byte():
    values = strings(b"", b"\x00\xff\x00", b"x" * 300, "Amélie".encode()).reshape(2, 2)
    proto = tensor_pb2.TensorProto()
    tensors.fill_proto(proto, values)
    assert list(proto.string_val) == values.ravel().tolist()
    assert tensors.from_proto(whole(proto), "x").tolist() == values.tolist()
    assert tensors.size({"x": values}) == values.nbytes + 3 + 300 + 7
    bare = tensor_pb2.TensorProto()
    tensors.fill_proto(bare, b"one")
    assert tf.make_ndarray(bare).item() == b"one"


def test_strings_packed_into_tensor_content():
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING)
    proto.tensor_shape.dim.add(size=3)
    proto.tensor_content = b"\x02\x00\xac\x02" + b"ab" + b"x" * 300
    assert tensors.from_proto(proto, "x").tolist() == [b"ab", b"", b"x" * 300]
    for damaged in (proto.tensor_content[:-1], proto.tensor_content + b"!", b"\xff"):
        proto.tensor_content = damaged
        with pytest.raises(ServingError, match="damaged"):
            tensors.from_proto(proto, "x")


@pytest.mark.parametrize(
    ("dtype", "dims", "fields"),
    [
        (types_pb2.DT_FLOAT, [2], {"float_val": [1, 2, 3]}),
        (types_pb2.DT_FLOAT, [2], {"tensor_content": b"123"}),
        (types_pb2.DT_FLOAT, [-1], {"float_val": [1]}),
        (types_pb2.DT_FLOAT, [1 << 40], {"float_val": [1]}),
        (types_pb2.DT_STRING, [1 << 20, 1 << 20], {"string_val": [b"a"]}),
        (types_pb2.DT_STRING, [1 << 40], {"tensor_content": b"a"}),
        (types_pb2.DT_HALF, [1 << 40], {"half_val": [1]}),
        (types_pb2.DT_FLOAT, [1] * 300, {"float_val": [1]}),
        (types_pb2.DT_INVALID, [], {}),
        (types_pb2.DT_RESOURCE, [1], {}),
        (999, [1], {}),
    ],
)
def test_what_is_no_tensor_is_refused_by_the_name_of_its_input(dtype, dims, fields):
    proto = tensor_pb2.TensorProto(dtype=dtype, **fields)
    for size in dims:
        proto.tensor_shape.dim.add(size=size)
    with pytest.raises(ServingError, match="tensor parsing error: poster") as caught:
        tensors.from_proto(proto, "poster")
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT


def many_values(dtype, count, *dims, **fields) -> tensor_pb2.TensorProto:
    """A TensorProto that repeats each field's one value."""
    proto = tensor_pb2.TensorProto(dtype=dtype)
    for field, value in fields.items():
        getattr(proto, field).extend([value] * count)
    for size in dims or (count,):
        proto.tensor_shape.dim.add(size=size)
    return whole(proto)


@pytest.fixture
def converted(monkeypatch) -> list[int]:
    """How many numbers were converted at once, one after the other."""
    found: list[int] = []
    fromiter = np.fromiter

    def counted(values, dtype, count):
        found.append(count)
        return fromiter(values, dtype=dtype, count=count)

    monkeypatch.setattr(np, "fromiter", counted)
    return found


LARGE = 3 * tensors.PIECE + 5


@pytest.mark.parametrize(
    ("dtype", "fields"),
    [
        (types_pb2.DT_FLOAT, {"float_val": 0.5}),
        (types_pb2.DT_INT64, {"int64_val": -1}),
        (types_pb2.DT_UINT8, {"int_val": 200}),
        (types_pb2.DT_BOOL, {"bool_val": True}),
        (types_pb2.DT_STRING, {"string_val": b"a"}),
    ],
)
def test_many_values_one_by_one_are_converted_piece_by_piece(converted, dtype, fields):
    (value,) = fields.values()
    proto = many_values(dtype, LARGE, LARGE + 2, **fields)
    got = tensors.from_proto(proto, "x")
    assert got.dtype == tf.dtypes.as_dtype(dtype).as_numpy_dtype
    assert got.tolist() == [value] * (LARGE + 2)
    assert sum(converted) == (0 if dtype == types_pb2.DT_STRING else LARGE)
    assert max(converted, default=0) <= tensors.PIECE


def test_values_that_are_too_many_for_their_shape_are_not_converted(converted):
    with pytest.raises(ServingError, match=rf"x: {LARGE} values do not fill the shape \[1\]"):
        tensors.from_proto(many_values(types_pb2.DT_INT64, LARGE, 1, int64_val=1), "x")
    assert converted == []


def test_more_values_one_by_one_than_were_to_be():
    for dtype, fields in ((types_pb2.DT_FLOAT, {"float_val": 1}), (types_pb2.DT_STRING, {"string_val": b""})):
        proto = many_values(dtype, 5, **fields)
        assert len(tensors.from_proto(proto, "x", 5)) == 5
        with pytest.raises(tensors.Many):
            tensors.from_proto(proto, "x", 4)
    as_they_lie = tf.make_tensor_proto(np.ones(5, np.float32))
    assert len(tensors.from_proto(as_they_lie, "x", 4)) == 5


def test_a_header_has_dtype_and_shape_and_takes_no_memory(converted):
    for dtype, kind in ((types_pb2.DT_INT64, np.int64), (types_pb2.DT_STRING, object), (types_pb2.DT_HALF, np.float16)):
        found = tensors.header(many_values(dtype, 0, 1 << 20, 1 << 20), "x")
        assert (found.dtype, found.shape, found.strides) == (kind, (1 << 20, 1 << 20), (0, 0))
    proto = many_values(types_pb2.DT_INT64, LARGE, int64_val=1)
    made = tensors.header(proto, "x")
    assert tensors.size_to_be(proto, made) == tensors.from_proto(proto, "x").nbytes
    many_more = many_values(types_pb2.DT_INT64, 1, 1 << 40, int64_val=1)  # no message asks for more than it could hold
    assert tensors.size_to_be(many_more, tensors.header(many_more, "x")) <= 64 << 20
    for dtype, dims in ((999, [1]), (types_pb2.DT_INVALID, [1]), (types_pb2.DT_INT64, [1 << 62, 1 << 62])):
        with pytest.raises(ServingError, match="tensor parsing error: x"):
            tensors.header(many_values(dtype, 0, *dims), "x")


def example(**features: float) -> example_pb2.Example:
    given = example_pb2.Example()
    for name, value in features.items():
        given.features.feature[name].float_list.value.append(value)
    return given


def test_examples_and_those_with_a_context():
    given = input_pb2.Input()
    given.example_list.examples.extend([example(x=1), example(x=2)])
    assert [example_pb2.Example.FromString(one) for one in tensors.examples(given)] == [example(x=1), example(x=2)]

    given = input_pb2.Input()
    given.example_list_with_context.context.CopyFrom(example(x=7, y=8))
    given.example_list_with_context.examples.extend([example(x=1), example()])
    columns = {name: tf.io.FixedLenFeature([], tf.float32) for name in "xy"}
    read = tf.io.parse_example(tensors.examples(given), columns)
    assert (read["x"].numpy().tolist(), read["y"].numpy().tolist()) == ([1, 7], [8, 8])

    with pytest.raises(ServingError, match="Input is empty"):
        tensors.examples(input_pb2.Input())


def test_a_context_makes_examples_no_larger_than_is_allowed():
    given = input_pb2.Input()
    with_context = given.example_list_with_context
    with_context.context.features.feature["c"].bytes_list.value.append(b"z" * 100_000)
    for _ in range(5000):
        with_context.examples.add()
    tracemalloc.start()
    try:
        with pytest.raises(ServingError) as caught:
            tensors.examples(given)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    size, most = map(int, re.findall(r"(\d+) (?:bytes|are)", caught.value.message))
    assert 500_000_000 < size < 501_000_000
    assert most == tensors.MOST_MERGED
    with pytest.raises(ServingError, match="each with the context"):
        tensors.are_many(given)
    del with_context.examples[1000:]
    assert tensors.are_many(given)
    found, size = tensors.sized_examples(given)
    assert size == tensors.size({"x": found})
    assert 100_000_000 < sum(map(len, found)) <= tensors.examples_size(given)


def test_whether_examples_are_many():
    given = input_pb2.Input()
    assert not tensors.are_many(given)
    for kind in ("example_list", "example_list_with_context"):
        there = getattr(given, kind).examples
        there.extend([example()] * tensors.MANY_EXAMPLES)
        assert not tensors.are_many(given)
        there.add()
        assert tensors.are_many(given)


def test_classifications():
    result = classification_pb2.ClassificationResult()
    values = {"classes": strings(b"low", b"high").reshape(1, 2), "scores": np.array([[0.25, 0.75]], np.float32)}
    tensors.fill_classifications(result, values, 1)
    assert [(one.label, one.score) for one in result.classifications[0].classes] == [("low", 0.25), ("high", 0.75)]

    result = classification_pb2.ClassificationResult()
    tensors.fill_classifications(result, {"scores": values["scores"]}, 1)
    assert [(one.label, one.score) for one in result.classifications[0].classes] == [("", 0.25), ("", 0.75)]

    for wrong in ({}, {"scores": values["scores"][0]}, {**values, "classes": values["classes"][:, :1]}):
        with pytest.raises(ServingError):
            tensors.fill_classifications(classification_pb2.ClassificationResult(), wrong, 1)


def test_regressions():
    for shape in ((2,), (2, 1)):
        result = regression_pb2.RegressionResult()
        tensors.fill_regressions(result, {"outputs": np.array([1.5, 2.5], np.float32).reshape(shape)}, 2)
        assert [one.value for one in result.regressions] == [1.5, 2.5]
    with pytest.raises(ServingError, match=r"outputs \[2, 2\]"):
        tensors.fill_regressions(result, {"outputs": np.zeros([2, 2], np.float32)}, 2)
