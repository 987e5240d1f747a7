"""Fits one network as its recipe says, chooses thresholds on eval, and exports it."""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from trainer import data, export, losses, metrics, thresholds
from trainer.balance import balance_of
from trainer.recipe import Recipe, Task, choose
from transform import features
from transform.errors import MarqueeError

log = logging.getLogger("marquee.trainer")

# Settings that training.json repeats.
RECORDED = ("name", "variant", "seed", "batch_size", "class_balance", "class_weights", "focal_gamma")

# What is best on eval: plain cross-entropy, whatever the loss. It means the same for every `class_balance`, whereas a
# weighted loss is decided by the few films of the rarest genres, and stops too early. Measured (lstm, 5,843 films, mean
# average precision on eval): with weights it chose epoch 7 for 3, 0.355 for 0.322; with focal loss 14 for 5, 0.336 for
# 0.324.
MONITOR = "val_cross_entropy"

# What a network may learn from: the input, the flag that a film has it, and its name.
MODALITIES = (
    (features.PIXELS, features.HAS_POSTER, "a poster"),
    (features.TOKENS, features.HAS_OVERVIEW, "an overview"),
)


def run(fn_args: FnArgs, recipes: Mapping[str, Recipe]) -> keras.Model:
    """Trains on the train split, keeps the weights that are best on eval, and exports.

    Writes `history.json`, `training.json`, TensorBoard's logs and the best weights into the ModelRun artifact, the
    SavedModel into the Model artifact. Never reads the test split.

    Args:
        fn_args: TFX's; `custom_config` holds name, variant, epochs, batch_size, learning_rate, patience, seed,
            class_balance, class_weights, focal_gamma, image_size, vocabulary_size, and `label_balance`, the content
            of label_balance.json.
        recipes: by variant.

    Returns:
        The network that was exported.

    Raises:
        MarqueeError: the train or the eval split is empty, no film of train has what the network learns from, or the
            label balance is of other genres than the transform graph.
    """
    settings: dict[str, Any] = fn_args.custom_config
    recipe = choose(recipes, settings)
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    folder = Path(fn_args.model_run_dir)
    folder.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(settings["seed"])
    genres = [name.decode() for name in transformed.vocabulary_by_name(features.GENRES_VOCABULARY)]
    balance = balance_of(settings["label_balance"], genres, settings["class_weights"])
    survey = data.survey(fn_args.train_files, "train", len(genres))
    films = len(survey.ids)
    repeated = None
    if settings["class_balance"] == "oversample":
        repeated = data.repeats(survey, balance.repeat_factors, settings["seed"])
    shape = {"genres": len(genres), "image_size": settings["image_size"], "batch_size": settings["batch_size"]}
    train = data.batches(fn_args.train_files, "train", shuffle=settings["seed"], repeated=repeated, **shape)
    held_out = data.batches(fn_args.eval_files, "eval", **shape)
    task = Task(
        positives=balance.positives,
        films=films,
        image_size=settings["image_size"],
        vocabulary_size=settings["vocabulary_size"],
        class_weights=balance.weights if settings["class_balance"] == "weights" else None,
    )
    model = recipe.build(task)
    _check_inputs(model, survey, settings["name"])
    log.info(
        "%s %s: %s parameters, %d films, %d an epoch, seed %d, TensorFlow %s, Keras %s", settings["name"],
        settings["variant"], f"{model.count_params():,}", films, films if repeated is None else repeated.sum(),
        settings["seed"], tf.__version__, keras.__version__,
    )  # fmt: skip
    loss = losses.loss_of(settings, balance.weights)
    started = time.monotonic()
    history = _fit(model, recipe, _inputs_of(model, train), _inputs_of(model, held_out), loss, settings, folder)
    seconds = time.monotonic() - started

    labels = np.concatenate([batch.numpy() for _, batch in held_out])
    scores = model.predict(_inputs_of(model, held_out), verbose=0)
    chosen = thresholds.choose(labels, scores)
    about = {
        "name": settings["name"],
        "variant": settings["variant"],
        "genres": genres,
        "thresholds": [round(float(threshold), 6) for threshold in chosen],
        "seed": settings["seed"],
    }
    export.save(model, transformed, about, settings["image_size"], Path(fn_args.serving_model_dir))
    _write(folder / "history.json", history)
    training = {
        **{key: settings[key] for key in RECORDED},
        "learning_rate": recipe.learning_rate,
        "films": films,
        "parameters": model.count_params(),
        "epochs": len(history["loss"]),
        "seconds_per_epoch": round(seconds / len(history["loss"]), 2),
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
    }
    _write(folder / "training.json", training)
    return model


def output_layer(task: Task) -> keras.layers.Layer:
    """Sigmoid scores that start from each genre's share of the train split."""
    bias = keras.initializers.Constant(task.log_odds)
    return keras.layers.Dense(task.genres, activation="sigmoid", bias_initializer=bias, name="Output")


def _check_inputs(model: keras.Model, survey: data.Survey, name: str) -> None:
    """Refuses a network of which no film of train has any input."""
    taken = {tensor.name for tensor in model.inputs}
    needed = [(present, word) for feature, present, word in MODALITIES if feature in taken]
    if not any(survey.present[present].any() for present, _ in needed):
        words = " or ".join(word for _, word in needed)
        raise MarqueeError(
            f"No film of the train split has {words}, and {name} learns from nothing else: leave {name} out of MODELS."
        )


def _inputs_of(model: keras.Model, films: tf.data.Dataset) -> tf.data.Dataset:
    """The inputs which the network takes, and the labels."""
    names = [tensor.name for tensor in model.inputs]
    return films.map(lambda inputs, labels: ({name: inputs[name] for name in names}, labels))


def _fit(
    model: keras.Model,
    recipe: Recipe,
    train: tf.data.Dataset,
    held_out: tf.data.Dataset,
    loss: keras.losses.Loss,
    settings: Mapping[str, Any],
    folder: Path,
) -> dict[str, list[float]]:
    model = _augmented(model, recipe)
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate, weight_decay=recipe.weight_decay or None),
        loss=loss,
        metrics=[
            keras.metrics.BinaryCrossentropy(name="cross_entropy"),
            keras.metrics.Precision(name="precision"),
            keras.metrics.Recall(name="recall"),
            metrics.BestMicroF1(name="f1"),
        ],
        jit_compile=False,  # measured on CPU: XLA wins the cnn nothing and makes the lstm several times slower
    )
    best = folder / "best.weights.h5"
    callbacks = [
        keras.callbacks.LearningRateScheduler(
            lambda epoch, _: recipe.learning_rate * recipe.schedule(epoch, recipe.epochs)
        ),
        keras.callbacks.ModelCheckpoint(best, monitor=MONITOR, mode="min", save_best_only=True, save_weights_only=True),
        keras.callbacks.EarlyStopping(monitor=MONITOR, mode="min", patience=settings["patience"]),
        keras.callbacks.TensorBoard(folder),
        _Progress(settings["name"], recipe.epochs),
    ]
    fitted = model.fit(train, validation_data=held_out, epochs=recipe.epochs, callbacks=callbacks, verbose=0)
    model.load_weights(best)  # the layers are the network's own
    return {name: [float(value) for value in values] for name, values in fitted.history.items()}


def _augmented(network: keras.Model, recipe: Recipe) -> keras.Model:
    """The network behind the recipe's augmentation, sharing its weights."""
    if recipe.augment is None:
        return network
    [given] = network.inputs
    entry = keras.Input(given.shape[1:], dtype=given.dtype, name=given.name)
    return keras.Model({given.name: entry}, network({given.name: recipe.augment()(entry)}), name=network.name)


class _Progress(keras.callbacks.Callback):
    """One line an epoch."""

    def __init__(self, name: str, epochs: int):
        super().__init__()
        self._name, self._epochs = name, epochs

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        log.info(
            "%s epoch %d/%d  loss %.3f  val_loss %.3f  val_f1 %.3f  %.0f s",
            self._name, epoch + 1, self._epochs, logs["loss"], logs["val_loss"], logs["val_f1"],
            time.monotonic() - self._started,
        )  # fmt: skip


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
