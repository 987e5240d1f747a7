"""Runs TFX's validation, then stops the run, or warns, where it found errors."""

import logging
import os
from collections.abc import Iterator
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.example_validator import executor
from tfx.proto.orchestration import execution_result_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from transform.errors import MarqueeError

ON_ANOMALY_KEY = "on_anomaly"
STOP, WARN = "stop", "warn"


class Executor(executor.Executor):
    """TFX's executor, whose artifact stays as it is."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> execution_result_pb2.ExecutorOutput:
        """Runs the component.

        Raises:
            MarqueeError: the data do not fit the schema, and `on_anomaly` is "stop".
        """
        output = super().Do(input_dict, output_dict, exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict[standard_component_specs.ANOMALIES_KEY])
        found = []
        for split in artifact_utils.decode_split_names(artifact.split_names):
            path = os.path.join(artifact_utils.get_split_uri([artifact], split), executor.DEFAULT_FILE_NAME)
            anomalies = anomalies_pb2.Anomalies.FromString(io_utils.read_bytes_file(path))
            found += [f"{split}: {error}" for error in errors_in(anomalies)]
        if not found:
            return output
        message = "The films do not fit the schema:\n  " + "\n  ".join(found)
        if exec_properties[ON_ANOMALY_KEY] == STOP:
            raise MarqueeError(f"{message}\nChange the schema file if the data are right, or else the data.")
        logging.warning(message)
        return output


def errors_in(anomalies: anomalies_pb2.Anomalies) -> Iterator[str]:
    """A sentence for each anomaly of severity ERROR, in the order of the features' names."""
    infos = sorted(anomalies.anomaly_info.items())
    if anomalies.HasField("dataset_anomaly_info"):
        infos.append(("the data set", anomalies.dataset_anomaly_info))
    for name, info in infos:
        if info.severity == anomalies_pb2.AnomalyInfo.ERROR:
            reasons = "; ".join(f"{reason.short_description}: {reason.description.strip()}" for reason in info.reason)
            yield f"{name}: {reasons or info.description}"
