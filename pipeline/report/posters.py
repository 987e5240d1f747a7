"""A sample of a split's posters, small enough to lie in a page."""

import collections
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from components.thumbnails import data_uri, thumbnail
from transform import features

COUNT = 24
LOOKED_AT = 600  # films from which the sample is chosen


def sample(examples: Path) -> list[dict[str, Any]]:
    """Films of the train split with a poster, as `{"id", "genres", "image"}`, the image being a data URI.

    Of the first films, those are taken whose genres have been shown least so far: the rare ones are seen too.

    Args:
        examples: folder of the raw Examples artifact.
    """
    films = {
        number: genres
        for number, film in enumerate(_films(examples))
        if (genres := _texts(film, features.GENRES)) and _values(film, features.POSTER)
    }
    numbers = list(films)
    chosen = {numbers[index] for index in spread(list(films.values()), COUNT)}
    shown = []
    # A second pass, so that no more than the chosen posters are ever held.
    for number, film in enumerate(_films(examples)):
        if number in chosen and (image := thumbnail(_values(film, features.POSTER)[0])):
            shown.append({"id": _texts(film, features.ID)[0], "genres": films[number], "image": data_uri(image)})
    return shown


def spread(genres: Sequence[Sequence[str]], count: int) -> list[int]:
    """Indices of at most `count` films, each the first whose rarest genre has been taken least so far."""
    taken: collections.Counter = collections.Counter()
    left = list(range(len(genres)))
    chosen: list[int] = []
    while left and len(chosen) < count:
        index = min(left, key=lambda film: min(taken[genre] for genre in genres[film]))
        left.remove(index)
        chosen.append(index)
        taken.update(genres[index])
    return chosen


def _films(examples: Path) -> Iterator[Any]:
    """The first films of the train split as tf.train.Examples, one at a time."""
    import tensorflow as tf  # here, since `marquee runs` comes through this package too and needs none of it

    files = sorted(str(path) for path in (examples / "Split-train").glob("*.gz"))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    return map(tf.train.Example.FromString, itertools.islice(records, LOOKED_AT))


def _values(film: Any, name: str) -> Sequence[bytes]:
    return film.features.feature[name].bytes_list.value


def _texts(film: Any, name: str) -> list[str]:
    return [value.decode() for value in _values(film, name)]
