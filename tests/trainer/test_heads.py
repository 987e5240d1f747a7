"""Committees, and heads side by side."""

import keras
import numpy as np
from keras import layers

from trainer import heads
from trainer.recipe import Task
from transform import features

TASK = Task(positives=[3, 4], films=10, image_size=4, vocabulary_size=10, ngram_buckets=8)


def of_posters(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    pixels = layers.Input((4, 4, 3), dtype="uint8", name=features.PIXELS)
    seen = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(pixels))
    return keras.Model({features.PIXELS: pixels}, heads.output_layer(TASK)(seen))


def of_words(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    tokens = layers.Input((None,), dtype="int64", name=features.TOKENS)
    read = layers.GlobalAveragePooling1D()(layers.Embedding(10, 3)(tokens))
    return keras.Model({features.TOKENS: tokens}, heads.output_layer(TASK)(read))


def batch(films: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        features.PIXELS: rng.integers(0, 256, (films, 4, 4, 3)).astype(np.uint8),
        features.TOKENS: rng.integers(0, 10, (films, 5)),
    }


def test_what_each_network_looks_at():
    assert heads.presence(of_posters(0)) == features.HAS_POSTER
    assert heads.presence(of_words(0)) == features.HAS_OVERVIEW


def test_a_committee_says_what_its_members_say_on_average():
    members, films = [of_words(seed) for seed in range(3)], {features.TOKENS: batch(6)[features.TOKENS]}
    logits = np.mean([heads.logits_of(member.predict(films, verbose=0)) for member in members], axis=0)
    committee = heads.committee(members, "words")
    np.testing.assert_allclose(heads.logits_of(committee.predict(films, verbose=0)), logits, atol=1e-5)
    alone = heads.committee(members[:1], "words")
    np.testing.assert_array_equal(alone.predict(films, verbose=0), members[0].predict(films, verbose=0))


def test_heads_side_by_side_are_told_apart_after_saving(tmp_path):
    parts = {"poster": of_posters(1), "words": of_words(1), "more": of_words(2)}
    films = batch(5)
    expected = {
        head: part.predict({name: films[name] for name in part.input}, verbose=0) for head, part in parts.items()
    }
    committees = {head: heads.committee([part], head) for head, part in parts.items()}
    heads.side_by_side(committees, "fusion").save(tmp_path / "network.keras")
    restored = keras.saving.load_model(tmp_path / "network.keras")
    assert set(restored.input) == {features.PIXELS, features.TOKENS}
    said = restored.predict(films, verbose=0)
    assert list(said) == list(parts)
    for head in parts:
        np.testing.assert_allclose(said[head], expected[head], rtol=1e-6)
    heads.side_by_side(heads.apart(restored), "again").save(tmp_path / "again.keras")  # as fusion does with its parts
    again = keras.saving.load_model(tmp_path / "again.keras").predict(films, verbose=0)
    for head in parts:
        np.testing.assert_array_equal(again[head], said[head])
