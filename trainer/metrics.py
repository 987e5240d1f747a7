"""Metrics of training that Keras does not have."""

import keras
import numpy as np
from keras import ops

BINS = 15


def expected_calibration_error(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean distance of score and share of hits over BINS bins of equal width, weighted by size (Guo et al. 2017)."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1).ravel()
    count = np.bincount(bins, minlength=BINS)
    said = np.bincount(bins, weights=scores.ravel(), minlength=BINS)
    true = np.bincount(bins, weights=labels.ravel(), minlength=BINS)
    return float(np.abs(said - true).sum() / count.sum())


class BestMicroF1(keras.metrics.Metric):
    """The best micro-F1 that one threshold for all genres reaches, over 0.05, 0.10, ..., 0.95.

    A fixed threshold of 0.5 says of rare genres only that they are rare; labels and scores are float32
    [N, G], weights of films [N, 1].
    """

    THRESHOLDS = np.arange(1, 20, dtype=np.float32) / 20

    def __init__(self, name: str = "f1", **options):
        super().__init__(name=name, **options)
        shape = (len(self.THRESHOLDS),)
        self.hits = self.add_weight(shape=shape, initializer="zeros", name="hits")
        self.said = self.add_weight(shape=shape, initializer="zeros", name="said")
        self.true = self.add_weight(shape=(), initializer="zeros", name="true")

    def update_state(self, y_true, y_pred, sample_weight=None):
        weights = ops.ones_like(y_pred) if sample_weight is None else ops.cast(sample_weight, "float32")
        said = ops.cast(y_pred[..., None] >= self.THRESHOLDS, "float32") * weights[..., None]
        labels = ops.cast(y_true, "float32") * weights
        self.hits.assign_add(ops.sum(said * labels[..., None], axis=(0, 1)))
        self.said.assign_add(ops.sum(said, axis=(0, 1)))
        self.true.assign_add(ops.sum(labels))

    def result(self):
        return ops.max(2 * self.hits / ops.maximum(self.said + self.true, 1))
