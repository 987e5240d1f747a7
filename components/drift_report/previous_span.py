"""Finds the statistics of the span before the current one."""

import os
from collections.abc import Iterable

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.dsl.components.common import resolver
from tfx.types import standard_artifacts

STATISTICS_KEY = "statistics"
CURRENT_KEY = "current"
INPUT_BASE = "input_base"

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
    """The newest statistics of the nearest span below the current one, of films from the same folder.

    One work folder may have seen the films of several folders, the sample's among them: their spans have nothing
    to do with one another.
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
        folder = _input_base(store, current.id)
        below = [
            statistics
            for statistics in input_dict[STATISTICS_KEY]
            if statistics.span < current.span
            and os.path.isdir(statistics.uri)
            and _input_base(store, statistics.id) == folder
        ]
        nearest = max(below, key=lambda statistics: (statistics.span, statistics.id), default=None)
        return {**input_dict, STATISTICS_KEY: [] if nearest is None else [nearest]}


def _input_base(store: mlmd.MetadataStore, statistics: int) -> str:
    """The folder of the ExampleGen whose examples these statistics describe."""
    makers = _executions(store, [statistics], (metadata_store_pb2.Event.OUTPUT,))
    events = store.get_events_by_execution_ids(makers)
    examples = {event.artifact_id for event in events if event.type == metadata_store_pb2.Event.INPUT}
    readers = store.get_executions_by_id(_executions(store, examples, (metadata_store_pb2.Event.OUTPUT,)))
    folders = {
        reader.custom_properties[INPUT_BASE].string_value or reader.properties[INPUT_BASE].string_value
        for reader in readers
    }
    return min(folders, default="")


def _executions(store: mlmd.MetadataStore, artifacts: Iterable[int], kinds: tuple[int, ...]) -> list[int]:
    events = store.get_events_by_artifact_ids(list(artifacts))
    return sorted({event.execution_id for event in events if event.type in kinds})
