"""What a machine does to a run, one thing after the other in the same work folder."""

import functools
import os
import sqlite3

import pytest

from pipeline import environment
from tests import mounts
from tests.e2e.runs import Pipeline
from tests.films import fake_films, write_span

pytestmark = pytest.mark.slow

QUICK = {"models": "lstm", "lstm.epochs": 1, "lstm.folds": 1, "transform.ngram_buckets": 64, "transform.image_size": 16}
YEAR = 365 * 24 * 3600
UP_TO_TRANSFORM = ["FilmExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DriftReport", "DriftGate"]
UP_TO_TRANSFORM.append("LabelBalance")
AFTER = ["Transform", "Trainer.lstm", "Evaluator.lstm", "ServingCheck.lstm", "Pusher.lstm", "ComparisonReport"]
ONCE = dict.fromkeys([*UP_TO_TRANSFORM, *AFTER], 1)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Pipeline:
    folder = tmp_path_factory.mktemp("machine")
    write_span(folder / "films", 1, fake_films(150))
    return Pipeline(folder / "work", folder / "films", **QUICK)


def executed(pipeline: Pipeline) -> dict[str, int]:
    return {node: count for node, count in pipeline.executions().items() if node in ONCE}


def test_a_read_only_work_folder_is_refused(pipeline):
    work = pipeline.paths.work
    work.mkdir()
    for by_hand in (False, True):
        done = pipeline.run(*mounts.read_only(work), by_hand=by_hand)
        said = done.stdout + done.stderr
        assert done.returncode == environment.MISTAKEN, said
        assert f"work folder {work}: cannot be written (Read-only file system)" in said.replace("\n", " ")
        assert "Traceback" not in said


def test_a_disk_that_is_full_in_transform_stops_the_run_with_one_message(pipeline):
    disk = pipeline.paths.artifacts / "Transform"
    disk.mkdir(parents=True)
    done = pipeline.run(*mounts.no_bigger_than("200k", disk))

    assert done.returncode == environment.MISTAKEN, done.stdout + done.stderr
    assert done.stdout.lower().count("no space left") == 1
    assert "Traceback" not in done.stdout
    assert pipeline.states()["Transform"] == "failed"


DISKS = {
    "no-log": mounts.full,
    "no-database": functools.partial(mounts.no_bigger_than, "100k"),
    "no-transform": functools.partial(mounts.no_bigger_than, "700k"),
}


@pytest.mark.parametrize(("disk", "by_hand"), [*((disk, False) for disk in DISKS), ("no-log", True)])
def test_a_whole_work_folder_that_is_full_is_told_in_one_message(pipeline, disk, by_hand):
    """Artifacts, the log and ML Metadata's database are all on the disk; the names say what it has no room for.

    By hand, the state of TFX's command line is there too, and written before the rest.
    """
    small = Pipeline(pipeline.paths.work.with_name(f"{disk}-{by_hand}"), pipeline.paths.data, **QUICK)
    small.paths.work.mkdir()
    done = small.run(*DISKS[disk](small.paths.work), by_hand=by_hand)

    said = done.stdout + done.stderr
    assert done.returncode == environment.MISTAKEN, said
    assert said.lower().count("no space left") == 1, said
    assert "Traceback" not in said
    assert "Logging error" not in said


def test_with_room_again_it_goes_on_from_there(pipeline):
    done = pipeline.run(*mounts.read_only(pipeline.paths.data))  # nothing is written there

    assert done.returncode == 0, done.stdout + done.stderr
    assert executed(pipeline) == ONCE


@pytest.mark.parametrize("years", [1, -2])  # the last leaves what is there a year ahead
def test_after_the_clock_has_jumped_nothing_runs_again(pipeline, years):
    """What is there already is moved the other way; to the next run, that is a clock which has jumped.

    Times of artifacts stay: TFX has them in its cache keys, and no clock changes what was written.
    """
    versions = set((pipeline.paths.serving / "lstm").glob("[0-9]*"))
    with sqlite3.connect(pipeline.paths.metadata) as store:
        for table in ("Execution", "Context"):
            for column in ("create_time_since_epoch", "last_update_time_since_epoch"):
                store.execute(f"UPDATE {table} SET {column} = {column} - {years * YEAR * 1000}")
        store.execute(f"UPDATE Event SET milliseconds_since_epoch = milliseconds_since_epoch - {years * YEAR * 1000}")
    store.close()
    for path in pipeline.paths.work.rglob("*"):
        status = path.stat()
        os.utime(path, (status.st_atime - years * YEAR, status.st_mtime - years * YEAR))

    done = pipeline.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert executed(pipeline) == ONCE
    assert set((pipeline.paths.serving / "lstm").glob("[0-9]*")) == versions


def test_what_runs_after_the_jump_is_the_newest(pipeline):
    engine = {"beam.options": "--direct_num_workers=1"}  # as good as another one to whom sees the arguments
    done = Pipeline(pipeline.paths.work, pipeline.paths.data, **QUICK, **engine, **{"lstm.seed": 8}).run()

    assert done.returncode == 0, done.stdout + done.stderr
    again = ("Trainer.lstm", "Evaluator.lstm", "ServingCheck.lstm", "Pusher.lstm", "ComparisonReport")
    assert executed(pipeline) == {node: 2 if node in again else 1 for node in ONCE}  # the engine is no change
    assert pipeline.states()["Trainer.lstm"] == "ran"
