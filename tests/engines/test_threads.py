"""Threads of the direct engine: work is shared among them, and what they raise is told as from one."""

import threading

import apache_beam
import pytest

from pipeline import beam
from pipeline.runner import users_mistake
from pipeline.settings import Beam
from transform.errors import MarqueeError

BOTH = threading.Barrier(2)


class WaitsForTheOther(apache_beam.DoFn):
    """Passes nothing on before two threads have come to it."""

    def setup(self):
        BOTH.wait(timeout=60)

    def process(self, number: int):
        yield number


def job(step: apache_beam.PTransform) -> None:
    with apache_beam.Pipeline(options=beam.pipeline_options(Beam(threads=2))) as pipeline:
        _ = pipeline | apache_beam.Create(range(100)) | apache_beam.Reshuffle() | step


def test_both_are_at_work_at_once():
    job(apache_beam.ParDo(WaitsForTheOther()))


def test_a_users_mistake_is_told_as_such():
    def fail(number: int) -> None:
        if number == 50:
            raise MarqueeError("films.csv, row 50: no genres.")

    with pytest.raises(Exception, match="row 50") as error:
        job(apache_beam.Map(fail))
    assert users_mistake(error.value) == "films.csv, row 50: no genres."
