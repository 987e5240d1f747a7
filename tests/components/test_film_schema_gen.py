"""FilmSchemaGen: its spec, and the schema that it writes for statistics on disk."""

import os

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx import types
from tfx.types import artifact_utils, standard_artifacts

from components.film_schema_gen import component, executor
from components.film_schema_gen.schema import genres_in, schema_of
from transform import features
from transform.errors import MarqueeError


def statistics_of(genres, unique=None):
    """Statistics of one split that holds these genres."""
    buckets = [{"label": genre, "sample_count": 1.0} for genre in genres]
    histogram = statistics_pb2.RankHistogram(
        buckets=[statistics_pb2.RankHistogram.Bucket(**bucket) for bucket in buckets]
    )
    strings = statistics_pb2.StringStatistics(unique=unique or len(genres), rank_histogram=histogram)
    feature = statistics_pb2.FeatureNameStatistics(string_stats=strings)
    feature.path.step.append(features.GENRES)
    return statistics_pb2.DatasetFeatureStatisticsList(
        datasets=[statistics_pb2.DatasetFeatureStatistics(features=[feature])]
    )


def write_schema(tmp_path, genres_by_split):
    """Runs the executor; returns the bytes of the schema file."""
    statistics, schema = standard_artifacts.ExampleStatistics(), standard_artifacts.Schema()
    statistics.uri, schema.uri = str(tmp_path / "statistics"), str(tmp_path / "schema")
    statistics.split_names = artifact_utils.encode_split_names(list(genres_by_split))
    for split, genres in genres_by_split.items():
        folder = tmp_path / "statistics" / f"Split-{split}"
        folder.mkdir(parents=True)
        (folder / "FeatureStats.pb").write_bytes(statistics_of(genres).SerializeToString())
    os.makedirs(schema.uri)
    executor.Executor().Do({"statistics": [statistics]}, {"schema": [schema]}, {})
    return (tmp_path / "schema" / "schema.pbtxt").read_bytes()


def test_spec():
    node = component.FilmSchemaGen(types.Channel(type=standard_artifacts.ExampleStatistics))
    assert node.outputs["schema"].type is standard_artifacts.Schema
    assert node.executor_spec.executor_class is executor.Executor


def test_genres_are_those_of_all_splits(tmp_path):
    text = write_schema(tmp_path, {"train": ["Drama", "Comedy"], "eval": ["Drama"], "test": ["Film-Noir", "Épopée"]})
    schema = text_format.Parse(text, schema_pb2.Schema())
    assert "Épopée" in text.decode()
    (domain,) = schema.string_domain
    assert list(domain.value) == ["Comedy", "Drama", "Film-Noir", "Épopée"]
    assert [feature.name for feature in schema.feature if feature.domain == domain.name] == [features.GENRES]


def test_same_statistics_same_bytes(tmp_path):
    first = write_schema(tmp_path / "a", {"train": ["Drama", "Comedy"], "eval": ["War"]})
    second = write_schema(tmp_path / "b", {"train": ["Comedy", "Drama"], "eval": ["War"]})
    assert first == second


def test_only_the_id_has_a_shape():
    spec = schema_utils.schema_as_feature_spec(schema_of(["Drama"])).feature_spec
    assert spec == {
        features.ID: tf.io.FixedLenFeature([1], tf.string),
        features.GENRES: tf.io.VarLenFeature(tf.string),
        features.OVERVIEW: tf.io.VarLenFeature(tf.string),
        features.OVERVIEW_WORDS: tf.io.VarLenFeature(tf.int64),
        features.POSTER: tf.io.VarLenFeature(tf.string),
        features.POSTER_WIDTH: tf.io.VarLenFeature(tf.int64),
        features.POSTER_HEIGHT: tf.io.VarLenFeature(tf.int64),
        features.POSTER_LUMA: tf.io.VarLenFeature(tf.float32),
    }


def test_presence_and_value_counts():
    schema = {feature.name: feature for feature in schema_of(["Drama"]).feature}
    required = {name for name, feature in schema.items() if feature.presence.min_fraction == 1}
    assert required == {features.ID, features.GENRES}
    assert schema[features.GENRES].value_count == schema_pb2.ValueCount(min=1)
    for name in schema.keys() - required:
        assert schema[name].value_count == schema_pb2.ValueCount(min=0, max=1)
    assert schema[features.POSTER].WhichOneof("domain_info") is None


def test_more_genres_than_statistics_list_are_refused():
    with pytest.raises(MarqueeError, match=r"5000 different genres.*free text"):
        genres_in(statistics_of(["Drama"], unique=5000))


def test_statistics_without_genres_are_refused():
    empty = statistics_pb2.DatasetFeatureStatisticsList(datasets=[statistics_pb2.DatasetFeatureStatistics()])
    with pytest.raises(MarqueeError, match="no feature 'genres'"):
        genres_in(empty)
