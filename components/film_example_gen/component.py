"""FilmExampleGen: a span's films as a standard TFX Examples artifact."""

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.film_example_gen import driver, executor, readers
from transform import features
from transform.errors import MarqueeError

# The input config has it as well, until the driver puts the span's number into it.
PATTERN_KEY = "pattern"


class FilmExampleGenSpec(types.ComponentSpec):
    """TFX's file-based ExampleGen, the layout of the span, and the pattern of all spans."""

    PARAMETERS: ClassVar[dict] = {
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        executor.LAYOUT_KEY: component_spec.ExecutionParameter(type=str),
        PATTERN_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = standard_component_specs.FileBasedExampleGenSpec.INPUTS
    OUTPUTS = standard_component_specs.FileBasedExampleGenSpec.OUTPUTS


class FilmExampleGen(base_beam_component.BaseBeamComponent):
    """Reads one span's folder below `input_base`; writes each split's films as gzipped TFRecords of tf.Examples.

    The artifact also holds `rejects.jsonl` and `ingest.json`: what was left out, and why.
    """

    SPEC_CLASS = FilmExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(
        self,
        input_base: str,
        span: int | None = None,
        layout: str = readers.AUTO,
        pattern: str = driver.SPAN_PATTERN,
    ):
        """Makes the component.

        Args:
            input_base: folder that holds the spans.
            span: the span to read; the latest where None.
            layout: a key of `readers.LAYOUTS`, or "auto".
            pattern: of a span's folder, with `{SPAN}` for its number.

        Raises:
            MarqueeError: no such layout, or a pattern that spans cannot be found by.
        """
        driver.check_pattern(pattern)
        if layout not in (readers.AUTO, *readers.LAYOUTS):
            allowed = ", ".join((readers.AUTO, *readers.LAYOUTS))
            raise MarqueeError(f"layout is {layout!r}; it may be {allowed}.")
        splits = [
            example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=buckets)
            for name, buckets in features.SPLITS.items()
        ]
        static = range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
        super().__init__(
            spec=FilmExampleGenSpec(
                input_base=input_base,
                input_config=example_gen_pb2.Input(
                    splits=[example_gen_pb2.Input.Split(name="films", pattern=f"{pattern}/*")]
                ),
                output_config=example_gen_pb2.Output(
                    split_config=example_gen_pb2.SplitConfig(splits=splits, partition_feature_name=features.ID)
                ),
                output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
                output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
                range_config=None if span is None else range_config_pb2.RangeConfig(static_range=static),
                layout=layout,
                pattern=pattern,
                examples=types.Channel(type=standard_artifacts.Examples),
            )
        )
