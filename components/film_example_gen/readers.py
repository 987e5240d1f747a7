"""The layouts that Marquee reads: a new one is a module beside this one and a line here."""

import os

from components.film_example_gen.coursework import CourseworkReader
from components.film_example_gen.mm_imdb import MmImdbReader
from components.film_example_gen.reader import Reader
from transform.errors import MarqueeError

LAYOUTS: dict[str, type[Reader]] = {"coursework": CourseworkReader, "mm-imdb": MmImdbReader}
AUTO = "auto"


def reader_for(folder: str, layout: str, tagged: bool = True) -> tuple[str, Reader]:
    """Name and reader of a span's layout.

    Args:
        folder: the span.
        layout: a key of `LAYOUTS`, or `AUTO` to look at what the folder holds.
        tagged: whether films must come with genres.

    Raises:
        MarqueeError: `AUTO`, and the folder cannot be read, or is of no known layout.
    """
    if layout != AUTO:
        return layout, LAYOUTS[layout](folder, tagged)
    try:
        for name, kind in LAYOUTS.items():
            reader = kind(folder, tagged)
            if reader.recognises():
                return name, reader
        held = ", ".join(sorted(os.listdir(folder))[:5]) or "nothing"
    except OSError as error:
        raise MarqueeError(f"{folder} cannot be read: {error.strerror}.") from error
    expected = "; or ".join(f"{kind.expects} ({name})" for name, kind in LAYOUTS.items())
    raise MarqueeError(f"{folder}: no films found. Expected: {expected}. The folder holds: {held}.")
