"""FilmExampleValidator: TFX's ExampleValidator, with a say in what an anomaly does to the run."""

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.film_example_validator import executor
from transform.errors import MarqueeError


class FilmExampleValidatorSpec(types.ComponentSpec):
    """TFX's ExampleValidator, and what to do about an anomaly."""

    PARAMETERS: ClassVar[dict] = {
        **standard_component_specs.ExampleValidatorSpec.PARAMETERS,
        executor.ON_ANOMALY_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = standard_component_specs.ExampleValidatorSpec.INPUTS
    OUTPUTS = standard_component_specs.ExampleValidatorSpec.OUTPUTS


class FilmExampleValidator(base_component.BaseComponent):
    """Compares the statistics of every split with the schema."""

    SPEC_CLASS = FilmExampleValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, statistics: types.BaseChannel, schema: types.BaseChannel, on_anomaly: str = executor.STOP):
        """Makes the component.

        Args:
            statistics: ExampleStatistics.
            schema: Schema.
            on_anomaly: "stop" to fail on any of severity ERROR, "warn" to log it and go on.

        Raises:
            MarqueeError: `on_anomaly` is something else.
        """
        if on_anomaly not in (executor.STOP, executor.WARN):
            raise MarqueeError(f"on_anomaly is {on_anomaly!r}; it may be {executor.STOP} or {executor.WARN}.")
        super().__init__(
            spec=FilmExampleValidatorSpec(
                statistics=statistics,
                schema=schema,
                on_anomaly=on_anomaly,
                anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
            )
        )
