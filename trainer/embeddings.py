"""Pretrained word vectors, in GloVe's text format: a word and its numbers a line, separated by spaces."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from transform.errors import MarqueeError

APOSTROPHE = ("’", "'")  # as words of the vocabulary have it, and as files of vectors do


def read(path: Path, words: Sequence[str]) -> Mapping[int, np.ndarray]:
    """The vectors of the words that the file has, float32 [D], by place in `words`; the rest of it is not kept.

    Args:
        path: of the file; gzipped if it ends in .gz. A first line of two numbers, as word2vec has, is passed over.
        words: the vocabulary.

    Raises:
        MarqueeError: there is no such file, a line has another number of values than the first or one that is no
            finite number, or no word is in the vocabulary.
    """
    wanted = {word.replace(*APOSTROPHE): place for place, word in enumerate(words)}
    found: dict[int, np.ndarray] = {}
    size = None
    for number, word, values in _lines(path):
        if number == 1 and len(values) == 1:
            continue
        size = size or len(values)
        if len(values) != size:
            raise MarqueeError(f"{path}, line {number}: {len(values)} values after the word, the first has {size}.")
        if word in wanted:
            try:
                vector = np.array(values, np.float32)
            except ValueError:
                vector = np.array([np.nan])
            if not np.isfinite(vector).all():
                raise MarqueeError(f"{path}, line {number}: a value of {word!r} is no number.")
            found[wanted[word]] = vector
    if not found:
        raise MarqueeError(
            f"{path}: has no word of the vocabulary; is it in GloVe's text format, of the same language?"
        )
    return found


def _lines(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                word, *values = line.rstrip().split(" ")
                yield number, word, values
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise MarqueeError(f"{path}: cannot be read as word vectors ({error}).") from error
