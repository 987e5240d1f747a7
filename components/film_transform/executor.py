"""Runs TFX's Transform, which learns of the label set by its custom_config."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.transform import executor, labels
from tfx.types import artifact_utils, standard_component_specs

from components import label_balance_input, stored_records
from components.film_example_gen.executor import INGEST_FILE
from components.losses import lost

_BATCH = 256  # films that go through the graph at once; left to Beam it would be up to a thousand, found by trial


class Executor(executor.Executor):
    """TFX's Transform executor with one more input, `label_balance`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs Transform with the LabelBalance's `relabel` in `custom_config`.

        Raises:
            MarqueeError: not every film has come through an engine other than the direct one.
        """
        relabel = label_balance_input.read(input_dict)["relabel"]
        properties = label_balance_input.configured(exec_properties, relabel=relabel)
        with _our_processor():
            super().Do(input_dict, output_dict, properties)
        # To count adds a tenth to what a film costs, and the direct runner loses nothing (see pipeline/beam.py).
        if PipelineOptions(self._beam_pipeline_args).view_as(StandardOptions).runner != "DirectRunner":
            _require_all(
                input_dict[standard_component_specs.EXAMPLES_KEY],
                output_dict[standard_component_specs.TRANSFORMED_EXAMPLES_KEY],
            )


def _require_all(raw: list[types.Artifact], transformed: list[types.Artifact]) -> None:
    """Refuses transformed Examples that lack films of a FilmExampleGen: a Beam engine may lose some without a word."""
    for before, after in zip(raw, transformed, strict=True):
        ingest = Path(before.uri, INGEST_FILE)
        if not ingest.is_file():
            continue
        for split, films in json.loads(ingest.read_text(encoding="utf-8"))["splits"].items():
            found = stored_records.count(artifact_utils.get_split_uri([after], split))
            if found != films:
                raise lost(f"{after.uri}: {found} of the {films} films of split {split} came through.")


@contextlib.contextmanager
def _our_processor() -> Iterator[None]:
    """Within it, TFX's executor takes films in batches of _BATCH, and writes transformed ones as FilmExampleGen does.

    It has settings for neither.
    """
    known = executor.TransformProcessor
    executor.TransformProcessor = _Processor
    try:
        yield
    finally:
        executor.TransformProcessor = known


class _Processor(executor.TransformProcessor):
    def _GetDesiredBatchSize(self, data_format: int, schema: schema_pb2.Schema) -> int:
        return super()._GetDesiredBatchSize(data_format, schema) or _BATCH

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
