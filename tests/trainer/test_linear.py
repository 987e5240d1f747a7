"""The head that is solved."""

import numpy as np
import scipy.sparse

from trainer import linear
from trainer.recipe import Task
from transform import features

BUCKETS = 6
LABELS = np.array([[1, 0, 0, 1]] * 6 + [[0, 1, 0, 1]] * 4, bool)  # the third no film has, the fourth all
NGRAMS = scipy.sparse.csr_matrix(np.array([[0.8, 0.0, 0.6, 0, 0, 0]] * 6 + [[0.0, 0.8, 0.6, 0, 0, 0]] * 4, np.float32))


def test_an_n_gram_speaks_for_the_genre_that_it_comes_with():
    kernel, bias = linear.solve(NGRAMS, LABELS)
    assert (kernel.shape, kernel.dtype, bias.shape, bias.dtype) == ((BUCKETS, 4), np.float32, (4,), np.float32)
    assert kernel[0, 0] > 0 > kernel[1, 0]
    assert kernel[1, 1] > 0 > kernel[0, 1]
    assert not kernel[3:].any()  # in no film
    logits = NGRAMS @ kernel + bias
    np.testing.assert_array_equal(logits[:, :2] > 0, LABELS[:, :2])


def test_a_genre_of_no_film_or_of_all_gets_its_share():
    kernel, bias = linear.solve(NGRAMS, LABELS)
    assert not kernel[:, 2:].any()
    np.testing.assert_allclose(bias[2:], np.log([1 / 11, 11]), rtol=1e-6)


def test_solved_twice_to_the_same_bit():
    random = np.random.default_rng(1)
    ngrams = scipy.sparse.random(200, 2000, 0.05, format="csr", dtype=np.float32, random_state=random)
    labels = random.random((200, 12)) < 0.3
    for first, second in zip(linear.solve(ngrams, labels), linear.solve(ngrams, labels), strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_network_says_what_was_solved():
    kernel, bias = linear.solve(NGRAMS, LABELS)
    task = Task(positives=[6, 4, 0, 10], films=10, image_size=4, vocabulary_size=9, ngram_buckets=BUCKETS)
    used = linear.used(NGRAMS)
    np.testing.assert_array_equal(used, [0, 1, 2])
    said = linear.network(task, used, kernel[used], bias).predict(
        {
            features.NGRAMS: np.tile([0, 2, 1, 0], (2, 1)),
            features.NGRAM_WEIGHTS: np.array([[0.8, 0.6, 0, 0], [0, 0.6, 0.8, 0]], np.float32),
        },
        verbose=0,
    )
    expected = 1 / (1 + np.exp(-(NGRAMS[[0, 9]] @ kernel + bias)))
    np.testing.assert_allclose(said, expected, rtol=1e-5)


def test_a_bucket_that_no_film_of_train_has_weighs_nothing():
    kernel, bias = linear.solve(NGRAMS, LABELS)
    task = Task(positives=[6, 4, 0, 10], films=10, image_size=4, vocabulary_size=9, ngram_buckets=BUCKETS)
    used = linear.used(NGRAMS)
    network = linear.network(task, used, kernel[used], bias)
    films = {features.NGRAMS: np.array([[BUCKETS - 1, 3]]), features.NGRAM_WEIGHTS: np.array([[0.7, 0.7]], np.float32)}
    np.testing.assert_allclose(network.predict(films, verbose=0), 1 / (1 + np.exp(-bias))[None], rtol=1e-5)
