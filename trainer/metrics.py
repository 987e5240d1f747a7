"""Training metrics that Keras does not have."""

import keras
import numpy as np
from keras import ops


class BestMicroF1(keras.metrics.Metric):
    """The best micro-F1 that one threshold for all genres reaches, over 0.05, 0.10, ..., 0.95.

    A fixed threshold of 0.5 says of rare genres only that they are rare; labels and scores are float32 [N, G].
    """

    THRESHOLDS = np.arange(1, 20, dtype=np.float32) / 20

    def __init__(self, name: str = "f1", **options):
        super().__init__(name=name, **options)
        shape = (len(self.THRESHOLDS),)
        self.hits = self.add_weight(shape=shape, initializer="zeros", name="hits")
        self.said = self.add_weight(shape=shape, initializer="zeros", name="said")
        self.true = self.add_weight(shape=(), initializer="zeros", name="true")

    def update_state(self, y_true, y_pred, sample_weight=None):
        said = ops.cast(y_pred[..., None] >= self.THRESHOLDS, "float32")
        labels = ops.cast(y_true, "float32")
        self.hits.assign_add(ops.sum(said * labels[..., None], axis=(0, 1)))
        self.said.assign_add(ops.sum(said, axis=(0, 1)))
        self.true.assign_add(ops.sum(labels))

    def result(self):
        return ops.max(2 * self.hits / ops.maximum(self.said + self.true, 1))
