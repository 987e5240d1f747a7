"""Which cache Transform's analyzers start from: chosen from what ML Metadata knows."""

from pathlib import Path

import pytest
from tfx import types
from tfx.types import standard_artifacts

from components.analyzer_cache.resolver import analyzer_cache_resolver
from components.analyzer_cache.strategy import EarlierCacheStrategy
from tests.history import History


class Windows:
    """Spans that have been read, and transformed in windows."""

    def __init__(self, folder: Path):
        self.history = History(folder / "artifacts")
        self.spans = {span: self.history.ingest(span, Path("/films"))[0] for span in (1, 2, 3)}

    def cache(self, *spans: int) -> list[types.Artifact]:
        """What a Transform of these spans would be given."""
        examples = [self.spans[span] for span in spans]
        given = {"analyzer_cache": self.history.caches, "examples": examples}
        chosen = EarlierCacheStrategy().resolve_artifacts(self.history.store, given)
        assert chosen["examples"] == examples
        return chosen["analyzer_cache"]

    def transform(self, *spans: int) -> types.Artifact:
        """The cache that it leaves, given the one that is chosen."""
        return self.history.transform([self.spans[span] for span in spans], self.cache(*spans))


@pytest.fixture
def windows(tmp_path) -> Windows:
    return Windows(tmp_path)


def test_the_first_window_and_its_second_run_start_from_nothing(windows):
    assert windows.cache(1) == []
    windows.transform(1)
    assert windows.cache(1) == []


def test_each_window_starts_from_the_one_before_and_so_does_its_second_run(windows):
    one = windows.transform(1)
    assert windows.cache(1, 2) == [one]
    two = windows.transform(1, 2)
    assert windows.cache(1, 2) == [one]
    assert windows.cache(2, 3) == [two]
    windows.transform(2, 3)
    assert windows.cache(2, 3) == [two]
    assert windows.cache(1, 2) == [one]


def test_what_was_given_is_given_again_whatever_has_been_written_since(windows):
    one = windows.transform(1)
    windows.transform(1, 2)
    other = windows.transform(1)  # with other settings
    assert windows.cache(1, 2) == [one]
    windows.transform(1, 2)
    assert windows.cache(1, 2) == [one]
    assert windows.cache(1, 2, 3) != [other]


def test_the_most_films_count_then_the_newest(windows):
    windows.transform(1)
    both = windows.transform(1, 2)
    newer = windows.transform(2)
    assert windows.cache(2, 3) == [newer]
    assert windows.cache(1, 2, 3) == [both]


def test_what_knows_none_of_the_films_is_not_worth_an_input(windows):
    windows.transform(1)
    assert windows.cache(2, 3) == []


def test_a_later_window_does_not_count(windows):
    windows.transform(2, 3)
    assert windows.cache(1, 2) == []


def test_a_cache_that_is_gone_does_not_count(windows):
    one = windows.transform(1)
    two = windows.transform(1, 2)
    windows.history.remove(two)
    assert windows.cache(2, 3) == []
    other = windows.transform(1)
    windows.history.remove(one)
    assert windows.cache(1, 2) == [other]


def test_the_node_gives_a_cache():
    node = analyzer_cache_resolver("Transform", types.Channel(type=standard_artifacts.Examples))
    assert node.outputs["analyzer_cache"].type is standard_artifacts.TransformCache
