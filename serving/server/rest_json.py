"""TensorFlow Serving's JSON as tensors and back; nothing here knows of HTTP.

The format: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from serving.server import json_pieces
from serving.server.errors import invalid

B64 = "b64"
_BLANKS = dict.fromkeys(map(ord, " \t\n\v\f\r"))
BINARY_SUFFIX = "_bytes"  # of outputs whose strings are no text
_MIXED = "values of different kinds"
# TensorFlow Serving takes no larger integer for these: beyond it not each can be told from the next.
_MOST_EXACT = {np.dtype(np.float32): 2**24 - 1, np.dtype(np.float64): 2**53 - 1}


def body_of(text: bytes) -> dict[str, Any]:
    """A request's JSON object.

    Raises:
        ServingError: INVALID_ARGUMENT, it is none, or nested too deep to be one.
    """
    try:
        body = json_pieces.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(
            f"JSON Parse error: {'nested too deep' if isinstance(error, RecursionError) else error}"
        ) from None
    if not isinstance(body, dict):
        raise invalid("Request is not a JSON object")
    return body


def inputs_of(body: Mapping[str, Any], signature: Any) -> tuple[dict[str, np.ndarray], bool]:
    """The inputs of a predict request, and whether they came row by row ("instances") or by column ("inputs").

    Args:
        body: the request.
        signature: the SignatureDef that it is for, which gives dtypes, and the name of an only input.

    Raises:
        ServingError: INVALID_ARGUMENT, neither or both formats, or values that are no tensor of the input's dtype or
            out of its range.
    """
    rows, columns = body.get("instances"), body.get("inputs")
    if (rows is None) == (columns is None):
        raise invalid("Request must have either 'instances' or 'inputs', one of them")
    if rows is not None:
        if not isinstance(rows, list) or not rows:
            raise invalid("'instances' must be a list with a value in it")
        named = all(isinstance(row, dict) and set(row) != {B64} for row in rows)
        if named:
            keys = set(rows[0])
            if any(set(row) != keys for row in rows):
                raise invalid("every instance must have the same inputs")
            columns = {key: [row[key] for row in rows] for key in sorted(keys)}
        else:
            columns = {_only(signature): rows}
    elif not isinstance(columns, dict) or set(columns) == {B64}:
        columns = {_only(signature): columns}
    return {key: _tensor(key, value, signature) for key, value in columns.items()}, rows is not None


def answer_of(outputs: Mapping[str, np.ndarray], by_row: bool) -> dict[str, Any]:
    """The answer to a predict request, in the format that the request had.

    Raises:
        ServingError: INVALID_ARGUMENT, rows were asked for, and an output has none or another number of them.
    """
    values = {key: _json(key, value) for key, value in outputs.items()}
    if not by_row:
        return {"outputs": next(iter(values.values())) if len(values) == 1 else values}
    counts = {value.shape[0] if value.ndim else None for value in outputs.values()}
    if len(counts) != 1 or None in counts:
        raise invalid("The outputs have no rows in common: ask in the columnar format, with 'inputs'")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


def examples_of(body: Mapping[str, Any]) -> tuple[list[tf.train.Example], tf.train.Example | None]:
    """The tf.Examples of a classify or regress request, and its context.

    Raises:
        ServingError: INVALID_ARGUMENT, no examples, or values that no feature can have.
    """
    examples, context = body.get("examples"), body.get("context")
    if not isinstance(examples, list) or not examples:
        raise invalid("'examples' must be a list with an object in it")
    return [_example(example) for example in examples], None if context is None else _example(context)


def _only(signature: Any) -> str:
    if len(signature.inputs) != 1:
        names = ", ".join(sorted(signature.inputs))
        raise invalid(f"the signature has the inputs {names}: every instance must be an object that names them")
    return next(iter(signature.inputs))


def _tensor(key: str, value: Any, signature: Any) -> np.ndarray:
    if key not in signature.inputs:
        names = ",".join(sorted(signature.inputs))
        raise invalid(
            f"input tensor alias not found in signature: {key}. Inputs expected to be in the set {{{names}}}."
        )
    dtype = tf.dtypes.as_dtype(signature.inputs[key].dtype)
    try:
        if dtype == tf.string:
            return _strings(value)
        return _numbers(value, np.dtype(dtype.as_numpy_dtype))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise invalid(f"input {key}: not a tensor of {dtype.name}: {error}") from None


def _numbers(value: Any, wanted: np.dtype) -> np.ndarray:
    """Numbers or booleans as JSON has them, of the dtype that is wanted.

    Raises:
        ValueError: they are of another kind, out of the dtype's range, or in lists of different lengths.
    """
    tensor = json_pieces.array(value)
    if not tensor.size:  # of no kind
        return tensor.astype(wanted)
    if wanted == np.uint64 and tensor.dtype.kind == "f":
        tensor = _large(value, tensor)
    if tensor.dtype == object or tensor.dtype.kind in "SU":
        raise ValueError("values are no numbers of 64 bits, or lists of different lengths")
    if (wanted.kind in "iu" and tensor.dtype.kind == "f") or (wanted.kind == "b") != (tensor.dtype.kind == "b"):
        raise ValueError(f"values are no {wanted.name}")
    # To numpy booleans among numbers are 0 and 1. Only where one of these is there is it worth a look at each value.
    if wanted.kind != "b" and ((tensor == 0) | (tensor == 1)).any() and bool in json_pieces.kinds(value, tensor.ndim):
        raise ValueError(_MIXED)
    with np.errstate(over="ignore"):
        fitted = tensor.astype(wanted)
    if wanted.kind in "iu":
        wrong = fitted != tensor
    elif tensor.dtype.kind == "f":
        wrong = np.isinf(fitted) & ~_infinite(value, tensor)
    else:
        most = _MOST_EXACT.get(wanted)
        wrong = np.isinf(fitted) if most is None else (tensor > most) | (tensor < -most)
    if wrong.any():
        raise ValueError(f"{tensor[wrong].flat[0]} is out of its range")
    return fitted


def _large(value: Any, tensor: np.ndarray) -> np.ndarray:
    """Integers that numpy made floats of, because some need all 64 bits for themselves and others do not."""
    numbers = np.array(value, dtype=object)
    integers = all(type(one) is int and 0 <= one < 2**64 for one in numbers.ravel())
    return numbers.astype(np.uint64) if integers else tensor


def _infinite(value: Any, tensor: np.ndarray) -> np.ndarray:
    """Where infinity is what was written."""
    found = np.isinf(tensor)
    if not found.any():
        return found
    written = (json_pieces.CONSTANTS["Infinity"], json_pieces.CONSTANTS["-Infinity"])
    return found & np.frompyfunc(lambda one: any(one is each for each in written), 1, 1)(
        np.array(value, dtype=object)
    ).astype(bool)


def _strings(value: Any) -> np.ndarray:
    shape: list[int] = []
    level = value
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    flat: list[bytes] = []
    if shape:
        for row, item in enumerate(value):
            try:
                _flatten(item, shape[1:], flat)
            except ValueError as error:
                raise ValueError(f"row {row}: {error}") from None
    else:
        flat.append(_bytes(value))
    tensor = np.empty(len(flat), object)
    tensor[:] = flat
    return tensor.reshape(shape)


def _flatten(value: Any, shape: list[int], flat: list[bytes]) -> None:
    if not shape:
        flat.append(_bytes(value))
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise ValueError("lists of different lengths")
    for item in value:
        _flatten(item, shape[1:], flat)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {B64} and isinstance(value[B64], str):
        try:
            return base64.b64decode(value[B64], validate=True)
        except ValueError:
            return _unescaped(value[B64])
    raise ValueError('a value is neither a string nor {"b64": ...}')


def _unescaped(text: str) -> bytes:
    """What base64 with blanks in it, or without its padding, stands for: TensorFlow Serving takes both.

    Raises:
        ValueError: it is none.
    """
    bare = text.translate(_BLANKS)
    if "=" not in bare:
        bare += "=" * (-len(bare) % 4)
    try:
        return base64.b64decode(bare, validate=True)
    except ValueError as error:
        raise ValueError(f"no base64: {error}") from None


def _json(key: str, value: np.ndarray) -> Any:
    if value.dtype == object:
        return _texts(value.tolist(), key.endswith(BINARY_SUFFIX))
    return value.tolist()


def _texts(value: Any, binary: bool) -> Any:
    if isinstance(value, list):
        return [_texts(item, binary) for item in value]
    return {B64: base64.b64encode(value).decode()} if binary else value.decode(errors="replace")


def _example(given: Any) -> tf.train.Example:
    if not isinstance(given, dict):
        raise invalid("an example must be an object of features")
    example = tf.train.Example()
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        feature = example.features.feature[name]
        try:
            if all(isinstance(item, (str, dict)) for item in values):
                feature.bytes_list.value.extend(map(_bytes, values))
            elif all(type(item) is int for item in values):
                feature.int64_list.value.extend(values)
            elif all(type(item) in (int, float) for item in values):
                feature.float_list.value.extend(_numbers(values, np.dtype(np.float32)).tolist())
            else:
                raise ValueError(_MIXED)
        except (ValueError, TypeError) as error:
            raise invalid(f"feature {name}: {error}") from None
    return example
