"""Several networks that learn in one model: what one has learnt is nothing to the next."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer import cnn, lstm
from trainer.learning import Learner
from trainer.recipe import Task
from transform import features

pytestmark = pytest.mark.slow

RECIPES = {name: replace(model.RECIPES["default"], epochs=2) for name, model in {"cnn": cnn, "lstm": lstm}.items()}
FILMS, WORDS = 24, 6
TASK = Task(positives=[12, 6], films=FILMS, image_size=16, vocabulary_size=12, ngram_buckets=64)


def films(seed: int) -> tf.data.Dataset:
    rng = np.random.default_rng(seed)
    inputs = {
        features.PIXELS: rng.integers(0, 256, (FILMS, TASK.image_size, TASK.image_size, features.CHANNELS), np.uint8),
        features.TOKENS: rng.integers(0, TASK.vocabulary_size, (FILMS, WORDS)),
        features.HAS_POSTER: np.ones(FILMS, np.float32),
        features.HAS_OVERVIEW: np.ones(FILMS, np.float32),
    }
    return tf.data.Dataset.from_tensor_slices((inputs, rng.integers(0, 2, (FILMS, TASK.genres)))).batch(8)


def learn(learner: Learner, seed: int, folder) -> tuple[keras.Model, dict]:
    keras.utils.set_random_seed(seed)
    network = learner.recipe.build(TASK)
    return network, learner.learn(network, films(seed), films(0), folder, "a network")


@pytest.fixture
def learner(request):
    def make() -> Learner:
        recipe = RECIPES[request.param]
        return Learner(recipe, TASK, keras.losses.BinaryCrossentropy(), {"patience": 3})

    return make


@pytest.mark.parametrize("learner", RECIPES, indirect=True)
def test_the_second_learns_as_if_it_were_the_first(learner, tmp_path):
    """Weights, Adam's moments, the randomness of dropout and augmentation, metrics: all begin anew."""
    many = learner()
    first, _ = learn(many, 1, tmp_path / "1")
    after_first = [variable.numpy() for variable in first.variables]
    second, history = learn(many, 2, tmp_path / "2")
    alone, expected = learn(learner(), 2, tmp_path / "3")
    assert history == expected
    for ours, theirs in zip(second.variables, alone.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for variable, before in zip(first.variables, after_first, strict=True):
        np.testing.assert_array_equal(variable, before)


@pytest.mark.parametrize("learner", RECIPES, indirect=True)
def test_scores_are_of_the_network_that_learnt_last(learner, tmp_path):
    many = learner()
    for seed in (1, 2):
        network, _ = learn(many, seed, tmp_path / str(seed))
        names = {tensor.name for tensor in network.inputs}
        inputs = films(3).map(lambda given, labels, names=names: {name: given[name] for name in names})
        np.testing.assert_allclose(many.scores(films(3)), network.predict(inputs, verbose=0), atol=1e-6)


def test_steps_are_traced_once(tmp_path):
    calls = []

    class Counted(keras.layers.Layer):
        def call(self, scores, training=False):
            calls.append(training)
            return scores

    recipe = RECIPES["cnn"]

    def build(task: Task) -> keras.Model:
        network = recipe.build(task)
        return keras.Model(network.inputs, Counted()(network.outputs[0]))

    many = Learner(replace(recipe, build=build), TASK, keras.losses.BinaryCrossentropy(), {"patience": 3})
    learn(many, 1, tmp_path / "1")
    before = calls.count(True)
    assert before
    learn(many, 2, tmp_path / "2")
    assert calls.count(True) == before
