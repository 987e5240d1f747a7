"""The same DAG for Kubeflow Pipelines and Vertex AI, compiled by TFX's KubeflowV2DagRunner."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_node
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Artifact
from tfx.types.channel import UnionChannel

import components
from pipeline.dag import create_pipeline
from pipeline.kubeflow_uris import MEMBER, mounted
from pipeline.paths import ROOT, Paths
from pipeline.settings import FILES, PARTS, Beam, Settings
from transform.errors import MarqueeError

IMAGE_ROOT = Path("/opt/marquee")  # of the code in the image, by its Dockerfile
COMMAND = ["python", "-m", "pipeline.kubeflow_step"]
# Artifact types of our own -> their title there, which is where TFX imports them from.
TITLES: dict[type[Artifact], str] = {getattr(components, name): f"components.{name}" for name in components.ARTIFACTS}
# Read files that their parameters do not tell the content of: never from the cache.
UNCACHED = ("FilmExampleGen", "ImportSchemaGen")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compiled:
    """A pipeline job, and what it lacks.

    Attributes:
        job: the PipelineJob as JSON has it; `job["pipelineSpec"]` is what Kubeflow Pipelines takes.
        left_out: ids of the nodes that are not in it.
    """

    job: dict[str, Any]
    left_out: list[str]


def compiled(settings: Settings, sources: Mapping[str, str]) -> Compiled:
    """Compiles the DAG.

    Resolvers are left out: Kubeflow has TFX's own two alone, and neither tells the models of one pipeline, or the
    span before from this one, apart. So there is no baseline: every model has to beat the best constant answer, and
    DriftReport finds nothing to compare with.

    Args:
        settings: `data.root` and `work` are buckets or absolute paths; `kubeflow.image` names the image.
        sources: as `create_pipeline` takes them.

    Raises:
        MarqueeError: a setting that Kubeflow cannot be given.
    """
    _check(settings)
    settings = dataclasses.replace(settings, name=settings.name.lower().replace("_", "-"))
    paths = Paths(
        data=Path(mounted(settings.data.root)), work=Path(mounted(settings.work)), schema=_schema_of_image(settings)
    )
    root = f"{settings.work.rstrip('/')}/artifacts"
    local = create_pipeline(_with_mounted_files(settings), paths, sources)
    with _titled():
        nodes, left_out = _portable(local)
        # The nodes have their Beam arguments already.
        pipeline = Pipeline(
            pipeline_name=settings.name,
            pipeline_root=root,
            components=nodes,
            enable_cache=True,
            dsl_context_registry=local.dsl_context_registry,
        )
        config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            default_image=settings.kubeflow.image, default_commands=COMMAND, use_pipeline_spec_2_1=True
        )
        job = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config).run(pipeline, write_out=False)
    spec = job["pipelineSpec"]
    if mounted(settings.work) != settings.work:  # Kubeflow Pipelines takes no path there, and has a root of its own
        spec["defaultPipelineRoot"] = root
    _name_setup_file_of_image(spec)
    for name, task in spec["root"]["dag"]["tasks"].items():
        if name in UNCACHED:
            task.pop("cachingOptions", None)
    return Compiled(job=job, left_out=left_out)


def _check(settings: Settings) -> None:
    if not settings.kubeflow.image:
        raise MarqueeError("kubeflow.image = '': allowed is the name of an image that holds Marquee: see BUILD.md.")
    if not settings.data.root:
        raise MarqueeError(
            "data.root = '': the sample is on this machine alone. Name a bucket, or a path that is mounted."
        )
    if settings.data.window > 1:
        raise MarqueeError(
            f"data.window = {settings.data.window}: on Kubeflow allowed is 1, since no resolver of its finds spans."
        )
    if settings.serving.check == "docker":
        raise MarqueeError(
            'serving.check = "docker": TFX compiles no InfraValidator for Kubeflow. Allowed: local, none.'
        )
    for field in dataclasses.fields(Beam):
        if (chosen := getattr(settings.beam, field.name)) != field.default:
            raise MarqueeError(
                f"beam.{field.name} = {chosen!r}: on Kubeflow allowed is {field.default!r}, since each container runs "
                "its own Beam job in its one process."
            )
    for key, value in (("data.root", settings.data.root), ("work", settings.work), *_files(settings)):
        if not mounted(value).startswith("/"):
            raise MarqueeError(
                f"{key} = {value!r}: on Kubeflow allowed is a bucket, as gs://name/folder, or an absolute path that "
                "every container mounts."
            )


def _schema_of_image(settings: Settings) -> Path | None:
    """Where the image has the curated schema, which is found as a run on this machine finds it; None without one.

    Raises:
        MarqueeError: it is not of this checkout, which is all that an image is built from.
    """
    schema = Paths.bind(settings).schema
    if schema is None:
        return None
    if not schema.is_relative_to(ROOT):
        raise MarqueeError(
            f"schema.file = {settings.schema.file!r}: {schema} is in no image, which has files below {ROOT} alone. "
            "Copy it there, build the image, and name the copy."
        )
    return IMAGE_ROOT / schema.relative_to(ROOT)


def _name_setup_file_of_image(spec: Mapping[str, Any]) -> None:
    """Changes Beam's arguments, which name the set-up file of this checkout."""
    ours, theirs = (f"--setup_file={root / 'setup.py'}" for root in (ROOT, IMAGE_ROOT))
    for executor in spec["deploymentSpec"]["executors"].values():
        container = executor["container"]
        container["args"] = [theirs if argument == ours else argument for argument in container["args"]]


def _files(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in PARTS:
        for key in FILES:
            if value := getattr(settings.training(name), key):
                yield f"{name}.{key}", value


def _with_mounted_files(settings: Settings) -> Settings:
    for name in PARTS:
        found: dict[str, Any] = {key: mounted(getattr(settings.training(name), key)) for key in FILES}
        changed: dict[str, Any] = {name: dataclasses.replace(settings.training(name), **found)}
        settings = dataclasses.replace(settings, **changed)
    return settings


def _portable(pipeline: Pipeline) -> tuple[list[base_node.BaseNode], list[str]]:
    """The nodes without resolvers and unions, under ids that Kubernetes takes; and the ids of those left out."""
    resolvers = [node for node in pipeline.components if isinstance(node, Resolver)]
    left_out = [node.id for node in resolvers]
    nodes = [node for node in pipeline.components if node not in resolvers]
    for node in nodes:
        for key, channel in list(node.inputs.items()):
            union = isinstance(channel, UnionChannel)
            members = channel.channels if union else [channel]
            kept = [each for each in members if each.producer_component_id not in left_out]
            if union or not kept:
                # The step puts members together again.
                del node.inputs[key]
                node.inputs.update({MEMBER.format(key=key, number=number): each for number, each in enumerate(kept)})
        node.upstream_nodes.difference_update(resolvers)
        node.downstream_nodes.difference_update(resolvers)
    for node in nodes:
        node.with_id(node.id.replace(".", "-"))
    return nodes, left_out


@contextlib.contextmanager
def _titled() -> Iterator[None]:
    """Names artifact types of our own as Kubeflow wants them while a pipeline is compiled."""
    before = {kind: kind.TYPE_NAME for kind in TITLES}
    try:
        for kind, title in TITLES.items():
            kind.TYPE_NAME = title
        yield
    finally:
        for kind, name in before.items():
            kind.TYPE_NAME = name
