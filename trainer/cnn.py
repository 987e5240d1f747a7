"""The poster model: a convolutional network over 64 x 64 pixels, beside how a poster is like others."""

import keras
from keras import layers
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from trainer import fitting, heads, schedules, tuning
from trainer.recipe import Recipe, Task
from transform import features

HEAD = "poster"


def reference(task: Task) -> keras.Model:
    """The coursework's network, layer for layer: 3,464,601 parameters with 25 genres at 64 pixels."""
    pixels = _poster_input(task)
    x = layers.Rescaling(1 / 255, name="Scale")(pixels)
    x = _conv(16, "Conv0", strides=2)(x)
    x = layers.Dropout(0.2, name="Drop1")(x)
    for block, filters in ((1, 32), (2, 64), (3, 128)):
        x = _conv(filters, f"Conv{2 * block - 1}")(x)
        x = _conv(filters, f"Conv{2 * block}")(x)
        x = layers.Dropout(0.2, name=f"Drop{block + 1}")(x)
        x = layers.MaxPooling2D(name=f"Pool{block}")(x)
    x = layers.Flatten(name="Flat")(x)
    for block in (1, 2):
        x = layers.Dense(1024, activation="relu", name=f"FC{block}")(x)
        x = layers.Dropout(0.5, name=f"Drop{block + 4}")(x)
    return keras.Model(
        {features.PIXELS: pixels}, layers.Dense(task.genres, activation="sigmoid", name="Output")(x), name="cnn"
    )


def default(task: Task) -> keras.Model:
    """Four convolutions with batch normalisation, then mean and peak over the whole poster; 0.2 M parameters.

    In place of all that, where there is a backbone, its features, normalised: their size is the backbone's own.
    """
    pixels = _poster_input(task)
    x = _convolutions(pixels, task) if task.backbone is None else _normalised(task.backbone(pixels))
    x = layers.Dropout(task.rate(0.4), name="Drop")(x)
    return keras.Model({features.PIXELS: pixels}, heads.output_layer(task)(x), name="cnn")


def _normalised(said: keras.KerasTensor) -> keras.KerasTensor:
    """Features of whatever size at a mean of 0 and a variance of 1, as He et al. 2022 probe a frozen network."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-6, center=False, scale=False, name="Norm")(said)


def _convolutions(pixels: keras.KerasTensor, task: Task) -> keras.KerasTensor:
    x = layers.Rescaling(1 / 127.5, offset=-1, name="Scale")(pixels)
    for block, filters in enumerate((32, 48, 96, 128), start=1):
        filters = task.units(filters)
        x = layers.Conv2D(
            filters, 3, strides=2 if block == 1 else 1, padding="same", use_bias=False, name=f"Conv{block}"
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"Norm{block}")(x)
        x = layers.ReLU(name=f"ReLU{block}")(x)
        x = layers.MaxPooling2D(padding="same", name=f"Pool{block}")(x)  # same: a picture of 16 pixels is down to 1
    mean = layers.GlobalAveragePooling2D(name="Mean")(x)
    peak = layers.GlobalMaxPooling2D(name="Peak")(x)
    return layers.Concatenate(name="Summary")([mean, peak])


def augment() -> keras.Layer:
    """Mirrors posters and shifts them by up to a tenth."""
    return keras.Sequential(
        [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1, fill_mode="nearest")], name="Augment"
    )


def _poster_input(task: Task) -> keras.KerasTensor:
    """uint8 [N, S, S, 3]."""
    shape = (task.image_size, task.image_size, features.CHANNELS)
    return layers.Input(shape, dtype="uint8", name=features.PIXELS)


def _conv(filters: int, name: str, strides: int = 1) -> layers.Layer:
    return layers.Conv2D(filters, 3, strides=strides, padding="same", activation="relu", name=name)


RECIPES = {
    "reference": Recipe(
        head=HEAD, build=reference, epochs=40, learning_rate=1e-4, schedule=schedules.held_then_exponential
    ),
    "default": Recipe(
        head=HEAD,
        build=default,
        likeness=True,
        folds=5,
        epochs=36,
        learning_rate=2e-3,
        schedule=schedules.warm_up_then_cosine,
        weight_decay=1e-2,
        augment=augment,
    ),
}


def run_fn(fn_args: FnArgs) -> None:
    """Trains and exports; what TFX's Trainer calls."""
    fitting.run(fn_args, RECIPES)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Makes the search; what TFX's Tuner calls."""
    return tuning.tuner(fn_args, RECIPES)
