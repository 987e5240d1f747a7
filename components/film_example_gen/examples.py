"""Films as tf.Examples; names and dtypes are those of `transform.features`."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf

from components.film_example_gen.films import Film, Reject
from components.film_example_gen.posters import Poster, PosterError, read_posters
from transform import features

_FEATURES = (
    features.ID,
    features.GENRES,
    features.OVERVIEW,
    features.OVERVIEW_WORDS,
    features.POSTER,
    features.POSTER_WIDTH,
    features.POSTER_HEIGHT,
    features.POSTER_LUMA,
)


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
    example = tf.train.Example()
    # Filled in place: what protobuf's constructors are given, they copy at each level, poster and all.
    feature = example.features.feature
    for name in _FEATURES:
        feature.get_or_create(name)
    feature[features.ID].bytes_list.value.append(film.id.encode())
    if film.genres:
        feature[features.GENRES].bytes_list.value.extend(genre.encode() for genre in film.genres)
    if film.overview:
        feature[features.OVERVIEW].bytes_list.value.append(film.overview.encode())
        feature[features.OVERVIEW_WORDS].int64_list.value.append(len(film.overview.split()))
    if poster:
        feature[features.POSTER].bytes_list.value.append(poster.data)
        feature[features.POSTER_WIDTH].int64_list.value.append(poster.width)
        feature[features.POSTER_HEIGHT].int64_list.value.append(poster.height)
        feature[features.POSTER_LUMA].float_list.value.append(poster.luma)
    return example


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
