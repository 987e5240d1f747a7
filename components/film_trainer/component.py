"""The FilmTrainer component: spec only."""

from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.film_trainer import executor
from components.label_balance.artifact import LabelBalance
from components.label_balance_input import LABEL_BALANCE_KEY


class FilmTrainerSpec(standard_component_specs.TrainerSpec):
    """TFX's Trainer with more inputs."""

    INPUTS: ClassVar[dict] = {
        **standard_component_specs.TrainerSpec.INPUTS,
        LABEL_BALANCE_KEY: component_spec.ChannelParameter(type=LabelBalance),
        executor.PARTS_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
        executor.BASE_RUN_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
    }


class FilmTrainer(base_component.BaseComponent):
    """Trains one model. Outputs: `model` (Model) and `model_run` (ModelRun), see BUILD.md."""

    SPEC_CLASS = FilmTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        schema: types.BaseChannel,
        label_balance: types.BaseChannel,
        run_fn: str,
        train_args: trainer_pb2.TrainArgs,
        eval_args: trainer_pb2.EvalArgs,
        custom_config: dict[str, Any],
        base_model: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | None = None,
        parts: types.BaseChannel | None = None,
        base_run: types.BaseChannel | None = None,
    ) -> None:
        """Makes the component.

        Args:
            examples: transformed Examples.
            transform_graph: TransformGraph.
            schema: Schema of the raw examples.
            label_balance: LabelBalance; its content reaches `run_fn` as `custom_config["label_balance"]`.
            run_fn: import path of the function that trains.
            train_args: the splits to train on.
            eval_args: the splits to choose weights and thresholds on.
            custom_config: what else `run_fn` is given.
            base_model: Model to start from, or empty; reaches `run_fn` as `base_model`.
            hyperparameters: HyperParameters of a Tuner.
            parts: ModelRuns of the models that this one is made of; their folders reach `run_fn` by name as
                `custom_config["parts"]`.
            base_run: the ModelRun of `base_model`; both are named in `custom_config["base"]`.
        """
        spec = FilmTrainerSpec(
            examples=examples,
            transform_graph=transform_graph,
            schema=schema,
            label_balance=label_balance,
            base_model=base_model,
            hyperparameters=hyperparameters,
            parts=parts,
            base_run=base_run,
            run_fn=run_fn,
            train_args=train_args,
            eval_args=eval_args,
            custom_config=json_utils.dumps(custom_config),
            model=types.Channel(type=standard_artifacts.Model),
            model_run=types.Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)
