"""TensorProto to numpy and back, tf.Examples in, classifications out. Strings are object arrays of bytes."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from serving.server.errors import ServingError, failed, invalid

# More values one by one, examples, or bytes of examples with their context take milliseconds to convert: off the loop.
MANY = 1 << 15
MANY_EXAMPLES = 1 << 12
_MANY_BYTES = 1 << 20
PIECE = 1 << 14  # values that are converted at once: no other thread runs meanwhile
MOST_MERGED = 256 << 20  # bytes of examples that each have the context: a small message could ask for any number

# Where a TensorProto holds values one by one, by dtype. tensor_content holds any of them but strings as they lie in
# memory; strings as their lengths in varints, then their bytes.
_FIELDS = {
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_DOUBLE: "double_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_INT32: "int_val",
    types_pb2.DT_INT16: "int_val",
    types_pb2.DT_INT8: "int_val",
    types_pb2.DT_UINT16: "int_val",
    types_pb2.DT_UINT8: "int_val",
    types_pb2.DT_UINT32: "uint32_val",
    types_pb2.DT_UINT64: "uint64_val",
    types_pb2.DT_BOOL: "bool_val",
}
# The wire tag, (field number << 3) | 2, of the fields that are sent as the values lie in memory (little-endian).
_PACKED = {types_pb2.DT_FLOAT: b"\x2a", types_pb2.DT_DOUBLE: b"\x32"}
_NUMPY = {number: tf.dtypes.as_dtype(number).as_numpy_dtype for number in _FIELDS}
# A message of a few bytes may ask for a tensor larger than memory: values are filled in up to this many.
_MOST_FILLED = 1 << 22
_MOST_SIDES = 254  # of a shape, as TensorFlow has it: the product of a million of them would take minutes
_ENUMS = {np.dtype(kind): number for number, kind in _NUMPY.items()}


class Many(Exception):
    """More values to be converted one by one than were to be."""


def from_proto(proto: Any, name: str, most: int = sys.maxsize) -> np.ndarray:
    """The tensor of a TensorProto; read-only where it shares the message's memory.

    Of values left out, each is as the last one there, or 0 or "" where there is none, as everywhere in TensorFlow.

    Args:
        proto: any dtype and shape.
        name: the input's name, for the message.
        most: values that may be converted one by one.

    Raises:
        Many: there are more, or seem to be.
        ServingError: INVALID_ARGUMENT, values and shape do not go together, or no such tensor can be made.
    """
    shape = _shape(proto, name)
    count = math.prod(shape)
    dtype = proto.dtype
    if dtype in _FIELDS and proto.tensor_content:
        kind = _NUMPY[dtype]
        if len(proto.tensor_content) != count * np.dtype(kind).itemsize:
            raise _unreadable(name, f"{len(proto.tensor_content)} bytes do not fill the shape {list(shape)}")
        return np.frombuffer(proto.tensor_content, dtype=kind).reshape(shape)
    if count > most:
        raise Many
    if dtype == types_pb2.DT_STRING:
        kind, values = object, proto.string_val or _split(proto.tensor_content, count, name)
    elif dtype in _FIELDS:
        kind, values = _NUMPY[dtype], getattr(proto, _FIELDS[dtype])
    else:
        return _any_from_proto(proto, name, count)
    missing = count - len(values)
    if missing < 0 or (missing > 0 and count > _MOST_FILLED):
        raise _unreadable(name, f"{len(values)} values do not fill the shape {list(shape)}")
    try:
        flat = _flat(values, kind)
    except OverflowError as error:
        raise _unreadable(name, f"a value is out of range of {np.dtype(kind).name}") from error
    if missing:
        last = flat[-1] if len(flat) else _nothing(flat.dtype)
        flat = np.concatenate([flat, np.full(missing, last, dtype=flat.dtype)])
    return flat.reshape(shape)


def from_protos(protos: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], int]:
    """Each tensor, as `from_proto`, and the bytes that they hold."""
    inputs = {name: from_proto(proto, name) for name, proto in protos.items()}
    return inputs, size(inputs)


def header(proto: Any, name: str) -> np.ndarray:
    """An array of the dtype and shape of a TensorProto that takes no memory; its values are not looked at.

    Raises:
        ServingError: INVALID_ARGUMENT, no tensor can be of that dtype or shape.
    """
    shape = _shape(proto, name)
    try:
        kind = _NUMPY.get(proto.dtype) or tf.dtypes.as_dtype(proto.dtype).as_numpy_dtype
        return np.broadcast_to(np.empty((), kind), shape)
    except (TypeError, KeyError) as error:
        raise _unreadable(name, str(error)) from error
    except ValueError as error:
        raise _unreadable(name, f"its values do not fill the shape {list(shape)}") from error


def size_to_be(proto: Any, made: np.ndarray) -> int:
    """Bytes that the tensor of a TensorProto takes at most; `made` is its header."""
    there = proto.ByteSize()
    return made.itemsize * min(made.size, max(there, _MOST_FILLED)) + (there if made.dtype == object else 0)


def fill_proto(proto: Any, value: np.ndarray | bytes) -> None:
    """Writes a tensor into an empty TensorProto, value by value as TensorFlow Serving does, since some clients read
    `float_val` and `string_val` themselves.

    Args:
        proto: a TensorProto.
        value: any shape and dtype; object arrays hold bytes. A Session gives bare bytes for a scalar string.
    """
    if isinstance(value, bytes):
        value = np.array(value, dtype=object)
    if value.dtype == object:
        proto.dtype = types_pb2.DT_STRING
        proto.string_val.extend(value.ravel().tolist())
    elif value.dtype in _ENUMS:
        proto.dtype = number = _ENUMS[value.dtype]
        if number in _PACKED and value.size:
            data = value.tobytes()
            proto.MergeFromString(_PACKED[number] + varint(len(data)) + data)
        else:
            getattr(proto, _FIELDS[number]).extend(value.ravel().tolist())
    else:
        proto.CopyFrom(tf.make_tensor_proto(value))
        return
    dims = proto.tensor_shape.dim
    proto.tensor_shape.SetInParent()
    for size in value.shape:
        dims.add().size = size


def examples(given: Any) -> np.ndarray:
    """The serialized tf.Examples, string [N], of a tensorflow.serving.Input.

    Raises:
        ServingError: INVALID_ARGUMENT, there are none. As `examples_size` raises.
    """
    kind = given.WhichOneof("kind")
    if kind == "example_list":
        messages = [example.SerializeToString() for example in given.example_list.examples]
    elif kind == "example_list_with_context":
        examples_size(given)
        # Messages one after the other are the message that merges them: what an example says comes after the context.
        context = given.example_list_with_context.context.SerializeToString()
        messages = [context + one.SerializeToString() for one in given.example_list_with_context.examples]
    else:
        messages = []
    if not messages:
        raise invalid("Input is empty.")
    return _flat(messages, object)


def sized_examples(given: Any) -> tuple[np.ndarray, int]:
    """As `examples`, and the bytes that they hold."""
    found = examples(given)
    return found, size({"examples": found})


def examples_size(given: Any) -> int:
    """Bytes that the tf.Examples of a tensorflow.serving.Input take at most, each with the context.

    Raises:
        ServingError: RESOURCE_EXHAUSTED, with a context they take more than MOST_MERGED.
    """
    there = given.ByteSize()
    if given.WhichOneof("kind") != "example_list_with_context":
        return there
    count = len(given.example_list_with_context.examples)
    merged = there + max(count - 1, 0) * given.example_list_with_context.context.ByteSize()
    if merged > MOST_MERGED:
        raise ServingError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"{count} examples, each with the context, take up to {merged} bytes, and at most {MOST_MERGED} are "
            "allowed; send them in several requests",
        )
    return merged


def are_many(given: Any) -> bool:
    """Whether the tf.Examples of a tensorflow.serving.Input take long to convert.

    Raises:
        ServingError: as `examples_size` raises.
    """
    if given.WhichOneof("kind") == "example_list_with_context":
        count = len(given.example_list_with_context.examples)
        return examples_size(given) > _MANY_BYTES or count > MANY_EXAMPLES
    return len(given.example_list.examples) > MANY_EXAMPLES


def fill_classifications(result: Any, values: Mapping[str, np.ndarray], rows: int) -> None:
    """Writes what a classify signature gave.

    Args:
        result: an empty ClassificationResult.
        values: `classes`, string [N, C], `scores`, float32 [N, C], or both.
        rows: N.

    Raises:
        ServingError: FAILED_PRECONDITION, the signature gave neither or they are of other shapes.
    """
    classes, scores = values.get("classes"), values.get("scores")
    there = [value for value in (classes, scores) if value is not None]
    if not there or any(value.ndim != 2 or value.shape[0] != rows for value in there):
        raise failed(f"Expected outputs classes or scores of shape [{rows}, number of classes]; got {_shapes(values)}.")
    if len({value.shape for value in there}) > 1:
        raise failed(f"Tensors classes and scores must match in the number of classes; got {_shapes(values)}.")
    nothing: list[Any] = [()] * rows
    labels = nothing if classes is None else classes.tolist()
    numbers = nothing if scores is None else scores.tolist()
    for row_labels, row_numbers in zip(labels, numbers, strict=True):
        row = result.classifications.add()
        for column in range(there[0].shape[1]):
            one = row.classes.add()
            if row_labels:
                one.label = row_labels[column]
            if row_numbers:
                one.score = row_numbers[column]


def fill_regressions(result: Any, values: Mapping[str, np.ndarray], rows: int) -> None:
    """Writes what a regress signature gave.

    Args:
        result: an empty RegressionResult.
        values: one tensor, float32 [N] or [N, 1].
        rows: N.

    Raises:
        ServingError: FAILED_PRECONDITION, the signature gave something else.
    """
    (value,) = values.values() if len(values) == 1 else (None,)
    if value is None or value.shape not in ((rows,), (rows, 1)):
        raise failed(f"Expected one output of shape [{rows}] or [{rows}, 1]; got {_shapes(values)}.")
    for number in value.ravel().tolist():
        result.regressions.add().value = number


def size(inputs: Mapping[str, np.ndarray]) -> int:
    """Bytes that inputs hold, strings included."""
    return sum(
        value.nbytes + (sum(map(len, value.ravel().tolist())) if value.dtype == object else 0)
        for value in inputs.values()
    )


def _shape(proto: Any, name: str) -> tuple[int, ...]:
    dims = proto.tensor_shape.dim
    if len(dims) > _MOST_SIDES:
        raise _unreadable(name, f"its shape has {len(dims)} dimensions, and at most {_MOST_SIDES} are allowed")
    shape = tuple(dim.size for dim in dims)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise _unreadable(name, "its shape isn't fully known")
    return shape


def _flat(values: Sequence[Any], kind: Any) -> np.ndarray:
    """The values of a list or of a repeated field, many of them piece by piece.

    Raises:
        OverflowError: an integer is out of range.
    """
    count = len(values)
    if count > PIECE:
        flat = np.empty(count, kind)
        for start in range(0, count, PIECE):
            flat[start : start + PIECE] = _flat(values[start : start + PIECE], kind)
        return flat
    if kind is object:
        return np.array(list(values), dtype=object)
    return np.fromiter(values, dtype=kind, count=count)


def _nothing(kind: np.dtype) -> Any:
    return b"" if kind.kind == "O" else 0


def _split(content: bytes, count: int, name: str) -> list[bytes]:
    """Strings as TensorFlow packs them: their lengths in varints, then their bytes."""
    if not content:
        return []
    if count > len(content):
        raise _unreadable(name, "damaged tensor_content")
    lengths, at = [], 0
    try:
        for _ in range(count):
            length = shift = 0
            while True:
                byte = content[at]
                at += 1
                length |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            lengths.append(length)
    except IndexError as error:
        raise _unreadable(name, "damaged tensor_content") from error
    if at + sum(lengths) != len(content):
        raise _unreadable(name, "damaged tensor_content")
    strings = []
    for length in lengths:
        strings.append(content[at : at + length])
        at += length
    return strings


def _any_from_proto(proto: Any, name: str, count: int) -> np.ndarray:
    """Dtypes seldom sent: half, bfloat16, complex, quantized. TensorFlow reads them."""
    if count > max(proto.ByteSize(), _MOST_FILLED):
        raise _unreadable(name, f"{proto.ByteSize()} bytes do not fill the shape of {count} values")
    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError, KeyError) as error:
        raise _unreadable(name, str(error)) from error


def _unreadable(name: str, why: str) -> Exception:
    return invalid(f"tensor parsing error: {name}: {why}")


def varint(number: int) -> bytes:
    """A number of 0 or more in seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _shapes(values: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"{name} {list(value.shape)}" for name, value in values.items()) or "none"
