"""Reads one span with Beam: parsed in one thread, its posters examined and its examples written in many."""

import collections
import errno
import itertools
import json
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
from tfx import types
from tfx.components.example_gen import utils, write_split
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components import stored_records
from components.film_example_gen import examples, readers
from components.film_example_gen.films import Film, Reject
from components.film_example_gen.reader import Reader
from components.losses import lost
from transform.errors import MarqueeError

LAYOUT_KEY = "layout"
REJECTS_FILE = "rejects.jsonl"
INGEST_FILE = "ingest.json"

_BATCH = 256  # films that go to a worker at once, their posters still in files
_REJECTS, _TALLY = "rejects", "tally"
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes the Examples artifact, its rejects and the summary of both."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the component.

        Raises:
            MarqueeError: the span cannot be used, a split would be empty, or the disk is full.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        folder, splits = _span_and_splits(exec_properties)
        _describe(artifact, splits, exec_properties)
        layout, reader = readers.reader_for(folder, exec_properties[LAYOUT_KEY])
        reader.check()
        known = {"span": artifact.span, "layout": layout, "posters": reader.poster_files()}
        try:
            with self._make_beam_pipeline() as pipeline:
                _ingest(pipeline, reader, splits, artifact, known)
        except Exception as error:
            if _is_disk_full(error):
                raise MarqueeError(f"No space left for {artifact.uri}: free some and run again.") from error
            raise
        _check_splits(folder, artifact.uri)


def _span_and_splits(exec_properties: Mapping[str, Any]) -> tuple[str, dict[str, int]]:
    """The folder that the driver chose, and the hash buckets of each split."""
    inputs, outputs = example_gen_pb2.Input(), example_gen_pb2.Output()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], inputs)
    proto_utils.json_to_proto(exec_properties[standard_component_specs.OUTPUT_CONFIG_KEY], outputs)
    pattern = os.path.join(exec_properties[standard_component_specs.INPUT_BASE_KEY], inputs.splits[0].pattern)
    splits = {split.name: split.hash_buckets for split in outputs.split_config.splits}
    return os.path.dirname(pattern), splits


def _describe(artifact: types.Artifact, splits: Mapping[str, int], exec_properties: Mapping[str, Any]) -> None:
    """Sets what TFX's components look up on an Examples artifact."""
    artifact.split_names = artifact_utils.encode_split_names(list(splits))
    artifact.span = int(exec_properties[utils.SPAN_PROPERTY_NAME])  # Kubeflow knows no whole numbers
    artifact.version = exec_properties.get(utils.VERSION_PROPERTY_NAME) or 0
    examples_utils.set_payload_format(artifact, exec_properties[standard_component_specs.OUTPUT_DATA_FORMAT_KEY])
    file_format = exec_properties[standard_component_specs.OUTPUT_FILE_FORMAT_KEY]
    examples_utils.set_file_format(artifact, write_split.to_file_format_str(file_format))


def _ingest(
    pipeline: beam.Pipeline,
    reader: Reader,
    splits: Mapping[str, int],
    artifact: types.Artifact,
    known: Mapping[str, Any],
) -> None:
    """Builds the Beam graph.

    Films are dealt out before their posters are read. TFX's WriteSplit shuffles after it, which on the direct
    runner holds every poster in memory (+370 MB for 86 MB of them, where this takes +14 MB); the examples that
    are written are the same, byte for byte.
    """
    batches = pipeline | "Span" >> beam.Create([reader]) | "Parse" >> beam.FlatMap(_batches)
    out = (
        batches
        | "Deal" >> beam.Reshuffle()
        | "Examine" >> beam.ParDo(_Examine(reader.folder, splits)).with_outputs(*splits, _REJECTS, _TALLY)
    )
    for split in splits:
        prefix = os.path.join(artifact_utils.get_split_uri([artifact], split), write_split.DEFAULT_FILE_NAME)
        _ = out[split] | f"Write[{split}]" >> stored_records.write(prefix)
    _ = out[_REJECTS] | "Rejects" >> _write_lines(os.path.join(artifact.uri, REJECTS_FILE))
    dealt = batches | "Count" >> beam.Map(lambda batch: collections.Counter({("dealt", "items"): len(batch)}))
    _ = (
        (dealt, out[_TALLY])
        | beam.Flatten()
        | "Sum" >> beam.CombineGlobally(_sum)
        | "Summarise" >> beam.Map(_summary, list(splits), known)
        | "Summary" >> _write_lines(os.path.join(artifact.uri, INGEST_FILE))
    )


def _batches(reader: Reader) -> Iterator[list[Film | Reject]]:
    items = reader.read()
    while batch := list(itertools.islice(items, _BATCH)):
        yield batch


class _Examine(beam.DoFn):
    """Batches of what a reader gives in; serialized examples by split, reject lines and one tally a batch out."""

    def __init__(self, folder: str, splits: Mapping[str, int]):
        self._folder = folder
        self._splits = splits

    def process(self, batch: list[Film | Reject]) -> Iterator[beam.pvalue.TaggedOutput]:
        tally: collections.Counter = collections.Counter({("examined", "items"): len(batch)})
        converted = examples.convert([item for item in batch if isinstance(item, Film)], self._folder)
        for item in batch:
            example, reject = (None, item) if isinstance(item, Reject) else next(converted)
            if reject:
                tally["rejects", reject.reason.value] += 1
                tally["kept", reject.reason.value] += reject.kept
                yield beam.pvalue.TaggedOutput(_REJECTS, reject.to_json())
            if example and isinstance(item, Film):
                split = examples.split_of(item.id, self._splits)
                tally["splits", split] += 1
                tally["films_without", "poster"] += not item.poster or reject is not None
                tally["films_without", "overview"] += not item.overview
                tally["films_with", "poster_file"] += bool(item.poster)
                yield beam.pvalue.TaggedOutput(split, example)
        yield beam.pvalue.TaggedOutput(_TALLY, tally)


def _sum(tallies: Any) -> collections.Counter:
    total: collections.Counter = collections.Counter()
    for tally in tallies:
        total.update(tally)
    return total


def _summary(tally: Any, splits: list[str], known: dict[str, Any]) -> str:
    """The content of `ingest.json`; `posters_unused` are files that no film of the artifact names.

    Raises:
        MarqueeError: not all that was parsed came to be examined.
    """
    tally = collections.Counter(tally)  # Beam's coders may make a plain dict of one
    dealt, examined = tally["dealt", "items"], tally["examined", "items"]
    if dealt != examined:
        raise lost(f"Of {dealt} films and rejects of span {known['span']} Beam's workers got {examined}.")
    rejects = {reason: count for (kind, reason), count in sorted(tally.items()) if kind == "rejects"}
    films = {split: tally["splits", split] for split in splits}
    content = {
        "span": known["span"],
        "layout": known["layout"],
        "films": sum(films.values()),
        "splits": films,
        "films_without_poster": tally["films_without", "poster"],
        "films_without_overview": tally["films_without", "overview"],
        "posters_unused": known["posters"] - tally["films_with", "poster_file"],
        "rejects": rejects,
        "kept": {reason: tally["kept", reason] for reason in rejects if tally["kept", reason]},
    }
    return json.dumps(content, indent=1)


def _write_lines(path: str) -> beam.PTransform:
    """One file, in the order of the input."""
    return beam.io.WriteToText(path, num_shards=1, shard_name_template="")


def _check_splits(folder: str, uri: str) -> None:
    """Refuses an artifact that nothing could be trained on or measured with."""
    with open(os.path.join(uri, INGEST_FILE), encoding="utf-8") as file:
        ingest = json.load(file)
    logging.info("Films of %s: %s", folder, ingest)
    empty = [name for name, films in ingest["splits"].items() if not films]
    if not ingest["films"]:
        with open(os.path.join(uri, REJECTS_FILE), encoding="utf-8") as file:
            first = json.loads(file.readline())
        counts = ", ".join(f"{reason} {count}" for reason, count in ingest["rejects"].items())
        where = first["file"] + (f", row {first['row']}" if first["row"] else "")
        raise MarqueeError(f"{folder} has no usable film. Rejects: {counts}. The first: {where}: {first['detail']}.")
    if empty:
        raise MarqueeError(
            f"{folder} has {ingest['films']} usable films, too few: none fell to {' and '.join(empty)}. "
            f"Bring a hundred or more."
        )


def _is_disk_full(error: BaseException | None) -> bool:
    """Whether the disk was full, also where TensorFlow says so, or Beam has made a text of the worker's error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return True
        if any(os.strerror(code) in str(error) for code in _DISK_FULL):
            return True
        error = error.__cause__ or error.__context__
    return False
