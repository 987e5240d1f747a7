"""Posters small enough to lie in a page."""

import base64
import io

import numpy as np
from PIL import Image

SIZE = (160, 240)  # pixels, at most
LIMIT = 5_000  # bytes of a thumbnail
QUALITIES = (80, 60, 40, 20, 5)
HEAT = np.array([232, 84, 24], np.float32)  # colour, where a heat map is 1
VEIL = 0.75  # how much of the poster it covers there


def thumbnail(poster: bytes, heat: np.ndarray | None = None) -> bytes | None:
    """The poster as WebP of at most SIZE pixels and, where quality can do it, LIMIT bytes; None if Pillow refuses.

    Args:
        poster: the file's bytes.
        heat: 0..1, float32 [H, W], stretched over the poster.
    """
    try:
        with Image.open(io.BytesIO(poster)) as image:
            small = image.convert("RGB")
            small.thumbnail(SIZE)
    except Exception:  # Pillow has many ways to refuse what TensorFlow's decoder accepted, struct.error among them
        return None
    if heat is not None:
        small = _under(small, heat)
    for quality in QUALITIES:
        out = io.BytesIO()
        small.save(out, "WEBP", quality=quality)
        if out.tell() <= LIMIT:
            break
    return out.getvalue()


def data_uri(image: bytes) -> str:
    """Of a WebP."""
    return f"data:image/webp;base64,{base64.b64encode(image).decode()}"


def _under(image: Image.Image, heat: np.ndarray) -> Image.Image:
    """The image in grey, and warm where the heat is."""
    grey = np.asarray(image.convert("L"), np.float32)[..., None]
    stretched = Image.fromarray(np.asarray(heat, np.float32)).resize(image.size, Image.Resampling.BICUBIC)
    share = VEIL * np.clip(np.asarray(stretched), 0, 1)[..., None]
    return Image.fromarray((grey * (1 - share) + HEAT * share).astype(np.uint8))
