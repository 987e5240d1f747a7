"""Threads of the direct engine: work is shared among them, and what they raise is told as from one."""

import threading
import time

import apache_beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

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


class SlowlyPickled:
    """Lets other threads run while it is written, as what takes long to write does."""

    def __init__(self, number: int):
        self.number = number

    def __reduce__(self):
        time.sleep(0.04)
        return SlowlyPickled, (self.number,)


@pytest.mark.timeout(300)  # bytes misread can be read for ever, until memory ends
def test_nothing_is_lost_of_what_takes_seconds_to_write():
    class SameNumbers(apache_beam.PTransform):
        def expand(self, numbers):
            shuffled = numbers | apache_beam.Map(SlowlyPickled) | apache_beam.Reshuffle()
            assert_that(shuffled | "Numbers" >> apache_beam.Map(lambda each: each.number), equal_to(list(range(100))))

    job(SameNumbers())
