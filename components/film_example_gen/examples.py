"""Films as tf.Examples; names and dtypes are those of `transform.features`."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf

from components.film_example_gen.films import Film, Reject
from components.film_example_gen.posters import Poster, PosterError, read_posters
from transform import features


def convert(films: Sequence[Film], folder: str) -> Iterator[tuple[tf.train.Example | None, Reject | None]]:
    """The example of each film of the span in `folder`, and the reject that its poster makes.

    A film whose poster cannot be used stays for its overview; without one there is no example.
    """
    posters = read_posters([os.path.join(folder, film.poster) for film in films if film.poster])
    for film in films:
        poster = next(posters) if film.poster else None
        if isinstance(poster, PosterError):
            kept = bool(film.overview)
            reject = Reject(film.id, film.row, film.poster, poster.reason, poster.detail, kept)
            yield to_example(film, None) if kept else None, reject
        else:
            yield to_example(film, poster), None


def to_example(film: Film, poster: Poster | None) -> tf.train.Example:
    """The example of a film: all eight features, empty where the film lacks them."""
    overview = [film.overview] if film.overview else []
    feature = {
        features.ID: _bytes(film.id),
        features.GENRES: _bytes(*film.genres),
        features.OVERVIEW: _bytes(*overview),
        features.OVERVIEW_WORDS: _ints(*(len(text.split()) for text in overview)),
        features.POSTER: _bytes(),
        features.POSTER_WIDTH: _ints(),
        features.POSTER_HEIGHT: _ints(),
        features.POSTER_LUMA: tf.train.Feature(),
    }
    if poster:
        feature[features.POSTER] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[poster.data]))
        feature[features.POSTER_WIDTH] = _ints(poster.width)
        feature[features.POSTER_HEIGHT] = _ints(poster.height)
        feature[features.POSTER_LUMA] = tf.train.Feature(float_list=tf.train.FloatList(value=[poster.luma]))
    return tf.train.Example(features=tf.train.Features(feature=feature))


def split_of(film_id: str, splits: Mapping[str, int]) -> str:
    """The split of a film, by a hash of its Id alone, so that it is the same in every span.

    Args:
        film_id: its Id.
        splits: name to hash buckets, in order.
    """
    bucket = int(hashlib.sha256(film_id.encode()).hexdigest(), 16) % sum(splits.values())
    for name, buckets in splits.items():
        if bucket < buckets:
            return name
        bucket -= buckets
    raise ValueError(f"no buckets in {splits}")


def _bytes(*values: str) -> tf.train.Feature:
    if not values:
        return tf.train.Feature()
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))


def _ints(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values)) if values else tf.train.Feature()
