"""The GenreEvaluator component: spec only."""

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.genre_evaluator import config, executor


class GenreEvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """TFX's Evaluator with two more parameters."""

    PARAMETERS = {  # noqa: RUF012 - the name and type that ComponentSpec reads
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        executor.MAX_MAP_DROP_KEY: component_spec.ExecutionParameter(type=float),
        executor.ACCEPT_BASELINE_RESET_KEY: component_spec.ExecutionParameter(type=bool),
    }


class GenreEvaluator(base_beam_component.BaseBeamComponent):
    """Evaluates a genre model on the test split, and blesses it or not.

    Outputs: `evaluation` (ModelEvaluation: TFMA's files and `summary.json`, see BUILD.md) and `blessing`
    (ModelBlessing as TFX's Evaluator makes it, with the custom properties `reason` and `baseline_reset`).
    """

    SPEC_CLASS = GenreEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline_model: types.BaseChannel | None = None,
        max_map_drop: float = 0.01,
        accept_baseline_reset: bool = False,
    ) -> None:
        """Makes the component.

        Args:
            examples: raw Examples of a FilmExampleGen, with a split "test".
            model: a Model with the signatures and the `marquee.json` of BUILD.md.
            baseline_model: the Model to compare with; may be empty.
            max_map_drop: how far the mean average precision may lie below the baseline's.
            accept_baseline_reset: leave that comparison out, on purpose, and record that it was.
        """
        spec = GenreEvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            eval_config=config.eval_config(max_map_drop, compare=not accept_baseline_reset),
            example_splits=json_utils.dumps([config.SPLIT]),
            fairness_indicator_thresholds=json_utils.dumps(None),
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            **{
                executor.MAX_MAP_DROP_KEY: max_map_drop,
                executor.ACCEPT_BASELINE_RESET_KEY: accept_baseline_reset,
            },
        )
        super().__init__(spec=spec)
