"""Batches of transformed examples, written by hand."""

import numpy as np
import pytest
import tensorflow as tf

from trainer import data
from transform import features
from transform.errors import MarqueeError

SIZE = 4
SHAPE = {"genres": 3, "image_size": SIZE}


def write(path, films: range) -> str:
    """Film i has grey level i, i tokens, and genre i % 3; it has a poster where i is even."""
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for film in films:
            example = tf.train.Example()
            feature = example.features.feature
            feature[features.PIXELS].bytes_list.value.append(bytes([film]) * SIZE * SIZE * 3)
            feature[features.TOKENS].int64_list.value.extend(range(1, film + 1))
            feature[features.LABELS].int64_list.value.extend([film % 3 == genre for genre in range(3)])
            feature[features.HAS_POSTER].int64_list.value.append(film % 2 == 0)
            feature[features.HAS_OVERVIEW].int64_list.value.append(film > 0)
            writer.write(example.SerializeToString())
    return str(path)


def order(films: tf.data.Dataset) -> list[int]:
    return [int(film) for inputs, _ in films for film in inputs[features.PIXELS][:, 0, 0, 0]]


def test_a_batch_holds_what_the_records_say(tmp_path):
    [(inputs, labels)] = data.batches([write(tmp_path / "a.gz", range(4))], "train", batch_size=8, **SHAPE)
    pixels = inputs[features.PIXELS].numpy()
    assert (pixels.dtype, pixels.shape) == (np.uint8, (4, SIZE, SIZE, 3))
    assert (pixels == np.arange(4)[:, None, None, None]).all()
    assert inputs[features.TOKENS].numpy().tolist() == [[0, 0, 0], [1, 0, 0], [1, 2, 0], [1, 2, 3]]
    assert inputs[features.HAS_POSTER].numpy().tolist() == [1, 0, 1, 0]
    assert inputs[features.HAS_OVERVIEW].numpy().tolist() == [0, 1, 1, 1]
    assert labels.numpy().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_tokens_have_a_step_where_no_film_has_a_word(tmp_path):
    [(inputs, _)] = data.batches([write(tmp_path / "a.gz", range(1))], "train", batch_size=8, **SHAPE)
    assert inputs[features.TOKENS].numpy().tolist() == [[features.PADDING]]


@pytest.mark.parametrize("memory", [data.MEMORY, 500, 1])
def test_each_epoch_has_every_film_once_whatever_fits_into_memory(tmp_path, monkeypatch, memory):
    monkeypatch.setattr(data, "MEMORY", memory)
    write(tmp_path / "a.gz", range(20))
    write(tmp_path / "b.gz", range(20, 30))
    films = data.batches([str(tmp_path / "*")], "train", batch_size=7, shuffle=1, **SHAPE)
    assert int(films.cardinality()) == 5
    for _ in range(2):
        assert sorted(order(films)) == list(range(30))


def test_shuffling_follows_the_seed(tmp_path):
    file = write(tmp_path / "a.gz", range(30))
    films, again, other = (data.batches([file], "train", batch_size=7, shuffle=seed, **SHAPE) for seed in (1, 1, 2))
    first, second = order(films), order(films)
    assert first != second  # a new order each epoch
    assert [order(again), order(again)] == [first, second]
    assert order(other) != first
    assert order(data.batches([file], "eval", batch_size=7, **SHAPE)) == list(range(30))


@pytest.mark.parametrize("split", ["train", "eval"])
def test_a_split_without_films_is_named(tmp_path, split):
    write(tmp_path / "a.gz", range(0))
    with pytest.raises(MarqueeError, match=f"The {split} split has no film"):
        data.batches([str(tmp_path / "*")], split, batch_size=7, **SHAPE)
    with pytest.raises(MarqueeError, match=f"The {split} split has no film"):
        data.batches([str(tmp_path / "none" / "*")], split, batch_size=7, **SHAPE)
