"""Reads what a model server logged: TFRecord files of tensorflow_serving.apis PredictionLog."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from transform import features

GZIP = b"\x1f\x8b\x08"
EXAMPLES = "examples"  # input of the signature that takes serialized tf.Examples


@dataclass(frozen=True, kw_only=True)
class Row:
    """One film that a model was asked about.

    Attributes:
        file, record, row: where it lies: path, record in the file and film in the record, both from 1.
        model: the model's name; empty where the log has none.
        overview, poster: as sent, empty where the film has none; None where the request has no such input.
    """

    file: Path
    record: int
    row: int
    model: str
    overview: bytes | None
    poster: bytes | None

    @property
    def where(self) -> str:
        return f"{self.file}, record {self.record}, film {self.row}"


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A record, or the rest of a file, that gave no films, and why."""

    where: str
    detail: str


class _Refused(Exception):
    """A record that gives no films."""


def read(folder: Path) -> Iterator[Row | Unreadable]:
    """Every film of every log below a folder, file by file in the order of their names, plain or gzip.

    Holds one record at a time. Where a file is cut short or corrupt, what comes before that is read.
    """
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
        yield from _read_file(file)


def _read_file(file: Path) -> Iterator[Row | Unreadable]:
    with open(file, "rb") as start:
        compression = "GZIP" if start.read(len(GZIP)) == GZIP else ""
    records = tf.data.TFRecordDataset(str(file), compression_type=compression).as_numpy_iterator()
    number = 0
    while True:
        number += 1
        try:
            record = next(records)
        except StopIteration:
            return
        except tf.errors.DataLossError as error:
            yield Unreadable(where=f"{file}, record {number}", detail=_damage(error.message))
            return
        try:
            model, films = _films(record)
        except _Refused as refusal:
            yield Unreadable(where=f"{file}, record {number}", detail=str(refusal))
            continue
        for row, (overview, poster) in enumerate(films, 1):
            yield Row(file=file, record=number, row=row, model=model, overview=overview, poster=poster)


def _damage(message: str) -> str:
    found = re.search(r"(truncated|corrupted) record at (\d+)", message)
    if found is None:
        return "damaged gzip data; what follows in this file is lost"
    what = {"truncated": "cut short", "corrupted": "corrupt, or no TFRecord file"}[found[1]]
    return f"{what}, at byte {found[2]} (uncompressed); what follows in this file is lost"


def _films(record: bytes) -> tuple[str, list[tuple[bytes | None, bytes | None]]]:
    """The model's name, and the overview and the poster of each film, of one serialized PredictionLog."""
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise _Refused("no PredictionLog") from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        return _model(log, log.predict_log.request), _of_tensors(log.predict_log.request.inputs)
    if kind in ("classify_log", "regress_log", "multi_inference_log"):
        request = getattr(log, kind).request
        return _model(log, request), [_of_example(example) for example in _examples(request.input)]
    raise _Refused(f"a {kind.replace('_', ' ')}, which holds no films" if kind else "no PredictionLog")


def _model(log: prediction_log_pb2.PredictionLog, request: Any) -> str:
    specs = [request.tasks[0].model_spec] if getattr(request, "tasks", None) else []
    specs += [request.model_spec] if hasattr(request, "model_spec") else []
    return next((spec.name for spec in [*specs, log.log_metadata.model_spec] if spec.name), "")


def _of_tensors(inputs: Mapping[str, Any]) -> list[tuple[bytes | None, bytes | None]]:
    if EXAMPLES in inputs:
        try:
            return [_of_example(tf.train.Example.FromString(text)) for text in _strings(EXAMPLES, inputs[EXAMPLES])]
        except DecodeError as error:
            raise _Refused(f"input {EXAMPLES!r}: holds no serialized tf.Examples") from error
    columns = {name: _strings(name, inputs[name]) for name in (features.OVERVIEW, features.POSTER) if name in inputs}
    if not columns:
        names = ", ".join(sorted(inputs)) or "none"
        raise _Refused(f"no input {features.OVERVIEW}, {features.POSTER} or {EXAMPLES}; inputs there: {names}")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise _Refused(f"inputs of different lengths: {lengths}")
    missing = [None] * next(iter(lengths.values()))
    return list(zip(columns.get(features.OVERVIEW, missing), columns.get(features.POSTER, missing), strict=True))


def _strings(name: str, tensor: Any) -> list[bytes]:
    """The values of a string TensorProto, in whichever of its two fields they are: TensorFlow knows both."""
    try:
        return tf.io.parse_tensor(tensor.SerializeToString(), tf.string).numpy().reshape(-1).tolist()
    except tf.errors.InvalidArgumentError as error:
        raise _Refused(f"input {name!r}: no tensor of strings") from error


def _examples(given: Any) -> list[Any]:
    """The tf.Examples of a tensorflow.serving.Input."""
    if given.WhichOneof("kind") == "example_list_with_context":
        examples = []
        for example in given.example_list_with_context.examples:
            whole = tf.train.Example()
            whole.CopyFrom(given.example_list_with_context.context)
            whole.MergeFrom(example)
            examples.append(whole)
        return examples
    return list(given.example_list.examples)


def _of_example(example: Any) -> tuple[bytes | None, bytes | None]:
    return _value(example, features.OVERVIEW), _value(example, features.POSTER)


def _value(example: Any, name: str) -> bytes | None:
    if name not in example.features.feature:
        return None
    values = example.features.feature[name].bytes_list.value
    return values[0] if values else b""
