"""LabelBalance: its spec, and its executor on what FilmExampleGen and StatisticsGen leave of fake films."""

import copy
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils.class_weight import compute_class_weight
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.types import artifact_utils, channel_utils, standard_artifacts

from components.film_example_gen.component import FilmExampleGen
from components.film_example_gen.driver import Driver
from components.film_example_gen.examples import split_of
from components.film_statistics import film_stats_options
from components.label_balance import artifact, executor
from components.label_balance.component import LabelBalance
from tests.execute import execute
from tests.films import FakeFilm, write_span
from transform import features
from transform.errors import MarqueeError

SETTINGS = {
    "min_train": 3, "min_test": 1, "on_rare": "warn", "merge_into": "Other", "beta": 0.999, "repeat_threshold": 0.4,
}  # fmt: skip
COMBINATIONS = (("Drama",), ("Comedy", "Drama"), ("Drama",), ("Épopée",), ("Comedy", "Épopée", "東映"))


def node(examples=None, statistics=None, **changes):
    return LabelBalance(
        examples=examples or types.Channel(type=standard_artifacts.Examples),
        statistics=statistics or types.Channel(type=standard_artifacts.ExampleStatistics),
        **{**SETTINGS, **changes},
    )


def split(film: FakeFilm) -> str:
    return split_of(film.id, features.SPLITS)


def films_of_every_kind() -> list[FakeFilm]:
    """Films without posters: two of train alone are Short, those of test that are Silent are all that are."""
    films = [FakeFilm(id=f"tt{number:07d}", genres=COMBINATIONS[number % 5]) for number in range(120)]
    short = [film.id for film in films if split(film) == "train"][:2]
    silent = [film.id for film in films if split(film) == "test"][:3]
    genres = {short[0]: ("Short",), short[1]: ("Drama", "Short"), **dict.fromkeys(silent, ("Silent",))}
    return [FakeFilm(id=film.id, genres=genres.get(film.id, film.genres)) for film in films]


@dataclass(frozen=True)
class Span:
    """A span that has been read, and what LabelBalance makes of it."""

    examples: list[types.Artifact]
    statistics: list[types.Artifact]

    def run(self, folder: Path, **changes) -> Path:
        """Runs LabelBalance; returns its file."""
        channels = [channel_utils.as_channel(artifacts) for artifacts in (self.examples, self.statistics)]
        inputs = {"examples": self.examples, "statistics": self.statistics}
        [balance] = execute(node(*channels, **changes), inputs, folder)["label_balance"]
        return Path(balance.uri) / artifact.FILE_NAME


def read_span(folder: Path, films: list[FakeFilm]) -> Span:
    write_span(folder / "films", 1, films)
    ingest = FilmExampleGen(input_base=str(folder / "films"), span=1)
    given = {key: value for key, value in ingest.exec_properties.items() if value is not None}
    driven = Driver(None).resolve_exec_properties(given, None, None)
    examples = execute(ingest, {}, folder / "ingest", driven)["examples"]
    statistics_gen = StatisticsGen(examples=channel_utils.as_channel(examples), stats_options=film_stats_options())
    statistics = execute(statistics_gen, {"examples": examples}, folder / "statistics")["statistics"]
    return Span(examples, statistics)


@pytest.fixture(scope="module")
def span(tmp_path_factory) -> Span:
    return read_span(tmp_path_factory.mktemp("span"), films_of_every_kind())


@pytest.fixture(scope="module")
def balance_file(span, tmp_path_factory) -> Path:
    """What it leaves with the settings above."""
    return span.run(tmp_path_factory.mktemp("balance") / "out")


def content(file: Path):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)


# The component


def test_spec():
    built = node()
    assert set(built.inputs) == {"examples", "statistics"}
    assert {name: channel.type for name, channel in built.outputs.items()} == {"label_balance": artifact.LabelBalance}
    assert artifact.LabelBalance.TYPE_NAME == "LabelBalance"
    assert dict(built.exec_properties) == SETTINGS
    assert built.executor_spec.executor_class is executor.Executor
    with pytest.raises(TypeError, match="statistics"):
        node(statistics=types.Channel(type=standard_artifacts.Schema))


def test_whole_numbers_are_shares_too():
    assert type(node(repeat_threshold=1).exec_properties["repeat_threshold"]) is float
    assert type(node(beta=0).exec_properties["beta"]) is float


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_train", -1),
        ("min_test", -1),
        ("on_rare", "drop"),
        ("merge_into", ""),
        ("merge_into", " Other"),
        ("merge_into", "Ot\nher"),
        ("beta", 1.0),
        ("beta", -0.1),
        ("beta", float("nan")),
        ("repeat_threshold", 1.5),
        ("repeat_threshold", float("nan")),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(key, value):
    with pytest.raises(MarqueeError, match=rf"balance\.{key} = .*: allowed is "):
        node(**{key: value})


# The executor


def test_counts_and_weights_are_those_of_the_films(balance_file):
    films = films_of_every_kind()
    found = content(balance_file)

    assert found["films"] == {name: sum(split(film) == name for film in films) for name in features.SPLITS}
    for row in found["genres"]:
        for name, count in row["splits"].items():
            assert count == sum(split(film) == name and row["genre"] in film.genres for film in films)
    binarizer = MultiLabelBinarizer()
    train = binarizer.fit_transform([film.genres for film in films if split(film) == "train"])
    assert set(found["labels"]) == set(found["weights"]) == set(binarizer.classes_)
    for label, column in zip(binarizer.classes_, train.T, strict=True):
        balanced = compute_class_weight("balanced", classes=np.array([0, 1]), y=column)
        assert found["weights"][label]["inverse_frequency"] == pytest.approx(list(balanced))
        assert found["weights"][label]["positives"] == column.sum()


def test_genres_of_any_language_stay_readable(balance_file):
    text = balance_file.read_text(encoding="utf-8")
    assert '"Épopée"' in text
    assert '"東映"' in text


def test_the_same_films_give_the_same_bytes_and_the_warnings_are_shown_as_progress(
    span, balance_file, tmp_path, caplog
):
    with caplog.at_level(logging.WARNING):
        again = span.run(tmp_path)
    assert again.read_bytes() == balance_file.read_bytes()

    shown = [record.getMessage() for record in caplog.records if record.name == "marquee.balance"]
    found = content(again)
    assert shown == found["warnings"]
    assert "Silent: 0 films in train, so that nothing can learn it: left out." in shown
    assert any(warning.startswith("Short: 2 films in train, fewer than balance.min_train = 3") for warning in shown)
    assert "Films that have no label left: 3 in test." in shown
    assert found["relabel"] == {"Silent": ""}


def test_settings_decide_on_rare_genres(span, tmp_path):
    found = content(span.run(tmp_path, on_rare="merge", merge_into="Übriges"))
    assert found["relabel"] == {"Silent": "", "Short": "Übriges"}
    assert found["weights"]["Übriges"]["positives"] == 2


def test_a_window_is_counted_as_one(span, tmp_path):
    others = [FakeFilm(id=f"tt9{number:06d}", genres=("Western",)) for number in range(60)]
    other = read_span(tmp_path / "other", others)
    window = Span(span.examples + other.examples, other.statistics + span.statistics)  # in whatever order

    found = content(window.run(tmp_path / "out"))

    films = films_of_every_kind() + others
    assert found["films"] == {name: sum(split(film) == name for film in films) for name in features.SPLITS}
    by_genre = {row["genre"]: row["splits"] for row in found["genres"]}
    assert by_genre["Western"] == {name: sum(split(film) == name for film in others) for name in features.SPLITS}
    assert by_genre["Drama"]["train"] == sum(split(film) == "train" and "Drama" in film.genres for film in films)
    with pytest.raises(MarqueeError, match="The statistics are not those of the films"):
        Span(window.examples, span.statistics).run(tmp_path / "half")


def test_statistics_of_other_films_are_refused(span, tmp_path):
    statistics = copy.deepcopy(span.statistics[0])
    statistics.uri = str(shutil.copytree(span.statistics[0].uri, tmp_path / "statistics"))
    file = Path(artifact_utils.get_split_uri([statistics], "eval")) / "FeatureStats.pb"
    edited = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
    [genres] = [feature for feature in edited.datasets[0].features if list(feature.path.step) == [features.GENRES]]
    [drama] = [bucket for bucket in genres.string_stats.rank_histogram.buckets if bucket.label == "Drama"]
    drama.sample_count += 1
    file.write_bytes(edited.SerializeToString())

    with pytest.raises(MarqueeError, match=r"eval, Drama: (\d+) films, \d+ by the statistics") as error:
        Span(span.examples, [statistics]).run(tmp_path / "out")
    assert len(str(error.value).splitlines()) == 3
