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
            feature[features.ID].bytes_list.value.append(b"tt%d" % film)
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


def test_films_of_a_length_share_a_batch(tmp_path):
    file = write(tmp_path / "a.gz", range(90))  # film i has i tokens
    options = {"batch_size": 5, "by_length": True, **SHAPE}
    films, again = (data.batches([file], "train", shuffle=1, **options) for _ in range(2))
    assert int(films.cardinality()) == 18
    first, second = ([order([batch]) for batch in films] for _ in range(2))
    for epoch in (first, second):
        assert sorted(np.concatenate(epoch)) == list(range(90))
    assert first != second  # a new order each epoch
    assert [[order([batch]) for batch in again] for _ in range(2)] == [first, second]
    assert np.mean([np.ptp(batch) for batch in first]) < 90 / 4  # of a batch of any films, 60
    shortest = [min(batch) for batch in first]
    assert shortest[: data.WINDOW] != sorted(shortest[: data.WINDOW])
    # Where nothing is shuffled, the films of a window come by their lengths.
    write(tmp_path / "b.gz", range(0, 90, 2))
    write(tmp_path / "c.gz", range(1, 90, 2))
    whole, part = range(0, 80, 2), sorted([*range(80, 90, 2), *range(1, 71, 2)])
    in_turn = order(data.batches([str(tmp_path / "[bc].gz")], "eval", **options))
    assert in_turn == [*whole, *part, *range(71, 90, 2)]


def test_a_survey_is_of_every_film_in_the_order_of_the_records(tmp_path):
    survey = data.survey([write(tmp_path / "a.gz", range(3)), write(tmp_path / "b.gz", range(3, 5))], "train", 3)
    assert survey.ids == [b"tt%d" % film for film in range(5)]
    assert survey.labels.tolist() == np.eye(3, dtype=bool)[[0, 1, 2, 0, 1]].tolist()
    assert survey.present[features.HAS_POSTER].tolist() == [True, False, True, False, True]
    assert survey.present[features.HAS_OVERVIEW].tolist() == [False, True, True, True, True]


def survey_of(labels: np.ndarray) -> data.Survey:
    return data.Survey(ids=[b"tt%07d" % film for film in range(len(labels))], labels=labels, present={}, fingerprint="")


def test_a_film_is_repeated_as_its_rarest_genre_says():
    labels = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 0, 0]], bool)
    assert data.repeats(survey_of(labels), [1.0, 2.0, 7.0], seed=1).tolist() == [1, 2, 7, 2, 7, 1]


def test_the_fraction_of_a_repeat_factor_is_a_share_of_the_films():
    films = survey_of(np.repeat(np.eye(2, dtype=bool), 4000, axis=0))
    times = data.repeats(films, [1.25, 3.7], seed=1).reshape(2, 4000)
    assert np.unique(times[0]).tolist() == [1, 2]
    assert np.unique(times[1]).tolist() == [3, 4]
    # Standard error of a share of 4,000: below 0.008.
    np.testing.assert_allclose(times.mean(axis=1), [1.25, 3.7], atol=0.03)


def test_the_seed_and_the_id_alone_decide_who_is_repeated():
    films = survey_of(np.ones((200, 1), bool))
    first, again, other = (data.repeats(films, [1.5], seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    half = data.Survey(ids=films.ids[::-2], labels=films.labels[::-2], present={}, fingerprint="")
    assert (data.repeats(half, [1.5], 1) == first[::-2]).all()


@pytest.mark.parametrize("memory", [data.MEMORY, 500, 1])
def test_each_epoch_has_a_film_as_often_as_it_is_repeated(tmp_path, monkeypatch, memory):
    monkeypatch.setattr(data, "MEMORY", memory)
    write(tmp_path / "a.gz", range(12))
    write(tmp_path / "b.gz", range(12, 30))
    survey = data.survey([str(tmp_path / "*")], "train", 3)
    repeated = data.repeats(survey, [1.0, 1.4, 2.6], seed=4)
    expected = sorted(np.repeat(np.arange(30), repeated).tolist())
    films, again = (
        data.batches([str(tmp_path / "*")], "train", batch_size=7, shuffle=1, repeated=repeated, **SHAPE)
        for _ in range(2)
    )
    assert int(films.cardinality()) == -(-len(expected) // 7)
    epochs = [order(films), order(films)]
    assert [sorted(epoch) for epoch in epochs] == [expected, expected]
    assert [order(again), order(again)] == epochs


@pytest.mark.parametrize("split", ["train", "eval"])
def test_a_split_without_films_is_named(tmp_path, split):
    write(tmp_path / "a.gz", range(0))
    with pytest.raises(MarqueeError, match=f"The {split} split has no film"):
        data.batches([str(tmp_path / "*")], split, batch_size=7, **SHAPE)
    with pytest.raises(MarqueeError, match=f"The {split} split has no film"):
        data.batches([str(tmp_path / "none" / "*")], split, batch_size=7, **SHAPE)
    with pytest.raises(MarqueeError, match=f"The {split} split has no film"):
        data.survey([str(tmp_path / "*")], split, 3)


def test_a_fingerprint_is_of_the_films_whatever_their_order(tmp_path):
    films = [(b"tt%d" % film, bytes([film]) * 3, [film + 2, 5], [film % 2, 1]) for film in range(6)]

    def fingerprint(name, films) -> str:
        with tf.io.TFRecordWriter(str(tmp_path / name), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for film, pixels, tokens, labels in films:
                feature = (example := tf.train.Example()).features.feature
                feature[features.ID].bytes_list.value.append(film)
                feature[features.PIXELS].bytes_list.value.append(pixels)
                feature[features.TOKENS].int64_list.value.extend(tokens)
                feature[features.LABELS].int64_list.value.extend(labels)
                for flag in (features.HAS_POSTER, features.HAS_OVERVIEW):
                    feature[flag].int64_list.value.append(1)
                writer.write(example.SerializeToString())
        return data.survey([str(tmp_path / name)], "train", 2).fingerprint

    same = fingerprint("a", films)
    assert fingerprint("b", films[::-1]) == same
    first, *others = films
    for number, changed in enumerate(
        [(b"tt9", *first[1:]), (first[0], b"zzz", *first[2:]), (*first[:2], [2], first[3]), (*first[:3], [1, 1])]
    ):
        assert fingerprint(f"c{number}", [changed, *others]) != same
