"""Hashed n-grams and their weights, beside scikit-learn's."""

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from sklearn.feature_extraction.text import TfidfVectorizer
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from transform import ngrams

BUCKETS = 1 << 20  # so many that no two n-grams here share one
TRAIN = ["war and love of war", "love of a dog", "a war", "", "öl of war"]
TEST = ["a strange war of love love love", "nothing that was seen"]


def words(*texts: str) -> tf.RaggedTensor:
    return tf.strings.split(list(texts))


def analysed(films, folder):
    """The layer that weighs n-grams as these films say, which are analysed two at a time."""

    def preprocessing_fn(inputs):
        buckets, weights = ngrams.hashed_tf_idf(ngrams.of_words(tf.strings.split(inputs["text"])), BUCKETS)
        return {"text": inputs["text"], "buckets": buckets.to_sparse(), "weights": weights.to_sparse()}

    spec = {"text": tf.io.FixedLenFeature([], tf.string)}
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    rows = [{"text": text.encode()} for text in films]
    with tft_beam.Context(temp_dir=str(folder), desired_batch_size=2):
        transform_fn = (rows, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
    return tft.TFTransformOutput(str(folder / "graph")).transform_features_layer()


def test_words_and_pairs_of_them():
    assert ngrams.of_words(words("a b c", "a", "")).to_list() == [[b"a", b"b", b"c", b"a b", b"b c"], [b"a"], []]


def test_letters_stay_inside_their_word():
    [found, none] = ngrams.of_letters(words("öl war", "")).to_list()
    expected = [" öl", "öl ", " öl ", " wa", "war", "ar ", " war", "war ", " war "]
    assert sorted(found) == sorted(gram.encode() for gram in expected)
    assert none == []


def test_a_word_of_a_megabyte_is_cut():
    [found] = ngrams.of_letters(words("é" * 500_000)).to_list()
    assert len(found) == sum(ngrams.MAX_LETTERS + 2 - width + 1 for width in ngrams.LETTER_WIDTHS)


def test_weights_are_those_of_scikit_learn_times_idf(tmp_path):
    """Analysed on train alone, in several batches; what only one film of train has is left out."""

    layer = analysed(TRAIN, tmp_path)
    served = layer({"text": tf.constant([*TRAIN, *TEST])})

    vectorizer = TfidfVectorizer(analyzer=lambda text: ngrams.of_words(words(text)).to_list()[0], sublinear_tf=True)
    vectorizer.fit(TRAIN)
    seen = np.array([sum(gram in vectorizer.build_analyzer()(text) for text in TRAIN) >= ngrams.MIN_FILMS
                     for gram in vectorizer.get_feature_names_out()])  # fmt: skip
    full = vectorizer.set_params(norm=None).transform([*TRAIN, *TEST]).toarray() * vectorizer.idf_ * seen
    expected = full / np.maximum(np.linalg.norm(full, axis=1, keepdims=True), 1e-9)
    columns = tf.strings.to_hash_bucket_fast(vectorizer.get_feature_names_out().tolist(), BUCKETS).numpy()
    assert len(set(columns)) == len(columns)
    for row, wanted in enumerate(expected):
        at = served["buckets"].indices.numpy()[:, 0] == row
        found = dict(zip(served["buckets"].values.numpy()[at], served["weights"].values.numpy()[at], strict=True))
        there = {bucket: value for bucket, value in zip(columns, wanted, strict=True) if value}
        assert found.keys() == there.keys()
        np.testing.assert_allclose([found[bucket] for bucket in there], list(there.values()), rtol=1e-5)


def test_a_film_weighs_the_same_to_the_last_bit_whatever_is_in_its_batch(tmp_path):
    random = np.random.default_rng(0)
    films = [" ".join(f"w{int(number)}" for number in random.zipf(1.5, 40) % 90) for _ in range(60)]

    layer = analysed(films, tmp_path)
    together = layer({"text": tf.constant(films)})["weights"]
    for row, film in enumerate(films):
        alone = layer({"text": tf.constant([film])})["weights"]
        np.testing.assert_array_equal(alone.values, together.values[together.indices[:, 0] == row])
