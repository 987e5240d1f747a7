"""What a network is trained to make small, by `class_balance`."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("marquee")
class WeightedBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy in which each genre weighs its absent and its present labels differently.

    For labels y and scores p, float32 [N, G], the loss of a film is the mean over genres of
    -(w_positive y log p + w_negative (1 - y) log(1 - p)).
    """

    def __init__(self, weights: Sequence[Sequence[float]], name: str = "weighted_cross_entropy", **options):
        """Makes the loss.

        Args:
            weights: [G, 2], the weights of an absent and of a present label.
            name: of the loss.
            **options: of Keras.
        """
        super().__init__(name=name, **options)
        self.weights = np.asarray(weights, np.float32)

    def call(self, y_true, y_pred):
        labels = ops.cast(y_true, y_pred.dtype)
        negative, positive = self.weights.T
        weights = labels * positive + (1 - labels) * negative
        return ops.mean(weights * ops.binary_crossentropy(labels, y_pred), axis=-1)

    def get_config(self):
        return {**super().get_config(), "weights": self.weights.tolist()}


@keras.saving.register_keras_serializable("marquee")
class AsymmetricLoss(keras.losses.Loss):
    """Cross-entropy that forgets easy absent labels faster than present ones (Ridnik et al. 2021, eq. 7).

    For labels y and scores p, float32 [N, G], the loss of a film is the mean over genres of
    -(1 - p)^gamma_positive log p where y is 1, and -m^gamma_negative log(1 - m), m = max(p - margin, 0), where it is 0.
    """

    PARAMETERS = ("gamma_negative", "gamma_positive", "margin")

    def __init__(
        self,
        gamma_negative: float,
        gamma_positive: float,
        margin: float,
        name: str = "asymmetric_loss",
        **options,
    ):
        super().__init__(name=name, **options)
        self.gamma_negative, self.gamma_positive, self.margin = gamma_negative, gamma_positive, margin

    def call(self, y_true, y_pred):
        edge = keras.config.epsilon()
        labels = ops.cast(y_true, y_pred.dtype)
        score = ops.clip(y_pred, edge, 1 - edge)
        shifted = ops.maximum(score - self.margin, edge)  # not 0: a power of it has no gradient there
        positive = labels * (1 - score) ** self.gamma_positive * ops.log(score)
        negative = (1 - labels) * shifted**self.gamma_negative * ops.log(1 - shifted)
        return -ops.mean(positive + negative, axis=-1)

    def get_config(self):
        own = {key: getattr(self, key) for key in self.PARAMETERS}
        return {**super().get_config(), **own}


def loss_of(class_balance: str, settings: Mapping[str, Any], weights: Sequence[Sequence[float]]) -> keras.losses.Loss:
    """The loss of a `class_balance`; "none" and "oversample" have plain cross-entropy.

    "focal" is (1 - p_t)^gamma times the cross-entropy (Lin et al. 2017, eq. 4, p_t the score of what is true), gamma
    the setting `focal_gamma`. Without their alpha: it is one number for all genres, and they found that it matters
    less the larger gamma is. "asymmetric" is `AsymmetricLoss`. With "weights", "focal" and "asymmetric" a
    score is no longer how probable a genre is.

    Args:
        class_balance: as the settings name them.
        settings: `focal_gamma`, `asymmetric_gamma_negative`, `asymmetric_gamma_positive` and
            `asymmetric_margin`.
        weights: [G, 2], the weights of an absent and of a present label, for "weights".
    """
    if class_balance == "weights":
        return WeightedBinaryCrossentropy(weights)
    if class_balance == "focal":
        return keras.losses.BinaryFocalCrossentropy(gamma=settings["focal_gamma"])
    if class_balance == "asymmetric":
        return AsymmetricLoss(**{key: settings[f"asymmetric_{key}"] for key in AsymmetricLoss.PARAMETERS})
    return keras.losses.BinaryCrossentropy()
