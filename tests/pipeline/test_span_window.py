"""What is asked of a window of spans before a run begins."""

from pathlib import Path

import pytest

from pipeline import span_window
from pipeline.paths import Paths
from pipeline.settings import load
from transform.errors import MarqueeError


@pytest.fixture(autouse=True)
def films(tmp_path, monkeypatch) -> Path:
    """Two spans in the current folder, which no work folder has read."""
    for span in (1, 2):
        (tmp_path / "films" / f"span-{span}").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "films"


def require(**overrides: object) -> None:
    settings = load(None, {"data.root": "films", "data.window": 2, **overrides})
    span_window.require(settings, Paths.bind(settings))


@pytest.mark.parametrize(("overrides", "named"), [({}, ""), ({"work": "other"}, " --work {}/other")])
def test_the_command_names_the_work_folder_where_it_is_not_the_default(films, overrides, named):
    with pytest.raises(MarqueeError) as error:
        require(**overrides)
    assert f": marquee run --data {films}{named.format(films.parent)} --span 1; or set" in str(error.value)


def test_nothing_is_asked_without_a_window_or_of_a_span_that_is_not_there():
    require(**{"data.window": 1})
    require(**{"data.span": 3})
