"""What a run did, read back from ML Metadata and from the artifacts that it names."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components import lineage
from pipeline import history
from pipeline.history import open_store
from pipeline.paths import Paths
from pipeline.report import posters, tfdv
from transform.errors import MarqueeError

RAN, CACHED, FAILED, UNFINISHED = "ran", "cached", "failed", "unfinished"
STATES = {mlmd.Execution.COMPLETE: RAN, mlmd.Execution.CACHED: CACHED, mlmd.Execution.FAILED: FAILED}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    state: Literal["finished", "stopped", "failed"]  # stopped: by the data or the settings; failed: by our own fault
    message: str = ""


FINISHED = Outcome(state="finished")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One component of the run."""

    id: str
    state: str  # ran, cached, failed or unfinished
    seconds: float
    outputs: dict[str, str]  # artifact type name -> URI
    why: str = ""  # it ran, or came from the cache: as pipeline.reasons.why


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the run: what its Trainer, Evaluator and Pusher left; empty where one did not finish."""

    evaluation: dict[str, Any]  # summary.json
    history: dict[str, list[float]]  # metric -> value of each epoch
    training: dict[str, Any]  # training.json
    pushed: str | None  # the version's folder


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run; None stands for what a component that did not finish would have left."""

    id: str
    pipeline: str
    outcome: Outcome
    nodes: list[Node]
    ingest: dict[str, Any]  # ingest.json
    rejects: list[dict[str, Any]]  # rejects.jsonl
    window: list[dict[str, Any]] = field(default_factory=list)  # ingest.json of each span that was trained on, rising;
    # empty where that is this one alone
    balance: dict[str, Any] | None = None  # label_balance.json
    statistics: dict[str, Any] | None = None  # as pipeline.report.tfdv.statistics
    anomalies: list[dict[str, str]] | None = None  # as pipeline.report.tfdv.anomalies
    drift: dict[str, Any] | None = None  # drift.json
    comparison: dict[str, Any] | None = None  # comparison.json
    skew: dict[str, Any] | None = None  # skew.json, which `marquee skew` adds
    posters: list[dict[str, Any]] = field(default_factory=list)  # as pipeline.report.posters.sample
    models: dict[str, Model] = field(default_factory=dict)
    serving: str = ""

    @property
    def folder(self) -> str:
        return self.id.replace(":", "-").split(".")[0]

    @property
    def seconds(self) -> float:
        return sum(node.seconds for node in self.nodes)


def as_dict(run: RunRecord) -> dict[str, Any]:
    rejected = sum(run.ingest.get("rejects", {}).values())
    return dataclasses.asdict(run) | {"seconds": run.seconds, "rejected": rejected}


def number_of_runs(paths: Paths) -> int:
    """How many runs a work folder has seen: those of which at least one component began."""
    return len(_runs(open_store(paths.metadata))) if paths.metadata.is_file() else 0


def of_last_run(paths: Paths, outcome: Outcome) -> RunRecord:
    """The record of the last run of a work folder; artifacts that were cached count as the run's own."""
    store = open_store(paths.metadata)
    runs = _runs(store)
    if not runs:
        raise MarqueeError(f"{paths.metadata}: no run in it yet: `marquee run`.")
    nodes = {node.id: node for node in _nodes(store, runs[-1].id)}
    ingest = _folder(nodes, "FilmExampleGen", "Examples")
    statistics = _folder(nodes, "StatisticsGen", "ExampleStatistics")
    anomalies = _folder(nodes, "ExampleValidator", "ExampleAnomalies")
    balance = _folder(nodes, "LabelBalance", "LabelBalance")
    drift = _folder(nodes, "DriftReport", "DriftReport")
    comparison = _folder(nodes, "ComparisonReport", "ComparisonReport")
    names = [id.removeprefix("Trainer.") for id in nodes if id.startswith("Trainer.")]
    return RunRecord(
        id=runs[-1].name,
        pipeline=store.get_contexts_by_type("pipeline")[0].name,
        outcome=outcome,
        nodes=list(nodes.values()),
        ingest=_json(ingest / "ingest.json") if ingest else {},
        rejects=_lines(ingest / "rejects.jsonl") if ingest else [],
        window=_window(store, runs[-1].id),
        balance=_json(balance / "label_balance.json") if balance else None,
        statistics=tfdv.statistics(statistics) if statistics else None,
        anomalies=tfdv.anomalies(anomalies) if anomalies else None,
        drift=_json(drift / "drift.json") if drift else None,
        comparison=_json(comparison / "comparison.json") if comparison else None,
        posters=posters.sample(ingest) if ingest else [],
        models={name: _model(store, nodes, name) for name in names},
        serving=str(paths.serving),
    )


def runs(paths: Paths) -> list[tuple[str, list[Node]]]:
    """Every run of a work folder, oldest first: its id, and its components in the order in which they began."""
    store = open_store(paths.metadata)
    return [(context.name, _nodes(store, context.id)) for context in _runs(store)]


def _runs(store: MetadataStore) -> list[mlmd.Context]:
    return sorted(store.get_contexts_by_type(history.RUN), key=lambda context: context.id)


def _nodes(store: MetadataStore, run: int) -> list[Node]:
    nodes = []
    for execution in sorted(store.get_executions_by_context(run), key=lambda execution: execution.id):
        node = history.node_of(store, execution.id)
        outputs = {artifact.type: artifact.uri for artifact in store.get_artifacts_by_id(_outputs(store, execution.id))}
        took = execution.last_update_time_since_epoch - execution.create_time_since_epoch
        state = STATES.get(execution.last_known_state, UNFINISHED)
        seconds = max(0, took) / 1000  # the clock may have jumped back meanwhile
        why = history.why(store, execution, node)
        nodes.append(Node(id=history.component(node), state=state, seconds=seconds, outputs=outputs, why=why))
    return nodes


def _outputs(store: MetadataStore, execution: int, key: str | None = None) -> list[int]:
    return [
        event.artifact_id
        for event in store.get_events_by_execution_ids([execution])
        if event.type in (mlmd.Event.OUTPUT, mlmd.Event.INTERNAL_OUTPUT) and (key is None or key in history.keys(event))
    ]


def _folder(nodes: dict[str, Node], node: str, artifact: str) -> Path | None:
    """The artifact of a component that finished: TFX empties the folder of one that failed."""
    if node not in nodes or nodes[node].state not in (RAN, CACHED):
        return None
    uri = nodes[node].outputs.get(artifact)
    return Path(uri) if uri else None


def _window(store: MetadataStore, run: int) -> list[dict[str, Any]]:
    for execution in store.get_executions_by_context(run):
        if history.component(history.node_of(store, execution.id)) == "Window":
            found = store.get_artifacts_by_id(_outputs(store, execution.id, "examples"))
            return [_json(Path(artifact.uri) / "ingest.json") for artifact in sorted(found, key=lineage.span)]
    return []


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


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as file:  # str.splitlines knows more ends of lines than JSON does
        return [json.loads(line) for line in file]
