"""Killed in each component and run again; refused with a clear word where the input or the folder is wrong."""

import contextlib
import fcntl
import sqlite3

import pytest

from tests.e2e.runs import Pipeline
from tests.films import FakeFilm, fake_films, write_span

pytestmark = pytest.mark.slow

ORDER = [
    "FilmExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "DriftReport",
    "DriftGate",
    "LabelBalance",
    "Transform",
    "Trainer.lstm",
    "Evaluator.lstm",
    "ServingCheck.lstm",
    "Pusher.lstm",
    "ComparisonReport",
]
RESOLVERS = ["PreviousSpan", "LatestBlessed.lstm"]
LONG = {"Transform", "Trainer.lstm"}  # at work for seconds after the first file


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """So plain that a model is blessed after a few epochs; one genre has a single film."""
    folder = tmp_path_factory.mktemp("films")
    write_span(folder, 1, [*fake_films(200), FakeFilm("tt9", ("Drama", "Silent"), "A letter nobody reads aloud.")])
    return folder


def test_killed_in_each_component_and_resumed(tmp_path, films):
    training = {"models": "lstm", "lstm.epochs": 8, "lstm.batch_size": 16}
    pipeline = Pipeline(tmp_path / "work", films, **training)
    cut_short = set()
    for component in ORDER:
        pipeline.kill_in(component)
        if pipeline.states()[component] == "unfinished":
            cut_short.add(component)
        served = list((pipeline.paths.serving / "lstm").glob("[0-9]*"))
        assert all((version / "saved_model.pb").is_file() for version in served)

    assert cut_short >= LONG
    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert set(pipeline.states()) == {*ORDER, *RESOLVERS}
    finished = pipeline.executions()
    assert {component: finished[component] for component in ORDER} == dict.fromkeys(ORDER, 1)
    schemas = pipeline.paths.artifacts.glob("SchemaGen/schema/*/schema.pbtxt")  # those of killed executions too
    assert '"Silent"' in max(schemas, key=lambda schema: int(schema.parent.name)).read_text()
    versions = list((pipeline.paths.serving / "lstm").iterdir())  # two where the kill fell between push and record
    assert versions
    assert all((version / "saved_model.pb").is_file() for version in versions)


def test_killed_in_the_branches_of_other_models_and_resumed(tmp_path, films):
    """Fusion takes what the other Trainers left, by artifacts."""
    training = {"cnn.epochs": 1, "lstm.epochs": 1, "lstm.folds": 1, "models": "cnn,fusion"}
    pipeline = Pipeline(tmp_path / "work", films, **training)
    for component in ("Trainer.cnn", "Trainer.fusion", "Evaluator.fusion"):
        pipeline.kill_in(component)

    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    finished = pipeline.executions()
    steps = ("Trainer", "Evaluator", "ServingCheck", "Pusher")
    once = ["Trainer.lstm", *(f"{step}.{name}" for step in steps for name in ("cnn", "fusion"))]
    assert {component: finished[component] for component in once} == dict.fromkeys(once, 1)


def test_a_work_folder_in_use_is_refused(tmp_path, films):
    pipeline = Pipeline(tmp_path / "work", films)
    pipeline.paths.work.mkdir()
    with open(pipeline.paths.lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = pipeline.run()
    assert done.returncode == 2
    assert "another run is at work in it" in done.stdout


def test_of_two_first_runs_at_once_one_is_refused_and_the_other_is_whole(tmp_path, films):
    quick = {"lstm.epochs": 1, "lstm.folds": 1, "transform.ngram_buckets": 64, "transform.image_size": 16}
    pipeline = Pipeline(tmp_path / "work", films, models="lstm", **quick)
    with pipeline.started(by_hand=True) as one, pipeline.started(by_hand=True) as other:
        said = {process: process.communicate()[0] for process in (one, other)}

    refused, done = sorted(said, key=lambda process: -process.returncode)
    assert (refused.returncode, done.returncode) == (2, 0), "\n".join(said.values())
    assert said[refused] == (
        f"marquee: work folder {pipeline.paths.work}: another run is at work in it. Wait, or set WORK to another.\n"
    )
    with contextlib.closing(sqlite3.connect(pipeline.paths.metadata)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert set(pipeline.states()) == {*ORDER, *RESOLVERS}
    assert pipeline.executions() == dict.fromkeys([*ORDER, *RESOLVERS], 1)


def test_a_work_folder_that_cannot_be_made_is_refused(tmp_path, films):
    (tmp_path / "file").write_text("")
    done = Pipeline(tmp_path / "file" / "work", films).run()
    assert done.returncode == 2
    assert "file/work: cannot be written" in done.stdout


def test_missing_data_is_a_clear_error(tmp_path):
    done = Pipeline(tmp_path / "work", tmp_path / "nowhere").run()
    assert done.returncode == 2
    assert "nowhere" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
