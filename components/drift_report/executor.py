"""Writes the drift report of a span."""

import dataclasses
import json
import os
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import SCHEMA_KEY, STATISTICS_KEY
from tfx.utils import io_utils

from components.drift_report import artifact
from components.drift_report.compare import NO_BASELINE, Statistics, compare, validate

BASELINE_KEY = "baseline_statistics"
DRIFT_REPORT_KEY = "drift_report"
SPLIT = "train"  # what models learn from, and by far the largest


class Executor(base_executor.BaseExecutor):
    """Writes `drift.json`, the same bytes for the same statistics, and TFDV's anomalies beside it.

    `drift.json` holds `span`; `baseline` (`span` and `uri` of the statistics compared with, or null); and what
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
            MarqueeError: a threshold of presence in the schema is no share.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        current = artifact_utils.get_single_instance(input_dict[STATISTICS_KEY])
        schema_uri = artifact_utils.get_single_uri(input_dict[SCHEMA_KEY])
        schema = io_utils.SchemaReader().read(os.path.join(schema_uri, "schema.pbtxt"))
        [baseline] = input_dict.get(BASELINE_KEY) or [None]
        before = None if baseline is None else _statistics(baseline)
        after = _statistics(current)

        comparison = compare(before, after, schema)
        anomalies = anomalies_pb2.Anomalies()
        compared = None
        if before is not None and comparison.verdict != NO_BASELINE:
            anomalies = validate(before, after, schema, "drift")
            compared = {"span": baseline.span, "uri": baseline.uri}
        content = {"span": current.span, "baseline": compared, **dataclasses.asdict(comparison)}
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        folder = artifact_utils.get_single_uri(output_dict[DRIFT_REPORT_KEY])
        io_utils.write_string_file(os.path.join(folder, artifact.REPORT_FILE), text)
        io_utils.write_bytes_file(
            os.path.join(folder, artifact.ANOMALIES_FILE), anomalies.SerializeToString(deterministic=True)
        )


def _statistics(statistics: types.Artifact) -> Statistics:
    return stats_artifact_utils.load_statistics(statistics, SPLIT).proto().datasets[0]
