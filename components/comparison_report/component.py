"""ComparisonReport: what the models of a run do alike and differently."""

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.comparison_report import artifact, executor


class ComparisonReportSpec(types.ComponentSpec):
    """Films and models in, the comparison out."""

    PARAMETERS: ClassVar[dict] = {
        executor.FILMS_KEY: component_spec.ExecutionParameter(type=int),
        executor.EXPLAIN_FN_KEY: component_spec.ExecutionParameter(type=str),
        executor.SOURCE_KEY: component_spec.ExecutionParameter(type=str),
        executor.MAX_WORDS_KEY: component_spec.ExecutionParameter(type=int),
    }
    INPUTS: ClassVar[dict] = {
        standard_component_specs.EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        standard_component_specs.TRANSFORMED_EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
        executor.LEARNT_EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
        standard_component_specs.MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        standard_component_specs.MODEL_RUN_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
    }
    OUTPUTS: ClassVar[dict] = {
        executor.COMPARISON_KEY: component_spec.ChannelParameter(type=artifact.ComparisonReport),
    }


class ComparisonReport(base_component.BaseComponent):
    """Asks every model about the test split, compares them with each other and with a bag of words.

    Output: `comparison` (ComparisonReport).
    """

    SPEC_CLASS = ComparisonReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transformed_examples: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        explain_fn: str,
        max_words: int,
        source: str = "",
        films: int = 10,
        learnt_examples: types.BaseChannel | None = None,
    ) -> None:
        """Makes the component.

        Args:
            examples: raw Examples of a FilmExampleGen, with the splits "train", "eval" and "test".
            transformed_examples: the same films after Transform, maybe among those of other spans.
            model: Models with the signatures and the `marquee.json` of BUILD.md, a union of one or more.
            model_run: their ModelRuns.
            explain_fn: import path of a function that says what a network looked at, `trainer.explain.explain_fn`.
            max_words: of an overview that the models see, and that are left out one by one.
            source: fingerprint of the code of `explain_fn`, so that another one is not taken for the same.
            films: how many films of the test split are shown.
            learnt_examples: raw Examples of all spans that the models learnt from, for a bag of words to learn from;
                None where they are `examples`.
        """
        super().__init__(
            spec=ComparisonReportSpec(
                examples=examples,
                transformed_examples=transformed_examples,
                learnt_examples=learnt_examples,
                model=model,
                model_run=model_run,
                comparison=types.Channel(type=artifact.ComparisonReport),
                **{
                    executor.FILMS_KEY: films,
                    executor.EXPLAIN_FN_KEY: explain_fn,
                    executor.SOURCE_KEY: source,
                    executor.MAX_WORDS_KEY: max_words,
                },
            )
        )
