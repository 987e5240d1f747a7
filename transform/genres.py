"""Genres as numbers: the label set is what the train split holds, never a constant."""

import tensorflow as tf
import tensorflow_transform as tft

from transform import features


def multi_hot(genres: tf.SparseTensor) -> tf.SparseTensor:
    """Multi-hot labels in the order of the vocabulary, and the vocabularies themselves.

    Analysed on the train split: the genres by falling frequency (file `genres`), and the same with the
    number of films of each (file `genre_counts`). A genre that train does not have is left out of the labels.

    Args:
        genres: sparse string [N, 0..n].

    Returns:
        int64 [N, G], sparse in type only: every cell is present, 0s too. G is known once the data
        is analysed, so the shape is not static and Transform can only write it as a list that varies.
    """
    ids = tft.compute_and_apply_vocabulary(genres, default_value=-1, vocab_filename=features.GENRES_VOCABULARY)
    tft.vocabulary(genres, vocab_filename=features.GENRE_COUNTS, store_frequency=True)
    labels = tft.experimental.get_vocabulary_size_by_name(features.GENRES_VOCABULARY)

    known = ids.values >= 0
    cells = tf.stack([ids.indices[:, 0][known], ids.values[known]], axis=1)
    hits = tf.scatter_nd(cells, tf.ones_like(ids.values[known]), tf.stack([ids.dense_shape[0], labels]))
    return tf.RaggedTensor.from_tensor(tf.minimum(hits, 1)).to_sparse()
