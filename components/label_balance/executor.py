"""Counts the label sets of every split with Beam; all else is worked out from the counts."""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics
from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import EXAMPLES_KEY, STATISTICS_KEY
from tfx.utils import io_utils

from components.label_balance import agreement, artifact
from components.label_balance.balance import balance_of
from components.label_balance.decisions import Rules
from components.label_balance.measures import LabelSet
from transform import features

LABEL_BALANCE_KEY = "label_balance"
MIN_TRAIN_KEY, MIN_TEST_KEY = "min_train", "min_test"
ON_RARE_KEY, MERGE_INTO_KEY = "on_rare", "merge_into"
BETA_KEY, REPEAT_THRESHOLD_KEY = "beta", "repeat_threshold"

_COUNTS_FILE = "label_sets.jsonl"
_BATCH = 256  # films that are parsed at once, each with its poster's bytes beside the genres

# Records of loggers named so are shown while a pipeline runs.
_LOGGER = logging.getLogger("marquee.balance")


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes `label_balance.json`, the same bytes for the same films and settings."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the component.

        Raises:
            MarqueeError: the statistics are of other films, or no label is left.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        sets = self._label_sets(input_dict[EXAMPLES_KEY])
        agreement.check(sets, [_read_statistics(each) for each in input_dict[STATISTICS_KEY]])
        rules = Rules(
            **{key: exec_properties[key] for key in (MIN_TRAIN_KEY, MIN_TEST_KEY, ON_RARE_KEY, MERGE_INTO_KEY)}
        )
        content = balance_of(sets, rules, **{key: exec_properties[key] for key in (BETA_KEY, REPEAT_THRESHOLD_KEY)})
        for warning in content["warnings"]:
            _LOGGER.warning("%s", warning)
        uri = artifact_utils.get_single_uri(output_dict[LABEL_BALANCE_KEY])
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        io_utils.write_string_file(os.path.join(uri, artifact.FILE_NAME), text)

    def _label_sets(self, examples: list[types.Artifact]) -> dict[str, Counter[LabelSet]]:
        """By split, how many films have which genres, in all examples together."""
        splits = artifact_utils.decode_split_names(examples[0].split_names)  # a FilmExampleGen always makes the same
        patterns = {
            split: [io_utils.all_files_pattern(uri) for uri in artifact_utils.get_split_uris(examples, split)]
            for split in splits
        }
        path = os.path.join(self._get_tmp_dir(), _COUNTS_FILE)
        with self._make_beam_pipeline() as pipeline:
            _count(pipeline, patterns, path)
        sets: dict[str, Counter[LabelSet]] = {split: Counter() for split in splits}
        for line in io_utils.read_string_file(path).splitlines():
            split, genres, films = json.loads(line)
            sets[split][tuple(genres)] = films
        return sets


def _count(pipeline: beam.Pipeline, patterns: Mapping[str, Sequence[str]], path: str) -> None:
    """Builds the Beam graph: TFRecords of each split in, one file of [split, genres, films] lines out."""
    found = [
        pipeline
        | f"Read[{split}/{number}]" >> beam.io.ReadFromTFRecord(pattern)
        | f"Batch[{split}/{number}]" >> beam.BatchElements(max_batch_size=_BATCH)
        | f"LabelSets[{split}/{number}]" >> beam.FlatMap(_read_label_sets, split)
        for split, of_split in patterns.items()
        for number, pattern in enumerate(of_split)
    ]
    _ = (
        found
        | "Splits" >> beam.Flatten()
        | "Count" >> beam.combiners.Count.PerElement()
        | "Lines" >> beam.MapTuple(_line)
        | "Write" >> beam.io.WriteToText(path, num_shards=1, shard_name_template="")
    )


def _read_label_sets(serialized: list[bytes], split: str) -> Iterator[tuple[str, LabelSet]]:
    """The sorted genres of each example; of the rest, posters above all, nothing is parsed."""
    parsed = tf.io.parse_example(serialized, {features.GENRES: tf.io.RaggedFeature(tf.string)})
    for genres in parsed[features.GENRES].to_list():
        yield split, tuple(sorted({genre.decode() for genre in genres}))


def _line(of: tuple[str, LabelSet], films: int) -> str:
    split, genres = of
    return json.dumps([split, genres, films])


def _read_statistics(statistics: types.Artifact) -> dict[str, DatasetFeatureStatistics]:
    return {
        split: stats_artifact_utils.load_statistics(statistics, split).proto().datasets[0]
        for split in artifact_utils.decode_split_names(statistics.split_names)
    }
