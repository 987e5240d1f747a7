"""How a network learns, once the films and the loss are given."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainer import heads, metrics
from trainer.recipe import Recipe, Task
from transform import features

log = logging.getLogger("marquee.trainer")


class Learner:
    """Lets networks that a recipe builds learn, one after the other.

    All of them learn in one model, which TensorFlow traces once: that takes seconds, an epoch of few films less.
    """

    def __init__(self, recipe: Recipe, task: Task, loss: keras.losses.Loss, settings: Mapping[str, Any]):
        """Makes the model.

        Args:
            recipe: how to learn.
            task: what networks are built for.
            loss: of scores.
            settings: `patience`, epochs without a better cross-entropy before a network stops.
        """
        self.recipe, self._patience = recipe, settings["patience"]
        self._model = self._augmented(recipe.build(task))
        self._model.compile(
            optimizer=keras.optimizers.Adam(recipe.learning_rate, weight_decay=recipe.weight_decay or None),
            loss=loss,
            weighted_metrics=[
                keras.metrics.BinaryCrossentropy(name="cross_entropy"),
                keras.metrics.Precision(name="precision"),
                keras.metrics.Recall(name="recall"),
                metrics.BestMicroF1(name="f1"),
            ],
            jit_compile=False,  # measured on CPU: XLA wins the cnn nothing and makes the lstm several times slower
        )

    def learn(
        self, network: keras.Model, train: tf.data.Dataset, held_out: tf.data.Dataset, folder: Path, title: str
    ) -> dict[str, list[float]]:
        """Fits a network, which then has the weights of its best epoch on eval.

        Best by plain cross-entropy, whatever the loss: it means the same for every `class_balance`, whereas a weighted
        loss is decided by the few films of the rarest genres, and stops too early. Measured (an LSTM on 5,843 films,
        mean average precision on eval): with weights it chose epoch 7 for 3, 0.355 for 0.322; with focal loss 14 for
        5, 0.336 for 0.324.

        Args:
            network: of one head, built as the recipe says, with the weights to begin with.
            train: batches as `data.batches` gives them; films without what the network looks at count nothing.
            held_out: the eval split, the same way.
            folder: for TensorBoard's logs.
            title: what progress is told under.

        Returns:
            {metric: [per epoch]}, `val_` before those of eval.
        """
        recipe, model, own = self.recipe, self._model, self._augmented(network)
        _copy(own, model)
        for variable in model.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))  # the rate, too: each epoch sets it
        callbacks = [
            keras.callbacks.LearningRateScheduler(
                lambda epoch, _: recipe.learning_rate * recipe.schedule(epoch, recipe.epochs)
            ),
            keras.callbacks.EarlyStopping(
                "val_cross_entropy", mode="min", patience=self._patience, restore_best_weights=True
            ),
            keras.callbacks.TensorBoard(folder),
            _Progress(title, recipe.epochs),
        ]
        flag = heads.presence(network)
        fitted = model.fit(
            _weighted(network, train, flag), validation_data=_weighted(network, held_out, flag), epochs=recipe.epochs,
            callbacks=callbacks, verbose=0,
        )  # fmt: skip
        _copy(model, own)
        return {name: [float(value) for value in values] for name, values in fitted.history.items()}

    def scores(self, films: tf.data.Dataset) -> np.ndarray:
        """What the network that learnt last says of films, float32 [N, G]."""
        return self._model.predict(inputs_of(self._model, films), verbose=0)

    def _augmented(self, network: keras.Model) -> keras.Model:
        inputs = {tensor.name: tensor for tensor in network.inputs}
        given = dict(inputs)
        if self.recipe.augment is not None:
            given[features.PIXELS] = self.recipe.augment()(inputs[features.PIXELS])
        return keras.Model(inputs, network(given))


def inputs_of(network: keras.Model, films: tf.data.Dataset) -> tf.data.Dataset:
    """Batches of what the network takes alone."""
    names = [tensor.name for tensor in network.inputs]
    return films.map(lambda inputs, labels: {name: inputs[name] for name in names})


def _weighted(network: keras.Model, films: tf.data.Dataset, flag: str) -> tf.data.Dataset:
    names = [tensor.name for tensor in network.inputs]
    return films.map(lambda inputs, labels: ({name: inputs[name] for name in names}, labels, inputs[flag][:, None]))


def _copy(source: keras.Model, target: keras.Model) -> None:
    """Weights, and the states of random numbers."""
    for theirs, ours in zip(source.variables, target.variables, strict=True):
        ours.assign(theirs.value)


class _Progress(keras.callbacks.Callback):
    """One line an epoch."""

    def __init__(self, title: str, epochs: int):
        super().__init__()
        self._title, self._epochs = title, epochs

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        log.info(
            "%s epoch %d/%d  loss %.3f  val_loss %.3f  val_f1 %.3f  %.0f s",
            self._title, epoch + 1, self._epochs, logs["loss"], logs["val_loss"], logs["val_f1"],
            time.monotonic() - self._started,
        )  # fmt: skip
