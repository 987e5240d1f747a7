"""Type for posters, made from the one font that Pillow carries, so that no system font is needed.

The other faces are made of it: stretched, slanted, fattened, spaced out, given slab serifs or worn edges.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from pipeline.sample.canvas import UNIT, Colour

_EM = 48  # size at which all type is set before it is scaled to its place
_CAP = 0.71  # height of a capital, in ems


@dataclass(frozen=True)
class Face:
    """How the letters differ from the plain font; lengths in pixels at `_EM`."""

    width: float = 1.0  # stretch, across
    weight: int = 0  # added round every stroke
    contrast: int = 0  # added to upright strokes only
    serif: int = 0  # slab serifs at cap height and base line
    tracking: int = 0  # space added between letters
    slant: float = 0.0  # shift across per pixel of height
    worn: bool = False  # edges eaten away
    capitals: bool = True


FACES = {
    "plain": Face(),
    "grotesque": Face(weight=1),
    "black": Face(weight=3, width=0.95),
    "condensed": Face(weight=2, width=0.55),
    "tall": Face(weight=1, width=0.42, tracking=3),
    "wide": Face(weight=1, width=1.5, tracking=4),
    "spaced": Face(tracking=16, width=0.9),
    "thin": Face(tracking=22, width=0.8),
    "slab": Face(weight=2, serif=5, width=0.7, tracking=6),
    "wanted": Face(weight=3, serif=7, width=0.5, tracking=9),
    "roman": Face(contrast=2, serif=3, tracking=7, width=0.85),
    "didone": Face(contrast=5, serif=3, tracking=9, width=0.8),
    "italic": Face(weight=2, slant=0.25),
    "speed": Face(weight=3, slant=0.35, width=0.8),
    "lower": Face(weight=2, capitals=False),
    "hand": Face(weight=2, slant=0.12, capitals=False, width=0.85),
    "worn": Face(weight=2, width=0.75, worn=True),
    "wornroman": Face(contrast=2, serif=3, tracking=5, width=0.8, worn=True),
}


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=_EM)


@lru_cache(maxsize=1024)
def _glyph(letter: str, weight: int) -> tuple[Image.Image, float]:
    """A letter as a mask with `_margin(weight)` around it, and its width. FreeType is slow, so it is asked once."""
    step = _font().getlength(letter)
    margin = _margin(weight)
    mask = Image.new("L", (int(step) + 2 * margin + 2, int(_EM * 1.3) + 2 * margin))
    ImageDraw.Draw(mask).text((margin, margin), letter, fill=255, font=_font(), stroke_width=weight)
    return mask, step


@lru_cache(maxsize=1024)
def _word(word: str, weight: int, tracking: int) -> tuple[Image.Image, float]:
    """A word as a mask with `_margin(weight)` around it, and its width. Small print says the same ones often."""
    glyphs = [_glyph(letter, weight) for letter in word]
    length = sum(step + tracking for _, step in glyphs)
    margin = _margin(weight)
    mask = Image.new("L", (int(length) + 2 * margin + 2, int(_EM * 1.3) + 2 * margin))
    left = 0.0
    for glyph, step in glyphs:
        mask.paste(255, (round(left), 0), glyph)
        left += step + tracking
    return mask, length


def _margin(weight: int) -> int:
    return weight + 12


def plain_letters(text: str) -> str:
    """The text in the letters that the font has: no accents, no dashes."""
    return unicodedata.normalize("NFKD", text.replace("ø", "o")).encode("ascii", "ignore").decode()


def _widen(mask: Image.Image, pixels: int) -> Image.Image:
    """Ink spread to both sides by half of `pixels`."""
    wide = mask
    for step in range(1, pixels // 2 + 1):
        wide = ImageChops.lighter(wide, ImageChops.offset(mask, step, 0))
        wide = ImageChops.lighter(wide, ImageChops.offset(mask, -step, 0))
    return wide


def set_line(text: str, face: Face, rng: np.random.Generator | None = None) -> Image.Image:
    """One line of type as a mask ("L"), cut to its ink.

    Args:
        text: what to set.
        face: how it looks.
        rng: where worn edges come from; needed by worn faces only.
    """
    text = plain_letters(text.upper() if face.capitals else text)
    words = [_word(word, face.weight, face.tracking) for word in text.split(" ")]
    space = _font().getlength(" ") + face.tracking
    length = sum(step + space for _, step in words)
    margin = _margin(face.weight)
    mask = Image.new("L", (int(length) + 2 * margin + 2, int(_EM * 1.3) + 2 * margin))
    left = 0.0
    for word, step in words:
        mask.paste(255, (round(left), 0), word)
        left += step + space
    if face.contrast:
        mask = _widen(mask, face.contrast)
    if face.serif:
        mask = _add_serifs(mask, face)
    box = mask.getbbox() or (0, 0, 1, 1)
    mask = mask.crop(box)
    if face.worn and rng is not None:
        grit = Image.fromarray(rng.integers(0, 256, (mask.height // 3 + 1, mask.width // 3 + 1), dtype=np.uint8))
        grit = grit.resize(mask.size, Image.Resampling.BILINEAR)
        mask = ImageChops.multiply(mask, grit.point(lambda level: 255 if level > 78 else 40))
    if face.slant:
        lean = int(mask.height * face.slant)
        mask = mask.transform(
            (mask.width + lean, mask.height),
            Image.Transform.AFFINE,
            (1, face.slant, -lean, 0, 1, 0),
            Image.Resampling.BILINEAR,
        )
    return mask


def _add_serifs(mask: Image.Image, face: Face) -> Image.Image:
    """Spreads the ink along cap height and base line, which puts a slab under and over every stem."""
    top, bottom = (edge + _margin(face.weight) for edge in _font().getbbox("H")[1::2])
    thickness = 2 + face.serif // 2
    serifs = _widen(mask, face.serif * 2)
    for edge in (int(top) - face.weight, int(bottom) + face.weight - thickness):
        strip = (0, edge, mask.width, edge + thickness)
        mask.paste(serifs.crop(strip), strip)
    return mask


def scaled(mask: Image.Image, face: Face, cap: float, widest: float) -> Image.Image:
    """The mask of a line with capitals of height `cap`, smaller if it would be wider than `widest`.

    Both in poster widths; the result is in drawing pixels.
    """
    ratio = cap * UNIT / (_EM * _CAP + 2 * face.weight)
    width = mask.width * ratio * face.width
    if width > widest * UNIT:
        ratio *= widest * UNIT / width
        width = widest * UNIT
    size = (max(1, round(width)), max(1, round(mask.height * ratio)))
    return mask.resize(size, Image.Resampling.BOX if ratio < 0.5 else Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Ink:
    """How the letters of a title are filled."""

    fill: Colour
    foot: Colour | None = None  # fill at the foot of the line, for a gradient
    shadow: Colour | None = None
    outline: Colour | None = None
    glow: Colour | None = None


def stamp(image: Image.Image, mask: Image.Image, left: int, top: int, ink: Ink) -> None:
    """Prints a mask on the image with its top left corner at a pixel."""
    if ink.glow:
        pad = 12
        small = Image.new("L", ((mask.width + 2 * pad) // 4 + 1, (mask.height + 2 * pad) // 4 + 1))
        small.paste(mask.resize((mask.width // 4 + 1, mask.height // 4 + 1)), (pad // 4, pad // 4))
        halo = small.filter(ImageFilter.GaussianBlur(2.5)).point(lambda level: min(255, level * 2))
        halo = halo.resize((mask.width + 2 * pad, mask.height + 2 * pad), Image.Resampling.BILINEAR)
        image.paste(ink.glow, (left - pad, top - pad), halo)
    if ink.shadow:
        image.paste(ink.shadow, (left + 4, top + 4), mask)
    if ink.outline:
        pad = 3
        padded = Image.new("L", (mask.width + 2 * pad, mask.height + 2 * pad))
        padded.paste(mask, (pad, pad))
        image.paste(ink.outline, (left - pad, top - pad), padded.filter(ImageFilter.MaxFilter(5)))
    if ink.foot:
        ramp = Image.linear_gradient("L").resize(mask.size, Image.Resampling.NEAREST)
        filled = Image.composite(Image.new("RGB", mask.size, ink.foot), Image.new("RGB", mask.size, ink.fill), ramp)
        image.paste(filled, (left, top), mask)
    else:
        image.paste(ink.fill, (left, top), mask)


def split_lines(title: str, longest: int) -> list[str]:
    """A title in as few, evenly filled lines as keep every line within `longest` letters where words allow."""
    words = title.split()
    count = min(len(words), -(-len(title) // longest))
    lines: list[str] = []
    while count > 1:
        aim = sum(map(len, words)) / count
        line = [words.pop(0)]
        while len(words) >= count and sum(map(len, line)) + len(words[0]) / 2 < aim:
            line.append(words.pop(0))
        lines.append(" ".join(line))
        count -= 1
    return [*lines, " ".join(words)]


@dataclass(frozen=True)
class Block:
    """Lines of type, set to size and not yet printed.

    Attributes:
        masks: a mask ("L") for each line, at drawing size.
        leading: space between lines, in pixels.
    """

    masks: tuple[Image.Image, ...]
    leading: int

    @property
    def height(self) -> float:
        """In poster widths."""
        return (sum(mask.height for mask in self.masks) + self.leading * len(self.masks)) / UNIT

    def write(
        self, image: Image.Image, ink: Ink, *, x: float, y: float, align: float = 0.5, angle: float = 0.0
    ) -> None:
        """Prints the lines from `y` down.

        Args:
            image: what it prints on.
            ink: the letters' fill.
            x: where lines are aligned, in poster widths.
            y: top of the first line, in poster widths.
            align: which part of a line lies at `x`: 0 its left end, 1 its right end.
            angle: turn of each line, in degrees, anticlockwise.
        """
        top = round(y * UNIT)
        for mask in self.masks:
            line = mask.rotate(angle, Image.Resampling.BILINEAR, expand=True) if angle else mask
            stamp(image, line, round(x * UNIT - line.width * align), top, ink)
            top += mask.height + self.leading


def set_block(
    lines: Sequence[str],
    face: Face,
    cap: float,
    widest: float,
    *,
    justify: bool = False,
    rng: np.random.Generator | None = None,
) -> Block:
    """Sets lines of type.

    Args:
        lines: the text, line by line.
        face: the letters.
        cap: height of a capital, in poster widths; less where lines would get too wide.
        widest: no line is wider, in poster widths.
        justify: every line as wide as `widest`, up to twice the height of `cap`.
        rng: as for `set_line`.
    """
    masks = [set_line(line, face, rng) for line in lines]
    fit = [widest / (mask.width * face.width) * (_EM * _CAP + 2 * face.weight) for mask in masks]
    caps = [min(2 * cap, one) for one in fit] if justify else [min([cap, *fit])] * len(masks)
    return Block(
        tuple(scaled(mask, face, one, widest) for mask, one in zip(masks, caps, strict=True)), round(0.3 * cap * UNIT)
    )


@lru_cache(maxsize=4096)
def _small_word(word: str, cap: float) -> Image.Image:
    return scaled(set_line(word, FACES["tall"]), FACES["tall"], cap, 1.0)


def small_print(image: Image.Image, text: str, ink: Ink, *, y: float, cap: float, widest: float) -> None:
    """Prints a centred line of condensed capitals from `y` down, of as many words as fit; lengths in poster widths.

    Words are set once and kept: small print repeats itself, and there is much of it.
    """
    space = max(2, round(cap * UNIT * 0.4))
    words: list[tuple[int, Image.Image]] = []
    length = 0
    for word in plain_letters(text).split():
        mask = _small_word(word, cap)
        if length + mask.width > widest * UNIT:
            break
        words.append((length, mask))
        length += mask.width + space
    left = (image.width - length + space) // 2
    for offset, mask in words:
        image.paste(ink.fill, (left + offset, round(y * UNIT)), mask)
