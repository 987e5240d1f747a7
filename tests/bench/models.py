"""Every model and every yardstick in one table: `make bench-models DATA=... WORK=...`.

Two runs of the pipeline in one work folder, the default variants and the reference ones. Figures are those of each
run's comparison.json, on the test split; nothing is chosen on it. Committees are also asked about the films that each
member has not learnt from (`five_fold`). A run that took hours is not run again: its rows stay
in `<work>/bench-models/<variant>.json`, with the commit that they were measured at, until that file is removed; rows of
another DATA or SPAN are refused.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.finished import runs_of
from tests.bench.five_fold import five_fold
from trainer import evidence

METRICS = {
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted",
    "samples_f1": "samples",
    "mean_average_precision": "mAP",
}
RUNS = {
    "default": ["--models", "cnn,lstm,fusion"],
    "reference": ["--models", "cnn,lstm", "--set", "cnn.variant=reference", "--set", "lstm.variant=reference"],
}


def main() -> None:
    """Runs what is missing, then prints the table and each genre's F1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder that holds the spans")
    parser.add_argument("--work", required=True, help="where the runs go; kept, so that a second call is short")
    parser.add_argument("--span", help="[default: the latest]")
    given = parser.parse_args()
    films = {"data": str(Path(given.data).resolve()), "span": given.span}
    rows, folded = {}, {}
    for variant, arguments in RUNS.items():
        kept = Path(given.work, "bench-models", f"{variant}.json")
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            models = _compared(given, arguments)
            content = {"commit": _commit(), **films, "models": models, "five_fold": _five_fold(given, variant, models)}
            kept.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        measured = json.loads(kept.read_text(encoding="utf-8"))
        if any(measured.get(key) != films[key] for key in films):
            told = f"span {measured.get('span')} of {measured.get('data')}"
            sys.exit(f"{kept}: of {told}. Remove it, or set another WORK.")
        print(f"{variant} variants: measured at commit {measured['commit']}")
        for name, row in measured["models"].items():
            rows[name if row["yardstick"] or variant == "default" else f"{name}, {variant}"] = row
        folded |= measured.get("five_fold", {})
    console = Console(width=220)
    console.print(_averages("on the test split", {name: row["metrics"] for name, row in rows.items()}))
    console.print(_averages("five-fold, on train and eval", folded))
    console.print(_genres(rows))


def _compared(given: argparse.Namespace, arguments: list[str]) -> dict[str, dict]:
    marquee = str(Path(sys.executable).with_name("marquee"))
    command = [marquee, "run", "--data", given.data, "--work", given.work, *arguments]
    subprocess.run([*command, "--span", given.span] if given.span else command, check=True)
    reports = sorted(Path(given.work, "reports").iterdir(), key=lambda folder: folder.name)
    return json.loads((reports[-1] / "run.json").read_text(encoding="utf-8"))["comparison"]["models"]


def _five_fold(given: argparse.Namespace, variant: str, models: Iterable[str]) -> dict[str, dict[str, float]]:
    """By model, where it is a committee, whose members leave films out."""
    found = {}
    for name in models:
        for run in runs_of(Path(given.work), name, variant)[-1:]:
            if not evidence.load(run).on_eval.all():
                found[name] = five_fold(run)
    return found


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip() or "unknown"


def _averages(title: str, rows: Mapping[str, Mapping[str, float | None]]) -> Table:
    table = Table(title, *METRICS.values(), box=None)
    for name, figures in rows.items():
        table.add_row(name, *(_figure(figures[key]) for key in METRICS))
    return table


def _genres(rows: dict[str, dict]) -> Table:
    shown = {name: row for name, row in rows.items() if not name.startswith(("always", "every"))}
    table = Table("F1 of each genre", *shown, box=None)
    for genre in next(iter(shown.values()))["per_genre"]:
        table.add_row(genre, *(_figure(row["per_genre"][genre]) for row in shown.values()))
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
