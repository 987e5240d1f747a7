"""PredictResponse as bytes, without messages in between: making and serializing those took longer than a small model.

What is written is what `tensors.fill_proto` and `SerializeToString` write, but for the order of the outputs.
"""

import functools
from collections.abc import Mapping

import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2

from serving.server import tensors
from serving.server.tensors import varint

# Wire tags, (field number << 3) | 2, of TensorProto's fields.
_STRING = 0x42
_FLOATS = {np.dtype(np.float32): (types_pb2.DT_FLOAT, b"\x2a"), np.dtype(np.float64): (types_pb2.DT_DOUBLE, b"\x32")}
_INTEGERS = {np.dtype(np.int64): (types_pb2.DT_INT64, b"\x52"), np.dtype(np.int32): (types_pb2.DT_INT32, b"\x3a")}
_ONE_BYTE = 128  # numbers below it are a byte each as varints
_SHORT = [bytes([_STRING, length]) for length in range(_ONE_BYTE)]  # what stands before a string of that length


def response(name: str, version: int, signature: str, values: Mapping[str, np.ndarray | bytes]) -> bytes:
    """A PredictResponse.

    Args:
        name, version, signature: what answered.
        values: outputs, as `tensors.fill_proto` takes them.
    """
    parts: list[bytes] = []
    for key, value in values.items():
        content = tensor(value)
        entry = _key(key) + b"\x12" + varint(len(content))
        parts += (b"\x0a", varint(len(entry) + len(content)), entry, content)
    parts.append(_spec(name, version, signature))
    return b"".join(parts)


def tensor(value: np.ndarray | bytes) -> bytes:
    """A TensorProto of any shape and dtype, value by value."""
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return _strings(value)
        if value.dtype in _FLOATS:
            kind, tag = _FLOATS[value.dtype]
            return _numbers(kind, tag, value)
        if value.dtype in _INTEGERS and (not value.size or (value.min() >= 0 and value.max() < _ONE_BYTE)):
            kind, tag = _INTEGERS[value.dtype]
            return _numbers(kind, tag, value.astype(np.uint8))
    proto = tensor_pb2.TensorProto()
    tensors.fill_proto(proto, value)
    return proto.SerializeToString()


def _numbers(kind: int, tag: bytes, value: np.ndarray) -> bytes:
    data = value.tobytes()
    return _head(kind, value.shape) + (tag + varint(len(data)) + data if data else b"")


def _strings(value: np.ndarray) -> bytes:
    parts = [_head(types_pb2.DT_STRING, value.shape)]
    for one in value.ravel().tolist():
        length = len(one)
        parts.append(_SHORT[length] if length < _ONE_BYTE else bytes((_STRING,)) + varint(length))
        parts.append(one)
    return b"".join(parts)


@functools.lru_cache(maxsize=1024)
def _head(kind: int, shape: tuple[int, ...]) -> bytes:
    """Dtype and shape."""
    proto = tensor_pb2.TensorProto(dtype=kind)
    proto.tensor_shape.SetInParent()
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    return proto.SerializeToString()


@functools.lru_cache(maxsize=1024)
def _key(name: str) -> bytes:
    """The key of a map's entry."""
    text = name.encode()
    return b"\x0a" + varint(len(text)) + text


@functools.lru_cache(maxsize=1024)
def _spec(name: str, version: int, signature: str) -> bytes:
    """The response's ModelSpec. Names are those of what is served, so that there are not many."""
    message = predict_pb2.PredictResponse()
    spec = message.model_spec
    spec.name, spec.version.value, spec.signature_name = name, version, signature
    return message.SerializeToString()
