"""TensorFlow Transform's preprocessing_fn, given to the Transform component by import path."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from transform import features, genres, ngrams, overviews, posters


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Raw features to transformed features; shapes and dtypes stand beside their names in `features`.

    Args:
        inputs: the raw features; all but `id` sparse.
        custom_config: `image_size` in pixels, `vocabulary_size` (padding and unknown included), `max_words`,
            `ngram_buckets`, and `relabel`, the genres that become another label or none (see `genres.relabel`;
            absent: all stay).
    """
    poster = _first(inputs[features.POSTER])
    overview = _first(inputs[features.OVERVIEW])
    words = overviews.tokenize(overview, custom_config["max_words"])
    buckets, weights = _ngrams(words, custom_config["ngram_buckets"])
    return {
        features.ID: inputs[features.ID],
        features.PIXELS: posters.pixels_of_posters(poster, custom_config["image_size"]),
        features.TOKENS: _word_ids(words, custom_config["vocabulary_size"]),
        features.NGRAMS: buckets,
        features.NGRAM_WEIGHTS: weights,
        features.LABELS: genres.multi_hot(genres.relabel(inputs[features.GENRES], custom_config.get("relabel", {}))),
        features.HAS_POSTER: _present(poster),
        features.HAS_OVERVIEW: _present(overview),
    }


def _first(values: tf.SparseTensor) -> tf.Tensor:
    """string [N]: each row's value, empty where it has none."""
    return tf.squeeze(tft.sparse_tensor_to_dense_with_shape(values, [None, 1], default_value=""), axis=1)


def _present(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(values) > 0, tf.int64)


def _word_ids(words: tf.RaggedTensor, vocabulary_size: int) -> tf.SparseTensor:
    """int64 [N, 0..max_words]: from RESERVED_TOKENS on, words by falling frequency in train."""
    sparse = words.to_sparse()
    ids = tft.compute_and_apply_vocabulary(
        sparse,
        top_k=vocabulary_size - features.RESERVED_TOKENS,
        default_value=features.UNKNOWN - features.RESERVED_TOKENS,
        vocab_filename=features.WORDS_VOCABULARY,
    )
    return tf.SparseTensor(ids.indices, ids.values + features.RESERVED_TOKENS, ids.dense_shape)


def _ngrams(words: tf.RaggedTensor, buckets: int) -> tuple[tf.SparseTensor, tf.SparseTensor]:
    """Sparse int64 and float32 [N, 0..]: words in the lower half of the buckets, letters in the upper."""
    half = buckets // 2
    of_words, word_weights = ngrams.hashed_tf_idf(ngrams.of_words(words), half)
    of_letters, letter_weights = ngrams.hashed_tf_idf(ngrams.of_letters(words), half)
    of_letters = of_letters.with_values(of_letters.values + half)
    # As ragged tensors: those of a sparse one would be sorted anew, which took an eighth of what a film costs.
    return (
        tf.concat([of_words, of_letters], axis=1).to_sparse(),
        tf.concat([word_weights, letter_weights], axis=1).to_sparse(),
    )
