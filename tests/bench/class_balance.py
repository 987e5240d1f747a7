"""What each `class_balance` does to a default model: `python -m tests.bench.class_balance --work WORK --model lstm`.

The first few members of the committee of a run's ModelRun learn anew, each with the loss or the films that the setting
gives, from the same films and seed as they did in the run; first they are asked as they are. The heads that are
solved stay. Each member speaks for the films that it has not learnt from, on which all settings are compared, decisions
being chosen as in `five_fold`.
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench.finished import MODELS, job_of, runs_of
from tests.bench.five_fold import of, over
from tests.bench.models import METRICS
from trainer import evidence, fitting, folds, warm_start
from trainer.evidence import Evidence
from trainer.fitting import Job
from trainer.recipe import Recipe

SETTINGS = {
    "none": {"class_balance": "none"},
    "weights, effective number": {"class_balance": "weights"},
    "weights, inverse frequency": {"class_balance": "weights", "class_weights": "inverse_frequency"},
    "oversample": {"class_balance": "oversample"},
    "focal": {"class_balance": "focal"},
    "asymmetric": {"class_balance": "asymmetric"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="of a run of the default variants")
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--members", type=int, default=3, help="that learn, each from four fifths of train")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS), metavar="NAME")
    options = parser.parse_args()
    run = runs_of(options.work, options.model, "default")[-1]
    found = evidence.load(run)
    table = Table(f"{options.model}, {options.members} members", *METRICS.values(), box=None)
    for name in options.settings:
        with tempfile.TemporaryDirectory() as folder:
            job, recipe = job_of(options.work, options.model, Path(folder), SETTINGS[name])
            said = _unseen(job, recipe, options.members)
        before = of(found, np.array([film in said for film in found.films.tolist()]))
        logits = before.logits.copy()
        logits[before.heads.index(recipe.head)] = [said[film] for film in before.films.tolist()]
        if not table.rows:
            _tell(table, "as in the run", before)
        _tell(table, name, dataclasses.replace(before, logits=logits))
    Console(width=120).print(table)


def _tell(table: Table, name: str, found: Evidence) -> None:
    figures = over(found)
    row = [f"{figures[key]:.4f}" for key in METRICS]
    print(name, *row, flush=True)  # a row takes minutes
    table.add_row(name, *row)


def _unseen(job: Job, recipe: Recipe, members: int) -> dict[bytes, np.ndarray]:
    """Logits of the films that the first members have left out, as they say after learning anew."""
    films = np.array(job.surveys["train"].ids)
    fold = folds.of_films(films.tolist(), recipe.folds, job.settings["seed"])
    learner = fitting.learner_of(job, recipe)
    said: dict[bytes, np.ndarray] = {}
    for member in range(members):
        title = recipe.class_balance
        start = warm_start.Start()
        _, logits, _ = fitting.learn_member(job, learner, fold, member, recipe.folds, start, title)
        said |= dict(zip(films[fold == member].tolist(), logits, strict=True))
    return said


if __name__ == "__main__":
    main()
