"""FilmTransform: its spec, and Transform on the labels that LabelBalance decided."""

import copy
import json
import os

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.beam import impl
from tfx import types
from tfx.types import artifact_utils, channel_utils, standard_artifacts

from components.film_schema_gen.schema import schema_of
from components.film_transform import component, executor
from components.label_balance.artifact import LabelBalance
from tests.balances import balance_artifact, balance_content
from tests.execute import execute
from transform import features
from transform.errors import MarqueeError

GENRES = {"train": [["Drama", "Short"], ["Short"], ["Film-Noir", "Western"], ["Drama"]], "test": [["Western", "Drama"]]}
RELABEL = {"Short": "", "Film-Noir": "Östern", "Western": "Östern"}
CONFIG = {"image_size": 16, "vocabulary_size": 9, "max_words": 5, "ngram_buckets": 64}


def films_without_overviews(folder) -> standard_artifacts.Examples:
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(folder), artifact_utils.encode_split_names(list(GENRES))
    for split, films in GENRES.items():
        uri = artifact_utils.get_split_uri([examples], split)
        os.makedirs(uri)
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(os.path.join(uri, "data_tfrecord-00000-of-00001.gz"), options) as writer:
            for number, genres in enumerate(films):
                feature = (example := tf.train.Example()).features.feature
                feature[features.ID].bytes_list.value.append(b"%s%d" % (split.encode(), number))
                feature[features.GENRES].bytes_list.value.extend(genre.encode() for genre in genres)
                for empty in (features.POSTER, features.OVERVIEW):
                    feature[empty].bytes_list.value.extend([])
                writer.write(example.SerializeToString())
    return examples


def channels() -> dict[str, types.Channel]:
    kinds = {
        "examples": standard_artifacts.Examples,
        "schema": standard_artifacts.Schema,
        "label_balance": LabelBalance,
    }
    return {name: types.Channel(type=kind) for name, kind in kinds.items()}


def node(**given) -> component.FilmTransform:
    return component.FilmTransform(
        **{**channels(), **given}, preprocessing_fn="transform.preprocessing.preprocessing_fn", custom_config=CONFIG
    )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, list[types.Artifact]]:
    root = tmp_path_factory.mktemp("film_transform")
    schema = standard_artifacts.Schema()
    schema.uri = str(root / "schema")
    os.makedirs(schema.uri)
    (root / "schema" / "schema.pbtxt").write_text(str(schema_of({name for film in GENRES["train"] for name in film})))
    return {
        "examples": [films_without_overviews(root / "examples")],
        "schema": [schema],
        "label_balance": [balance_artifact(root / "balance", balance_content({"Drama": 2, "Östern": 1}, RELABEL))],
    }


def of(inputs: dict[str, list[types.Artifact]]) -> component.FilmTransform:
    return node(**{name: channel_utils.as_channel(artifacts) for name, artifacts in inputs.items()})


@pytest.fixture(scope="module")
def run(inputs, tmp_path_factory):
    """The outputs of a run, and its execution properties before and after."""
    built = of(inputs)
    before = copy.deepcopy(dict(built.exec_properties))
    outputs = execute(built, inputs, tmp_path_factory.mktemp("out"))
    return outputs, before, dict(built.exec_properties)


def test_the_spec_is_transforms_with_a_label_balance():
    built = node()
    assert {"examples", "schema", "label_balance"} == set(built.inputs)
    assert {"transform_graph", "transformed_examples"} == set(built.outputs)
    assert json.loads(built.exec_properties["custom_config"]) == CONFIG
    assert built.executor_spec.executor_class is executor.Executor
    with pytest.raises(TypeError, match="label_balance"):
        node(label_balance=types.Channel(type=standard_artifacts.Schema))


def test_the_labels_are_those_of_the_label_balance(run):
    outputs, _, _ = run
    graph = tft.TFTransformOutput(outputs["transform_graph"][0].uri)
    assert graph.vocabulary_by_name(features.GENRES_VOCABULARY) == [b"Drama", "Östern".encode()]
    found = {}
    for file in transformed(outputs):
        for record in tf.data.TFRecordDataset(file, compression_type="GZIP").as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            found[feature[features.ID].bytes_list.value[0]] = list(feature[features.LABELS].int64_list.value)
    assert found == {
        b"train0": [1, 0], b"train1": [0, 0], b"train2": [0, 1], b"train3": [1, 0], b"test0": [1, 1],
    }  # fmt: skip


def test_pixels_are_stored_and_not_deflated(run):
    outputs, _, _ = run
    assert sum(map(os.path.getsize, transformed(outputs))) > 5 * CONFIG["image_size"] ** 2 * features.CHANNELS  # black
    assert executor.executor.TransformProcessor is not executor._Processor  # nobody else's writing has changed


def test_films_go_through_the_graph_in_batches_of_one_size(inputs, monkeypatch, tmp_path):
    rows = []
    handle = impl._RunMetaGraphDoFn._handle_batch

    def watched(self, batch):
        rows.append(len(batch))
        return handle(self, batch)

    monkeypatch.setattr(impl._RunMetaGraphDoFn, "_handle_batch", watched)
    monkeypatch.setattr(executor, "_BATCH", 3)
    execute(of(inputs), inputs, tmp_path)
    assert sorted(rows) == [1, 1, 1, 3, 3]  # four films of train, analyzed and transformed, and one of test


def test_films_that_did_not_come_through_are_missed(run, tmp_path):
    [done] = run[0]["transformed_examples"]
    raw = standard_artifacts.Examples()
    raw.uri = str(tmp_path)
    counts = {split: len(films) for split, films in GENRES.items()}
    (tmp_path / "ingest.json").write_text(json.dumps({"splits": counts}))
    executor._require_all([raw], [done])

    (tmp_path / "ingest.json").write_text(json.dumps({"splits": counts | {"train": 5}}))
    with pytest.raises(MarqueeError, match="4 of the 5 films of split train"):
        executor._require_all([raw], [done])


def transformed(outputs) -> list[str]:
    """The files of transformed examples."""
    return tf.io.gfile.glob(os.path.join(outputs["transformed_examples"][0].uri, "Split-*", "*"))


def test_the_callers_configuration_stays_as_it_was(run):
    _, before, after = run
    assert after == before
