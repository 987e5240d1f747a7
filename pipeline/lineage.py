"""What made a served version, read back from ML Metadata: data, settings, code and the models before it."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.atomic_pusher import models_config
from pipeline import history, reasons
from pipeline.paths import Paths
from transform.errors import MarqueeError

# Input of a Trainer or an Evaluator that holds a model from before -> what that model is to this one. A version's own
# lineage ends there.
PARENTS = {"base_model": "started from", "baseline_model": "compared with"}
# Inputs that a version's lineage does not go on through: what comes with a parent, and what only saves time.
BESIDE = ("base_run", "analyzer_cache")
PARTS, PART = "parts", "made of"
PUSHED = "PushedModel"


@dataclass(frozen=True, kw_only=True)
class Span:
    """Films that a version learnt from.

    Attributes:
        number: of the span.
        folder: that holds the spans.
        pattern: of the span's folder in it.
        fingerprint: of its files when they were read.
        films: that were used; None where the artifact is gone.
    """

    number: int
    folder: str
    pattern: str
    fingerprint: str
    films: int | None


@dataclass(frozen=True, kw_only=True)
class Relative:
    """A model that a version comes from, or was compared with.

    Attributes:
        role: "started from", "compared with" or "made of".
        name: of the model.
        version: None where it was not pushed.
        run: that trained it.
    """

    role: str
    name: str
    version: int | None
    run: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """An execution on the way to a version; from the cache, it is of an earlier run.

    Attributes:
        node: the component's id.
        run: that executed it.
        inputs: name of an input -> ids of the components that its artifacts are from.
        settings: dotted key -> value, of the settings that reached it.
        others: the rest of its parameters.
    """

    node: str
    run: str
    inputs: dict[str, list[str]]
    settings: dict[str, Any]
    others: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a version comes from.

    Attributes:
        model: its name.
        version: its number.
        folder: that it was pushed to.
        there: whether it still is there.
        labels: that name it.
        run: that pushed it.
        tfx: version of TFX that trained it.
        blessed: why it was blessed; empty where no Evaluator was asked.
        spans: that it learnt from, rising; more than one are a window.
        code: import path of a function -> fingerprint of its code, and of files that its settings name.
        relatives: models that it comes from, or was compared with.
        steps: in the order of their execution.
        commits: run that executed some of them -> commit of its code; of none that did not finish, or ran no checkout.
    """

    model: str
    version: int
    folder: str
    there: bool
    labels: list[str]
    run: str
    tfx: str
    blessed: str
    spans: list[Span]
    code: dict[str, str]
    relatives: list[Relative]
    steps: list[Step]
    commits: dict[str, str]

    def settings(self) -> dict[str, dict[str, Any]]:
        """Table of settings -> key -> value, of all steps; the own value of a model counts where steps differ."""
        tables: dict[str, dict[str, Any]] = {}
        for step in self.steps:
            for key, value in step.settings.items():
                table, _, leaf = key.rpartition(".")
                tables.setdefault(table or key, {})[leaf] = value
        if self.spans:
            tables.setdefault("data", {})["span"] = self.spans[-1].number  # whichever was read last
        return dict(sorted(tables.items()))


@dataclass(frozen=True, kw_only=True)
class _Push:
    artifact: mlmd.Artifact
    execution: int  # of the Pusher
    folder: Path
    model: int | None  # artifact

    @property
    def name(self) -> str:
        return self.folder.parent.name

    @property
    def version(self) -> int:
        return int(self.folder.name)


def of(paths: Paths, model: str | None = None, version: int | None = None) -> list[Lineage]:
    """The lineage of a version; without one, of the newest; without a model, of the newest version of each.

    Raises:
        MarqueeError: nothing has run or been pushed, or no such model or version has been.
    """
    store = history.open_store(paths.metadata)
    pushes = sorted(_pushes(store), key=lambda push: (push.name, push.version))
    if not pushes:
        raise MarqueeError(f"{paths.metadata}: no model has been pushed yet. `marquee run` pushes those it blesses.")
    names = sorted({push.name for push in pushes})
    if model is not None and model not in names:
        raise MarqueeError(f"{model}: no version of it has been pushed. Models that have: {', '.join(names)}.")
    chosen = []
    for name in names if model is None else [model]:
        own = [push for push in pushes if push.name == name]
        if version is not None:
            own = [push for push in own if push.version == version]
        if not own:
            pushed = ", ".join(str(push.version) for push in pushes if push.name == name)
            folder = paths.serving / name / str(version)
            if folder.is_dir():
                raise MarqueeError(
                    f"{folder}: is there, but the run that pushed it was killed before it was recorded, so nothing is "
                    f"known of it. Those that are: {pushed}."
                )
            raise MarqueeError(f"{name} {version}: no such version has been pushed. Those that have: {pushed}.")
        chosen.append(own[-1])
    labels = models_config.read(paths.serving)
    return [_lineage(store, push, pushes, models_config.labels(labels, push.name)) for push in chosen]


def _pushes(store: MetadataStore) -> Iterator[_Push]:
    for artifact in store.get_artifacts_by_type(PUSHED):
        destination = artifact.custom_properties["pushed_destination"].string_value
        execution = history.first_maker(store, artifact.id)
        if destination and execution and Path(destination).name.isdecimal():
            models = history.inputs(store, execution).get("model", ())
            model = models[0] if models else None
            yield _Push(artifact=artifact, execution=execution, folder=Path(destination), model=model)


def _lineage(store: MetadataStore, push: _Push, pushes: list[_Push], labels: Mapping[str, int]) -> Lineage:
    executions = _ancestors(store, push.execution)
    steps = [_step(store, execution) for execution in executions]
    trained = store.get_artifacts_by_id([push.model])[0] if push.model else None
    return Lineage(
        model=push.name,
        version=push.version,
        folder=str(push.folder),
        there=push.folder.is_dir(),
        labels=sorted(label for label, of in labels.items() if of == push.version),
        run=_run(store, push.execution),
        tfx=trained.custom_properties["tfx_version"].string_value if trained else "",
        blessed=_blessed(store, push.execution),
        spans=_spans(store, executions),
        code=_code(executions),
        relatives=list(dict.fromkeys(_relatives(store, executions, pushes))),
        steps=steps,
        commits=_commits(store, executions),
    )


def _ancestors(store: MetadataStore, execution: int) -> list[mlmd.Execution]:
    """The execution and all that made what it was given, but what made its parents; in order."""
    found: set[int] = set()
    ahead = [execution]
    while ahead:
        current = ahead.pop()
        if current in found:
            continue
        found.add(current)
        for key, artifacts in history.inputs(store, current).items():
            if key not in PARENTS and key not in BESIDE:
                ahead += filter(None, (history.first_maker(store, artifact) for artifact in artifacts))
    return sorted(store.get_executions_by_id(sorted(found)), key=lambda each: each.id)


def _step(store: MetadataStore, execution: mlmd.Execution) -> Step:
    node = history.component(history.node_of(store, execution.id))
    parameters = reasons.flat(history.parameters(execution))
    keys = {key: reasons.setting(node, key) for key in parameters}
    settings = {name: parameters[key] for key, name in keys.items() if name and key != reasons.RANGE}
    if reasons.SPAN in parameters:
        settings["data.span"] = parameters[reasons.SPAN]
    return Step(
        node=node,
        run=_run(store, execution.id),
        inputs={
            key: sorted({history.maker(store, artifact) for artifact in artifacts})
            for key, artifacts in sorted(history.inputs(store, execution.id).items())
        },
        settings=dict(sorted(settings.items())),
        others={key: parameters[key] for key, name in sorted(keys.items()) if not name},
    )


def _run(store: MetadataStore, execution: int) -> str:
    return next((context.name for context in _runs(store, execution)), "")


def _runs(store: MetadataStore, execution: int) -> Iterator[mlmd.Context]:
    return (context for context in store.get_contexts_by_execution(execution) if context.type == history.RUN)


def _commits(store: MetadataStore, executions: list[mlmd.Execution]) -> dict[str, str]:
    runs = [run for execution in executions for run in _runs(store, execution.id)]
    commits = {run.name: run.custom_properties[history.COMMIT].string_value for run in runs}
    return {run: commit for run, commit in sorted(commits.items()) if commit}


def _spans(store: MetadataStore, executions: list[mlmd.Execution]) -> list[Span]:
    found = dict.fromkeys(filter(None, (_span(store, execution) for execution in executions)))
    return sorted(found, key=lambda span: span.number)


def _span(store: MetadataStore, execution: mlmd.Execution) -> Span | None:
    parameters = history.parameters(execution)
    if reasons.FINGERPRINT not in parameters:
        return None
    films = None
    for event in store.get_events_by_execution_ids([execution.id]):
        if event.type == mlmd.Event.OUTPUT:
            [artifact] = store.get_artifacts_by_id([event.artifact_id])
            file = Path(artifact.uri) / "ingest.json"
            films = json.loads(file.read_text(encoding="utf-8"))["films"] if file.is_file() else None
    return Span(
        number=parameters[reasons.SPAN],
        folder=parameters["input_base"],
        pattern=parameters["pattern"],
        fingerprint=parameters[reasons.FINGERPRINT],
        films=films,
    )


def _code(executions: list[mlmd.Execution]) -> dict[str, str]:
    code = {}
    for execution in executions:
        parameters = reasons.flat(history.parameters(execution))
        for key in reasons.FUNCTIONS:
            if parameters.get(key) and reasons.SOURCE in parameters:
                code[parameters[key]] = parameters[reasons.SOURCE]
    return code


def _relatives(store: MetadataStore, executions: list[mlmd.Execution], pushes: list[_Push]) -> Iterator[Relative]:
    pushed = {push.model: push for push in pushes}
    for execution in executions:
        for key, artifacts in sorted(history.inputs(store, execution.id).items()):
            if key not in PARENTS and key != PARTS:
                continue
            for artifact in artifacts:
                maker = history.first_maker(store, artifact)
                if maker is None:
                    continue
                outputs = [
                    event.artifact_id
                    for event in store.get_events_by_execution_ids([maker])
                    if event.type == mlmd.Event.OUTPUT
                ]
                push = next((pushed[output] for output in outputs if output in pushed), None)
                yield Relative(
                    role=PARENTS.get(key, PART),
                    name=history.component(history.node_of(store, maker)).partition(".")[2],
                    version=push.version if push else None,
                    run=_run(store, maker),
                )


def _blessed(store: MetadataStore, pusher: int) -> str:
    reasons_given = []
    for artifact in history.inputs(store, pusher).get("model_blessing", ()):
        [blessing] = store.get_artifacts_by_id([artifact])
        reasons_given.append(blessing.custom_properties["reason"].string_value)
    return "; ".join(filter(None, reasons_given))


def as_dict(lineage: Lineage) -> dict[str, Any]:
    """For templates."""
    return dataclasses.asdict(lineage) | {"settings": lineage.settings()}
