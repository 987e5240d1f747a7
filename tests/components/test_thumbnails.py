"""Posters for a page."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from components import thumbnails
from tests.pictures import picture


def opened(image: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), np.float32)


def test_small_even_of_noise(tmp_path):
    noise = tmp_path / "noise.jpg"
    Image.effect_noise((900, 1350), 100).save(noise, quality=95)
    small = thumbnails.thumbnail(noise.read_bytes())
    assert small is not None
    assert len(small) <= thumbnails.LIMIT


def test_heat_is_warm_where_it_is():
    out = io.BytesIO()
    Image.new("RGB", (80, 120), (90, 90, 90)).save(out, "PNG")
    heat = np.zeros((4, 4), np.float32)
    heat[0] = 1
    small = thumbnails.thumbnail(out.getvalue(), heat)
    assert small is not None
    shown = opened(small)
    assert shown.shape == (120, 80, 3)
    redder = shown[..., 0] - shown[..., 2]
    assert redder[:15].min() > 80
    assert abs(redder[90:]).max() < 10


def png_with(*chunk: bytes) -> bytes:
    """A PNG with one more chunk, of a name and its data, behind the pixels."""
    out = io.BytesIO()
    Image.new("RGB", (80, 120), (90, 90, 90)).save(out, "PNG")
    name, data = chunk
    more = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head, end = out.getvalue()[:-12], out.getvalue()[-12:]
    return head + more + end


def test_what_is_no_picture_is_none():
    assert thumbnails.thumbnail(b"\xff\xd8\xff broken") is None
    assert thumbnails.thumbnail(png_with(b"gAMA", struct.pack(">I", 45455))) is not None
    assert thumbnails.thumbnail(png_with(b"gAMA", b"")) is None  # TensorFlow's decoder does not mind
    assert thumbnails.data_uri(thumbnails.thumbnail(picture()) or b"").startswith("data:image/webp;base64,UklGR")
