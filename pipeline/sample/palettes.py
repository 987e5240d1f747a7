"""Colours that go together."""

from dataclasses import dataclass

from pipeline.sample.canvas import Colour


def _colour(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


@dataclass(frozen=True)
class Palette:
    """Four colours: shadows, middle tones, lights, and one that stands out."""

    deep: Colour
    mid: Colour
    light: Colour
    accent: Colour

    @classmethod
    def of(cls, text: str) -> "Palette":
        """From four hexadecimal colours apart by spaces."""
        return cls(*map(_colour, text.split()))
