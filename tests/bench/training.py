"""`make bench-training`: what a Trainer and an Evaluator spend beside their networks, on the films of a finished run.

Trainer: seconds of an epoch fed by its input pipeline, beside an epoch of the same batches fed from memory, in turn;
the first epoch, which also traces and reads the files, stands apart. Evaluator: beside a loop that reads the test split
and calls the model's `evaluate`, each in a process of its own, with the split as it is and many times over, so that
start-up stands apart.

Exits with 1 where a target is missed.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

EPOCHS = 4
COPIES = 8  # of the test split
BATCH = 256
TARGETS = {"input": 1.1, "evaluator": 3.0}  # times as long as from memory, and as plain predict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("work"), help="of a run of the default variants")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        step, model, folder = options.child
        print(json.dumps(STEPS[step](options.work, model, Path(folder), options.rounds)))
        return
    missed = []
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as scratch:
        for model in ("cnn", "lstm"):
            rounds = _in_process(options, "input", model, Path(scratch))
            told = ", ".join(f"{files / memory:.2f}" for files, memory in rounds)
            files, memory = (statistics.median(column) for column in zip(*rounds, strict=True))
            ratio = statistics.median(files / memory for files, memory in rounds)
            print(
                f"{model}: epoch {files:.2f} s, from memory {memory:.2f} s: {ratio:.2f} (by round {told})", flush=True
            )
            if ratio > TARGETS["input"]:
                missed.append(f"{model}'s input takes {ratio:.2f} times as long, at most {TARGETS['input']}")
        for model in ("cnn", "lstm", "fusion"):
            ratio = _evaluator(options, model, Path(scratch))
            if ratio > TARGETS["evaluator"]:
                missed.append(f"{model}'s Evaluator takes {ratio:.2f} times as long, at most {TARGETS['evaluator']}")
    if missed:
        sys.exit("Missed: " + "; ".join(missed))


def _evaluator(options: argparse.Namespace, model: str, scratch: Path) -> float:
    """The ratio of a whole Evaluator; prints it, and that of a film more."""
    whole, marginal = [], []
    for _ in range(options.rounds):
        (few, many), (few_floor, many_floor) = (
            [_in_process(options, step, model, _split(options.work, scratch, copies)) for copies in (1, COPIES)]
            for step in ("evaluator", "predict")
        )
        whole.append(few / few_floor)
        marginal.append((many - few) / (many_floor - few_floor))
    print(
        f"{model}: Evaluator {few:.1f} s, predict {few_floor:.1f} s, with what each loads: "
        f"{statistics.median(whole):.2f}; of a film more: {statistics.median(marginal):.2f} "
        f"(by round {', '.join(f'{ratio:.2f}' for ratio in marginal)})",
        flush=True,
    )
    return statistics.median(whole)


def _split(work: Path, scratch: Path, copies: int) -> Path:
    """Examples whose test split holds each film `copies` times."""
    from tests.bench.finished import newest

    folder = scratch / f"examples-{copies}"
    if not folder.exists():
        (folder / "Split-test").mkdir(parents=True)
        for file in (newest(work, "FilmExampleGen", "examples") / "Split-test").iterdir():
            for copy in range(copies):
                shutil.copy(file, folder / "Split-test" / f"{copy}-{file.name}")
    return folder


def _in_process(options: argparse.Namespace, step: str, model: str, folder: Path):
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.training", "--work", str(options.work)]
    command += ["--rounds", str(options.rounds), "--child", step, model, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})
    if done.returncode:
        sys.exit(f"{step} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _input(work: Path, model: str, folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Seconds of an epoch, from files and from memory, by round."""
    from tests.bench.finished import job_of
    from trainer import fitting

    job, recipe = job_of(work, model, folder, {"patience": EPOCHS})
    learners = [fitting.learner_of(job, replace(recipe, epochs=epochs)) for epochs in (1, EPOCHS)]
    files = job.batches("train", shuffle=job.settings["seed"], by_length=recipe.by_length)
    memory = files.cache()
    for _ in memory:
        pass

    def seconds(films) -> float:
        spent = []
        for learner in learners:
            started = time.monotonic()
            learner.learn(recipe.build(job.task), films, job.batches("eval").take(1), folder / "logs", model)
            spent.append(time.monotonic() - started)
        return (spent[1] - spent[0]) / (EPOCHS - 1)

    seconds(files)  # traces
    return [(seconds(files), seconds(memory)) for _ in range(rounds)]


def _evaluate(work: Path, model: str, folder: Path, rounds: int) -> float:
    from tfx.types import artifact_utils, channel_utils, standard_artifacts

    from components.genre_evaluator.component import GenreEvaluator
    from tests.bench.finished import newest
    from tests.execute import execute

    examples, trained = standard_artifacts.Examples(), standard_artifacts.Model()
    examples.uri, trained.uri = str(folder), str(newest(work, f"Trainer.{model}", "model"))
    examples.split_names = artifact_utils.encode_split_names(["test"])
    component = GenreEvaluator(examples=channel_utils.as_channel([examples]), model=channel_utils.as_channel([trained]))
    with tempfile.TemporaryDirectory() as out:
        return _timed(lambda: execute(component, {"examples": [examples], "model": [trained]}, Path(out) / "outputs"))


def _predict(work: Path, model: str, folder: Path, rounds: int) -> float:
    import tensorflow as tf

    from tests.bench.finished import newest

    path = str(newest(work, f"Trainer.{model}", "model") / "Format-Serving")
    files = sorted(str(file) for file in (folder / "Split-test").iterdir())

    def ask() -> None:
        served = tf.saved_model.load(path)
        for films in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(BATCH):
            served.signatures["evaluate"](examples=films)

    return _timed(ask)


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


STEPS = {"input": _input, "evaluator": _evaluate, "predict": _predict}

if __name__ == "__main__":
    main()
