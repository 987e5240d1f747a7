"""The node of the DAG that finds the films of a window of spans."""

from tfx import types
from tfx.dsl.components.common import resolver
from tfx.types import standard_artifacts

from components.span_window.strategy import (
    CURRENT_KEY,
    CURRENT_STATISTICS_KEY,
    EXAMPLES_KEY,
    STATISTICS_KEY,
    SpanWindowStrategy,
)


def span_window_resolver(
    examples_id: str,
    statistics_id: str,
    size: int,
    work: str,
    current: types.BaseChannel,
    statistics: types.BaseChannel,
) -> resolver.Resolver:
    """Makes the node; its `outputs["examples"]` and `outputs["statistics"]` have an artifact a span.

    Whoever takes them gets them in the order of MLMD, which is not that of the spans.

    Args:
        examples_id: the id of the FilmExampleGen whose Examples count.
        statistics_id: the id of the StatisticsGen whose statistics count.
        size: how many spans the window has, the current one among them.
        work: the work folder, for messages; empty where it is the default one.
        current: the `examples` output of that FilmExampleGen in this pipeline.
        statistics: the `statistics` output of that StatisticsGen in this pipeline.
    """
    channels = {
        EXAMPLES_KEY: types.Channel(type=standard_artifacts.Examples, producer_component_id=examples_id),
        STATISTICS_KEY: types.Channel(type=standard_artifacts.ExampleStatistics, producer_component_id=statistics_id),
        CURRENT_KEY: current,
        CURRENT_STATISTICS_KEY: statistics,
    }
    return resolver.Resolver(strategy_class=SpanWindowStrategy, config={"size": size, "work": work}, **channels)
