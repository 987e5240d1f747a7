"""FilmTuner: its spec, and a search on fake films whose outcome a Trainer is given."""

import dataclasses
import json
from pathlib import Path

import pytest
from tfx import types
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.film_tuner import component, executor
from components.label_balance.artifact import LabelBalance
from tests.balances import balance_artifact
from tests.datapath import CONFIG
from tests.execute import execute
from tests.training import SETTINGS, fit

KINDS = {
    "examples": standard_artifacts.Examples,
    "transform_graph": standard_artifacts.TransformGraph,
    "schema": standard_artifacts.Schema,
    "label_balance": LabelBalance,
}


def node(**config) -> component.FilmTuner:
    return component.FilmTuner(
        **{name: types.Channel(type=kind) for name, kind in KINDS.items()},
        tuner_fn="trainer.lstm.tuner_fn",
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config={**dataclasses.asdict(SETTINGS), **CONFIG, "name": "lstm", **config},
    )


def test_the_spec_is_tuners_with_a_label_balance():
    built = node()
    assert set(built.inputs) == set(KINDS)
    assert {name: channel.type for name, channel in built.outputs.items()} == {
        "best_hyperparameters": standard_artifacts.HyperParameters,
        "tuner_results": standard_artifacts.TunerResults,
    }
    assert built.executor_spec.executor_class is executor.Executor


@pytest.mark.slow
def test_a_trainer_learns_with_what_a_search_has_found(transformed, tmp_path, capsys):
    artifacts = {name: kind() for name, kind in KINDS.items() if name != "label_balance"}
    artifacts["examples"].split_names = artifact_utils.encode_split_names(["train", "eval"])
    artifacts["examples"].uri, artifacts["transform_graph"].uri = str(transformed.transformed), str(transformed.graph)
    artifacts["schema"].uri = str(tmp_path / "schema")
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "schema.pbtxt").write_text("")
    inputs = {name: [artifact] for name, artifact in artifacts.items()}
    inputs["label_balance"] = [balance_artifact(tmp_path / "balance", transformed.balance)]
    outputs = execute(node(tuner_trials=3, epochs=1), inputs, tmp_path / "out")
    assert "Search space" not in capsys.readouterr().out

    found = json.loads((Path(outputs["best_hyperparameters"][0].uri) / "best_hyperparameters.txt").read_text())
    trials = json.loads((Path(outputs["tuner_results"][0].uri) / "tuner_results.json").read_text())
    assert len(trials) == 3
    best = min(trials, key=lambda trial: trial["score"])
    assert found["values"] == {name: best[name] for name in ("learning_rate", "weight_decay", "dropout", "width")}
    assert any(trial["learning_rate"] == SETTINGS.learning_rate for trial in trials)

    fitted = fit(transformed, tmp_path / "fit", "lstm", "default", hyperparameters=found, epochs=1)
    training = json.loads((fitted.run / "training.json").read_text())
    assert training["hyperparameters"] == found["values"]
    assert training["learning_rate"] == found["values"]["learning_rate"]
    assert training["weight_decay"] == found["values"]["weight_decay"]
