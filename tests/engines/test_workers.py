"""Worker processes of the direct engine: the same artifact, and a clear end where one of them is killed."""

import collections
import os
import signal
import threading

import apache_beam
import pytest

from pipeline import beam
from pipeline.settings import Beam
from pipeline.worker_watch import watched_workers
from tests.processes import kill_a_worker, workers_of
from transform.errors import MarqueeError

pytestmark = pytest.mark.slow

TWO = Beam(workers=2)


class KilledAt(apache_beam.DoFn):
    """Passes numbers on; the process that gets the fatal one kills itself."""

    def __init__(self, fatal: int):
        self._fatal = fatal

    def process(self, number: int):
        if number == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        yield number % 3, number


def job(fatal: int, fatal_later: int, out: str) -> None:
    """Two stages in two worker processes."""
    with apache_beam.Pipeline(options=beam.pipeline_options(TWO)) as pipeline:
        _ = (
            pipeline
            | apache_beam.Create(range(100))
            | apache_beam.Reshuffle()
            | "First" >> apache_beam.ParDo(KilledAt(fatal))
            | apache_beam.GroupByKey()
            | apache_beam.FlatMap(lambda pair: pair[1])
            | "Second" >> apache_beam.ParDo(KilledAt(fatal_later))
            | apache_beam.Values()
            | apache_beam.Map(str)
            | apache_beam.io.WriteToText(out)
        )


@pytest.mark.parametrize(("fatal", "fatal_later"), [(50, -1), (-1, 50)])
def test_a_killed_worker_ends_the_job_and_leaves_no_output(tmp_path, fatal, fatal_later):
    with pytest.raises(MarqueeError, match=r"worker process was killed .* fewer beam\.workers"), watched_workers():
        job(fatal, fatal_later, str(tmp_path / "numbers"))
    assert not list(tmp_path.glob("numbers*"))


def test_a_worker_killed_before_it_connects_ends_the_job(tmp_path):
    killer = threading.Thread(target=kill_a_worker, args=(os.getsid(0),), daemon=True)
    killer.start()
    with pytest.raises(MarqueeError, match="worker process was killed"), watched_workers():
        job(-1, -1, str(tmp_path / "numbers"))
    assert not list(tmp_path.glob("numbers*"))
    assert workers_of(os.getsid(0)) == []


def test_workers_that_end_in_peace_disturb_nobody(tmp_path):
    def work_and_err():
        job(-1, -1, str(tmp_path / "numbers"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), watched_workers():
        work_and_err()
    written = [line for file in tmp_path.glob("numbers*") for line in file.read_text().split()]
    assert collections.Counter(written) == collections.Counter(map(str, range(100)))
