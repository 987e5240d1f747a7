"""What the reader of any layout offers."""

import abc
import os
from collections.abc import Iterator

from components.film_example_gen.films import Film, Reject

POSTER_EXTENSIONS = (".jpg", ".jpeg", ".png")  # the first found wins


class Reader(abc.ABC):
    """Reads the films of one span folder, in one layout. Pickles, so that a Beam worker can do the reading."""

    expects: str  # the layout in a few words, for messages

    def __init__(self, folder: str, tagged: bool = True):
        """Makes a reader.

        Args:
            folder: the span.
            tagged: whether films must come with genres; where not, those that are there are left alone.
        """
        self.folder = folder
        self.tagged = tagged

    @abc.abstractmethod
    def recognises(self) -> bool:
        """Whether the folder looks like this layout."""

    @abc.abstractmethod
    def check(self) -> None:
        """Checks, before any work starts, what makes the whole span unusable.

        Raises:
            MarqueeError: no films, or a file or folder that is missing, unreadable or of the wrong form.
        """

    @abc.abstractmethod
    def read(self) -> Iterator[Film | Reject]:
        """Films and rejects, in the same order every time, one in memory at a time; posters stay unopened."""

    @abc.abstractmethod
    def poster_files(self) -> int:
        """How many files could be posters."""


def posters_in(folder: str) -> dict[str, list[str]]:
    """Names of the files in `folder` that could be posters, by name without extension, the best choice first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in os.listdir(folder):
        stem, extension = os.path.splitext(name)
        if extension.lower() in POSTER_EXTENSIONS:
            found.setdefault(stem, []).append((POSTER_EXTENSIONS.index(extension.lower()), name))
    return {stem: [name for _, name in sorted(choices)] for stem, choices in found.items()}
