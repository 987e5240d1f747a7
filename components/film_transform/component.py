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
    No statistics, since nothing uses them and they read every poster again, and no analyzer cache.
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
    ) -> None:
        """Makes the component.

        Args:
            examples: raw Examples of a FilmExampleGen, with a split "train".
            schema: Schema.
            label_balance: LabelBalance; its `relabel` reaches `preprocessing_fn` in `custom_config`.
            preprocessing_fn: import path of the function.
            custom_config: what else it is given.
        """
        transformed_examples = types.Channel(type=standard_artifacts.Examples)
        transformed_examples.matching_channel_name = standard_component_specs.EXAMPLES_KEY
        spec = FilmTransformSpec(
            examples=examples,
            schema=schema,
            label_balance=label_balance,
            preprocessing_fn=preprocessing_fn,
            custom_config=json_utils.dumps(custom_config),
            disable_statistics=1,
            transform_graph=types.Channel(type=standard_artifacts.TransformGraph),
            transformed_examples=transformed_examples,
        )
        super().__init__(spec=spec)
