"""DriftGate: lets a run go on, or stops it before anything is made of films that have drifted."""

import json
import logging
from pathlib import Path
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec

from components.drift_report import artifact
from components.drift_report.compare import DRIFT, NO_BASELINE
from components.drift_report.executor import DRIFT_REPORT_KEY
from transform.errors import DriftStop, MarqueeError

ON_DRIFT_KEY = "on_drift"
STOP, WARN = "stop", "warn"

# Records of loggers named so are shown while a pipeline runs.
_LOGGER = logging.getLogger("marquee.drift")


class Executor(base_executor.BaseExecutor):
    """Reads the verdict, and says it."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the component.

        Raises:
            DriftStop: the films have drifted, and `on_drift` is "stop".
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        folder = Path(artifact_utils.get_single_uri(input_dict[DRIFT_REPORT_KEY]))
        report = json.loads((folder / artifact.REPORT_FILE).read_text(encoding="utf-8"))
        if report["verdict"] == NO_BASELINE:
            why = " ".join(report["sentences"]) or "No span before it has been through this pipeline."
            _LOGGER.info("Span %s: no baseline to tell drift from. %s", report["span"], why)
        if report["verdict"] != DRIFT:
            return
        spans = f"The films of span {report['span']} have drifted from those of span {report['baseline']['span']}:"
        message = "\n  ".join([spans, *report["sentences"]])
        if exec_properties[ON_DRIFT_KEY] == STOP:
            raise DriftStop(
                f"{message}\nSet drift.on_drift to {WARN!r} to go on, or raise the thresholds in the schema file."
            )
        _LOGGER.warning(message)


class DriftGateSpec(types.ComponentSpec):
    """The report in; nothing comes out."""

    PARAMETERS: ClassVar[dict] = {ON_DRIFT_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict] = {DRIFT_REPORT_KEY: component_spec.ChannelParameter(type=artifact.DriftReport)}
    OUTPUTS: ClassVar[dict] = {}


class DriftGate(base_component.BaseComponent):
    """Stands between DriftReport and whatever must not run on drifted films.

    A component of its own, so that the report of a stopped run is there to be read, and that another `on_drift`
    does not compare anew.
    """

    SPEC_CLASS = DriftGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, drift_report: types.BaseChannel, on_drift: str = WARN):
        """Makes the component.

        Args:
            drift_report: DriftReport.
            on_drift: "stop" to fail on the verdict "drift", "warn" to log it and go on.

        Raises:
            MarqueeError: `on_drift` is something else.
        """
        if on_drift not in (STOP, WARN):
            raise MarqueeError(f"drift.on_drift = {on_drift!r}: allowed is {STOP!r} or {WARN!r}.")
        super().__init__(spec=DriftGateSpec(drift_report=drift_report, on_drift=on_drift))
