"""FilmTrainer: its spec, and what reaches run_fn."""

import json
from pathlib import Path

import pytest
from tfx import types
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.film_trainer import component, executor
from components.label_balance.artifact import LabelBalance
from tests.balances import balance_artifact, balance_content
from tests.execute import execute

CONFIG = {"name": "toy", "epochs": None}
KINDS = {
    "examples": standard_artifacts.Examples,
    "transform_graph": standard_artifacts.TransformGraph,
    "schema": standard_artifacts.Schema,
    "label_balance": LabelBalance,
}
OPTIONAL = {
    "base_model": standard_artifacts.Model,
    "base_run": standard_artifacts.ModelRun,
    "hyperparameters": standard_artifacts.HyperParameters,
    "parts": standard_artifacts.ModelRun,
}


def run_fn(fn_args) -> None:
    """Trains nothing; tells what it was given."""
    folder = Path(fn_args.serving_model_dir)
    folder.mkdir(parents=True)
    told = {
        "config": fn_args.custom_config,
        "base_model": fn_args.base_model,
        "train": fn_args.train_files,
        "eval": fn_args.eval_files,
    }
    (folder / "told.json").write_text(json.dumps(told))


def node(**given) -> component.FilmTrainer:
    return component.FilmTrainer(
        **{**{name: types.Channel(type=kind) for name, kind in KINDS.items()}, **given},
        run_fn="tests.components.test_film_trainer.run_fn",
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config=CONFIG,
    )


def test_the_spec_is_trainers_with_a_label_balance():
    built = node()
    assert set(built.inputs) == set(KINDS)
    assert set(built.outputs) == {"model", "model_run"}
    assert json.loads(built.exec_properties["custom_config"]) == CONFIG
    assert built.executor_spec.executor_class is executor.Executor
    with pytest.raises(TypeError, match="label_balance"):
        node(label_balance=types.Channel(type=standard_artifacts.Schema))


def test_trainers_other_inputs_stay_possible():
    assert set(OPTIONAL) <= set(node(**{name: types.Channel(type=kind) for name, kind in OPTIONAL.items()}).inputs)


def given(tmp_path, content) -> dict:
    """Artifacts by input."""
    examples, graph, schema = (KINDS[name]() for name in ("examples", "transform_graph", "schema"))
    examples.uri, examples.split_names = (
        str(tmp_path / "examples"),
        artifact_utils.encode_split_names(["train", "eval"]),
    )
    graph.uri, schema.uri = str(tmp_path / "graph"), str(tmp_path / "schema")
    Path(schema.uri).mkdir()
    (tmp_path / "schema" / "schema.pbtxt").write_text("")
    return {
        "examples": [examples],
        "transform_graph": [graph],
        "schema": [schema],
        "label_balance": [balance_artifact(tmp_path / "balance", content)],
    }


def told_of(outputs) -> dict:
    return json.loads((Path(outputs["model"][0].uri) / "Format-Serving" / "told.json").read_text())


def test_run_fn_has_the_label_balance_beside_its_configuration(tmp_path):
    content = balance_content({"Drame d'époque": 3, "War": 2})
    built = node()
    told = told_of(execute(built, given(tmp_path, content), tmp_path / "out"))
    assert told["config"] == {**CONFIG, "label_balance": content}
    assert told["train"] == [str(tmp_path / "examples" / "Split-train" / "*")]
    assert told["eval"] == [str(tmp_path / "examples" / "Split-eval" / "*")]
    assert json.loads(built.exec_properties["custom_config"]) == CONFIG


def test_run_fn_has_the_folders_of_what_a_model_is_made_of(tmp_path):
    content = balance_content({"War": 2})
    runs = []
    for name in ("lstm", "cnn"):
        run = standard_artifacts.ModelRun()
        run.uri = str(tmp_path / name)
        Path(run.uri).mkdir()
        (tmp_path / name / "training.json").write_text(json.dumps({"name": name}))
        runs.append(run)
    built = node(parts=types.Channel(type=standard_artifacts.ModelRun))
    told = told_of(execute(built, {**given(tmp_path, content), "parts": runs}, tmp_path / "out"))
    assert told["config"]["parts"] == {name: str(tmp_path / name) for name in ("lstm", "cnn")}


def test_run_fn_has_what_it_starts_from(tmp_path):
    model, run = standard_artifacts.Model(), standard_artifacts.ModelRun()
    model.id, model.uri, run.uri = 12, str(tmp_path / "base"), str(tmp_path / "base_run")
    channels = {"base_model": types.Channel(type=type(model)), "base_run": types.Channel(type=type(run))}
    built = node(**channels)
    artifacts = given(tmp_path, balance_content({"War": 2}))
    told = told_of(execute(built, {**artifacts, "base_model": [model], "base_run": [run]}, tmp_path / "out"))
    assert told["base_model"] == str(tmp_path / "base" / "Format-Serving")
    assert told["config"]["base"] == {"model": 12, "run": str(tmp_path / "base_run")}
    told = told_of(execute(built, {**artifacts, "base_model": [], "base_run": []}, tmp_path / "none"))  # none blessed
    assert told["base_model"] is None
    assert "base" not in told["config"]
