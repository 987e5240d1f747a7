"""Posters: each kind of file has its fate, and packing loses nothing."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.pictures import picture
from transform import posters

READABLE = {
    "jpeg": picture(quality=95),
    "greyscale": picture(mode="L", quality=95),
    "cmyk": picture(mode="CMYK", quality=95),
    "progressive": picture(progressive=True, quality=95),
    "png": picture(format="PNG"),
    "palette png": picture(mode="P", format="PNG"),
    "transparent png": picture(mode="RGBA", format="PNG"),
    "huge": picture(size=(2400, 3600), quality=95),
    "one pixel": picture(size=(1, 1)),
}


@pytest.mark.parametrize("kind", READABLE)
def test_decodes_to_the_colours_that_pillow_sees(kind):
    decoded = posters.decode_poster(READABLE[kind], 32).numpy()

    assert decoded.shape == (32, 32, 3)
    assert decoded.dtype == np.uint8
    expected = Image.open(io.BytesIO(READABLE[kind])).convert("RGB").resize((32, 32), Image.Resampling.BILINEAR)
    assert np.abs(decoded.astype(int) - np.asarray(expected).astype(int)).mean() < 4


@pytest.mark.parametrize(
    "data",
    [READABLE["jpeg"][:400], READABLE["png"][: len(READABLE["png"]) // 2], b"not a picture", b"\xff\xd8\xff"],
    ids=["truncated jpeg", "truncated png", "text", "header alone"],
)
def test_unreadable_bytes_are_an_invalid_argument(data):
    with pytest.raises(tf.errors.InvalidArgumentError):
        posters.decode_poster(data, 32)


def test_packed_pixels_come_back_unchanged_and_a_missing_poster_is_black():
    packed = posters.pixels_of_posters(tf.constant([READABLE["jpeg"], b"", READABLE["png"]]), 48)

    assert [len(pixels) for pixels in packed.numpy()] == [48 * 48 * 3] * 3
    unpacked = posters.unpack_pixels(packed, 48).numpy()
    np.testing.assert_array_equal(unpacked[0], posters.decode_poster(READABLE["jpeg"], 48))
    np.testing.assert_array_equal(unpacked[1], np.zeros((48, 48, 3)))
    np.testing.assert_array_equal(unpacked[2], posters.decode_poster(READABLE["png"], 48))


def test_a_batch_of_none():
    assert posters.pixels_of_posters(tf.constant([], tf.string), 16).shape == (0,)
