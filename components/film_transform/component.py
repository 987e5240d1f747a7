"""The FilmTransform component: spec only."""

from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.film_transform import executor
from components.label_balance.artifact import LabelBalance
from components.label_balance_input import LABEL_BALANCE_KEY


class FilmTransformSpec(standard_component_specs.TransformSpec):
    """TFX's Transform with one more input."""

    INPUTS: ClassVar[dict] = {
        **standard_component_specs.TransformSpec.INPUTS,
        LABEL_BALANCE_KEY: component_spec.ChannelParameter(type=LabelBalance),
    }


class FilmTransform(base_beam_component.BaseBeamComponent):
    """Analyses the train split and transforms every split.

    Outputs: `transform_graph` (TransformGraph) and `transformed_examples` (Examples), as TFX's Transform makes them.
    No statistics, since nothing uses them and they read every poster again. With an `analyzer_cache` also
    `updated_analyzer_cache` (TransformCache): what analyzers made of each span, for the next window that has it. Alone,
    a span is analysed once, and a cache would be written for nobody.
    """

    SPEC_CLASS = FilmTransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        label_balance: types.BaseChannel,
        preprocessing_fn: str,
        custom_config: dict[str, Any],
        analyzer_cache: types.BaseChannel | None = None,
    ) -> None:
        """Makes the component.

        Args:
            examples: raw Examples of a FilmExampleGen, with a split "train"; one or more.
            schema: Schema.
            label_balance: LabelBalance; its `relabel` reaches `preprocessing_fn` in `custom_config`.
            preprocessing_fn: import path of the function.
            custom_config: what else it is given.
            analyzer_cache: TransformCache to start from, or empty; None where none is read or written.
        """
        updated = types.Channel(type=standard_artifacts.TransformCache) if analyzer_cache else None
        transformed_examples = types.Channel(type=standard_artifacts.Examples)
        transformed_examples.matching_channel_name = standard_component_specs.EXAMPLES_KEY
        spec = FilmTransformSpec(
            examples=examples,
            schema=schema,
            label_balance=label_balance,
            analyzer_cache=analyzer_cache,
            preprocessing_fn=preprocessing_fn,
            custom_config=json_utils.dumps(custom_config),
            disable_statistics=1,
            transform_graph=types.Channel(type=standard_artifacts.TransformGraph),
            transformed_examples=transformed_examples,
            updated_analyzer_cache=updated,
        )
        super().__init__(spec=spec)
