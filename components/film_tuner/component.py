"""The FilmTuner component: spec only."""

from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.film_tuner import executor
from components.label_balance.artifact import LabelBalance
from components.label_balance_input import LABEL_BALANCE_KEY


class FilmTunerSpec(standard_component_specs.TunerSpec):
    """TFX's Tuner with one more input."""

    INPUTS: ClassVar[dict] = {
        **standard_component_specs.TunerSpec.INPUTS,
        LABEL_BALANCE_KEY: component_spec.ChannelParameter(type=LabelBalance),
    }


class FilmTuner(base_component.BaseComponent):
    """Searches hyperparameters with KerasTuner.

    Outputs: `best_hyperparameters` (HyperParameters) and `tuner_results` (TunerResults), as TFX's Tuner makes them.
    """

    SPEC_CLASS = FilmTunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        schema: types.BaseChannel,
        label_balance: types.BaseChannel,
        tuner_fn: str,
        train_args: trainer_pb2.TrainArgs,
        eval_args: trainer_pb2.EvalArgs,
        custom_config: dict[str, Any],
    ) -> None:
        """Makes the component.

        Args:
            examples: transformed Examples.
            transform_graph: TransformGraph.
            schema: Schema of the raw examples.
            label_balance: LabelBalance; its content reaches `tuner_fn` as `custom_config["label_balance"]`.
            tuner_fn: import path of the function that makes the search.
            train_args: the splits that trials learn from.
            eval_args: the splits that trials are judged by.
            custom_config: what else `tuner_fn` is given.
        """
        spec = FilmTunerSpec(
            examples=examples,
            transform_graph=transform_graph,
            schema=schema,
            label_balance=label_balance,
            tuner_fn=tuner_fn,
            train_args=train_args,
            eval_args=eval_args,
            custom_config=json_utils.dumps(custom_config),
            best_hyperparameters=types.Channel(type=standard_artifacts.HyperParameters),
            tuner_results=types.Channel(type=standard_artifacts.TunerResults),
        )
        super().__init__(spec=spec)
