"""A sample of a split's posters, small enough to lie in a page."""

import base64
import collections
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from transform import features

COUNT = 24
LOOKED_AT = 600  # films from which the sample is chosen
SIZE = (160, 240)  # pixels, at most
LIMIT = 5_000  # bytes of a thumbnail
QUALITIES = (80, 60, 40, 20, 5)


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
            uri = f"data:image/webp;base64,{base64.b64encode(image).decode()}"
            shown.append({"id": _texts(film, features.ID)[0], "genres": films[number], "image": uri})
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


def thumbnail(poster: bytes) -> bytes | None:
    """The poster as WebP of at most SIZE pixels and, where quality can do it, LIMIT bytes; None if Pillow refuses."""
    try:
        with Image.open(io.BytesIO(poster)) as image:
            small = image.convert("RGB")
            small.thumbnail(SIZE)
    except (OSError, SyntaxError, ValueError):  # Pillow's ways to refuse what TensorFlow's decoder accepted
        return None
    for quality in QUALITIES:
        out = io.BytesIO()
        small.save(out, "WEBP", quality=quality)
        if out.tell() <= LIMIT:
            break
    return out.getvalue()


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
