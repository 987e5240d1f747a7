"""The same artifacts from other engines as from the direct one."""

import pytest

from pipeline.settings import Beam
from tests.engines.engines import Outcome, assert_same, finished_jobs, outcome_on, portable_job_server, worker_pool

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def direct(tmp_path_factory) -> Outcome:
    return outcome_on(Beam(), tmp_path_factory.mktemp("direct"))


def test_the_direct_engine_sees_every_kind_of_film(direct):
    assert direct.ingest["rejects"]
    assert direct.rejects
    assert set(direct.assets) >= {"genres", "words"}
    assert direct.floats
    assert all(direct.transformed[split] for split in ("train", "eval", "test"))
    assert direct.evaluation["films"] == sum(direct.raw["test"].values()) > 0


def test_two_threads(direct, tmp_path):
    assert_same(outcome_on(Beam(threads=2), tmp_path), direct)


def test_a_job_server_in_a_process_of_its_own(direct, tmp_path):
    with portable_job_server(tmp_path / "server") as address:
        portable = outcome_on(Beam(engine="portable", address=address), tmp_path / "run")

    assert_same(portable, direct)
    assert finished_jobs(tmp_path / "server") >= 4  # FilmExampleGen, StatisticsGen, Transform, Evaluator


def test_its_workers_in_processes_of_their_own(direct, tmp_path):
    with portable_job_server(tmp_path / "server") as address, worker_pool(tmp_path / "pool") as pool:
        engine = Beam(engine="portable", address=address, environment="EXTERNAL", environment_config=pool)
        portable = outcome_on(engine, tmp_path / "run")

    assert_same(portable, direct)
    assert (tmp_path / "pool" / "log").read_text().count("Starting worker") >= finished_jobs(tmp_path / "server") >= 4
