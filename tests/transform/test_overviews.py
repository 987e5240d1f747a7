import pytest
import tensorflow as tf

from transform.overviews import tokenize


@pytest.mark.parametrize(
    ("overview", "words"),
    [
        ("A War, a love.", ["a", "war", "a", "love"]),
        ("Don't – 'quoted' O’Neil's dogs' tails", ["don’t", "quoted", "o’neil’s", "dogs", "tails"]),
        ("ÉCOLE Amélie ΣΊΣΥΦΟΣ", ["école", "amélie", "σίσυφος"]),
        ("1984: 42nd\tstreet\n\nnight", ["1984", "42nd", "street", "night"]),
        ("", []),
        (" \n'' -- ", []),
    ],
)
def test_words(overview, words):
    [tokens] = tokenize(tf.constant([overview]), 100).to_list()
    assert [token.decode() for token in tokens] == words


def test_bytes_that_are_not_utf8_part_words_and_harm_no_other_row():
    assert tokenize(tf.constant([b"caf\xe9 noir", b"fine"]), 100).to_list() == [[b"caf", b"noir"], [b"fine"]]


def test_the_first_words_are_kept():
    assert tokenize(tf.constant(["one two three", "one"]), 2).to_list() == [[b"one", b"two"], [b"one"]]
