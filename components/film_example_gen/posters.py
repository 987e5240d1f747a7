"""What can be told of a poster before anything is learnt from it.

TensorFlow judges, since Transform decodes with the same op: what passes here decodes there. (Pillow does not do
as the judge: it takes some damaged JPEGs and PNGs that the op refuses.)
"""

import contextlib
import os
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass

import tensorflow as tf

from components.film_example_gen.films import Reason

MAX_PIXELS = 50_000_000
MAX_BYTES = 32 * 2**20
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_JPEG_SCALE = 4  # decodes 3 times faster than in full; the mean luma is off by 0.004 on the average poster
_TOGETHER = 64  # posters that are decoded by one call, unless they have MAX_BYTES before


@dataclass(frozen=True)
class Poster:
    """A poster that decodes: the file's bytes, its size in pixels, its mean luma 0..1."""

    data: bytes
    width: int
    height: int
    luma: float


class PosterError(Exception):
    """A poster that cannot be used, and why."""

    def __init__(self, reason: Reason, detail: str):
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_posters(paths: Iterable[str]) -> Iterator[Poster | PosterError]:
    """The posters in files, or why one cannot be opened or used, in their order.

    The next ones are read and decoded while these are used.
    """
    waiting = iter(paths)
    with futures.ThreadPoolExecutor(1, thread_name_prefix="posters") as ahead:
        coming = ahead.submit(_read_some, waiting)
        while posters := coming.result():
            coming = ahead.submit(_read_some, waiting)
            yield from posters


def _read_some(paths: Iterator[str]) -> list[Poster | PosterError]:
    """The next posters, none at the end."""
    checked: list[str | PosterError] = []
    size = 0
    for path in paths:
        there = _size_of(path)
        checked.append(there if isinstance(there, PosterError) else path)
        size += there if isinstance(there, int) else 0
        if len(checked) == _TOGETHER or size >= MAX_BYTES:
            break
    examined = iter(_examine_all([path for path in checked if isinstance(path, str)]))
    return [next(examined) if isinstance(path, str) else path for path in checked]


def _size_of(path: str) -> int | PosterError:
    """Bytes of a file that may be opened."""
    try:
        status = os.stat(path)
    except OSError as error:
        return _unopened(error)
    if not stat.S_ISREG(status.st_mode):
        return PosterError(Reason.POSTER_UNREADABLE, "not a regular file")
    if status.st_size > MAX_BYTES:
        return PosterError(Reason.POSTER_TOO_LARGE, f"{status.st_size / 2**20:.0f} MiB, limit {MAX_BYTES >> 20}")
    return status.st_size


def _unopened(error: OSError) -> PosterError:
    return PosterError(Reason.POSTER_UNREADABLE, f"cannot be opened: {error.strerror}")


def _examine_all(paths: Sequence[str]) -> list[Poster | PosterError]:
    """What `examine` gives or raises for each file: together where all are good JPEGs, else one by one."""
    if paths:
        with contextlib.suppress(tf.errors.OpError):
            files, sizes, lumas = (values.numpy() for values in _read_jpegs(list(map(os.fsencode, paths))))
            return [
                Poster(data, width, height, luma / 255)
                for data, (height, width), luma in zip(files, sizes.tolist(), lumas.tolist(), strict=True)
            ]
    return [_examined(path) for path in paths]


def _examined(path: str) -> Poster | PosterError:
    try:
        with open(path, "rb") as file:
            return examine(file.read())
    except OSError as error:
        return _unopened(error)
    except PosterError as error:
        return PosterError(error.reason, error.detail)  # a new one: the frames of this one would keep other posters


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
def _read_jpegs(paths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The files' bytes [N]; height and width, int32 [N, 2]; mean luma 0..255, float64 [N].

    All in one call, in which Python does not take part: between its own few calls a file, each thread would have to
    wait for the others', longer than for the file.

    Raises an OpError where one cannot be read, is no JPEG that can be decoded, has no luma (CMYK), or is too large.
    """

    def looks(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        size = tf.io.extract_jpeg_shape(data)[:2]
        pixels = tf.reduce_prod(tf.cast(size, tf.int64))
        with tf.control_dependencies([tf.debugging.Assert(pixels <= MAX_PIXELS, [pixels])]):
            image = tf.io.decode_jpeg(data, channels=1, ratio=_JPEG_SCALE)
        return size, tf.reduce_mean(tf.cast(image, tf.float64))

    files = tf.map_fn(tf.io.read_file, paths)
    are_jpegs = tf.reduce_all(tf.strings.substr(files, 0, len(_JPEG)) == _JPEG)
    with tf.control_dependencies([tf.debugging.Assert(are_jpegs, [paths])]):  # before any is decoded for nothing
        sizes, means = tf.map_fn(looks, files, fn_output_signature=(tf.int32, tf.float64))
    return files, sizes, means


def examine(data: bytes) -> Poster:
    """The poster in `data`, decoded once to prove that it can be.

    Raises:
        PosterError: not JPEG or PNG, too large, cut short or corrupt.
    """
    width, height = _size(data)
    if width * height > MAX_PIXELS:
        raise PosterError(Reason.POSTER_TOO_LARGE, f"{width} x {height} pixels, limit {MAX_PIXELS}")
    try:
        return Poster(data, width, height, _luma(data) / 255)
    except tf.errors.OpError as error:
        raise PosterError(Reason.POSTER_UNREADABLE, f"{width} x {height} pixels, cut short or corrupt") from error


def _luma(data: bytes) -> float:
    """The mean, 0..255. A JPEG's own is decoded alone, without its colours, unless it has none (CMYK).

    Raises:
        OpError: the picture cannot be decoded.
    """
    if data.startswith(_JPEG):
        with contextlib.suppress(tf.errors.OpError):
            return float(tf.io.decode_jpeg(data, channels=1, ratio=_JPEG_SCALE).numpy().mean())
    image = tf.io.decode_jpeg(data, channels=3, ratio=_JPEG_SCALE if data.startswith(_JPEG) else 1)
    return float(image.numpy().mean(axis=(0, 1)) @ _LUMA)


def _size(data: bytes) -> tuple[int, int]:
    """Width and height by the header alone, so that no huge picture is decoded."""
    if data.startswith(_PNG):
        if len(data) < 24:
            raise PosterError(Reason.POSTER_UNREADABLE, "PNG header cut short")
        return struct.unpack(">II", data[16:24])
    if data.startswith(_JPEG):
        try:
            height, width, _ = tf.io.extract_jpeg_shape(data).numpy().tolist()
        except tf.errors.OpError as error:
            raise PosterError(Reason.POSTER_UNREADABLE, "JPEG header cut short or corrupt") from error
        return width, height
    if not data:
        raise PosterError(Reason.POSTER_UNREADABLE, "empty file")
    raise PosterError(Reason.POSTER_FORMAT, f"neither JPEG nor PNG: it begins with {data[:8]!r}")
