"""Hashed n-grams of words and of letters, weighted by how rare they are: what linear text models live on."""

import tensorflow as tf
import tensorflow_transform as tft

WORD_WIDTHS = [1, 2]
LETTER_WIDTHS = [3, 4, 5]
MAX_LETTERS = 20  # of one word; longer ones are not language
MIN_FILMS = 2  # that an n-gram is in; one of a single film says nothing of another


def of_words(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """Words, and pairs of neighbours.

    Args:
        words: ragged string [N, W].

    Returns:
        Ragged string [N, 0..2W-1].
    """
    return tf.strings.ngrams(words, WORD_WIDTHS, separator=" ")


def of_letters(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """Three to five neighbouring letters of a word, a space before and behind it included.

    Args:
        words: ragged string [N, W], UTF-8.

    Returns:
        Ragged string [N, L].
    """
    spaced = tf.strings.join([" ", tf.strings.substr(words.flat_values, 0, MAX_LETTERS, unit="UTF8_CHAR"), " "])
    letters = words.with_flat_values(tf.strings.unicode_split(spaced, "UTF-8"))
    return tf.strings.ngrams(letters, LETTER_WIDTHS, separator="").merge_dims(1, 2)


def hashed_tf_idf(ngrams: tf.RaggedTensor, buckets: int) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Which buckets a film's n-grams fall into, and their weights: (1 + ln count) (1 + ln((1 + D) / (1 + d))) squared.

    D films of train, d of them with the bucket: TF-IDF (Manning, Raghavan and Schuetze 2008, 6.4), the second factor
    squared, since a regression that pulls all coefficients alike trusts rare n-grams too little. A film's weights have
    the Euclidean length 1. Buckets of fewer than MIN_FILMS films of train are left out.

    Args:
        ngrams: ragged string [N, K].
        buckets: B.

    Returns:
        Ragged int64 and float32 [N, 0..K], their entries side by side.
    """
    films = ngrams.nrows(out_type=tf.int64)
    keys = ngrams.value_rowids() * buckets + tf.strings.to_hash_bucket_fast(ngrams.flat_values, buckets)
    keys, _, counts = tf.unique_with_counts(keys)
    row, bucket = keys // buckets, keys % buckets

    ones = tf.ones_like(bucket, tf.float32)
    with_bucket = tft.sum(tf.math.unsorted_segment_sum(ones, bucket, buckets)[None], reduce_instance_dims=False)
    all_films = tft.sum(tf.ones([films], tf.float32))
    with_bucket = tf.gather(with_bucket, bucket)  # from here on by entry: a served film has few of the buckets
    # The last bit of a logarithm depends on its place in a batch, and batches are as Beam makes them. In float64, so
    # that a film's float32 weights are the same in every run.
    all_films, seen = tf.cast(all_films, tf.float64), tf.cast(with_bucket, tf.float64)
    idf = 1 + tf.math.log((1 + all_films) / (1 + seen))
    weight = (1 + tf.math.log(tf.cast(counts, tf.float64))) * tf.square(idf)

    kept = tf.where(with_bucket >= MIN_FILMS)[:, 0]
    row, bucket, weight = (tf.gather(values, kept) for values in (row, bucket, weight))
    length = tf.sqrt(tf.math.unsorted_segment_sum(weight * weight, row, films))
    weight = tf.cast(weight / tf.gather(length, row), tf.float32)
    # Keys of a row lie together, rows in their order: tf.unique keeps the order of first sight.
    of_films = tf.RaggedTensor.from_value_rowids(bucket, row, nrows=films, validate=False)
    return of_films, of_films.with_values(weight)
