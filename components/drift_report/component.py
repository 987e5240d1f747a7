"""DriftReport: the films of a span against those of the span before."""

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.drift_report import artifact, executor


class DriftReportSpec(types.ComponentSpec):
    """Two statistics and the schema in, the report out."""

    PARAMETERS: ClassVar[dict] = {}
    INPUTS: ClassVar[dict] = {
        standard_component_specs.STATISTICS_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics
        ),
        executor.BASELINE_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
        standard_component_specs.SCHEMA_KEY: component_spec.ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS: ClassVar[dict] = {
        executor.DRIFT_REPORT_KEY: component_spec.ChannelParameter(type=artifact.DriftReport),
    }


class DriftReport(base_component.BaseComponent):
    """Measures what changed in the train split since the span before; never stops a run, which is DriftGate's part.

    Output: `drift_report` (DriftReport).
    """

    SPEC_CLASS = DriftReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        baseline_statistics: types.BaseChannel | None = None,
    ) -> None:
        """Makes the component.

        Args:
            statistics: ExampleStatistics of this span.
            schema: Schema, whose comparators have the thresholds.
            baseline_statistics: ExampleStatistics of the span before; without, or where the channel turns out to be
                empty, the report says "no baseline".
        """
        super().__init__(
            spec=DriftReportSpec(
                statistics=statistics,
                schema=schema,
                baseline_statistics=baseline_statistics,
                drift_report=types.Channel(type=artifact.DriftReport),
            )
        )
