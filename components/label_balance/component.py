"""LabelBalance: what the labels look like, which are learnt, and how each weighs."""

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.label_balance import artifact, executor
from components.label_balance.decisions import ON_RARE
from transform.errors import MarqueeError


class LabelBalanceSpec(types.ComponentSpec):
    """Examples of a span or more and their statistics in, the balance of all their labels out."""

    PARAMETERS: ClassVar[dict] = {
        executor.MIN_TRAIN_KEY: component_spec.ExecutionParameter(type=int),
        executor.MIN_TEST_KEY: component_spec.ExecutionParameter(type=int),
        executor.ON_RARE_KEY: component_spec.ExecutionParameter(type=str),
        executor.MERGE_INTO_KEY: component_spec.ExecutionParameter(type=str),
        executor.BETA_KEY: component_spec.ExecutionParameter(type=float),
        executor.REPEAT_THRESHOLD_KEY: component_spec.ExecutionParameter(type=float),
    }
    INPUTS: ClassVar[dict] = {
        standard_component_specs.EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        standard_component_specs.STATISTICS_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics
        ),
    }
    OUTPUTS: ClassVar[dict] = {
        executor.LABEL_BALANCE_KEY: component_spec.ChannelParameter(type=artifact.LabelBalance),
    }


class LabelBalance(base_beam_component.BaseBeamComponent):
    """Counts the genres of every split, decides on the rare ones, and works out weights for training.

    Output: `label_balance` (LabelBalance), whose `label_balance.json` is described in
    `components.label_balance.balance`.
    """

    SPEC_CLASS = LabelBalanceSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        min_train: int,
        min_test: int,
        on_rare: str,
        merge_into: str,
        beta: float,
        repeat_threshold: float,
    ) -> None:
        """Makes the component.

        Args:
            examples: raw Examples of a FilmExampleGen, with the splits "train" and "test"; one or more.
            statistics: ExampleStatistics of the same films, to check the counts against; as many, in any order.
            min_train: films of train below which a genre is rare.
            min_test: films of test below which a genre is rare.
            on_rare: what becomes of a rare genre: "warn" keeps it as a label, "merge" makes it one label with the
                other rare ones, "leave_out" makes it none.
            merge_into: the name of that one label; may be a genre of the data.
            beta: of the effective number of films, 0 (all weights 1) to below 1 (inverse frequency in the limit).
            repeat_threshold: the share of train's films below which a genre's films are repeated, 0 to 1.

        Raises:
            MarqueeError: a value that is not allowed.
        """
        for name, minimum in ((executor.MIN_TRAIN_KEY, min_train), (executor.MIN_TEST_KEY, min_test)):
            if minimum < 0:
                raise MarqueeError(f"balance.{name} = {minimum!r}: allowed is 0 or more films.")
        if on_rare not in ON_RARE:
            raise MarqueeError(f"balance.on_rare = {on_rare!r}: allowed is {', '.join(ON_RARE)}.")
        # A vocabulary file has a label a line.
        if not merge_into.isprintable() or not merge_into or merge_into != merge_into.strip():
            raise MarqueeError(
                f"balance.merge_into = {merge_into!r}: allowed is a name without line breaks or spaces around it."
            )
        if not 0 <= beta < 1:
            raise MarqueeError(f"balance.beta = {beta!r}: allowed is 0 or more, less than 1.")
        if not 0 <= repeat_threshold <= 1:
            raise MarqueeError(f"balance.repeat_threshold = {repeat_threshold!r}: allowed is a share, 0 to 1.")
        super().__init__(
            spec=LabelBalanceSpec(
                examples=examples,
                statistics=statistics,
                min_train=min_train,
                min_test=min_test,
                on_rare=on_rare,
                merge_into=merge_into,
                beta=float(beta),
                repeat_threshold=float(repeat_threshold),
                label_balance=types.Channel(type=artifact.LabelBalance),
            )
        )
