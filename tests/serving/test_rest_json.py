"""JSON as tensors: what a dtype cannot hold is refused, not bent."""

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server import rest_json
from serving.server.errors import ServingError


def read(values: str, dtype: tf.DType) -> np.ndarray:
    signature = meta_graph_pb2.SignatureDef()
    signature.inputs["x"].dtype = dtype.as_datatype_enum
    inputs, _ = rest_json.inputs_of(rest_json.body_of(f'{{"inputs": {values}}}'.encode()), signature)
    return inputs["x"]


@pytest.mark.parametrize(
    ("dtype", "values", "said"),
    [
        (tf.int32, "[0, 1099511627781]", "1099511627781"),
        (tf.int32, "[-2147483649]", "-2147483649"),
        (tf.uint8, "[[1], [300]]", "300"),
        (tf.uint8, "[-1]", "-1"),
        (tf.uint64, "[-1]", "-1"),
        (tf.int64, "[9223372036854775808]", "9223372036854775808"),
        (tf.float32, "[1e300]", "1e+300"),
        (tf.float32, "[-1e300, 0]", "-1e+300"),
        (tf.float16, "[70000.5]", "70000.5"),
        (tf.float16, "[70000]", "70000"),
        (tf.float32, "[16777217]", "16777217"),
        (tf.float64, "[9007199254740993]", "9007199254740993"),
        (tf.float64, "[Infinity, 1e400]", "inf"),
        (tf.complex64, "[1e300]", "1e+300"),
    ],
)
def test_what_is_out_of_range_is_refused_by_the_name_of_its_input(dtype, values, said):
    with pytest.raises(ServingError) as refused:
        read(values, dtype)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.message == f"input x: not a tensor of {dtype.name}: {said} is out of its range"


@pytest.mark.parametrize(("dtype", "values"), [(tf.int32, "[1, 18446744073709551616]"), (tf.uint64, "[-1, 1e19]")])
def test_what_is_of_no_integer_type_is_refused(dtype, values):
    with pytest.raises(ServingError, match=f"input x: not a tensor of {dtype.name}"):
        read(values, dtype)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (tf.int32, "[-2147483648, 2147483647]"),
        (tf.int64, "[-9223372036854775808, 9223372036854775807]"),
        (tf.uint8, "[[0, 255]]"),
        (tf.uint64, "[9223372036854775808, 1, 18446744073709551615]"),
        (tf.float32, "[16777215, -16777215]"),
        (tf.float32, "[Infinity, -Infinity, 0.5, 1]"),
        (tf.float32, "7"),
        (tf.int32, "[]"),
        (tf.bool, "[true, false]"),
    ],
)
def test_what_a_dtype_holds_comes_as_it_is(dtype, values):
    found = read(values, dtype)
    assert found.dtype == dtype.as_numpy_dtype
    assert found.tolist() == json.loads(values)


def test_numbers_of_examples_are_in_range_too():
    with pytest.raises(ServingError, match=r"feature x: 1e\+300 is out of its range"):
        rest_json.examples_of({"examples": [{"x": [0.5, 1e300]}]})
    with pytest.raises(ServingError, match="feature x"):
        rest_json.examples_of({"examples": [{"x": 2**63}]})
    [example], _ = rest_json.examples_of({"examples": [{"x": [1, 0.5]}]})
    assert example.features.feature["x"].float_list.value == [1, 0.5]


def test_what_is_no_number_in_examples_is_as_in_tensors():
    [example], context = rest_json.examples_of(
        rest_json.body_of(b'{"examples": [{"x": [NaN, 1.5, -Infinity], "y": NaN}], "context": {"z": Infinity}}')
    )
    np.testing.assert_array_equal(example.features.feature["x"].float_list.value, [np.nan, 1.5, -np.inf])
    np.testing.assert_array_equal(example.features.feature["y"].float_list.value, [np.nan])
    assert context.features.feature["z"].float_list.value == [np.inf]
    for values in (b"1e400", b"[1e400, Infinity]"):
        with pytest.raises(ServingError, match="feature x: inf is out of its range"):
            rest_json.examples_of(rest_json.body_of(b'{"examples": [{"x": %s}]}' % values))
    with pytest.raises(ServingError, match="feature x: values are no numbers of 64 bits"):
        rest_json.examples_of({"examples": [{"x": [2**2000, 0.5]}]})
    with pytest.raises(ServingError, match="feature x: values of different kinds"):
        rest_json.examples_of({"examples": [{"x": [True, 0.5]}]})


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (tf.float32, "[true, 2]"),
        (tf.int64, "[2, false]"),
        (tf.float64, "[[0.5, 1], [true, 0]]"),
        (tf.uint8, f"[{'7, ' * 50_000} true]"),
    ],
)
def test_booleans_among_numbers_are_refused(dtype, values):
    with pytest.raises(
        ServingError, match=f"input x: not a tensor of {dtype.name}: values of different kinds"
    ) as error:
        read(values, dtype)
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"YWJj\nZGVm", b"abcdef"),
        (r" YWJj\r\n\tZG Vm\n", b"abcdef"),
        ("YWI", b"ab"),
        ("YQ", b"a"),
        (r"YQ=\n=", b"a"),
        (r"YWI\n", b"ab"),
        ("", b""),
        (r"\n", b""),
    ],
)
def test_base64_may_have_blanks_and_lack_its_padding(written, meant):
    assert read(f'[{{"b64": "{written}"}}]', tf.string).tolist() == [meant]
    body = rest_json.body_of(f'{{"examples": [{{"x": {{"b64": "{written}"}}}}]}}'.encode())
    [example], _ = rest_json.examples_of(body)
    assert example.features.feature["x"].bytes_list.value == [meant]


@pytest.mark.parametrize("written", ["*", "YWJj!", "YW-_", "Y", "YWJjZ", "YQ =", "Y=Q=", "YWJj\u00a0ZGVm", "\u00e9"])
def test_what_is_no_base64_is_refused_by_its_row(written):
    with pytest.raises(ServingError, match="input x: not a tensor of string: row 1: no base64: ") as error:
        read(json.dumps([{"b64": "YWJj"}, {"b64": written}]), tf.string)
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(ServingError, match="input x: not a tensor of string: no base64: "):
        read(json.dumps({"b64": written}) + ', "signature_name": ""', tf.string)
