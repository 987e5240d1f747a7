"""The n-gram head: logistic regressions, solved exactly rather than learnt a step at a time.

For each genre two, and the mean of their logits, which is linear again: one over the n-grams' weights in which both
labels weigh the same in sum, and one over the weights times the n-gram's log-count ratio between films with the genre
and without (NB-SVM of Wang and Manning 2012, with logistic loss). They err in different ways: measured in BUILD.md.
"""

import keras
import numpy as np
import scipy.sparse
from keras import layers, ops
from sklearn.linear_model import LogisticRegression

from trainer.recipe import Task
from transform import features

HEAD = "ngrams"
BALANCED_COST = 4.0  # C of scikit-learn, of errors against the size of the weights
RATIO_COST = 1.0
SMOOTHING = 0.1  # sum of weights that every n-gram is given beforehand


def used(ngrams: scipy.sparse.csr_matrix) -> np.ndarray:
    """The buckets that any film has, rising, int64 [R]: few of all, which are many so that few n-grams share one."""
    return np.unique(ngrams.indices).astype(np.int64)


def solve(ngrams: scipy.sparse.csr_matrix, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the n-grams in the logit of each genre.

    Args:
        ngrams: weights by bucket, [N, R].
        labels: 0 or 1, [N, G].

    Returns:
        float32 [R, G], and float32 [G] of the constant. A genre that all films have, or none, gets no weights and the
        logit of its share, smoothed by one film either way.
    """
    # One after another: liblinear's random numbers are of the process, so threads would take each other's.
    kernel, bias = zip(*(_solve_genre(ngrams, column) for column in labels.T), strict=True)
    return np.stack(kernel, axis=1).astype(np.float32), np.array(bias, np.float32)


def network(task: Task, buckets: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> keras.Model:
    """Scores float32 [N, G] of `ngrams` and `ngram_weights`.

    Args:
        task: what for.
        buckets: that count, rising, [R]; all others weigh nothing.
        kernel: their weights, [R, G].
        bias: [G].
    """
    inputs = {
        features.NGRAMS: layers.Input((None,), dtype="int64", name=features.NGRAMS),
        features.NGRAM_WEIGHTS: layers.Input((None,), dtype="float32", name=features.NGRAM_WEIGHTS),
    }
    layer = NgramLinear(task.ngram_buckets, len(buckets), task.genres, name="Ngrams")
    scores = layer([inputs[features.NGRAMS], inputs[features.NGRAM_WEIGHTS]])
    rows = np.zeros(task.ngram_buckets, np.int32)
    rows[buckets] = np.arange(1, len(buckets) + 1)
    layer.set_weights([rows, np.concatenate([np.zeros((1, task.genres), np.float32), kernel]), bias])
    return keras.Model(inputs, scores, name="ngram_head")  # an input is called as the head is


@keras.saving.register_keras_serializable("marquee")
class NgramLinear(layers.Layer):
    """Scores linear in weighted n-grams: the sigmoid of a sum of a row for each bucket (float32 [N, G]).

    int64 [N, K] buckets and float32 [N, K] weights, 0 where there is none. A bucket's row is looked up first: row 0,
    zeros, for all buckets that nobody has.
    """

    def __init__(self, buckets: int, used: int, genres: int, **options):
        super().__init__(trainable=False, **{key: value for key, value in options.items() if key != "trainable"})
        self.buckets, self.used, self.genres = buckets, used, genres

    def build(self, input_shape):
        self.rows = self.add_weight(shape=(self.buckets,), dtype="int32", initializer="zeros", name="rows")
        self.kernel = self.add_weight(shape=(1 + self.used, self.genres), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(self.genres,), initializer="zeros", name="bias")

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.genres)

    def call(self, inputs):
        buckets, weights = inputs
        kernel = ops.take(self.kernel, ops.take(self.rows, buckets, axis=0), axis=0)
        # No product of matrices: oneDNN would compile one for each K, and keep it.
        return ops.sigmoid(ops.sum(weights[..., None] * kernel, axis=1) + self.bias)

    def get_config(self):
        return {**super().get_config(), "buckets": self.buckets, "used": self.used, "genres": self.genres}


def _solve_genre(ngrams: scipy.sparse.csr_matrix, label: np.ndarray) -> tuple[np.ndarray, float]:
    films, positives = len(label), int(label.sum())
    if positives in (0, films):
        return np.zeros(ngrams.shape[1]), float(np.log((positives + 1) / (films - positives + 1)))
    ratio = _log_count_ratio(ngrams, label.astype(bool))
    # The dual is the faster one where features are many; its passes are in a random, and so a given, order.
    solver = {"solver": "liblinear", "dual": True, "random_state": 0, "max_iter": 300}
    balanced = LogisticRegression(C=BALANCED_COST, class_weight="balanced", **solver)
    balanced.fit(ngrams, label)
    plain = LogisticRegression(C=RATIO_COST, **solver)
    plain.fit(ngrams @ scipy.sparse.diags(ratio), label)
    kernel = (balanced.coef_[0] + ratio * plain.coef_[0]) / 2
    return kernel, float(balanced.intercept_[0] + plain.intercept_[0]) / 2


def _log_count_ratio(ngrams: scipy.sparse.csr_matrix, label: np.ndarray) -> np.ndarray:
    """[R], 0 for buckets that no film has."""
    seen = np.asarray(ngrams.sum(axis=0)).ravel() > 0
    with_genre, without = (np.asarray(ngrams[films].sum(axis=0)).ravel() * 1.0 + SMOOTHING for films in (label, ~label))
    ratio = np.log(with_genre / with_genre[seen].sum()) - np.log(without / without[seen].sum())
    return np.where(seen, ratio, 0.0)
