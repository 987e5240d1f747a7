"""Statistics of spans: which ones ML Metadata knows, and what is in them."""

from dataclasses import dataclass
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline.history import open_store
from pipeline.paths import Paths
from pipeline.report.tfdv import STATISTICS_FILE
from transform.errors import MarqueeError

NODE = "StatisticsGen"
FINISHED = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)


@dataclass(frozen=True, kw_only=True)
class SpanStatistics:
    """An ExampleStatistics artifact."""

    span: int
    folder: Path

    def splits(self) -> dict[str, statistics_pb2.DatasetFeatureStatistics]:
        """The statistics of each split, train first.

        Raises:
            MarqueeError: the artifact's files are gone.
        """
        files = {
            path.parent.name.removeprefix("Split-"): path for path in self.folder.glob(f"Split-*/{STATISTICS_FILE}")
        }
        if "train" not in files:
            raise MarqueeError(f"{self.folder}: the statistics of span {self.span} are gone. `marquee run` makes them.")
        return {
            split: statistics_pb2.DatasetFeatureStatisticsList.FromString(files[split].read_bytes()).datasets[0]
            for split in sorted(files, key=lambda split: (split != "train", split))
        }


def latest(paths: Paths, span: int | None = None) -> SpanStatistics:
    """The statistics of the last run that came to any, whatever became of the run after that.

    Args:
        paths: of the work folder.
        span: only statistics of this span; None for any.

    Raises:
        MarqueeError: there are none; the message names the spans that have some.
    """
    found = _newest_first(open_store(paths.metadata))
    for statistics in found:
        if span in (None, statistics.span):
            return statistics
    if not found:
        raise MarqueeError(f"{paths.metadata}: no run has come to statistics yet: `marquee run`.")
    spans = ", ".join(map(str, sorted({statistics.span for statistics in found})))
    raise MarqueeError(f"{paths.metadata}: no statistics of span {span}. Spans that have some: {spans}.")


def _newest_first(store: MetadataStore) -> list[SpanStatistics]:
    """What each run came to; statistics from cache are of the run that used them."""
    executions = [
        execution.id
        for context in store.get_contexts_by_type("node")
        if context.name.endswith(f".{NODE}")
        for execution in store.get_executions_by_context(context.id)
        if execution.last_known_state in FINISHED
    ]
    events = [event for event in store.get_events_by_execution_ids(executions) if event.type == mlmd.Event.OUTPUT]
    events.sort(key=lambda event: event.execution_id, reverse=True)
    artifacts = {
        artifact.id: artifact for artifact in store.get_artifacts_by_id([event.artifact_id for event in events])
    }
    return [
        SpanStatistics(span=artifact.properties["span"].int_value, folder=Path(artifact.uri))
        for artifact in (artifacts[event.artifact_id] for event in events)
    ]
