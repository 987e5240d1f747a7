"""Layers over words: all steps of an LSTM at once where nothing is learnt."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from trainer import lstm, sequences
from trainer.recipe import Task
from transform import features

TASK = Task(positives=[3, 4, 1], films=10, image_size=16, vocabulary_size=30, ngram_buckets=8)
OVERVIEWS = np.array([[5, 6, 7, 8, 9], [1, 2, 0, 0, 0], [4, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


def two_layers() -> tuple[layers.Bidirectional, sequences.BiLSTM]:
    """Keras's and ours, of the same weights; biases that are not those of the start."""
    keras.utils.set_random_seed(3)
    theirs = layers.Bidirectional(layers.LSTM(4, return_sequences=True))
    ours = sequences.BiLSTM(layers.LSTM(4, return_sequences=True))
    for layer in (theirs, ours):
        layer.build((None, None, 6))
    theirs.set_weights([np.random.normal(0, 0.5, weight.shape) for weight in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def said(layer: layers.Layer, training: bool) -> tuple[np.ndarray, np.ndarray]:
    """What a layer says of OVERVIEWS, and which of it is of words."""
    mask = OVERVIEWS != 0
    steps = np.random.default_rng(1).normal(size=(*OVERVIEWS.shape, 6)).astype(np.float32)
    return layer(steps, mask=mask, training=training).numpy(), mask


@pytest.mark.parametrize("training", [True, False])
def test_it_says_what_keras_says(training):
    (expected, mask), (found, _) = (said(layer, training) for layer in two_layers())
    assert found.shape == expected.shape == (4, 5, 8)
    np.testing.assert_allclose(found[mask], expected[mask], atol=1e-6)
    assert np.abs(found[mask]).max() > 0.1
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    "overviews",
    [OVERVIEWS, OVERVIEWS[3:], OVERVIEWS[:1, :1], np.pad(OVERVIEWS, [(0, 0), (0, 3)])],
    ids=["several", "none", "a word", "padding of all"],
)
def test_a_network_scores_the_same_in_training_without_dropout(overviews):
    keras.utils.set_random_seed(4)
    network = lstm.default(Task(**{**vars(TASK), "dropout": 0.0}))
    films = {features.TOKENS: tf.constant(overviews)}
    learning, served = (network(films, training=training).numpy() for training in (True, False))
    np.testing.assert_allclose(served, learning, atol=1e-6)


def test_a_served_network_has_no_loop_and_one_that_learns_has():
    network = lstm.default(TASK)

    def operations(training: bool) -> set[str]:
        def scores(tokens: tf.Tensor) -> tf.Tensor:
            return network({features.TOKENS: tokens}, training=training)

        traced = tf.function(scores).get_concrete_function(tf.TensorSpec([None, None], tf.int64))
        return {operation.type for operation in traced.graph.get_operations()}

    assert {"BlockLSTMV2", "While"} & operations(training=False) == {"BlockLSTMV2"}
    assert {"BlockLSTMV2", "While"} & operations(training=True) == {"While"}


def test_nothing_is_learnt_from_wrong_gradients():
    network = lstm.default(TASK)
    with tf.GradientTape() as tape:
        scores = network({features.TOKENS: tf.constant(OVERVIEWS)}, training=False)
    with pytest.raises(LookupError, match="training=True only"):
        tape.gradient(scores, network.trainable_variables)
