"""Films as tf.Examples; names and dtypes are those of `transform.features`."""

import functools
import hashlib
import os
import struct
from collections.abc import Iterator, Mapping, Sequence

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
_FLOAT = struct.Struct("<f")


def convert(films: Sequence[Film], folder: str) -> Iterator[tuple[bytes | None, Reject | None]]:
    """The serialized tf.Example of each film of the span in `folder`, and the reject that its poster makes.

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


def to_example(film: Film, poster: Poster | None) -> bytes:
    """The tf.Example of a film, serialized: all eight features, empty where the film lacks them.

    Written as bytes, without a message in between, which took twice as long; features in the order of their names, so
    that they are the same bytes on either stack.
    """
    values = dict.fromkeys(_FEATURES, b"")
    values[features.ID] = _bytes_list([film.id])
    if film.genres:
        values[features.GENRES] = _bytes_list(film.genres)
    if film.overview:
        values[features.OVERVIEW] = _bytes_list([film.overview])
        values[features.OVERVIEW_WORDS] = _int64_list(len(film.overview.split()))
    if poster:
        values[features.POSTER] = _field(1, _field(1, poster.data))
        values[features.POSTER_WIDTH] = _int64_list(poster.width)
        values[features.POSTER_HEIGHT] = _int64_list(poster.height)
        values[features.POSTER_LUMA] = _field(2, _field(1, _FLOAT.pack(poster.luma)))
    entries = [_field(1, key + _field(2, values[name])) for name, key in _KEYS]
    return _field(1, b"".join(entries))


# Feature is one of BytesList (field 1), FloatList (2) and Int64List (3), whose values are field 1
# (tensorflow/core/example/feature.proto; https://protobuf.dev/programming-guides/encoding/).


def _bytes_list(texts: Sequence[str]) -> bytes:
    return _field(1, b"".join([_field(1, text.encode()) for text in texts]))


def _int64_list(value: int) -> bytes:
    return _field(3, _field(1, _varint(value)))


def _field(number: int, content: bytes) -> bytes:
    """A field that says how long it is, with a number below 16."""
    return _TAGS[number] + _varint(len(content)) + content


@functools.lru_cache(maxsize=1 << 16)
def _varint(number: int) -> bytes:
    rest = number >> 7
    return bytes([number & 127 | 128]) + _varint(rest) if rest else bytes([number])


_TAGS = [bytes([number << 3 | 2]) for number in range(16)]
_KEYS = [(name, _field(1, name.encode())) for name in sorted(_FEATURES)]


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
