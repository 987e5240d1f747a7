"""The overview model: a bidirectional LSTM (Hochreiter and Schmidhuber 1997) over words, beside n-grams."""

import keras
from keras import layers
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from trainer import fitting, heads, schedules, tuning
from trainer.recipe import Recipe, Task
from trainer.sequences import AttentionPooling, BiLSTM
from transform import features

HEAD = "lstm"
EMBEDDING = 96  # numbers a word, unless pretrained vectors have another number


def reference(task: Task) -> keras.Model:
    """The coursework's network: two stacked bidirectional LSTMs with dropout inside the recurrence."""
    tokens = layers.Input((None,), dtype="int64", name=features.TOKENS)
    x = layers.Embedding(task.vocabulary_size, 256, mask_zero=True, name="Embed")(tokens)
    x = _bilstm(256, "BiLSTM1", return_sequences=True, dropout=0.5, recurrent_dropout=0.2)(x)
    x = _bilstm(128, "BiLSTM2", dropout=0.5, recurrent_dropout=0.2)(x)
    x = layers.Dense(128, activation="relu", name="FC1")(x)
    x = layers.Dropout(0.8, name="Drop1")(x)
    return keras.Model(
        {features.TOKENS: tokens}, layers.Dense(task.genres, activation="sigmoid", name="Output")(x), name="lstm"
    )


def default(task: Task) -> keras.Model:
    """A bidirectional LSTM with attention over its steps and the words themselves."""
    tokens = layers.Input((None,), dtype="int64", name=features.TOKENS)
    size = len(next(iter(task.vectors.values()), range(EMBEDDING)))
    embed = layers.Embedding(task.vocabulary_size, size, mask_zero=True, name="Embed")
    words = embed(tokens)
    if task.vectors:
        [rows] = embed.get_weights()
        rows[list(task.vectors)] = list(task.vectors.values())
        embed.set_weights([rows])
    words = layers.SpatialDropout1D(task.rate(0.3), name="EmbedDrop")(words)
    steps = BiLSTM(layers.LSTM(task.units(64), return_sequences=True), name="BiLSTM")(words)
    x = AttentionPooling(name="Attend")(layers.Concatenate(name="Steps")([steps, words]))
    x = layers.Dropout(task.rate(0.5), name="Drop")(x)
    return keras.Model({features.TOKENS: tokens}, heads.output_layer(task)(x), name="lstm")


def _bilstm(units: int, name: str, **options) -> layers.Layer:
    return layers.Bidirectional(layers.LSTM(units, **options), name=name)


RECIPES = {
    "reference": Recipe(
        head=HEAD, build=reference, epochs=20, learning_rate=1e-4, schedule=schedules.held_then_exponential
    ),
    "default": Recipe(
        head=HEAD,
        build=default,
        ngrams=True,
        folds=5,
        by_length=True,
        epochs=6,
        learning_rate=2e-3,
        schedule=schedules.warm_up_then_cosine,
        weight_decay=1e-2,
        class_balance="weights",
    ),
}


def run_fn(fn_args: FnArgs) -> None:
    """Trains and exports; what TFX's Trainer calls."""
    fitting.run(fn_args, RECIPES)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Makes the search; what TFX's Tuner calls."""
    return tuning.tuner(fn_args, RECIPES)
