"""Signatures of an export that the contract of the models does not reach: two inputs, few genres, bad posters."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from tensorflow_serving.apis import prediction_log_pb2

from serving.client import messages
from tests.pictures import picture
from tests.trainer.conftest import CONFIG
from trainer import export
from transform import features

pytestmark = pytest.mark.slow

SIZE = CONFIG["image_size"]


def network(genres: int) -> keras.Model:
    """Fusion at its smallest: mean colour, words, and whether each is there."""
    keras.utils.set_random_seed(1)
    inputs = {
        features.PIXELS: layers.Input((SIZE, SIZE, features.CHANNELS), dtype="uint8", name=features.PIXELS),
        features.TOKENS: layers.Input((None,), dtype="int64", name=features.TOKENS),
        features.HAS_POSTER: layers.Input((), name=features.HAS_POSTER),
        features.HAS_OVERVIEW: layers.Input((), name=features.HAS_OVERVIEW),
    }
    seen = [
        layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(inputs[features.PIXELS])),
        layers.LSTM(4)(layers.Embedding(CONFIG["vocabulary_size"], 4, mask_zero=True)(inputs[features.TOKENS])),
        layers.Reshape((1,))(inputs[features.HAS_POSTER]),
        layers.Reshape((1,))(inputs[features.HAS_OVERVIEW]),
    ]
    scores = layers.Dense(genres, activation="sigmoid")(layers.Concatenate()(seen))
    return keras.Model(inputs, {"scores": scores, "thresholds": layers.Rescaling(0, offset=0.5)(scores)})


def export_of(graph, folder):
    genres = [name.decode() for name in graph.vocabulary_by_name(features.GENRES_VOCABULARY)]
    about = {"name": "fusion", "genres": genres}
    export.save(network(len(genres)), graph, about, SIZE, folder)
    assert json.loads((folder / "assets.extra" / "marquee.json").read_text(encoding="utf-8")) == about
    return tf.saved_model.load(str(folder)).signatures


@pytest.fixture(scope="module")
def served(transform_graph, tmp_path_factory):
    graph = transform_graph(("Drama", "War"), ("Drama", "Comedy"), ("Drama", "War"), ("Science Fiction",))
    return export_of(graph, tmp_path_factory.mktemp("fusion"))


def example(**values: bytes) -> bytes:
    feature = {key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for key, value in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def test_a_network_of_both_is_asked_for_both_and_either_may_be_missing(served):
    films = [(picture(), b"a war"), (picture(), b""), (b"", b"a war"), (b"", b"")]
    poster, overview = (tf.constant(list(values)) for values in zip(*films, strict=True))
    scores = served["serving_default"](poster=poster, overview=overview)["scores"].numpy()
    assert len(np.unique(scores.round(5), axis=0)) == 4

    names = (features.POSTER, features.OVERVIEW)
    empty = [example(**dict(zip(names, film, strict=True))) for film in films]
    absent = [example(**{name: value for name, value in zip(names, film, strict=True) if value}) for film in films]
    for examples in (empty, absent):
        asked = served["serving_examples"](examples=tf.constant(examples))["scores"]
        evaluated = served["evaluate"](examples=tf.constant(examples))["evaluation"]
        np.testing.assert_allclose(asked, scores, atol=1e-5)
        np.testing.assert_allclose(evaluated[:, : scores.shape[1]], scores, atol=1e-5)


def test_tokens_come_in_multiples_of_a_step(transform_graph, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "TOKENS_STEP", 4)
    tokens = layers.Input((None,), dtype="int64", name=features.TOKENS)
    length = ops.cast(ops.sum(ops.ones_like(tokens), axis=1, keepdims=True), "float32")
    network = keras.Model({features.TOKENS: tokens}, {"scores": length, "thresholds": length})
    export.save(network, transform_graph(("Drama",), ("Drama",)), {"genres": ["Drama"]}, SIZE, tmp_path / "model")
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    words = {0: 4, 1: 4, 4: 4, 5: 8}
    lengths = [served(overview=tf.constant(["war " * count]))["scores"].numpy().item() for count in words]
    assert lengths == list(words.values())


def test_small_variables_are_constants_and_score_as_variables_do(transform_graph, tmp_path, monkeypatch):
    graph = transform_graph(("Drama", "War"), ("Drama", "War"), ("Drama", "War"))
    films = {"poster": tf.constant([picture(), b""]), "overview": tf.constant(["a war", "of love"])}
    scores, kept = [], []
    for most in (0, 50, export.SMALL):
        monkeypatch.setattr(export, "SMALL", most)
        folder = tmp_path / str(most)
        scores.append(export_of(graph, folder)["serving_default"](**films)["scores"].numpy())
        saved = tf.train.list_variables(str(folder / "variables" / "variables"))
        kept.append(sorted(math.prod(shape) for name, shape in saved if name.startswith("large/")))
    assert kept[1:] == [[size for size in kept[0] if size > 50], []]
    assert 0 < len(kept[1]) < len(kept[0])
    np.testing.assert_allclose(scores[1:], [scores[0]] * 2, atol=1e-6)


@pytest.mark.parametrize("films", [0, 1, 5])
def test_any_number_of_examples(served, films):
    examples = tf.constant([example(overview=b"of love")] * films, tf.string)
    assert served["serving_examples"](examples=examples)["scores"].shape == (films, 4)
    assert served["evaluate"](examples=examples)["evaluation"].shape == (films, 8)
    labels = served["transform_labels"](examples=examples)
    assert {name: values.shape for name, values in labels.items()} == {
        features.LABELS: (films, 4),
        features.HAS_POSTER: (films, 1),
        features.HAS_OVERVIEW: (films, 1),
    }


@pytest.mark.parametrize("genres", [1, 2])
def test_fewer_genres_than_three_are_padded(transform_graph, tmp_path, genres):
    served = export_of(transform_graph(*[("Drama", "War")[:genres]] * 3), tmp_path)
    answer = served["serving_default"](poster=tf.constant([picture()]), overview=tf.constant([""]))
    assert answer["scores"].shape == (1, genres)
    assert set(answer["top_genres"].numpy()[0, :genres]) == {b"Drama", b"War"} if genres == 2 else {b"Drama"}
    assert answer["top_genres"].numpy()[0, genres:].tolist() == [b""] * (3 - genres)
    assert answer["top_scores"].numpy()[0, genres:].tolist() == [0] * (3 - genres)


@pytest.mark.parametrize("bad", [b"nonsense", b"GIF89a and more", b"BM and more", b"\xff\xd8"])
def test_a_poster_that_is_no_picture_names_its_row_by_either_way(served, bad):
    named = "poster in row 2 is neither a JPEG nor a PNG"
    with pytest.raises(tf.errors.InvalidArgumentError, match=named):
        served["serving_default"](
            poster=tf.constant([picture(format="PNG"), b"", bad]), overview=tf.constant(["a war"] * 3)
        )
    with pytest.raises(tf.errors.InvalidArgumentError, match=named):
        served["serving_examples"](examples=tf.constant([example(poster=picture()), example(), example(poster=bad)]))


def test_a_poster_cut_short_is_an_invalid_argument(served):
    with pytest.raises(tf.errors.InvalidArgumentError):
        served["serving_default"](poster=tf.constant([picture()[:300]]), overview=tf.constant([""]))


def test_a_genre_of_two_words_and_one_that_train_never_saw(served):
    film = tf.train.Example()
    film.features.feature[features.GENRES].bytes_list.value.extend([b"Science Fiction", b"Unseen"])
    labels = served["transform_labels"](examples=tf.constant([film.SerializeToString()]))[features.LABELS]
    names = served["serving_examples"](examples=tf.constant([film.SerializeToString()]))["genres"].numpy()[0]
    assert labels.numpy()[0].tolist() == (names == b"Science Fiction").astype(float).tolist()


def test_the_warm_up_requests_are_ones_that_it_answers(transform_graph, tmp_path):
    signatures = export_of(transform_graph(("Drama",), ("War",)), tmp_path)
    records = tf.data.TFRecordDataset(str(tmp_path / "assets.extra" / "tf_serving_warmup_requests"))
    asked = []
    for record in records.as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        answer = signatures[request.model_spec.signature_name](**inputs)
        assert answer["scores"].shape == (1, 2)
        asked.append((request.model_spec.signature_name, sorted(inputs), sorted(request.output_filter)))
    assert asked == [
        ("serving_default", ["overview", "poster"], []),
        ("serving_default", ["overview", "poster"], sorted(messages.OUTPUTS)),  # as our client asks
        ("serving_examples", ["examples"], []),
    ]
