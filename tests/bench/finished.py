"""What benches read of the work folder of a finished run."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.settings import Training, Transform
from trainer import cnn, fitting, lstm
from trainer.fitting import Job
from trainer.recipe import Recipe, choose

MODELS = {"cnn": cnn, "lstm": lstm}


def newest(work: Path, component: str, output: str) -> Path:
    """The folder of a component's last artifact."""
    runs = (work / "artifacts" / component / output).iterdir()
    return max(runs, key=lambda folder: int(folder.name))


def runs_of(work: Path, model: str, variant: str) -> list[Path]:
    """The finished ModelRuns of a model's variant, oldest first."""
    runs = (work / "artifacts" / f"Trainer.{model}" / "model_run").glob("*/training.json")
    told = {file.parent: json.loads(file.read_text(encoding="utf-8")) for file in runs}
    finished = [run for run, about in told.items() if about.get("variant", "default") == variant]
    return sorted(finished, key=lambda run: int(run.name))


def job_of(work: Path, model: str, folder: Path, changes: dict[str, Any]) -> tuple[Job, Recipe]:
    """What a Trainer would be given to train the default variant on a run's films, with that run's seed.

    Args:
        work: of the run.
        model: a key of MODELS.
        folder: of the ModelRun.
        changes: to the default settings of a Training.
    """
    transformed = newest(work, "Transform", "transformed_examples")
    balance = json.loads(
        (newest(work, "LabelBalance", "label_balance") / "label_balance.json").read_text(encoding="utf-8")
    )
    run = runs_of(work, model, "default")[-1]
    seed = json.loads((run / "training.json").read_text(encoding="utf-8"))["seed"]
    settings = dataclasses.asdict(Training(seed=seed)) | dataclasses.asdict(Transform()) | changes
    given = FnArgs(
        train_files=[str(transformed / "Split-train" / "*")],
        eval_files=[str(transformed / "Split-eval" / "*")],
        transform_graph_path=str(newest(work, "Transform", "transform_graph")),
        serving_model_dir=str(folder),
        model_run_dir=str(folder),
        custom_config={**settings, "name": model, "label_balance": balance},
    )
    recipe = choose(MODELS[model].RECIPES, given.custom_config)
    return fitting.read(given, recipe), recipe
