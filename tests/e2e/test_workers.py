"""Worker processes in a whole run: one of them killed, and the run resumed, in threads."""

import json
from pathlib import Path

import pytest

from pipeline import environment
from tests.e2e.runs import Pipeline
from tests.films import fake_films, write_span
from tests.processes import kill_a_worker, workers_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("component", ["FilmExampleGen", "Transform"])
def test_a_killed_worker_stops_the_run_with_one_message_and_the_next_run_resumes(tmp_path, component):
    write_span(tmp_path / "films", 1, fake_films(120))
    pipeline = Pipeline(tmp_path / "work", tmp_path / "films", models="lstm", **{"beam.workers": 2, "lstm.epochs": 1})
    with pipeline.started() as run:
        pipeline.wait_for(component, run)
        kill_a_worker(run.pid, lambda: run.poll() is None)
        said, _ = run.communicate(timeout=1200)

    assert run.returncode == environment.MISTAKEN, said
    assert said.count("A worker process was killed or crashed") == 1
    assert "Traceback" not in said
    assert workers_of(run.pid) == []
    assert pipeline.states()[component] == "failed"

    pipeline = Pipeline(tmp_path / "work", tmp_path / "films", models="lstm", **{"beam.threads": 2, "lstm.epochs": 1})
    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert pipeline.executions()["FilmExampleGen"] == pipeline.executions()["Transform"] == 1
    page = Path(done.stdout.split("Report:")[1].strip())
    assert json.loads((page.parent / "run.json").read_text())["ingest"]["films"] == 120
