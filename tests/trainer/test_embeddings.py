"""Files of word vectors, whole and broken."""

import gzip

import numpy as np
import pytest

from trainer import embeddings, lstm
from trainer.recipe import Task
from transform.errors import MarqueeError

WORDS = ["war", "don’t", "unseen"]
LINES = "the 0.5 0.5\nwar 1 -2.5\ndon't 3 4e-1\n"


def written(tmp_path, text: str, name: str = "vectors.txt"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_words_of_the_vocabulary_are_kept(tmp_path, name, header):
    found = embeddings.read(written(tmp_path, header + LINES, name), WORDS)
    assert {place: vector.tolist() for place, vector in found.items()} == {
        0: [1, -2.5],
        1: [3, pytest.approx(0.4)],
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (LINES + "love 1\n", "line 4: 1 values after the word, the first has 2"),
        (LINES + "unseen 1 x\n", "line 4: a value of 'unseen' is no number"),
        (LINES + "unseen 1 nan\n", "line 4: a value of 'unseen' is no number"),
        (LINES + "unseen -inf 1\n", "line 4: a value of 'unseen' is no number"),
        ("guerre 1 2\n", "no word of the vocabulary"),
        ("", "no word of the vocabulary"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, complaint):
    path = written(tmp_path, text)
    with pytest.raises(MarqueeError, match=complaint) as error:
        embeddings.read(path, WORDS)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(MarqueeError, match=r"missing\.txt: cannot be read"):
        embeddings.read(tmp_path / "missing.txt", WORDS)
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(LINES.encode())[:-9])
    with pytest.raises(MarqueeError, match=r"broken\.gz: cannot be read"):
        embeddings.read(broken, WORDS)
    noise = tmp_path / "noise.txt"
    noise.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MarqueeError, match=r"noise\.txt: cannot be read"):
        embeddings.read(noise, WORDS)


def test_the_lstm_starts_from_them_in_their_size():
    vectors = {3: np.array([1, 2, 3], np.float32), 5: np.array([4, 5, 6], np.float32)}
    task = Task(positives=[1, 2], films=5, image_size=16, vocabulary_size=7, ngram_buckets=8, vectors=vectors)
    [rows] = lstm.default(task).get_layer("Embed").get_weights()
    assert rows.shape == (7, 3)
    np.testing.assert_array_equal(rows[[3, 5]], [[1, 2, 3], [4, 5, 6]])
    assert 0 < np.abs(rows[[2, 4]]).max() < 0.1
