"""Trains a model on a few films by the code that the Trainer runs."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.settings import Training
from tests.datapath import CONFIG
from trainer import cnn, fitting, fusion, lstm

RECIPES = {"cnn": cnn.RECIPES, "lstm": lstm.RECIPES}
SETTINGS = Training(epochs=4, batch_size=16, learning_rate=2e-3, folds=2, seed=5)
VARIANTS = [(name, variant) for name in RECIPES for variant in RECIPES[name]] + [("fusion", "default")]


def fit(transformed, folder: Path, name: str, variant: str, base=None, hyperparameters=None, **changes):
    """The model, and what it left below `folder`: model/ and run/; parts of a fusion, which get `changes`, beside.

    `base` is what this has returned before, to start from; `hyperparameters` what a Tuner has found; changes by the
    name of a part ({"cnn": {...}}) are of that part alone.
    """
    own = {part: changes.pop(part, {}) for part in RECIPES}
    parts = {}
    if name == "fusion":
        parts = {
            part: str(fit(transformed, folder / part, part, variant, **{**changes, **own[part]}).run)
            for part in RECIPES
        }
    started = {"base": {"model": 1, "run": str(base.run)}} if base else {}
    arguments = FnArgs(
        train_files=[str(transformed.transformed / "Split-train" / "*")],
        eval_files=[str(transformed.transformed / "Split-eval" / "*")],
        transform_graph_path=str(transformed.graph),
        serving_model_dir=str(folder / "model"),
        model_run_dir=str(folder / "run"),
        base_model=str(base.model) if base else None,
        hyperparameters=hyperparameters,
        custom_config={
            **CONFIG, **dataclasses.asdict(SETTINGS), "name": name, "variant": variant,
            "label_balance": transformed.balance, "parts": parts, **started, **changes,
        },
    )  # fmt: skip
    network = fusion.run(arguments) if parts else fitting.run(arguments, RECIPES[name])
    served = tf.saved_model.load(str(folder / "model")).signatures
    return SimpleNamespace(name=name, network=network, served=served, model=folder / "model", run=folder / "run")
