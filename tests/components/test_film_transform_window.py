"""FilmTransform on a window of spans: what its analyzers read anew, and what comes out, with a cache and without."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tfx import types
from tfx.types import artifact_utils, standard_artifacts

from components.film_example_gen.component import FilmExampleGen
from components.film_example_gen.driver import Driver
from components.film_example_gen.examples import split_of
from components.film_schema_gen.schema import schema_of
from components.film_transform.component import FilmTransform
from components.label_balance.artifact import LabelBalance
from tests.balances import balance_artifact, balance_content
from tests.execute import execute
from tests.films import WORDS, FakeFilm, fake_films, write_span
from transform import features

pytestmark = pytest.mark.slow

CONFIG = {"image_size": 16, "vocabulary_size": 30, "max_words": 20, "ngram_buckets": 64}
FILMS = fake_films(120)
SPANS = {1: FILMS[:60], 2: FILMS[60:], 3: fake_films(40, seed=5)}  # the last has ids that the first has, too


def train(*spans: int) -> int:
    """How many films of these spans are in train."""
    return sum(split_of(film.id, features.SPLITS) == "train" for span in spans for film in SPANS[span])


@dataclass(frozen=True)
class Made:
    """What one FilmTransform left, and the films that its analyzers read."""

    outputs: dict[str, list[types.Artifact]]
    analysed: dict[str, int]  # by step of the analysis

    @property
    def cache(self) -> list[types.Artifact]:
        return self.outputs["updated_analyzer_cache"]

    @property
    def graph(self) -> dict[str, list[bytes]]:
        """The vocabularies."""
        found = tft.TFTransformOutput(self.outputs["transform_graph"][0].uri)
        return {
            name: found.vocabulary_by_name(name) for name in (features.GENRES_VOCABULARY, features.WORDS_VOCABULARY)
        }

    def films(self) -> list[dict[str, dict[str, list]]]:
        """By artifact and id, the transformed features of its films."""
        return [
            dict(film for split in features.SPLITS for film in _films(artifact, split))
            for artifact in self.outputs["transformed_examples"]
        ]


def _films(artifact: types.Artifact, split: str) -> Iterator[tuple[str, dict[str, list]]]:
    files = tf.io.gfile.glob(artifact_utils.get_split_uri([artifact], split) + "/*")
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        film = tf.train.Example.FromString(record).features.feature
        values = {name: list(getattr(each, each.WhichOneof("kind")).value) for name, each in film.items()}
        yield values[features.ID][0].decode(), values


class Transforms:
    """Spans that have been read, to be transformed together."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._examples = {span: self._read(span, films) for span, films in SPANS.items()}
        schema = standard_artifacts.Schema()
        schema.uri = str(folder / "schema")
        Path(schema.uri).mkdir()
        (folder / "schema" / "schema.pbtxt").write_text(str(schema_of(set(WORDS))))
        balance = balance_artifact(folder / "balance", balance_content(dict.fromkeys(WORDS, 1)))
        self._given = {"schema": [schema], "label_balance": [balance]}

    def _read(self, span: int, films: Sequence[FakeFilm]) -> types.Artifact:
        write_span(self._folder / "films", span, films)
        ingest = FilmExampleGen(input_base=str(self._folder / "films"), span=span)
        given = {key: value for key, value in ingest.exec_properties.items() if value is not None}
        driven = Driver(None).resolve_exec_properties(given, None, None)
        [examples] = execute(ingest, {}, self._folder / f"ingest-{span}", driven)["examples"]
        return examples

    def run(self, name: str, spans: Sequence[int], cache: Sequence[types.Artifact] = ()) -> Made:
        kinds = {
            "examples": standard_artifacts.Examples,
            "schema": standard_artifacts.Schema,
            "label_balance": LabelBalance,
            "analyzer_cache": standard_artifacts.TransformCache,
        }
        node = FilmTransform(
            **{key: types.Channel(type=kind) for key, kind in kinds.items()},
            preprocessing_fn="transform.preprocessing.preprocessing_fn",
            custom_config=CONFIG,
        )
        given = {**self._given, "examples": [self._examples[span] for span in spans], "analyzer_cache": list(cache)}
        results = []
        with pytest.MonkeyPatch.context() as patch:
            run = beam.Pipeline.run
            patch.setattr(
                beam.Pipeline, "run", lambda *args, **kwargs: results.append(run(*args, **kwargs)) or results[-1]
            )
            outputs = execute(node, given, self._folder / name)
        return Made(outputs, _analysed(results[-1]))


def _analysed(result: beam.runners.runner.PipelineResult) -> dict[str, int]:
    """TFT's own count of the rows that each part of the analysis was given, by step."""
    counters = result.metrics().query(beam.metrics.MetricsFilter().with_name("num_instances"))["counters"]
    return {each.key.step: each.committed for each in counters if each.key.step.startswith("Analyze/")}


@pytest.fixture(scope="module")
def transforms(tmp_path_factory) -> Transforms:
    return Transforms(tmp_path_factory.mktemp("transforms"))


@pytest.fixture(scope="module")
def first(transforms) -> Made:
    return transforms.run("first", [1])


@pytest.fixture(scope="module")
def second(transforms, first) -> Made:
    return transforms.run("second", [1, 2], first.cache)


def test_the_first_span_is_analysed_in_one_pass(first):
    assert list(first.analysed.values()) == [train(1)]
    assert len(first.outputs["transformed_examples"]) == 1


def test_a_new_span_costs_the_analysis_of_its_own_films(transforms, second):
    assert list(second.analysed.values()) == [train(2)]
    third = transforms.run("third", [2, 3], second.cache)
    assert list(third.analysed.values()) == [train(3)]


def test_what_comes_out_is_the_same_without_a_cache(transforms, second):
    anew = transforms.run("anew", [1, 2])
    assert sorted(anew.analysed.values()) == sorted([train(1), train(2)])
    assert anew.graph == second.graph
    for one, other in zip(anew.films(), second.films(), strict=True):
        assert one.keys() == other.keys()
        for film, values in one.items():
            weights = other[film].pop(features.NGRAM_WEIGHTS)
            assert values.pop(features.NGRAM_WEIGHTS) == pytest.approx(weights, rel=1e-6)
            assert values == other[film]


def test_each_span_has_its_own_transformed_examples(second):
    assert [set(films) for films in second.films()] == [{film.id for film in SPANS[1]}, {film.id for film in SPANS[2]}]
