"""Where networks looked, with networks of which it is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from trainer import explain, heads, lstm
from trainer.recipe import Task
from transform import features

SIDE = 8
CORNERS = {b"top": (0, 0), b"bottom": (SIDE - 4, SIDE - 4)}  # of each film, where its poster is red
TASK = Task(positives=[2, 1], films=3, image_size=SIDE, vocabulary_size=9, ngram_buckets=8)
WORDS = {b"top": [2, 3, 4, 5], b"bottom": [7, 6]}


@pytest.fixture
def films(tmp_path) -> list[str]:
    """Transformed examples; their order is not that in which they are asked about."""
    path = tmp_path / "films.gz"
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for film in (b"bottom", b"other", b"top"):
            pixels = np.zeros((SIDE, SIDE, features.CHANNELS), np.uint8)
            if film in CORNERS:
                row, column = CORNERS[film]
                pixels[row : row + 4, column : column + 4, 0] = 255
                pixels[SIDE - 4 :, :4, 2] = 255  # and blue at the left of the bottom
            feature = (example := tf.train.Example()).features.feature
            feature[features.ID].bytes_list.value.append(film)
            feature[features.PIXELS].bytes_list.value.append(pixels.tobytes())
            feature[features.TOKENS].int64_list.value.extend(WORDS.get(film, [8]))
            for flag in (features.HAS_POSTER, features.HAS_OVERVIEW):
                feature[flag].int64_list.value.append(1)
            writer.write(example.SerializeToString())
    return [str(path)]


def colour_blind(channel: int) -> keras.Model:
    """Sees one colour, which speaks for the first genre and against the second."""
    pixels = layers.Input((SIDE, SIDE, features.CHANNELS), dtype="uint8", name=features.PIXELS)
    see = layers.Conv2D(1, 1, use_bias=False)
    decide = layers.Dense(2, activation="sigmoid")
    seen = layers.GlobalAveragePooling2D()(see(layers.Rescaling(1 / 255)(pixels)))
    network = keras.Model({features.PIXELS: pixels}, decide(seen))
    see.set_weights([np.eye(features.CHANNELS, dtype=np.float32)[channel].reshape(1, 1, features.CHANNELS, 1)])
    decide.set_weights([np.array([[1, -1]], np.float32), np.zeros(2, np.float32)])
    return network


def asked(tmp_path, films, networks, head, columns=(0, 0)) -> list[dict[str, np.ndarray]]:
    network = heads.side_by_side({head: heads.committee(networks, head)}, "model")
    network.save(tmp_path / heads.NETWORK_FILE)
    return explain.explain_fn(tmp_path, films, ["top", "bottom"], columns)


def lit(heat: np.ndarray) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in np.argwhere(heat > 0.1)}


def square(row: int, column: int) -> set[tuple[int, int]]:
    return {(row + y, column + x) for y in range(4) for x in range(4)}


def test_heat_lies_where_a_film_speaks_for_the_genre(tmp_path, films):
    top, bottom = asked(tmp_path, films, [colour_blind(0)], "poster")
    assert lit(top["heat"]) == square(*CORNERS[b"top"])
    assert lit(bottom["heat"]) == square(*CORNERS[b"bottom"])
    assert top["heat"].max() == pytest.approx(1)


def test_what_speaks_against_a_genre_is_not_lit(tmp_path, films):
    top, bottom = asked(tmp_path, films, [colour_blind(0)], "poster", columns=(1, 0))
    assert lit(top["heat"]) == set()
    assert lit(bottom["heat"]) == square(*CORNERS[b"bottom"])


def test_a_committee_looks_where_its_members_do(tmp_path, films):
    top, _ = asked(tmp_path, films, [colour_blind(0), colour_blind(2)], "poster")
    assert lit(top["heat"]) == square(*CORNERS[b"top"]) | square(SIDE - 4, 0)


def test_attention_is_that_of_the_layer_and_none_for_what_pads(tmp_path, films):
    keras.utils.set_random_seed(1)
    members = [lstm.default(TASK) for _ in range(2)]
    top, bottom = asked(tmp_path, films, members, lstm.HEAD)
    for answer, film in ((top, b"top"), (bottom, b"bottom")):
        tokens = np.array([WORDS[film]])
        expected = []
        for member in members:
            pool = member.get_layer("Attend")
            steps = keras.Model(member.inputs, member.get_layer("Steps").output)([tokens])
            expected.append(keras.ops.convert_to_numpy(pool.attention(steps, tokens > 0))[0, :, 0])
        count = len(WORDS[film])
        np.testing.assert_allclose(answer["attention"][:count], np.mean(expected, axis=0), atol=1e-5)
        np.testing.assert_array_equal(answer["attention"][count:], 0)
        assert answer["attention"].sum() == pytest.approx(1, abs=1e-5)
