"""Which films a window holds: chosen from what ML Metadata knows."""

import logging
import os
import shutil
from pathlib import Path

import pytest
from tfx import types
from tfx.types import standard_artifacts

from components.span_window.resolver import span_window_resolver
from components.span_window.strategy import SpanWindowStrategy
from tests.history import History
from transform.errors import MarqueeError


class Spans:
    """A work folder's history, and folders of spans."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.history = History(folder / "artifacts")
        self.base = self.place("films")

    def place(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        for span in (1, 2, 3):
            (folder / f"span-{span}").mkdir()
        return folder

    def ingest(self, span: int, base: Path | None = None, described: bool = True):
        return self.history.ingest(span, base or self.base, described)

    def correct(self, span: int, content: str) -> None:
        """Writes the one file of a span, the same content always at the same time."""
        file = self.base / f"span-{span}" / "IMDB_overview_genres.csv"
        file.write_text(content)
        os.utime(file, (1, 1))

    def window(self, size: int, current, statistics, work: str = "") -> list[types.Artifact]:
        """Its Examples; its statistics have to be theirs."""
        given = {
            "examples": self.history.examples[::-1],
            "statistics": self.history.statistics[::-1],
            "current": [current],
            "current_statistics": [statistics],
        }
        chosen = SpanWindowStrategy(size, work).resolve_artifacts(self.history.store, given)
        assert chosen["current"] == [current]
        spans = [examples.span for examples in chosen["examples"]]
        assert spans == sorted(set(spans))
        assert [described.span for described in chosen["statistics"]] == spans
        return chosen["examples"]


@pytest.fixture
def spans(tmp_path) -> Spans:
    return Spans(tmp_path)


def test_a_window_begins_small_and_rolls(spans, caplog):
    one, two, three = (spans.ingest(span) for span in (1, 2, 3))
    assert spans.window(2, *one) == [one[0]]
    assert spans.window(2, *two) == [one[0], two[0]]
    with caplog.at_level(logging.INFO, "marquee.window"):
        assert spans.window(2, *three) == [two[0], three[0]]
        assert spans.window(9, *one) == [one[0]]
    shown = [record.getMessage() for record in caplog.records if record.name == "marquee.window"]
    assert shown == ["Training on spans 2, 3", "Training on span 1"]
    assert spans.window(3, *three) == [one[0], two[0], three[0]]


def test_the_newest_reading_of_each_counts_but_this_runs_own(spans):
    spans.ingest(1)
    two = spans.ingest(2)
    newer = spans.ingest(1)  # the same files, by other code
    spans.ingest(2)
    assert spans.window(2, *two) == [newer[0], two[0]]


def test_files_that_are_again_what_they_were_are_the_reading_that_was_made_of_them(spans):
    spans.correct(1, "A")
    one = spans.ingest(1)
    spans.correct(1, "B, longer")
    other, two = spans.ingest(1), spans.ingest(2)
    assert spans.window(2, *two) == [other[0], two[0]]
    spans.correct(1, "A")  # comes from the cache: nothing new in ML Metadata
    assert spans.window(2, *two) == [one[0], two[0]]


def test_a_span_that_has_changed_since_it_was_read_is_refused_with_the_command(spans):
    spans.correct(1, "A")
    spans.ingest(1)
    two = spans.ingest(2)
    spans.correct(1, "B, longer")
    with pytest.raises(MarqueeError) as error:
        spans.window(2, *two)
    assert "together with span 1, whose files have changed since this work folder read them. Run" in str(error.value)
    assert f"in this order: marquee run --data {spans.base} --span 1; or set data.window to 1." in str(error.value)
    corrected = spans.ingest(1)
    assert spans.window(2, *two) == [corrected[0], two[0]]


def test_spans_that_were_not_read_and_spans_that_have_changed_are_told_apart(spans):
    spans.ingest(2)
    three = spans.ingest(3)
    spans.correct(2, "B")
    with pytest.raises(MarqueeError) as error:
        spans.window(3, *three)
    assert (
        "together with span 1, which this work folder has not read, and span 2, whose files have changed since this "
        "work folder read them. Run first, in this order:"
    ) in str(error.value)
    commands = [f"marquee run --data {spans.base} --span {span}" for span in (1, 2)]
    assert f"{'; '.join(commands)}; or set data.window to 1." in str(error.value)


def test_the_command_names_a_work_folder_that_is_not_the_default(spans):
    with pytest.raises(MarqueeError) as error:
        spans.window(2, *spans.ingest(2), work="/big/my work")
    assert f"marquee run --data {spans.base} --work '/big/my work' --span 1;" in str(error.value)


def test_a_span_that_is_there_and_was_not_read_is_refused_with_the_command(spans):
    three = spans.ingest(3)
    with pytest.raises(MarqueeError) as error:
        spans.window(3, *three)
    assert "together with spans 1, 2, which this work folder has not read" in str(error.value)
    commands = [f"marquee run --data {spans.base} --span {span}" for span in (1, 2)]
    assert f"Run first, in this order: {'; '.join(commands)}; or set data.window to 1." in str(error.value)
    spans.ingest(1)
    with pytest.raises(MarqueeError, match="together with span 2, "):
        spans.window(3, *three)
    assert spans.window(1, *three) == [three[0]]


def test_a_span_without_statistics_was_not_read_to_its_end(spans):
    spans.ingest(1, described=False)
    with pytest.raises(MarqueeError, match="together with span 1, "):
        spans.window(2, *spans.ingest(2))


def test_a_number_without_a_span_leaves_the_window_smaller(spans):
    (spans.base / "span-2").rmdir()
    one, three = spans.ingest(1), spans.ingest(3)
    assert spans.window(3, *three) == [one[0], three[0]]


def test_a_span_that_was_read_stays_when_its_folder_is_gone(spans):
    spans.correct(1, "A")
    spans.ingest(1)
    spans.correct(1, "B, longer")
    newest, two = spans.ingest(1), spans.ingest(2)
    shutil.rmtree(spans.base / "span-1")
    assert spans.window(2, *two) == [newest[0], two[0]]


def test_examples_that_are_gone_were_not_read(spans):
    one, two = spans.ingest(1), spans.ingest(2)
    spans.history.remove(one[0])
    with pytest.raises(MarqueeError, match="together with span 1, "):
        spans.window(2, *two)
    (spans.base / "span-1").rmdir()
    assert spans.window(2, *two) == [two[0]]


def test_spans_of_another_folder_do_not_count(spans):
    other = spans.place("other")
    (other / "span-1").rmdir()
    spans.ingest(1)
    two = spans.ingest(2, other)
    assert spans.window(2, *two) == [two[0]]


def test_the_node_gives_films_and_statistics():
    node = span_window_resolver(
        "FilmExampleGen",
        "StatisticsGen",
        2,
        "",
        types.Channel(type=standard_artifacts.Examples),
        types.Channel(type=standard_artifacts.ExampleStatistics),
    )
    kinds = {key: node.outputs[key].type for key in ("examples", "statistics")}
    assert kinds == {"examples": standard_artifacts.Examples, "statistics": standard_artifacts.ExampleStatistics}
