"""Small pictures made by code, in every kind that a folder of posters holds."""

import io

import numpy as np
from PIL import Image


def picture(
    *, mode: str = "RGB", format: str = "JPEG", size: tuple[int, int] = (60, 90), seed: int = 0, **options
) -> bytes:
    """The bytes of a picture with a smooth gradient and a little noise, width by height pixels."""
    width, height = size
    noise = np.random.default_rng(seed).integers(0, 24, (height, width, 3))
    ramp = np.linspace(20, 220, height)[:, None, None] * np.array([1.0, 0.7, 0.4])
    image = Image.fromarray((ramp + noise).astype(np.uint8)).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()
