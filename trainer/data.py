"""Transformed examples as batches for fitting."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import tensorflow as tf

from trainer import folds
from transform import features, posters
from transform.errors import MarqueeError

WINDOW = 8  # batches whose films are put together by length
MEMORY = 1 << 30  # bytes of one split that are kept; of a larger one, each epoch reads the files and shuffles so much

# Of what networks take.
SPEC = {
    features.PIXELS: tf.io.FixedLenFeature([], tf.string),
    features.TOKENS: tf.io.VarLenFeature(tf.int64),
    features.NGRAMS: tf.io.VarLenFeature(tf.int64),
    features.NGRAM_WEIGHTS: tf.io.VarLenFeature(tf.float32),
    features.HAS_POSTER: tf.io.FixedLenFeature([], tf.int64),
    features.HAS_OVERVIEW: tf.io.FixedLenFeature([], tf.int64),
}
NGRAMS = {features.NGRAMS: tf.int64, features.NGRAM_WEIGHTS: tf.float32}


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What there is to know of a split of N films before any network sees it, in the order of the records.

    Attributes:
        ids: [N].
        labels: bool [N, G].
        present: bool [N] of `has_poster` and of `has_overview`.
        fingerprint: hexadecimal; of ids, labels, pixels and words, whatever the order of the films.
    """

    ids: Sequence[bytes]
    labels: np.ndarray
    present: dict[str, np.ndarray]
    fingerprint: str


def survey(patterns: Sequence[str], split: str, genres: int) -> Survey:
    """Reads a split, and keeps all but its posters and words.

    Args:
        patterns: of gzipped TFRecords of transformed examples.
        split: its name, for the error.
        genres: G.

    Raises:
        MarqueeError: the split has no film.
    """
    kept = {
        features.ID: tf.io.FixedLenFeature([], tf.string),
        features.LABELS: tf.io.FixedLenFeature([genres], tf.int64),
        features.HAS_POSTER: tf.io.FixedLenFeature([], tf.int64),
        features.HAS_OVERVIEW: tf.io.FixedLenFeature([], tf.int64),
    }
    spec = kept | {name: SPEC[name] for name in (features.PIXELS, features.TOKENS)}
    parsed, digests = [], []
    for batch in _films(patterns).batch(1024).map(lambda films: tf.io.parse_example(films, spec)):
        parsed.append({name: batch[name].numpy() for name in kept})
        words = tf.sparse.to_dense(batch[features.TOKENS], default_value=features.PADDING).numpy()
        for film, pixels, row, labels in zip(
            parsed[-1][features.ID], batch[features.PIXELS].numpy(), words, parsed[-1][features.LABELS], strict=True
        ):
            content = [film, pixels, np.trim_zeros(row, "b").tobytes(), labels.tobytes()]
            digests.append(hashlib.blake2b(b"".join(content), digest_size=16).digest())
    if not parsed:
        raise _no_film(split)
    columns = {name: np.concatenate([batch[name] for batch in parsed]) for name in kept}
    return Survey(
        fingerprint=hashlib.blake2b(b"".join(sorted(digests)), digest_size=8).hexdigest(),
        ids=columns[features.ID].tolist(),
        labels=columns[features.LABELS].astype(bool),
        present={name: columns[name].astype(bool) for name in (features.HAS_POSTER, features.HAS_OVERVIEW)},
    )


def some(patterns: Sequence[str], ids: Sequence[str]) -> list[bytes]:
    """The records of a few films, in the order of their ids."""
    spec = {features.ID: tf.io.FixedLenFeature([], tf.string)}
    wanted = {film.encode() for film in ids}
    found = {}
    for records in _films(patterns).batch(1024).as_numpy_iterator():
        for film, record in zip(tf.io.parse_example(records, spec)[features.ID].numpy(), records, strict=True):
            if film in wanted:
                found[film.decode()] = record
    return [found[film] for film in ids]


def repeats(films: Survey, factors: Sequence[float], seed: int) -> np.ndarray:
    """How often each film is seen in an epoch, after Gupta, Dollar and Girshick 2019.

    A film's repeat factor r is the highest of its genres', 1 without any. It is seen floor(r) times, and once more
    where a hash of seed and id, even on 0..1, is below the rest: the same films for the same seed, r times on average.

    Args:
        films: the split.
        factors: repeat factor of each genre, 1 or more, [G].
        seed: below 2^64.

    Returns:
        int64 [N].
    """
    wanted = np.where(films.labels, np.asarray(factors), 1.0).max(axis=1, initial=1.0)
    chance = folds.chances(films.ids, seed.to_bytes(8, "big"))
    whole = np.floor(wanted)
    return (whole + (chance < wanted - whole)).astype(np.int64)


def ngram_matrix(patterns: Sequence[str], buckets: int) -> scipy.sparse.csr_matrix:
    """The weighted n-grams of a split, float32 [N, buckets], in the order of the records."""
    spec = {name: tf.io.RaggedFeature(kind) for name, kind in NGRAMS.items()}
    parsed = list(_films(patterns).batch(1024).map(lambda films: tf.io.parse_example(films, spec)))
    lengths, columns, weights = (
        np.concatenate([part(batch).numpy() for batch in parsed])
        for part in (
            lambda batch: batch[features.NGRAMS].row_lengths(),
            lambda batch: batch[features.NGRAMS].flat_values,
            lambda batch: batch[features.NGRAM_WEIGHTS].flat_values,
        )
    )
    starts = np.concatenate([[0], lengths.cumsum()])
    return scipy.sparse.csr_matrix((weights, columns, starts), shape=(len(lengths), buckets))


def batches(
    patterns: Sequence[str],
    split: str,
    *,
    genres: int,
    image_size: int,
    batch_size: int,
    shuffle: int | None = None,
    repeated: np.ndarray | None = None,
    by_length: bool = False,
) -> tf.data.Dataset:
    """Batches of one split.

    Args:
        patterns: of gzipped TFRecords of transformed examples.
        split: its name, for the error.
        genres: G.
        image_size: side of a poster in pixels, S.
        batch_size: films of a batch; the last batch may be smaller.
        shuffle: seed; films keep their order where it is None.
        repeated: how often each film comes in an epoch, int64 by record, 0 for never; None: once.
        by_length: whether films with about as many tokens share a batch, of each WINDOW batches' films in turn: a batch
            is as long as its longest overview, and most are less than half as long.

    Returns:
        Dataset of (inputs, labels): inputs has `pixels` uint8 [N, S, S, 3], `tokens` int64 [N, T] padded with
        features.PADDING to the longest of the batch (at least 1), `ngrams` int64 and `ngram_weights` float32 [N, K]
        padded with 0, `has_poster` and `has_overview` float32 [N]; labels is float32 [N, G].

    Raises:
        MarqueeError: the split has no film.
    """
    films, total = _films(patterns), count(patterns)
    if total == 0:
        raise _no_film(split)
    fitting = MEMORY // (image_size * image_size * features.CHANNELS + 8 * genres)
    if total <= fitting:
        films = films.cache()
    if repeated is not None:
        films = tf.data.Dataset.zip((films, tf.data.Dataset.from_tensor_slices(repeated)))
        films = films.flat_map(lambda film, times: tf.data.Dataset.from_tensors(film).repeat(times))
        total = int(repeated.sum())
    films = films.apply(tf.data.experimental.assert_cardinality(total))
    if shuffle is not None:
        films = films.shuffle(min(total, max(fitting, 1)), seed=shuffle, reshuffle_each_iteration=True)
    if by_length:
        films = films.batch(WINDOW * batch_size).map(_by_length).unbatch()
    films = films.batch(batch_size).apply(tf.data.experimental.assert_cardinality(-(-total // batch_size)))
    if by_length and shuffle is not None:  # else short films of a window always come before its long ones
        films = films.shuffle(WINDOW, seed=shuffle, reshuffle_each_iteration=True)
    spec = {**SPEC, features.LABELS: tf.io.FixedLenFeature([genres], tf.int64)}

    def parse(serialized: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        parsed = tf.io.parse_example(serialized, spec)
        labels = tf.cast(parsed.pop(features.LABELS), tf.float32)
        return {name: network_input(name, values, image_size) for name, values in parsed.items()}, labels

    return films.map(parse, num_parallel_calls=2).prefetch(2)


def _by_length(serialized: tf.Tensor) -> tf.Tensor:
    """Examples, those with the fewest tokens first."""
    tokens = tf.io.parse_example(serialized, {features.TOKENS: tf.io.RaggedFeature(tf.int64)})[features.TOKENS]
    return tf.gather(serialized, tf.argsort(tokens.row_lengths(), stable=True))


def network_input(name: str, values: tf.Tensor | tf.SparseTensor, image_size: int) -> tf.Tensor:
    """One transformed feature of N films as a network takes it; training and serving both call this.

    Args:
        name: `pixels` (string [N]), `tokens` and `ngrams` (sparse int64 [N, 0..]), `ngram_weights` (sparse float32
            [N, 0..]), `has_poster` or `has_overview` (int64 [N]).
        values: the feature.
        image_size: side of a poster in pixels, S.

    Returns:
        uint8 [N, S, S, 3]; int64 or float32 [N, T], T at least 1, since no layer runs over a sequence of none;
        float32 [N].
    """
    if name == features.PIXELS:
        return posters.unpack_pixels(values, image_size)
    if isinstance(values, tf.SparseTensor):
        return at_least_one(tf.sparse.to_dense(values, default_value=features.PADDING), axis=1)
    return tf.cast(values, tf.float32)


def at_least_one(values: tf.Tensor, axis: int) -> tf.Tensor:
    """The tensor, with one slice of zeros along `axis` where it has none."""
    return _extended(values, tf.maximum(0, 1 - tf.shape(values)[axis]), axis)


def padded(values: tf.Tensor, step: int, axis: int) -> tf.Tensor:
    """The tensor, with zeros at the end of `axis` up to a multiple of `step`."""
    return _extended(values, tf.math.floormod(-tf.shape(values)[axis], step), axis)


def _extended(values: tf.Tensor, missing: tf.Tensor, axis: int) -> tf.Tensor:
    return tf.pad(values, [[0, missing if dimension == axis else 0] for dimension in range(values.shape.rank)])


def _no_film(split: str) -> MarqueeError:
    return MarqueeError(f"The {split} split has no film, and training needs at least one: add films to the span.")


def count(patterns: Sequence[str]) -> int:
    """Films in gzipped TFRecords."""
    return int(_films(patterns).reduce(tf.constant(0, tf.int64), lambda total, _: total + 1))


def _films(patterns: Sequence[str]) -> tf.data.Dataset:
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    return tf.data.TFRecordDataset(files, compression_type="GZIP")
