"""A whole run, and `marquee tag` of its films, whose Beam work is done by a job server in a process of its own."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.runs import Pipeline
from tests.engines.engines import finished_jobs, portable_job_server
from tests.films import fake_films, write_span

pytestmark = pytest.mark.slow


def test_a_whole_run_and_a_tagged_catalogue(tmp_path):
    films = fake_films(120)
    span = write_span(tmp_path / "films", 1, films)
    with portable_job_server(tmp_path / "server") as address:
        engine = {"beam.engine": "portable", "beam.address": address}
        training = {"lstm.epochs": 8, "lstm.batch_size": 16}  # enough to be blessed
        pipeline = Pipeline(tmp_path / "work", tmp_path / "films", **engine, **training)
        done = pipeline.run()
        assert done.returncode == 0, done.stdout + done.stderr
        assert set(pipeline.states().values()) == {"ran"}
        ran = finished_jobs(tmp_path / "server")
        assert ran >= 6  # FilmExampleGen, StatisticsGen, Transform, three Evaluators

        command = [Path(sys.executable).with_name("marquee"), "tag", "--work", pipeline.paths.work, "--model", "lstm"]
        settings = [argument for key, value in engine.items() for argument in ("--set", f"{key}={value}")]
        tagged = subprocess.run(
            [*command, "--span", span, "--out", tmp_path / "out", *settings], capture_output=True, text=True
        )
        assert tagged.returncode == 0, tagged.stdout + tagged.stderr
        assert finished_jobs(tmp_path / "server") > ran
    with open(tmp_path / "out" / "predictions.csv", encoding="utf-8", newline="") as file:
        assert [row["Id"] for row in csv.DictReader(file)] == [film.id for film in films if film.overview]
