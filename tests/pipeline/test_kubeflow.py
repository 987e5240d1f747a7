"""The DAG compiled for Kubeflow and Vertex: every node and edge, and what its containers are told."""

import collections
import importlib
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.common.resolver import Resolver

from components.drift_report.artifact import DriftReport
from pipeline import beam, cli, kubeflow_dag
from pipeline.dag import create_pipeline
from pipeline.kubeflow_uris import joined, mounted, unmounted
from pipeline.paths import Paths
from pipeline.settings import load
from transform.errors import MarqueeError

IMAGE = "registry.example/marquee:1"
BUCKETS = {"kubeflow.image": IMAGE, "data.root": "gs://bucket/films", "work": "gs://bucket/work"}
SOURCES: dict[str, str] = collections.defaultdict(str)


def setup_files(executors: Iterable[dict]) -> list[str]:
    """What their containers' arguments name as Beam's set-up file."""
    flag = "--setup_file="
    args = [argument for executor in executors for argument in executor["container"]["args"]]
    return [argument.removeprefix(flag) for argument in args if argument.startswith(flag)]


@pytest.fixture(scope="module")
def found() -> kubeflow_dag.Compiled:
    return kubeflow_dag.compiled(load(None, {**BUCKETS, "name": "Film_genres", "cnn.epochs": 3}), SOURCES)


@pytest.fixture(scope="module")
def spec(found) -> dict:
    return found.job["pipelineSpec"]


def test_it_parses_as_what_kubeflow_takes(found, spec):
    job = json_format.ParseDict(found.job, pipeline_spec_pb2.PipelineJob())
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert parsed.pipeline_info.name == "film-genres"
    assert parsed.schema_version == "2.1.0"
    assert job.runtime_config.gcs_output_directory == parsed.default_pipeline_root == "gs://bucket/work/artifacts"
    assert json.loads(json.dumps(found.job)) == yaml.safe_load(yaml.safe_dump(found.job)) == found.job


def test_every_node_is_there_but_resolvers(found, spec):
    paths = Paths(data=Path("/d"), work=Path("/w"), schema=None)
    nodes = create_pipeline(load(None, {}), paths, SOURCES).components
    resolvers = {node.id for node in nodes if isinstance(node, Resolver)}
    expected = {node.id.replace(".", "-") for node in nodes} - {name.replace(".", "-") for name in resolvers}
    assert set(spec["root"]["dag"]["tasks"]) == expected
    assert set(found.left_out) == resolvers
    assert {"PreviousSpan", "LatestBlessed.fusion"} <= resolvers


def test_every_edge_leads_to_an_output_that_is_there(spec):
    tasks, components = spec["root"]["dag"]["tasks"], spec["components"]
    edges = collections.defaultdict(set)
    for name, task in tasks.items():
        for key, given in task.get("inputs", {}).get("artifacts", {}).items():
            source = given["taskOutputArtifact"]
            outputs = components[tasks[source["producerTask"]]["componentRef"]["name"]]["outputDefinitions"]
            assert source["outputArtifactKey"] in outputs["artifacts"]
            assert source["producerTask"] in task["dependentTasks"]
            edges[name].add((key, source["producerTask"]))
        assert set(task.get("dependentTasks", [])) <= set(tasks)
    assert ("parts__0", "Trainer-cnn") in edges["Trainer-fusion"]
    assert ("parts__1", "Trainer-lstm") in edges["Trainer-fusion"]
    assert {producer for key, producer in edges["ComparisonReport"] if key.startswith("model__")} == {
        "Trainer-cnn", "Trainer-lstm", "Trainer-fusion",
    }  # fmt: skip
    assert {"ExampleValidator", "DriftGate"} <= set(tasks["Transform"]["dependentTasks"])
    assert edges["Pusher-lstm"] == {
        ("model", "Trainer-lstm"), ("model_blessing", "Evaluator-lstm"), ("infra_blessing", "ServingCheck-lstm"),
    }  # fmt: skip
    assert "baseline_model" not in dict(edges["Evaluator-lstm"])


def test_every_container_runs_our_image_and_an_executor_that_is_there(spec):
    executors = spec["deploymentSpec"]["executors"]
    assert len(executors) == len(spec["root"]["dag"]["tasks"])
    for executor in executors.values():
        container = executor["container"]
        assert (container["image"], container["command"]) == (IMAGE, kubeflow_dag.COMMAND)
        args = container["args"]
        module, _, name = args[args.index("--executor_class_path") + 1].rpartition(".")
        assert hasattr(importlib.import_module(module), name)
        assert args[args.index("--json_serialized_invocation_args") + 1] == "{{$}}"
        assert set(setup_files([executor])) <= {f"{kubeflow_dag.IMAGE_ROOT}/setup.py"}
    assert setup_files(executors.values())


def test_nothing_but_the_set_up_file_is_renamed_whatever_the_checkout_is_called(monkeypatch):
    for module in (beam, kubeflow_dag):
        monkeypatch.setattr(module, "ROOT", Path("/marquee"))
    given = {**BUCKETS, "kubeflow.image": "registry.example/marquee:1", "data.root": "/marquee/films", "models": "lstm"}
    spec = kubeflow_dag.compiled(load(None, given), SOURCES).job["pipelineSpec"]
    executors = spec["deploymentSpec"]["executors"].values()
    assert {executor["container"]["image"] for executor in executors} == {"registry.example/marquee:1"}
    assert set(setup_files(executors)) == {"/opt/marquee/setup.py"}
    inputs = spec["root"]["dag"]["tasks"]["FilmExampleGen"]["inputs"]["parameters"]
    assert inputs["input_base"]["runtimeValue"]["constant"] == "/marquee/films"


def test_settings_reach_parameters_and_buckets_are_mounted(spec):
    tasks = spec["root"]["dag"]["tasks"]

    def parameter(task: str, key: str):
        return tasks[task]["inputs"]["parameters"][key]["runtimeValue"]["constant"]

    assert parameter("FilmExampleGen", "input_base") == "/gcs/bucket/films"
    assert json.loads(parameter("Trainer-cnn", "custom_config"))["epochs"] == 3
    pushed = json.loads(parameter("Pusher-cnn", "push_destination"))
    assert pushed["filesystem"]["base_directory"] == "/gcs/bucket/work/serving_model/cnn"


def test_what_reads_files_is_never_from_the_cache(spec):
    tasks = spec["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert set(tasks) - cached == {"FilmExampleGen"}


def test_our_artifact_types_are_found_by_their_titles_and_keep_their_names():
    for kind, title in kubeflow_dag.TITLES.items():
        package, name = title.split(".")
        assert getattr(importlib.import_module(package), name) is kind
    assert DriftReport.TYPE_NAME == "DriftReport"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"kubeflow.image": ""}, "kubeflow.image = ''"),
        ({"data.window": 2}, "data.window = 2: on Kubeflow allowed is 1"),
        ({"data.root": ""}, "data.root = ''"),
        ({"data.root": "films"}, "data.root = 'films': on Kubeflow allowed is a bucket"),
        ({"work": "work"}, "work = 'work': on Kubeflow"),
        ({"cnn.backbone": "net.keras"}, "cnn.backbone = 'net.keras': on Kubeflow"),
        ({"serving.check": "docker"}, 'serving.check = "docker"'),
        (
            {"beam.engine": "dataflow", "beam.options": ["--project=p", "--region=r", "--temp_location=gs://b/t"]},
            "beam.engine = 'dataflow': on Kubeflow allowed is 'direct'",
        ),
        ({"beam.workers": 2}, "beam.workers = 2: on Kubeflow allowed is 1"),
        ({"beam.options": ["--pickle_library=dill"]}, "beam.options = ('--pickle_library=dill',): on Kubeflow"),
    ],
)
def test_what_kubeflow_cannot_be_given_is_refused(overrides, said):
    with pytest.raises(MarqueeError) as error:
        kubeflow_dag.compiled(load(None, {**BUCKETS, **overrides}), SOURCES)
    assert said in str(error.value)


def test_mounted_folders_are_taken_as_they_are():
    found = kubeflow_dag.compiled(load(None, {**BUCKETS, "data.root": "/mnt/films", "models": "lstm"}), SOURCES)
    tasks = found.job["pipelineSpec"]["root"]["dag"]["tasks"]
    inputs = tasks["FilmExampleGen"]["inputs"]["parameters"]
    assert inputs["input_base"]["runtimeValue"]["constant"] == "/mnt/films"
    assert "Trainer-fusion" not in tasks


def test_a_mounted_work_folder_is_no_root_that_kubeflow_pipelines_takes():
    found = kubeflow_dag.compiled(load(None, {**BUCKETS, "work": "/mnt/work", "models": "lstm"}), SOURCES)
    assert "defaultPipelineRoot" not in found.job["pipelineSpec"]
    assert found.job["runtimeConfig"]["gcsOutputDirectory"] == "/mnt/work/artifacts"


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A checkout with a curated schema in it, and in the current folder."""
    folder = tmp_path / "checkout"
    (folder / "schema").mkdir(parents=True)
    (folder / "schema" / "schema.pbtxt").write_text("# curated\n")
    monkeypatch.setattr(kubeflow_dag, "ROOT", folder)
    monkeypatch.chdir(folder)
    return folder


def imported_schema(**overrides: str) -> str | None:
    """The file that the compiled pipeline imports the schema from; None where it infers one."""
    found = kubeflow_dag.compiled(load(None, {**BUCKETS, "models": "lstm", **overrides}), SOURCES)
    tasks = found.job["pipelineSpec"]["root"]["dag"]["tasks"]
    if "ImportSchemaGen" not in tasks:
        assert "SchemaGen" in tasks
        return None
    assert "cachingOptions" not in tasks["ImportSchemaGen"]
    return tasks["ImportSchemaGen"]["inputs"]["parameters"]["schema_file"]["runtimeValue"]["constant"]


def test_a_curated_schema_is_imported_from_the_image(checkout, monkeypatch):
    in_image = "/opt/marquee/schema/schema.pbtxt"
    assert imported_schema() == in_image
    assert imported_schema(**{"schema.file": str(checkout / "schema" / "schema.pbtxt")}) == in_image
    monkeypatch.chdir(checkout / "schema")  # a run finds it from the current folder, too
    assert imported_schema(**{"schema.file": "schema.pbtxt"}) == in_image
    assert imported_schema() is None


def test_a_curated_schema_that_no_image_has_is_refused(checkout, tmp_path):
    elsewhere = tmp_path / "schema.pbtxt"
    elsewhere.write_text("# curated\n")
    with pytest.raises(MarqueeError) as error:
        imported_schema(**{"schema.file": "../schema.pbtxt"})
    assert f"schema.file = '../schema.pbtxt': {elsewhere} is in no image" in str(error.value)
    assert f"below {checkout} alone" in str(error.value)


@pytest.mark.parametrize(("uri", "path"), [("gs://b/x", "/gcs/b/x"), ("minio://b", "/minio/b"), ("/mnt/x", "/mnt/x")])
def test_buckets_are_folders(uri, path):
    assert mounted(uri) == path
    assert unmounted(path) == uri


def test_members_of_a_union_are_joined_in_their_order():
    given = {f"parts__{number}": {"artifacts": [{"uri": str(number)}]} for number in (10, 2, 0)}
    whole = joined({**given, "schema": {"artifacts": [{"uri": "s"}]}, "none": {}})
    assert [each["uri"] for each in whole["parts"]["artifacts"]] == ["0", "2", "10"]
    assert whole["schema"]["artifacts"] == [{"uri": "s"}]
    assert whole["none"]["artifacts"] == []


@pytest.mark.parametrize(("file", "read"), [("p.json", json.loads), ("p.yaml", yaml.safe_load)])
def test_the_command_writes_json_or_yaml(file, read, tmp_path):
    options = [word for key, value in BUCKETS.items() for word in ("--set", f"{key}={value}")]
    out = tmp_path / file
    done = CliRunner().invoke(
        cli.main,
        ["compile", "--to", "kubeflow", "--out", str(out), "--models", "lstm", *options],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    content = read(out.read_text())
    spec = content["pipelineSpec"] if file.endswith("json") else content
    assert "Trainer-lstm" in spec["root"]["dag"]["tasks"]
    assert spec["defaultPipelineRoot"] == "gs://bucket/work/artifacts"
    assert "LatestBlessed.lstm" in done.output
