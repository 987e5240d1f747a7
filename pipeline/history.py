"""Executions in ML Metadata, why each happened, and which report is the last run's."""

import json
import re
from pathlib import Path
from typing import Any

from ml_metadata.errors import StatusError
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline import reasons
from pipeline.metadata import connection_config
from pipeline.paths import RUN_FILE, Paths
from transform.errors import MarqueeError

FINISHED = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)
RUN = "pipeline_run"  # type of a run's context
COMMIT = "marquee_commit"  # property of a run's context
RESOLVER = "tfx.dsl.components.common.resolver.Resolver"  # type of a resolver's executions
_NO_STORE = re.compile("file is not a database|database disk image is malformed")  # as SQLite says it


def open_store(metadata: Path) -> MetadataStore:
    """The MLMD store of a work folder.

    Raises:
        MarqueeError: there is none, or it is no database.
    """
    if not metadata.is_file():
        raise MarqueeError(f"{metadata}: no such file. Nothing has run in this work folder yet: `marquee run`.")
    try:
        return MetadataStore(connection_config(metadata))
    except RuntimeError as error:
        if found := _NO_STORE.search(str(error)):
            # Not "move it away": a new store numbers artifacts from 1 again, into folders that are there.
            raise MarqueeError(
                f"{metadata}: cannot be read ({found[0]}). Put a copy of it back, or set WORK to another folder."
            ) from error
        raise


def last_report(paths: Paths, file: str) -> Path | None:
    """A file of the last run's report; None where no report has one.

    Reports are named by the clock, which may have jumped back; ML Metadata numbers runs as they come. Those that it
    does not know are of a store from before this one, and by name among themselves.

    Args:
        paths: of the work folder.
        file: its name in the folder of a report.
    """
    numbers = _numbers_of_runs(paths.metadata)
    found = paths.reports.glob(f"*/{file}")
    return max(found, key=lambda each: (numbers.get(_run_of(each.parent), 0), each.parent.name), default=None)


def _numbers_of_runs(metadata: Path) -> dict[str, int]:
    """Numbers of runs, more than 0 and rising as they began, by id; none where no store can be read."""
    if not metadata.is_file():
        return {}
    try:
        return {context.name: context.id for context in open_store(metadata).get_contexts_by_type(RUN)}
    except (MarqueeError, RuntimeError, StatusError):  # when opened, when read; a report can be shown all the same
        return {}


def _run_of(report: Path) -> str:
    """The id of the run that a report is of; empty where that cannot be read."""
    try:
        return str(json.loads((report / RUN_FILE).read_text(encoding="utf-8"))["id"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def note_commit(metadata: Path, commit: str) -> None:
    """Says of the last run which commit it was of; TFX makes its context, so that it is known once it has begun."""
    store = open_store(metadata)
    run = max(store.get_contexts_by_type(RUN), key=lambda context: context.id)
    run.custom_properties[COMMIT].string_value = commit
    store.put_contexts([run])


def of_last(metadata: Path, node: str) -> str:
    """Why the last execution of a component happened; empty where there is none.

    Args:
        metadata: the file of a store, maybe at work for a run in this process.
        node: the component's id.
    """
    store = open_store(metadata)
    contexts = [context for context in store.get_contexts_by_type("node") if component(context) == node]
    executions = [(each, context) for context in contexts for each in store.get_executions_by_context(context.id)]
    return why(store, *max(executions, key=lambda pair: pair[0].id)) if executions else ""


def why(store: MetadataStore, execution: mlmd.Execution, node: mlmd.Context) -> str:
    """Why an execution happened, beside those of the same component before it.

    Args:
        store: that has them.
        execution: the one.
        node: its context of the type "node".
    """
    earlier = [each for each in store.get_executions_by_context(node.id) if each.id < execution.id]
    earlier.sort(key=lambda each: each.id, reverse=True)
    place, before = next(
        ((place, each) for place, each in enumerate(earlier) if each.last_known_state in FINISHED), (len(earlier), None)
    )
    now = _read(store, execution, node)
    return reasons.why(
        now,
        _read(store, before, node) if before else None,
        {artifact: maker(store, artifact) for artifacts in now.inputs.values() for artifact in artifacts},
        interrupted=place > 0,
    )


def node_of(store: MetadataStore, execution: int) -> mlmd.Context:
    """The context of the component that an execution is of."""
    return next(each for each in store.get_contexts_by_execution(execution) if each.type == "node")


def component(node: mlmd.Context) -> str:
    """A component's id: the context's name has the pipeline's before it."""
    return node.name.split(".", 1)[1]


def maker(store: MetadataStore, artifact: int) -> str:
    """The id of the component that made an artifact, or took it from the cache."""
    execution = first_maker(store, artifact)
    return component(node_of(store, execution)) if execution else "elsewhere"


def first_maker(store: MetadataStore, artifact: int) -> int | None:
    """The execution that made an artifact; those that took it from the cache came later."""
    events = store.get_events_by_artifact_ids([artifact])
    return min((event.execution_id for event in events if event.type == mlmd.Event.OUTPUT), default=None)


def inputs(store: MetadataStore, execution: int) -> dict[str, tuple[int, ...]]:
    """Ids of the artifacts that an execution was given, by name of the input."""
    found: dict[str, list[int]] = {}
    for event in store.get_events_by_execution_ids([execution]):
        if event.type == mlmd.Event.INPUT:
            for key in keys(event):
                found.setdefault(key, []).append(event.artifact_id)
    return {key: tuple(artifacts) for key, artifacts in found.items()}


def keys(event: mlmd.Event) -> list[str]:
    """Names of the inputs or outputs that an artifact is of: one event tells them all."""
    return [step.key for step in event.path.steps if step.WhichOneof("value") == "key"]


def parameters(execution: mlmd.Execution) -> dict[str, Any]:
    """The execution's properties by name."""
    values = {key: value for key, value in execution.custom_properties.items() if not key.startswith("__")}
    return {
        key: getattr(value, value.WhichOneof("value")) for key, value in values.items() if value.WhichOneof("value")
    }


def _read(store: MetadataStore, execution: mlmd.Execution, node: mlmd.Context) -> reasons.Execution:
    return reasons.Execution(
        node=component(node),
        cached=execution.last_known_state == mlmd.Execution.CACHED,
        resolver=execution.type == RESOLVER,
        parameters=parameters(execution),
        inputs=inputs(store, execution.id),
    )
