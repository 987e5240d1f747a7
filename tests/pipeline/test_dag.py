"""The DAG as a pure function of settings."""

import importlib
import re
from pathlib import Path

import keras
import pytest
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.components.common.resolver import Resolver

from pipeline import paths, settings
from pipeline.dag import CODE, create_pipeline
from pipeline.paths import (
    Paths,
    files_fingerprints,
    require_writable,
    snapshot_of_schema,
    source_fingerprint,
    with_absolute_files,
)
from transform.errors import MarqueeError

SOURCES = dict.fromkeys(CODE, "code")
DRIFT = {"PreviousSpan", "DriftReport", "DriftGate"}
SHARED = {"FilmExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", *DRIFT, "LabelBalance", "Transform"}
SHARED |= {"ComparisonReport"}


def dag(schema: Path | None = None, **overrides):
    chosen = settings.load(None, overrides)
    return create_pipeline(chosen, Paths(data=Path("/d"), work=Path("/w"), schema=schema), SOURCES)


def of_model(name: str) -> set[str]:
    return {f"{step}.{name}" for step in ("Trainer", "LatestBlessed", "Evaluator", "ServingCheck", "Pusher")}


def test_every_model_has_its_own_branch():
    assert {node.id for node in dag().components} == SHARED | of_model("cnn") | of_model("lstm") | of_model("fusion")
    assert {node.id for node in dag(models="lstm").components} == SHARED | of_model("lstm")


def test_what_a_fusion_is_made_of_is_trained_before_it():
    nodes = {node.id: node for node in dag(models="fusion").components}
    assert set(nodes) == SHARED | of_model("fusion") | {"Trainer.cnn", "Trainer.lstm"}
    assert {nodes["Trainer.cnn"], nodes["Trainer.lstm"]} <= nodes["Trainer.fusion"].upstream_nodes


@pytest.mark.parametrize(("check", "node"), [("local", "ServingCheck"), ("docker", "InfraValidator"), ("none", None)])
def test_a_push_waits_for_the_check_that_is_asked_for(check, node):
    nodes = {each.id: each for each in dag(models="lstm", **{"serving.check": check}).components}
    pusher, found = nodes["Pusher.lstm"], nodes.get("ServingCheck.lstm")
    assert (type(found).__name__ if found else None) == node
    assert ("infra_blessing" in pusher.inputs) == (node is not None)
    assert found is None or found in pusher.upstream_nodes


def test_models_are_compared_once_all_are_evaluated():
    nodes = {node.id: node for node in dag(models="cnn,fusion").components}
    assert {nodes["Evaluator.cnn"], nodes["Evaluator.fusion"]} <= nodes["ComparisonReport"].upstream_nodes
    assert nodes["Trainer.lstm"] not in nodes["ComparisonReport"].upstream_nodes


def test_a_base_model_is_looked_for_where_a_warm_start_is_asked_for():
    nodes = {node.id: node for node in dag(**{"lstm.warm_start": True}).components}
    assert set(nodes) - {node.id for node in dag().components} == {"BaseModel.lstm"}
    assert nodes["BaseModel.lstm"] in nodes["Trainer.lstm"].upstream_nodes
    assert nodes["Transform"] in nodes["BaseModel.lstm"].upstream_nodes
    assert {"base_model", "base_run"} <= set(nodes["Trainer.lstm"].inputs)
    assert "base_model" not in nodes["Trainer.cnn"].inputs


def test_a_part_that_is_not_evaluated_here_may_ask_for_a_base_model():
    compiled = Compiler().compile(dag(models="fusion", **{"lstm.warm_start": True, "lstm.tuner": True}))
    ids = [node.pipeline_node.node_info.id for node in compiled.nodes]
    assert ids.index("BaseModel.lstm") < ids.index("Trainer.lstm") > ids.index("Tuner.lstm")


def test_a_search_comes_before_the_trainer_that_it_is_for():
    nodes = {node.id: node for node in dag(**{"cnn.tuner": True}).components}
    assert set(nodes) - {node.id for node in dag().components} == {"Tuner.cnn"}
    assert nodes["Trainer.cnn"].inputs["hyperparameters"].producer_component_id == "Tuner.cnn"
    assert "hyperparameters" not in nodes["Trainer.lstm"].inputs
    assert nodes["Tuner.cnn"].exec_properties["tuner_fn"] == "trainer.cnn.tuner_fn"


def test_a_window_is_trained_on_and_this_span_alone_looked_at():
    nodes = {node.id: node for node in dag(**{"data.window": 2}).components}
    assert set(nodes) - {node.id for node in dag().components} == {"Window", "AnalyzerCache"}
    makers = {
        id: {key: channel.producer_component_id for key, channel in node.inputs.items() if "examples" in key}
        for id, node in nodes.items()
        if not isinstance(node, Resolver)
    }
    assert makers["LabelBalance"] == makers["Transform"] == {"examples": "Window"}
    assert nodes["LabelBalance"].inputs["statistics"].producer_component_id == "Window"
    for id in ("StatisticsGen", "Evaluator.cnn", "ServingCheck.cnn"):
        assert makers[id] == {"examples": "FilmExampleGen"}
    for id in ("SchemaGen", "ExampleValidator", "DriftReport"):
        assert nodes[id].inputs["statistics"].producer_component_id == "StatisticsGen"
    assert makers["ComparisonReport"] == {
        "examples": "FilmExampleGen", "transformed_examples": "Transform", "learnt_examples": "Window",
    }  # fmt: skip
    assert nodes["Transform"].inputs["analyzer_cache"].producer_component_id == "AnalyzerCache"
    assert "updated_analyzer_cache" in nodes["Transform"].outputs
    Compiler().compile(dag(**{"data.window": 2, "lstm.warm_start": True}))


def test_without_a_window_nothing_is_other_than_it_was():
    nodes = {node.id: node for node in dag(**{"data.window": 1}).components}
    assert set(nodes["Transform"].inputs) == {"examples", "schema", "label_balance"}
    assert set(nodes["Transform"].outputs) == {"transform_graph", "transformed_examples"}
    assert set(nodes["ComparisonReport"].inputs) == {"examples", "transformed_examples", "model", "model_run"}


def test_a_curated_schema_is_imported_instead_of_inferred():
    ids = {node.id for node in dag(schema=Path("/schema.pbtxt")).components}
    assert "ImportSchemaGen" in ids
    assert "SchemaGen" not in ids


def test_an_edited_schema_is_another_input(tmp_path):
    file = tmp_path / "schema.pbtxt"
    paths = Paths(data=Path("/d"), work=tmp_path / "work", schema=file)
    bound = []
    for content in ("# one\n", "# two\n", "# one\n"):
        file.write_text(content)
        bound.append(snapshot_of_schema(paths).schema)
        assert bound[-1].read_text() == content
    assert bound[0] == bound[2] != bound[1]


@pytest.mark.parametrize("content", [b"feature {\n  name: oops\n}\n", b"\xff"])
def test_a_schema_that_is_none_is_refused_by_name(tmp_path, content):
    file = tmp_path / "schema.pbtxt"
    file.write_bytes(content)
    with pytest.raises(MarqueeError, match=f"{file}: not a schema"):
        snapshot_of_schema(Paths(data=Path("/d"), work=tmp_path / "work", schema=file))


@pytest.mark.parametrize("name", ["films [2024]", "films*", "films?"])
def test_a_work_folder_that_beam_would_take_for_a_pattern_is_refused(tmp_path, name):
    with pytest.raises(MarqueeError, match=f"{re.escape(name)}: Beam takes"):
        require_writable(tmp_path / name)


def test_it_touches_no_disk_and_stays_the_same():
    first, second = (dag() for _ in range(2))
    assert not Path("/w").exists()
    for one, other in zip(first.components, second.components, strict=True):
        assert one.id == other.id
        assert one.exec_properties == other.exec_properties


@pytest.mark.parametrize("guard", ["ExampleValidator", "DriftGate", "LabelBalance"])
def test_nothing_is_transformed_before(guard):
    nodes = {node.id: node for node in dag().components}
    assert nodes[guard] in nodes["Transform"].upstream_nodes


@pytest.mark.parametrize(
    ("overrides", "changed"),
    [
        ({}, set()),
        ({"lstm.epochs": 3}, {"Trainer.lstm"}),
        ({"transform.image_size": 48}, {"Transform", "Trainer.cnn", "Trainer.lstm", "Trainer.fusion"}),
        ({"data.span": 2}, {"FilmExampleGen"}),
        ({"data.window": 2}, set()),
        ({"evaluation.max_map_drop": 0.5}, {"Evaluator.cnn", "Evaluator.lstm", "Evaluator.fusion"}),
        ({"schema.on_anomaly": "warn"}, {"ExampleValidator"}),
        ({"drift.on_drift": "stop"}, {"DriftGate"}),
        ({"balance.min_train": 3}, {"LabelBalance"}),
        ({"cnn.class_balance": "weights"}, {"Trainer.cnn"}),
        ({"data.pattern": "films/{SPAN}"}, {"FilmExampleGen"}),
    ],
)
def test_a_setting_reaches_the_components_that_it_is_for(overrides, changed):
    before = {node.id: node.exec_properties for node in dag().components}
    after = {node.id: node.exec_properties for node in dag(**overrides).components}
    assert {id for id in before if before[id] != after[id]} == changed


@pytest.mark.parametrize(
    ("key", "model", "inside"),
    [("embeddings", "lstm", ""), ("backbone", "cnn", ""), ("backbone", "cnn", "variables/v")],
)
def test_other_content_of_a_file_that_the_settings_name_is_another_input(tmp_path, key, model, inside):
    named = tmp_path / "named"
    content = named / inside if inside else named
    content.parent.mkdir(parents=True, exist_ok=True)

    def configured(text: str) -> dict[str, str]:
        content.write_text(text)
        chosen = settings.load(None, {f"{model}.{key}": str(named)})
        pipeline = create_pipeline(
            chosen, Paths(data=Path("/d"), work=Path("/w"), schema=None), SOURCES | files_fingerprints(chosen)
        )
        return {node.id: node.exec_properties.get("custom_config") for node in pipeline.components}

    one, same, other = (configured(text) for text in ("war 1 2\n", "war 1 2\n", "war 1 3\n"))
    assert one == same
    assert {id for id in one if one[id] != other[id]} == {f"Trainer.{model}"}


def test_files_that_the_settings_name_are_found_from_here_and_from_home(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    given = settings.load(None, {"lstm.embeddings": "vectors.txt", "cnn.backbone": "~/net.keras"})
    bound = with_absolute_files(given)
    assert (bound.lstm.embeddings, bound.cnn.backbone) == (str(tmp_path / "vectors.txt"), "/home/ada/net.keras")
    assert with_absolute_files(settings.load(None)) == settings.load(None)
    assert files_fingerprints(settings.load(None)) == {}
    assert set(files_fingerprints(bound)) == {"lstm", "cnn"}  # their Trainers will miss them


def test_what_tfx_imports_anew_has_no_layer():
    """Keras would know another class by its name than the modules that were imported before."""
    modules = [importlib.import_module(name) for name in CODE]
    before = dict(keras.saving.get_custom_objects())
    for module in modules:
        importlib.reload(module)
    assert "marquee>AttentionPooling" in before
    assert keras.saving.get_custom_objects() == before


def test_changed_code_is_another_input_of_what_reaches_it(tmp_path, monkeypatch):
    code = {
        "trainer/__init__.py": "",
        "trainer/cnn.py": "import numpy\nfrom trainer import fitting\n",
        "trainer/lstm.py": "from trainer import fitting, words\n",
        "trainer/fitting.py": "def run():\n    from transform.features import PIXELS\n",
        "trainer/words.py": "import trainer.lstm\n",  # a circle
        "trainer/fusion.py": "from trainer.cnn import run_fn\nfrom trainer.lstm import run_fn as other\n",
        "transform/features.py": "PIXELS = 1\n",
    }
    monkeypatch.setattr("pipeline.paths.ROOT", tmp_path)
    for name, text in code.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    def fingerprints() -> dict[str, str]:
        return {model: source_fingerprint(f"trainer.{model}") for model in ("cnn", "lstm", "fusion")}

    def changed_by(name: str) -> set[str]:
        before = fingerprints()
        (tmp_path / name).write_text(code[name] + "a = 2\n")
        after = fingerprints()
        return {model for model in before if before[model] != after[model]}

    assert fingerprints() == fingerprints()
    assert changed_by("trainer/cnn.py") == {"cnn", "fusion"}
    assert changed_by("trainer/words.py") == {"lstm", "fusion"}
    for common in ("trainer/__init__.py", "trainer/fitting.py", "transform/features.py"):
        assert changed_by(common) == {"cnn", "lstm", "fusion"}


def test_every_module_that_a_component_is_given_is_reached_with_what_it_imports():
    reached = {module: {path.stem for path in paths._reached(module)} for module in CODE}
    assert {"cnn", "fitting", "decisions", "features"} <= reached["trainer.cnn"]
    assert "cnn" not in reached["trainer.lstm"]
    assert {"cnn", "lstm"} <= reached["trainer.fusion"]
    assert {"preprocessing", "posters"} <= reached["transform.preprocessing"]
    assert len({source_fingerprint(module) for module in CODE}) == len(CODE)


def test_a_new_fingerprint_reaches_the_components_that_it_is_for():
    def configured(sources: dict[str, str]) -> dict[str, object]:
        built = create_pipeline(settings.load(None), Paths(data=Path("/d"), work=Path("/w"), schema=None), sources)
        return {node.id: node.exec_properties for node in built.components}

    before = configured(SOURCES)
    for module, changed in {
        "transform.preprocessing": {"Transform"},
        "trainer.lstm": {"Trainer.lstm"},
        "trainer.explain": {"ComparisonReport"},
    }.items():
        after = configured(SOURCES | {module: "edited"})
        assert {id for id in before if before[id] != after[id]} == changed
