"""Writes the drift report of a span."""

import dataclasses
import json
import os
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import SCHEMA_KEY, STATISTICS_KEY
from tfx.utils import io_utils

from components.drift_report import artifact
from components.drift_report.compare import Statistics, compare, validate

BASELINE_KEY = "baseline_statistics"
DRIFT_REPORT_KEY = "drift_report"
SPLIT = "train"  # what models learn from, and by far the largest


class Executor(base_executor.BaseExecutor):
    """Writes `drift.json`, the same bytes for the same statistics, and TFDV's anomalies beside it.

    `drift.json` holds `span`; `baseline` (`span` and `uri` of its statistics, or null); and what
    `components.drift_report.compare.Comparison` describes: `verdict`, `sentences`, `comparisons`, `genres`,
    `features`, `films`.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the component.

        Raises:
            MarqueeError: a threshold in the schema is no number.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        current = artifact_utils.get_single_instance(input_dict[STATISTICS_KEY])
        schema_uri = artifact_utils.get_single_uri(input_dict[SCHEMA_KEY])
        schema = io_utils.SchemaReader().read(os.path.join(schema_uri, "schema.pbtxt"))
        [baseline] = input_dict.get(BASELINE_KEY) or [None]
        before = _statistics(baseline) if baseline is not None else None
        after = _statistics(current)

        content = {
            "span": current.span,
            "baseline": None if baseline is None else {"span": baseline.span, "uri": baseline.uri},
            **dataclasses.asdict(compare(before, after, schema)),
        }
        folder = artifact_utils.get_single_uri(output_dict[DRIFT_REPORT_KEY])
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        io_utils.write_string_file(os.path.join(folder, artifact.REPORT_FILE), text)
        found = _anomalies(before, after, schema)
        io_utils.write_bytes_file(os.path.join(folder, artifact.ANOMALIES_FILE), found.SerializeToString())


def _statistics(statistics: types.Artifact) -> Statistics:
    return stats_artifact_utils.load_statistics(statistics, SPLIT).proto().datasets[0]


def _anomalies(before: Statistics | None, after: Statistics, schema: schema_pb2.Schema) -> anomalies_pb2.Anomalies:
    return anomalies_pb2.Anomalies() if before is None else validate(before, after, schema, "drift")
