"""FilmExampleValidator: its spec, and the chain from examples through statistics and schema to its verdict."""

import logging
import os

import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx import types
from tfx.components.statistics_gen import component as statistics_component
from tfx.components.statistics_gen import executor as statistics_executor
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from components.film_example_gen import examples
from components.film_example_gen.films import Film
from components.film_example_gen.readers import reader_for
from components.film_example_validator import component, executor
from components.film_schema_gen import executor as schema_executor
from components.film_statistics import STATISTICS_FEATURES, film_stats_options
from pipeline import beam
from tests.films import fake_films, write_span
from transform.errors import MarqueeError

SPLITS = ("whole", "no_posters", "no_overviews")


def without(film, name):
    return Film(**{**film.__dict__, name: ""})


@pytest.fixture(scope="module")
def statistics(tmp_path_factory):
    """What StatisticsGen makes of films, of the same without posters, and of the same without overviews."""
    root = tmp_path_factory.mktemp("chain")
    folder = str(write_span(root, 1, fake_films(30)))
    films = list(reader_for(folder, "auto")[1].read())
    splits = {
        "whole": films,
        "no_posters": [without(film, "poster") for film in films if film.overview],
        "no_overviews": [without(film, "overview") for film in films if film.poster],
    }
    source, result = standard_artifacts.Examples(), standard_artifacts.ExampleStatistics()
    source.uri, result.uri = str(root / "examples"), str(root / "statistics")
    source.split_names = artifact_utils.encode_split_names(list(splits))
    for split, members in splits.items():
        os.makedirs(artifact_utils.get_split_uri([source], split))
        path = os.path.join(artifact_utils.get_split_uri([source], split), "data_tfrecord-00000-of-00001.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for example, _ in examples.convert(members, folder):
                writer.write(example)
    node = statistics_component.StatisticsGen(
        types.Channel(type=standard_artifacts.Examples), stats_options=film_stats_options()
    )
    context = statistics_executor.Executor.Context(
        beam_pipeline_args=beam.pipeline_args(), tmp_dir=str(root / "tmp"), unique_id="1"
    )
    statistics_executor.Executor(context).Do(
        {"examples": [source]}, {"statistics": [result]}, dict(node.exec_properties)
    )
    return result


@pytest.fixture
def schema(statistics, tmp_path):
    """The schema that FilmSchemaGen makes of those statistics."""
    result = standard_artifacts.Schema()
    result.uri = str(tmp_path / "schema")
    os.makedirs(result.uri)
    schema_executor.Executor().Do({"statistics": [statistics]}, {"schema": [result]}, {})
    return result


def curate(schema, change):
    """Edits the schema's file, as a user does."""
    path = os.path.join(schema.uri, "schema.pbtxt")
    content = io_utils.parse_pbtxt_file(path, schema_pb2.Schema())
    change(content)
    io_utils.write_pbtxt_file(path, content)


def validate(statistics, schema, tmp_path, on_anomaly):
    """Runs the executor; returns the anomalies of each split as they are on disk."""
    result = standard_artifacts.ExampleAnomalies()
    result.uri = str(tmp_path / "anomalies")
    executor.Executor().Do(
        {"statistics": [statistics], "schema": [schema]},
        {"anomalies": [result]},
        {"on_anomaly": on_anomaly, "exclude_splits": "[]"},
    )
    assert artifact_utils.decode_split_names(result.split_names) == list(SPLITS)
    return {
        split: anomalies_pb2.Anomalies.FromString(
            io_utils.read_bytes_file(os.path.join(result.uri, f"Split-{split}", "SchemaDiff.pb"))
        )
        for split in SPLITS
    }


def channels():
    return types.Channel(type=standard_artifacts.ExampleStatistics), types.Channel(type=standard_artifacts.Schema)


def test_spec():
    node = component.FilmExampleValidator(*channels(), on_anomaly="warn")
    assert node.outputs["anomalies"].type is standard_artifacts.ExampleAnomalies
    assert node.exec_properties["on_anomaly"] == "warn"
    assert node.executor_spec.executor_class is executor.Executor


def test_unknown_setting_is_refused():
    with pytest.raises(MarqueeError, match="on_anomaly is 'ignore'; it may be stop or warn"):
        component.FilmExampleValidator(*channels(), on_anomaly="ignore")


def test_statistics_leave_the_posters_out(statistics):
    proto = stats_artifact_utils.load_statistics(statistics, "whole").proto()
    assert {feature.path.step[0] for feature in proto.datasets[0].features} == set(STATISTICS_FEATURES)


def test_films_fit_the_schema_made_of_them_even_where_all_posters_are_missing(statistics, schema, tmp_path):
    anomalies = validate(statistics, schema, tmp_path, "stop")
    assert not any(found.anomaly_info for found in anomalies.values())


def test_a_genre_unknown_to_the_schema_stops_the_run(statistics, schema, tmp_path):
    curate(schema, lambda content: content.string_domain[0].value.remove("Horror"))
    with pytest.raises(MarqueeError) as error:
        validate(statistics, schema, tmp_path, "stop")
    message = str(error.value)
    for split in SPLITS:
        assert f"\n  {split}: genres: Unexpected string values: " in message
    assert "Horror (~" in message
    assert "Comedy" not in message
    assert message.endswith("Change the schema file if the data are right, or else the data.")


def test_a_genre_unknown_to_the_schema_can_be_a_warning(statistics, schema, tmp_path, caplog):
    curate(schema, lambda content: content.string_domain[0].value.remove("Horror"))
    with caplog.at_level(logging.WARNING):
        anomalies = validate(statistics, schema, tmp_path, "warn")
    assert "Horror" in caplog.text
    assert list(anomalies["whole"].anomaly_info) == ["genres"]


def test_a_genre_that_no_film_has_any_more_is_no_anomaly(statistics, schema, tmp_path):
    curate(schema, lambda content: content.string_domain[0].value.append("Musical"))
    assert not validate(statistics, schema, tmp_path, "stop")["whole"].anomaly_info


def test_a_schema_that_demands_posters_stops_films_without(statistics, schema, tmp_path):
    def demand(content):
        (width,) = [feature for feature in content.feature if feature.name == "poster_width"]
        width.presence.min_fraction = 1

    curate(schema, demand)
    with pytest.raises(MarqueeError, match="no_posters: poster_width: "):
        validate(statistics, schema, tmp_path, "stop")
