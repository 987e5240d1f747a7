"""Finds the statistics of the span before the current one."""

import glob
import os

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver
from tfx.types import standard_artifacts

from components import lineage
from components.drift_report.executor import SPLIT

STATISTICS_KEY = "statistics"
CURRENT_KEY = "current"

Artifacts = dict[str, list[types.Artifact]]


def previous_span_resolver(statistics_id: str, current: types.BaseChannel) -> resolver.Resolver:
    """Makes the node; its `outputs["statistics"]` is the baseline, or empty.

    Args:
        statistics_id: the id of the StatisticsGen whose statistics count.
        current: the `statistics` output of that StatisticsGen in this pipeline.
    """
    history = types.Channel(type=standard_artifacts.ExampleStatistics, producer_component_id=statistics_id)
    return resolver.Resolver(strategy_class=PreviousSpanStrategy, **{STATISTICS_KEY: history, CURRENT_KEY: current})


class PreviousSpanStrategy(resolver.ResolverStrategy):
    """The newest statistics of the nearest span below the current one, of films from the same place.

    One work folder may have seen the films of several folders, the sample's among them: their spans have nothing
    to do with one another. The current span is never its own baseline, so an unchanged run resolves what it did
    before, and its DriftReport comes from the cache.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Keeps one of the statistics, or none.

        Args:
            store: to find what the statistics were made of.
            input_dict: `statistics`, the history; `current`, the statistics of this run.

        Returns:
            The same keys, `statistics` with one artifact or none.
        """
        [current] = input_dict[CURRENT_KEY]
        place = _place(store, current.id)
        below = [statistics for statistics in input_dict[STATISTICS_KEY] if statistics.span < current.span]
        for statistics in sorted(below, key=lambda each: (each.span, each.id), reverse=True):
            if _is_there(statistics) and _place(store, statistics.id) == place:
                return {**input_dict, STATISTICS_KEY: [statistics]}
        return {**input_dict, STATISTICS_KEY: []}


def _is_there(statistics: types.Artifact) -> bool:
    """Whether its files are; MLMD still knows of what a user has deleted to save space."""
    files = glob.iglob(os.path.join(glob.escape(statistics.uri), f"Split-{SPLIT}", "*"))
    return lineage.is_live(statistics.mlmd_artifact) and any(files)


def _place(store: mlmd.MetadataStore, statistics: int) -> set[tuple[str, ...]]:
    """Of the films that these statistics describe."""
    examples = lineage.made_of(store, statistics, standard_artifacts.Examples.TYPE_NAME)
    return lineage.place(store, [each.id for each in examples])
