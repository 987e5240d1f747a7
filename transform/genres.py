"""Genres as numbers: the label set is what the train split holds, never a constant."""

from collections.abc import Mapping

import tensorflow as tf
import tensorflow_transform as tft

from transform import features

LEFT_OUT = ""  # what a genre that is no label is renamed to


def relabel(genres: tf.SparseTensor, mapping: Mapping[str, str]) -> tf.SparseTensor:
    """The labels of each film: its genres, renamed, each once.

    Args:
        genres: sparse string [N, 0..n].
        mapping: new name by genre, LEFT_OUT to drop it; a genre that is not in it keeps its name.

    Returns:
        Sparse string [N, 0..n]; a film may have none left.
    """
    # Comparisons, not a lookup table: the mapping is short, and the graph stays without another resource.
    labels = genres.values
    for genre, label in mapping.items():
        labels = tf.where(tf.equal(genres.values, genre), label, labels)
    renamed = tf.sparse.retain(genres.with_values(labels), tf.not_equal(labels, LEFT_OUT))

    distinct, number = tf.unique(renamed.values, out_idx=tf.int64)
    _, pair = tf.unique(renamed.indices[:, 0] * tf.size(distinct, out_type=tf.int64) + number)
    cells = tf.range(tf.size(pair))
    first = tf.math.unsorted_segment_min(cells, pair, tf.size(pair))
    return tf.sparse.retain(renamed, tf.equal(tf.gather(first, pair), cells))


def multi_hot(labels: tf.SparseTensor) -> tf.SparseTensor:
    """Multi-hot labels in the order of the vocabulary, and the vocabulary itself.

    Analysed on the train split: the labels by falling frequency (file `genres`). A genre that train does not have
    is left out.

    Args:
        labels: sparse string [N, 0..n], each at most once a film.

    Returns:
        int64 [N, G], sparse in type only: every cell is present, 0s too. G is known once the data
        is analysed, so the shape is not static and Transform can only write it as a list that varies.
    """
    ids = tft.compute_and_apply_vocabulary(labels, default_value=-1, vocab_filename=features.GENRES_VOCABULARY)
    count = tft.experimental.get_vocabulary_size_by_name(features.GENRES_VOCABULARY)

    known = ids.values >= 0
    cells = tf.stack([ids.indices[:, 0][known], ids.values[known]], axis=1)
    hits = tf.scatter_nd(cells, tf.ones_like(ids.values[known]), tf.stack([ids.dense_shape[0], count]))
    return tf.RaggedTensor.from_tensor(hits).to_sparse()
