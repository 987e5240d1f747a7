"""Tokenising: the one function that training, evaluation and serving all call."""

import tensorflow as tf

# RE2 syntax. An apostrophe inside a word belongs to it (written ’ from here on); any other is a
# quotation mark.
APOSTROPHE = r"([\p{L}\p{N}])'([\p{L}\p{N}])"
SEPARATORS = r"[^\p{L}\p{N}’]+"


def tokenize(overviews: tf.Tensor, max_words: int) -> tf.RaggedTensor:
    """Lower-cased words of each overview, the first `max_words` of them.

    Args:
        overviews: string [N], UTF-8; bytes that are not become U+FFFD, which separates words.
        max_words: words kept of one overview.

    Returns:
        Ragged string [N, 0..max_words].
    """
    clean = tf.strings.unicode_transcode(overviews, "UTF-8", "UTF-8", errors="replace")
    straight = tf.strings.regex_replace(tf.strings.lower(clean, encoding="utf-8"), "’", "'")
    joined = tf.strings.regex_replace(straight, APOSTROPHE, r"\1’\2")
    words = tf.strings.split(tf.strings.regex_replace(joined, SEPARATORS, " "))
    return words[:, :max_words]
