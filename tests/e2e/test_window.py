"""Windows {1}, {1, 2}, {2, 3} of one pipeline: what is executed, what is not, and what each training saw."""

import json
from pathlib import Path

import numpy as np
import pytest
from ml_metadata.metadata_store import MetadataStore

from components import lineage
from components.film_example_gen.examples import split_of
from pipeline.environment import MISTAKEN
from pipeline.metadata import connection_config
from pipeline.report import RUN_FILE
from tests.e2e.runs import Pipeline
from tests.films import FakeFilm, fake_films, write_span
from transform import features

pytestmark = pytest.mark.slow

QUICK = {"models": "lstm", "lstm.epochs": 1, "serving.check": "none", "data.window": 2}
FILMS = fake_films(270)
# The second span has a film of the first again, with another overview; it is of train.
AGAIN = next(film for film in FILMS if film.overview and split_of(film.id, features.SPLITS) == "train")
SPANS = {
    1: FILMS[:90],
    2: [*FILMS[90:180], FakeFilm(id=AGAIN.id, genres=AGAIN.genres, overview="A winter letter of grief and family.")],
    3: FILMS[180:],
}
RESOLVERS = ("PreviousSpan", "Window", "AnalyzerCache", "LatestBlessed.lstm")
OF_ALL = {"FilmExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DriftReport", "DriftGate"}
OF_ALL |= {"LabelBalance", "Transform", "Trainer.lstm", "Evaluator.lstm", "Pusher.lstm", "ComparisonReport"}


class Windows:
    """A work folder, and runs over windows of two spans in it."""

    def __init__(self, folder: Path):
        self._folder = folder
        for span, films in SPANS.items():
            write_span(folder / "films", span, films)

    def of(self, span: int, work: str = "work", **overrides) -> Pipeline:
        return Pipeline(self._folder / work, self._folder / "films", **QUICK | {"data.span": span} | overrides)

    def run(self, span: int) -> Pipeline:
        pipeline = self.of(span)
        done = pipeline.run()
        assert done.returncode == 0, done.stdout + done.stderr
        return pipeline


@pytest.fixture(scope="module")
def windows(tmp_path_factory) -> Windows:
    return Windows(tmp_path_factory.mktemp("windows"))


def executed(pipeline: Pipeline) -> set[str]:
    """What the last run executed, but for resolvers, which look anew in every run."""
    return {node for node, state in pipeline.states().items() if state == "ran"} - set(RESOLVERS)


def seen(pipeline: Pipeline) -> list[str]:
    """The ids of the films that the last training chose its thresholds on, which are all of train and of eval."""
    store = MetadataStore(connection_config(pipeline.paths.metadata))
    run = max(store.get_artifacts_by_type("ModelRun"), key=lambda artifact: artifact.id)
    with np.load(Path(run.uri) / "evidence.npz") as evidence:
        return sorted(film.decode() for film in evidence["films"])


def learnable(*spans: int) -> list[str]:
    films = [film.id for span in spans for film in SPANS[span]]
    return sorted(film for film in films if split_of(film, features.SPLITS) != "test")


def caches(pipeline: Pipeline) -> list[tuple[set[int], list[set[int]]]]:
    """Of each TransformCache the spans that it was made of, and those of the caches that its Transform was given."""
    store = MetadataStore(connection_config(pipeline.paths.metadata))
    found = []
    for cache in sorted(store.get_artifacts_by_type("TransformCache"), key=lambda artifact: artifact.id):
        given = lineage.made_of(store, cache.id, "TransformCache")
        found.append((_spans(store, cache.id), [_spans(store, each.id) for each in given]))
    return found


def _spans(store: MetadataStore, cache: int) -> set[int]:
    return set(map(lineage.span, lineage.made_of(store, cache, "Examples")))


def test_a_span_of_the_window_that_was_not_read_stops_the_run_before_it_begins(windows):
    pipeline = windows.of(3, work="other")
    done = pipeline.run()
    assert done.returncode == MISTAKEN
    said = " ".join(done.stdout.split())
    assert "span 3 is to be trained on together with span 2, which this work folder has not read" in said
    assert f"marquee run --data {pipeline.paths.data} --work {pipeline.paths.work} --span 2" in said
    assert not pipeline.paths.metadata.exists()


def test_the_first_window_is_of_one_span(windows):
    pipeline = windows.run(1)
    assert executed(pipeline) == OF_ALL
    assert seen(pipeline) == learnable(1)
    assert executed(windows.run(1)) == set()


def test_the_next_span_joins_it(windows):
    pipeline = windows.run(2)
    assert executed(pipeline) >= OF_ALL - {"Evaluator.lstm", "Pusher.lstm"}
    assert seen(pipeline) == learnable(1, 2)
    assert seen(pipeline).count(AGAIN.id) == 2  # a film of two spans is two films, always of the same split
    assert executed(windows.run(2)) == set()


def test_the_oldest_span_leaves_it(windows):
    pipeline = windows.run(3)
    assert executed(pipeline) >= OF_ALL - {"Evaluator.lstm", "Pusher.lstm"}
    assert seen(pipeline) == learnable(2, 3)
    assert executed(windows.run(3)) == set()


def test_the_report_says_what_was_trained_on(windows):
    files = sorted(windows.of(3).paths.reports.glob(f"*/{RUN_FILE}"))
    run = json.loads(files[-1].read_text())
    assert [(each["span"], each["films"]) for each in run["window"]] == [(2, len(SPANS[2])), (3, len(SPANS[3]))]
    assert run["ingest"]["span"] == 3
    assert run["balance"]["films"]["train"] + run["balance"]["films"]["eval"] == sum(
        split_of(film.id, features.SPLITS) != "test" for span in (2, 3) for film in SPANS[span]
    )


def test_going_back_the_later_window_changes_nothing_of_what_was_trained_before(windows):
    pipeline = windows.run(2)
    assert executed(pipeline) <= {"Evaluator.lstm", "Pusher.lstm", "ComparisonReport"}


def test_each_span_was_read_and_each_window_trained_on_once(windows):
    pipeline = windows.of(3)
    counts = pipeline.executions()
    for node in ("FilmExampleGen", "StatisticsGen", "LabelBalance", "Transform", "Trainer.lstm"):
        assert counts[node] == 3
    assert caches(pipeline) == [({1}, []), ({1, 2}, [{1}]), ({2, 3}, [{1, 2}])]


def test_without_a_window_the_same_span_is_trained_on_alone(windows):
    alone = windows.of(2, **{"data.window": 1})
    done = alone.run()
    assert done.returncode == 0, done.stdout + done.stderr
    states = alone.states()
    assert not {"Window", "AnalyzerCache"} & set(states)
    assert states["FilmExampleGen"] == states["StatisticsGen"] == "cached"
    assert states["Transform"] == states["Trainer.lstm"] == "ran"
    assert seen(alone) == learnable(2)


def test_a_span_of_the_window_that_has_changed_since_stops_the_run_before_it_begins(windows):
    pipeline = windows.of(2)
    before = pipeline.executions()
    poster = next((pipeline.paths.data / "span-1").rglob("*.jpg"))
    poster.write_bytes(poster.read_bytes() + b"more")
    done = pipeline.run()
    assert done.returncode == MISTAKEN
    said = " ".join(done.stdout.split())
    assert "span 2 is to be trained on together with span 1, whose files have changed since" in said
    assert f"marquee run --data {pipeline.paths.data} --work {pipeline.paths.work} --span 1" in said
    assert pipeline.executions() == before
