"""What can be told of a poster before anything is learnt from it.

TensorFlow judges, since Transform decodes with the same op: what passes here decodes there. (Pillow does not do
as the judge: it takes some damaged JPEGs and PNGs that the op refuses.)
"""

import os
import stat
import struct
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from components.film_example_gen.films import Reason

MAX_PIXELS = 50_000_000
MAX_BYTES = 32 * 2**20
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_LUMA = np.array([0.299, 0.587, 0.114]) / 255  # ITU-R BT.601
_JPEG_SCALE = 4  # decodes 3 times faster than in full; the mean luma is off by 0.004 on the average poster


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


def read_poster(path: str) -> Poster:
    """The poster in a file.

    Raises:
        PosterError: it cannot be opened or used.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise PosterError(Reason.POSTER_UNREADABLE, "not a regular file")
        if status.st_size > MAX_BYTES:
            raise PosterError(Reason.POSTER_TOO_LARGE, f"{status.st_size / 2**20:.0f} MiB, limit {MAX_BYTES >> 20}")
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise PosterError(Reason.POSTER_UNREADABLE, f"cannot be opened: {error.strerror}") from error
    return examine(data)


def examine(data: bytes) -> Poster:
    """The poster in `data`, decoded once to prove that it can be.

    Raises:
        PosterError: not JPEG or PNG, too large, cut short or corrupt.
    """
    width, height = _size(data)
    if width * height > MAX_PIXELS:
        raise PosterError(Reason.POSTER_TOO_LARGE, f"{width} x {height} pixels, limit {MAX_PIXELS}")
    try:
        image = tf.io.decode_jpeg(data, channels=3, ratio=_JPEG_SCALE if data.startswith(_JPEG) else 1)
    except tf.errors.OpError as error:
        raise PosterError(Reason.POSTER_UNREADABLE, f"{width} x {height} pixels, cut short or corrupt") from error
    return Poster(data, width, height, float(image.numpy().mean(axis=(0, 1)) @ _LUMA))


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
