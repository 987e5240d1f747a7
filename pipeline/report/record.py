"""What a run did, read back from ML Metadata and from the artifacts that it names."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata import connection_config
from pipeline.paths import Paths
from transform.errors import MarqueeError

STATES = {mlmd.Execution.COMPLETE: "ran", mlmd.Execution.CACHED: "cached", mlmd.Execution.FAILED: "failed"}


@dataclass(frozen=True, kw_only=True)
class Node:
    """One component of the run."""

    id: str
    state: str  # ran, cached, failed or unfinished
    seconds: float
    outputs: dict[str, str]  # artifact type name -> URI


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the run: what its Trainer, Evaluator and Pusher left."""

    evaluation: dict[str, Any]  # summary.json
    history: dict[str, list[float]]  # metric -> value of each epoch
    training: dict[str, Any]  # training.json
    pushed: str | None  # the version's folder


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run."""

    id: str
    pipeline: str
    nodes: list[Node]
    ingest: dict[str, Any]  # ingest.json
    rejects: list[dict[str, Any]]  # rejects.jsonl
    genres: dict[str, int] = field(default_factory=dict)  # films of the train split
    models: dict[str, Model] = field(default_factory=dict)
    serving: str = ""

    @property
    def folder(self) -> str:
        return self.id.replace(":", "-").split(".")[0]

    @property
    def seconds(self) -> float:
        return sum(node.seconds for node in self.nodes)


def as_dict(run: RunRecord) -> dict[str, Any]:
    return dataclasses.asdict(run) | {"seconds": run.seconds}


def open_store(metadata: Path) -> MetadataStore:
    """The MLMD store of a work folder.

    Raises:
        MarqueeError: there is none.
    """
    if not metadata.is_file():
        raise MarqueeError(f"{metadata}: no such file. Nothing has run in this work folder yet: `marquee run`.")
    return MetadataStore(connection_config(metadata))


def of_last_run(paths: Paths) -> RunRecord:
    """The record of the last run of a work folder; artifacts that were cached count as the run's own."""
    store = open_store(paths.metadata)
    last = _last_run(store, paths)
    nodes = {node.id: node for node in _nodes(store, last.id)}
    ingest = _folder(nodes, "FilmExampleGen", "Examples")
    transform = _folder(nodes, "Transform", "TransformGraph")
    names = [id.removeprefix("Evaluator.") for id in nodes if id.startswith("Evaluator.")]
    return RunRecord(
        id=last.name,
        pipeline=store.get_contexts_by_type("pipeline")[0].name,
        nodes=list(nodes.values()),
        ingest=_json(ingest / "ingest.json") if ingest else {},
        rejects=_lines(ingest / "rejects.jsonl") if ingest else [],
        genres=_genre_counts(transform) if transform else {},
        models={name: _model(store, nodes, name) for name in names},
        serving=str(paths.serving),
    )


def runs(paths: Paths) -> list[tuple[str, list[Node]]]:
    """Every run of a work folder, oldest first: its id, and its components in the order in which they began."""
    store = open_store(paths.metadata)
    contexts = sorted(store.get_contexts_by_type("pipeline_run"), key=lambda context: context.id)
    return [(context.name, _nodes(store, context.id)) for context in contexts]


def _last_run(store: MetadataStore, paths: Paths) -> mlmd.Context:
    runs = store.get_contexts_by_type("pipeline_run")
    if not runs:
        raise MarqueeError(f"{paths.metadata}: no run in it yet: `marquee run`.")
    return max(runs, key=lambda context: context.id)


def _nodes(store: MetadataStore, run: int) -> list[Node]:
    nodes = []
    for execution in sorted(store.get_executions_by_context(run), key=lambda execution: execution.id):
        contexts = store.get_contexts_by_execution(execution.id)
        name = next(context.name for context in contexts if context.type == "node")
        outputs = {artifact.type: artifact.uri for artifact in store.get_artifacts_by_id(_outputs(store, execution.id))}
        took = execution.last_update_time_since_epoch - execution.create_time_since_epoch
        state = STATES.get(execution.last_known_state, "unfinished")
        nodes.append(Node(id=name.split(".", 1)[1], state=state, seconds=took / 1000, outputs=outputs))
    return nodes


def _outputs(store: MetadataStore, execution: int) -> list[int]:
    return [
        event.artifact_id
        for event in store.get_events_by_execution_ids([execution])
        if event.type in (mlmd.Event.OUTPUT, mlmd.Event.INTERNAL_OUTPUT)
    ]


def _folder(nodes: dict[str, Node], node: str, artifact: str) -> Path | None:
    uri = nodes[node].outputs.get(artifact) if node in nodes else None
    return Path(uri) if uri else None


def _model(store: MetadataStore, nodes: dict[str, Node], name: str) -> Model:
    evaluation = _folder(nodes, f"Evaluator.{name}", "ModelEvaluation")
    trained = _folder(nodes, f"Trainer.{name}", "ModelRun")
    pushed = _folder(nodes, f"Pusher.{name}", "PushedModel")
    destination = None
    if pushed:
        [artifact] = store.get_artifacts_by_uri(str(pushed))
        destination = artifact.custom_properties["pushed_destination"].string_value or None
    return Model(
        evaluation=_json(evaluation / "summary.json") if evaluation else {},
        history=_json(trained / "history.json") if trained else {},
        training=_json(trained / "training.json") if trained else {},
        pushed=destination,
    )


def _genre_counts(transform: Path) -> dict[str, int]:
    lines = (transform / "transform_fn" / "assets" / "genre_counts").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" ", 1) for line in lines if line)
    return {genre: int(count) for count, genre in pairs}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
