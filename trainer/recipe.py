"""What a model file gives to the fitting: a network and how it is trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from transform.errors import MarqueeError


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a network is built for.

    Attributes:
        genres: G, the labels.
        positives: films of the train split with each genre, length G.
        films: films of the train split.
        image_size: side of a poster, in pixels.
        vocabulary_size: token ids, padding and unknown included.
        ngram_buckets: that n-grams are hashed into.
        vectors: pretrained ones, float32 [D], by token id; may be empty.
        backbone: a frozen layer from posters to features float32 [N, D], the same for all networks; None: none.
        class_weights: of an absent and of a present label of each genre in the loss, [G, 2]; None: 1 each.
        width: factor of the units of layers, for networks that a Tuner searches among.
        dropout: factor of their shares of dropout.
    """

    positives: Sequence[int]
    films: int
    image_size: int
    vocabulary_size: int
    ngram_buckets: int
    vectors: Mapping[int, np.ndarray] = field(default_factory=dict)
    backbone: keras.Layer | None = None
    class_weights: Sequence[Sequence[float]] | None = None
    width: float = 1.0
    dropout: float = 1.0

    @property
    def genres(self) -> int:
        return len(self.positives)

    def units(self, number: int) -> int:
        """So many, at the width of this task."""
        return max(1, round(number * self.width))

    def rate(self, share: float) -> float:
        """So much dropout, times that of this task."""
        return min(share * self.dropout, 0.95)

    @property
    def log_odds(self) -> np.ndarray:
        """float32 [G]: the logit of each genre's weighted share of the train split, smoothed by one film either way.

        A last layer that starts from this bias needs not spend epochs on learning how rare a genre is.
        """
        positives = np.asarray(self.positives, np.float32)
        odds = (positives + 1) / (self.films - positives + 1)
        if self.class_weights is not None:
            weights = np.asarray(self.class_weights)
            negative, positive = np.where(weights > 0, weights, 1).T  # 0: of a label that no film has
            odds *= positive / negative
        return np.log(odds).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A network and how to train it.

    Attributes:
        head: name of what the network says.
        build: makes the network: inputs by transformed feature name, output scores float32 [N, G] in 0..1.
        augment: makes a layer that posters go through while training, and never when served.
        epochs: unless the settings say otherwise.
        learning_rate: at its highest, unless the settings say otherwise.
        schedule: share of `learning_rate` to use, by epoch (from 0) and number of epochs.
        weight_decay: decoupled, after Loshchilov and Hutter 2019; 0 is plain Adam.
        class_balance: how rare genres are made up for, as `losses.loss_of` has it, unless the settings say otherwise.
        folds: parts of the train split; for each a network that does not learn from it, and in the end the mean of them
            all (a cross-validation committee, Krogh and Vedelsby 1995). 1: one network that learns from everything.
            Unless the settings say otherwise.
        by_length: whether a batch of training is of films with about as many tokens, as `data.batches` has it.
        ngrams: whether the n-gram head stands beside the network.
        likeness: whether the likeness head does.
    """

    head: str
    build: Callable[[Task], keras.Model]
    epochs: int
    learning_rate: float
    schedule: Callable[[int, int], float]
    augment: Callable[[], keras.Layer] | None = None
    weight_decay: float = 0.0
    class_balance: str = "none"
    folds: int = 1
    by_length: bool = False
    ngrams: bool = False
    likeness: bool = False


def choose(recipes: Mapping[str, Recipe], settings: Mapping[str, Any]) -> Recipe:
    """The variant of the settings, with what they give of epochs, learning rate, folds and class balance.

    Raises:
        MarqueeError: the model has no such variant.
    """
    if settings["variant"] not in recipes:
        raise MarqueeError(f"{settings['name']}.variant = {settings['variant']!r}: allowed is {', '.join(recipes)}.")
    recipe = recipes[settings["variant"]]
    given = {key: settings[key] for key in ("epochs", "learning_rate", "folds") if settings[key] is not None}
    if settings["class_balance"] != "auto":
        given["class_balance"] = settings["class_balance"]
    return Recipe(**{**vars(recipe), **given})


def tuned(recipe: Recipe, values: Mapping[str, float]) -> Recipe:
    """A recipe with the numbers of a search, as `trainer.tuning.space` names them; what it does not name stays."""
    factors = {"width": values.get("width", 1.0), "dropout": values.get("dropout", 1.0)}
    return replace(
        recipe,
        learning_rate=values.get("learning_rate", recipe.learning_rate),
        weight_decay=values.get("weight_decay", recipe.weight_decay),
        build=lambda task: recipe.build(Task(**{**vars(task), **factors})),
    )
