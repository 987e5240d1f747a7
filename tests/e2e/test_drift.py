"""Two spans of one pipeline: no baseline, then drift that stops the run or doesn't."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import environment, sample
from tests.e2e.runs import Pipeline

pytestmark = pytest.mark.slow

QUICK = {"models": "lstm", "lstm.epochs": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drift")
    sample.draw(folder / "films", films=600, seed=7)
    return folder


def of_span(folder: Path, span: int, **overrides) -> Pipeline:
    return Pipeline(folder / "work", folder / "films", **QUICK, **{"data.span": span}, **overrides)


def report_of(pipeline: Pipeline) -> dict:
    newest = max(pipeline.paths.reports.glob("*/run.json"), key=lambda file: file.stat().st_mtime_ns)
    return json.loads(newest.read_text())


def test_the_first_span_has_no_baseline_and_goes_on(folder):
    pipeline = of_span(folder, 1, **{"drift.on_drift": "stop"})
    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert report_of(pipeline)["drift"]["verdict"] == "no baseline"


def test_drift_stops_the_run_before_transform_and_the_exit_code_says_so(folder):
    pipeline = of_span(folder, 2, **{"drift.on_drift": "stop"})
    marquee = Path(sys.executable).with_name("marquee")
    chosen = ["--work", folder / "work", "--data", folder / "films", "--span", "2", "--models", "lstm"]
    done = subprocess.run(
        [marquee, "run", *chosen, "--set", "drift.on_drift=stop"],
        env={**os.environ, **dict.fromkeys(("MARQUEE_SETTINGS",), "")},
        capture_output=True,
        text=True,
    )

    assert done.returncode == environment.DRIFTED, done.stdout + done.stderr
    states = pipeline.states()
    assert states["DriftReport"] == "ran"
    assert states["DriftGate"] == "failed"
    assert "Transform" not in states
    assert "Trainer.lstm" not in states
    run = report_of(pipeline)
    assert run["outcome"]["state"] == "stopped"
    assert run["drift"]["verdict"] == "drift"
    assert run["drift"]["baseline"]["span"] == 1
    [thriller] = [row for row in run["drift"]["genres"] if row["genre"] == "Thriller"]
    assert thriller["after"] > 1.5 * thriller["before"]
    assert "Thriller" in done.stdout
    assert "Report:" in done.stdout


def test_warned_of_only_the_run_goes_on_and_the_comparison_comes_from_cache(folder):
    pipeline = of_span(folder, 2)
    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    states = pipeline.states()
    assert states["DriftReport"] == "cached"
    assert states["DriftGate"] == states["Transform"] == states["Trainer.lstm"] == "ran"
    assert report_of(pipeline)["outcome"]["state"] == "finished"


def test_a_span_that_is_not_there_is_named_with_those_that_are(folder):
    done = of_span(folder, 3).run()

    assert done.returncode == environment.MISTAKEN
    assert "has no span 3. Spans there: 1, 2." in done.stdout
