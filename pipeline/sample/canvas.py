"""Where posters are drawn: sizes, colours, gradients, noise, and a pen that draws in its own coordinates.

Everything is drawn at twice the poster's size and halved at the end, which smooths edges. Positions on a
poster are in widths: x from 0 to 1, y from 0 at the top to `FOOT` at the bottom.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 182, 268  # pixels of a finished poster
OVERSAMPLING = 2
UNIT = WIDTH * OVERSAMPLING  # pixels per poster width while drawing
SIZE = (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING)
FOOT = HEIGHT / WIDTH

_CIRCLE = [(math.cos(math.tau * step / 28), math.sin(math.tau * step / 28)) for step in range(28)]

Colour = tuple[int, int, int]
Point = tuple[float, float]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def luma(colour: Colour) -> float:
    """Perceived brightness of a colour, 0..255 (ITU-R 601)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def to_image(planes: np.ndarray) -> Image.Image:
    """An RGB image from float [3, h, w] of 0..255; planes, because numpy is slow where the last axis has length 3."""
    levels = np.clip(planes, 0, 255).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(plane) for plane in levels])


def gradient(stops: Sequence[tuple[float, Colour]]) -> np.ndarray:
    """Vertical gradient, float32 [3, HEIGHT, WIDTH]; stops are (0 at the top .. 1 at the bottom, colour)."""
    where = np.linspace(0, 1, HEIGHT)
    at = [stop for stop, _ in stops]
    columns = [np.interp(where, at, [colour[channel] for _, colour in stops]) for channel in range(3)]
    return np.repeat(np.array(columns, np.float32)[:, :, None], WIDTH, axis=2)


def noise(rng: np.random.Generator, cells: int, octaves: int = 3, stretch: float = 1.0) -> np.ndarray:
    """Cloudy noise, float32 [HEIGHT, WIDTH] of about 0..1.

    Args:
        rng: where its chance comes from.
        cells: lumps across the poster in the coarsest octave.
        octaves: each has twice the lumps and half the strength.
        stretch: above 1, lumps are that much wider than tall.
    """
    total = np.zeros((HEIGHT, WIDTH), np.float32)
    for octave in range(octaves):
        across = cells * 2**octave
        down = max(2, round(across * FOOT * stretch))
        lumps = Image.fromarray(rng.random((down, across), dtype=np.float32))
        total += np.asarray(lumps.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) / 2**octave
    return total / (2 - 2 ** (1 - octaves))


def glow(x: float, y: float, radius: float) -> np.ndarray:
    """A soft disc of light, float32 [HEIGHT, WIDTH] of 0..1; centre and radius in poster widths."""
    down = np.exp(-(((np.arange(HEIGHT) / WIDTH - y) / radius) ** 2))
    across = np.exp(-(((np.arange(WIDTH) / WIDTH - x) / radius) ** 2))
    return np.outer(down, across).astype(np.float32)


class Pen:
    """Draws in coordinates of its own, in which a shape is about 2 wide and 2 tall around the origin.

    Args:
        image: what it draws on.
        x: centre of the shape, in poster widths.
        y: centre of the shape, in poster widths.
        scale: half the shape's height, in poster widths.
        angle: turn, in degrees, clockwise.
        flip: mirrored, left to right.
    """

    def __init__(
        self, image: Image.Image, x: float, y: float, scale: float, angle: float = 0.0, flip: bool = False
    ) -> None:
        self._draw = ImageDraw.Draw(image)
        self._x, self._y, self._scale = x * UNIT, y * UNIT, scale * UNIT
        self._cos, self._sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        self._side = -1 if flip else 1

    def _at(self, point: Point) -> Point:
        across, down = point[0] * self._side, point[1]
        return (
            self._x + (across * self._cos - down * self._sin) * self._scale,
            self._y + (across * self._sin + down * self._cos) * self._scale,
        )

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        self._draw.polygon([self._at(point) for point in points], fill=self._ink(fill))

    def _ink(self, fill: Colour) -> Colour | int:
        return fill

    def oval(self, x: float, y: float, across: float, down: float, fill: Colour) -> None:
        """An ellipse with half axes `across` and `down`."""
        self.polygon([(x + across * cos, y + down * sin) for cos, sin in _CIRCLE], fill)

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        self.oval(x, y, radius, radius, fill)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        for start, end in pairwise(points):
            self.limb(start, end, width / 2, width / 2, fill)

    def limb(self, start: Point, end: Point, thick: float, thin: float, fill: Colour) -> None:
        """A tapering bar with round ends: radius `thick` at its start, `thin` at its end."""
        length = math.hypot(end[0] - start[0], end[1] - start[1]) or 1.0
        across, down = -(end[1] - start[1]) / length, (end[0] - start[0]) / length
        self.polygon(
            [
                (start[0] + across * thick, start[1] + down * thick),
                (end[0] + across * thin, end[1] + down * thin),
                (end[0] - across * thin, end[1] - down * thin),
                (start[0] - across * thick, start[1] - down * thick),
            ],
            fill,
        )
        for (x, y), radius in ((start, thick), (end, thin)):
            if radius * self._scale > 1:
                self.disc(x, y, radius, fill)


class StencilPen(Pen):
    """A pen for masks ("L"): whatever the colour, it draws in white."""

    def _ink(self, fill: Colour) -> int:
        return 255
