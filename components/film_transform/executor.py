"""Runs TFX's Transform, which learns of the label set by its custom_config."""

import contextlib
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.transform import executor, labels

from components import label_balance_input, stored_records


class Executor(executor.Executor):
    """TFX's Transform executor with one more input, `label_balance`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs Transform with the LabelBalance's `relabel` in `custom_config`."""
        relabel = label_balance_input.read(input_dict)["relabel"]
        properties = label_balance_input.configured(exec_properties, relabel=relabel)
        with _stored_examples():
            super().Do(input_dict, output_dict, properties)


@contextlib.contextmanager
def _stored_examples() -> Iterator[None]:
    """Within it, TFX's executor writes transformed examples as FilmExampleGen does; it has no setting for it."""
    known = executor.TransformProcessor
    executor.TransformProcessor = _Processor
    try:
        yield
    finally:
        executor.TransformProcessor = known


class _Processor(executor.TransformProcessor):
    @staticmethod
    @beam.ptransform_fn
    def _EncodeAndWrite(
        pcoll: beam.PCollection, schema: schema_pb2.Schema, file_format: str, output_path: str
    ) -> beam.PTransform:
        assert file_format == labels.FORMAT_TFRECORD, file_format
        return (
            pcoll
            | "EncodeAndSerialize" >> beam.ParDo(executor.TransformProcessor._RecordBatchToExamplesFn(schema))
            | "ExtractExamples" >> beam.Values()
            | "Write" >> stored_records.write(output_path)
        )
