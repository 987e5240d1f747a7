"""The same artifacts from other engines as from the direct one."""

import pytest

from pipeline.settings import Beam
from tests.engines.engines import Outcome, outcome_on, portable_job_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def direct(tmp_path_factory) -> Outcome:
    return outcome_on(Beam(), tmp_path_factory.mktemp("direct"))


def test_the_direct_engine_sees_every_kind_of_film(direct):
    assert direct.ingest["rejects"]
    assert direct.rejects
    assert set(direct.assets) >= {"genres", "words"}
    assert all(direct.transformed[split] for split in ("train", "eval", "test"))
    assert direct.evaluation["films"] == sum(direct.raw["test"].values()) > 0


def test_a_job_server_in_a_process_of_its_own(direct, tmp_path):
    with portable_job_server(tmp_path / "server") as address:
        portable = outcome_on(Beam(engine="portable", address=address), tmp_path / "run")
    jobs = (tmp_path / "server" / "log").read_text().count("Completed job")

    assert portable == direct
    assert jobs >= 4  # FilmExampleGen, StatisticsGen, Transform, Evaluator
