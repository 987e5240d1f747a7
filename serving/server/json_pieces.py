"""JSON of any size, read piece by piece: nothing here keeps other threads waiting for long.

json.loads holds the GIL from the first byte to the last, in whichever thread it is called: of 12 MiB of "[],[],..." for
0.8 s, in which no other call is answered. So it is given a few thousand bytes at a time.
"""

import contextlib
import gc
import itertools
import json
import math
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

PIECE = 1 << 14  # characters, or values, that are dealt with at once
# What JSON writes out; any other infinity is a number too large for a double.
CONSTANTS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

# Bytes of memory that a character brings with it, at most: a list, a dictionary, a number and its place in either.
_COSTS = {b"[": 88, b"{": 248, b",": 32}
_COUNTED = 1 << 20  # bytes of a body that are counted at once
_DEPTHS = np.zeros(128, np.int32)
_DEPTHS[[ord(each) for each in "[{"]] = 1
_DEPTHS[[ord(each) for each in "]}"]] = -1
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_OTHERS = re.compile(r"[^\x00-\x7f]")
_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(parse_constant=CONSTANTS.__getitem__)


def cost(text: bytes) -> int:
    """Bytes of memory that the values of a body take at most, beside its text: without reading it."""
    return sum(
        each * text.count(mark, start, start + _COUNTED)
        for start in range(0, len(text), _COUNTED)
        for mark, each in _COSTS.items()
    )


def loads(text: bytes) -> Any:
    """As json.loads; infinities and NaN are the objects of CONSTANTS.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    whole = text.decode(json.detect_encoding(text), "surrogatepass")
    if len(whole) <= PIECE:
        return _DECODER.decode(whole)
    with uncollected():
        value, end = _value(whole, _skip(whole, 0))
    if _skip(whole, end) < len(whole):
        raise json.JSONDecodeError("Extra data", whole, end)
    return value


def array(value: Any) -> np.ndarray:
    """As numpy.array of lists in lists.

    Raises:
        ValueError: lists have different lengths.
    """
    sizes = []
    level = value
    while isinstance(level, list) and level:
        sizes.append(len(level))
        level = level[0]
    each = math.prod(sizes[1:])
    if not sizes or each * sizes[0] <= PIECE:
        return np.array(value)
    if each > PIECE:
        return np.stack([array(row) for row in value])
    rows = PIECE // each
    return np.concatenate([np.array(value[start : start + rows]) for start in range(0, sizes[0], rows)])


def kinds(value: Any, depth: int) -> set[type]:
    """The types of the values in lists that are nested so deep; at depth 0 that of the value itself."""
    flat = iter([value])
    for _ in range(depth):
        flat = itertools.chain.from_iterable(flat)
    found: set[type] = set()
    while some := set(map(type, itertools.islice(flat, PIECE))):
        found |= some
    return found


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at a place, and the place after it."""
    opening = text[at : at + 1]
    if opening == "[":
        return _container(text, at, "]")
    if opening == "{":
        return _container(text, at, "}")
    return _DECODER.raw_decode(text, at)


def _container(text: str, start: int, closing: str) -> tuple[Any, int]:
    """A list or an object: as many members as fit into a piece at once, one that doesn't by itself."""
    opening = text[start]
    found: Any = [] if closing == "]" else {}
    add = found.extend if closing == "]" else found.update
    at = start + 1
    more = False  # whether a comma came before
    while True:
        piece = text[at : at + PIECE]
        cut, closed = _cut(piece)
        if cut >= 0:
            # What closes here may be of the wrong kind; and a comma must have something after it.
            if closed and piece[cut] != closing:
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at + cut)
            if (more or not closed) and not piece[:cut].strip(" \t\n\r"):
                raise json.JSONDecodeError("Expecting value", text, at + cut)
            try:
                add(_DECODER.decode(f"{opening}{piece[:cut]}{closing}"))
            except json.JSONDecodeError as error:
                raise json.JSONDecodeError(error.msg, text, at + error.pos - 1) from None
            at += cut + 1
            if closed:
                return found, at
        else:
            at = _skip(text, at)
            if closing == "]":
                value, at = _value(text, at)
                found.append(value)
            else:
                key, at = _key(text, at)
                found[key], at = _value(text, at)
            at = _skip(text, at)
            after = text[at : at + 1]
            at += 1
            if after == closing:
                return found, at
            if after != ",":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at - 1)
        more = True


def _key(text: str, at: int) -> tuple[str, int]:
    """The key of a member, and the place of its value."""
    if text[at : at + 1] != '"':
        raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
    key, at = _DECODER.raw_decode(text, at)
    at = _skip(text, at)
    if text[at : at + 1] != ":":
        raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
    return key, _skip(text, at + 1)


def _cut(piece: str) -> tuple[int, bool]:
    """Up to where a piece of a container holds whole members, and whether the container is closed there; -1: nowhere.

    Right for what is JSON; for anything else the decoder, which reads what is cut off here, refuses it.
    """
    plain = _ESCAPED.sub("..", _OTHERS.sub(".", piece)).encode("ascii")
    marks = np.frombuffer(plain, np.uint8)
    outside = np.cumsum(marks == ord('"'), dtype=np.int32) % 2 == 0
    depths = np.cumsum(np.where(outside, _DEPTHS[marks], 0), dtype=np.int32)
    closed = np.flatnonzero(depths < 0)
    if len(closed):
        return int(closed[0]), True
    commas = np.flatnonzero((marks == ord(",")) & outside & (depths == 0))
    return (int(commas[-1]) if len(commas) else -1), False


def _skip(text: str, at: int) -> int:
    """The place of what follows blanks."""
    found = _BLANK.match(text, at)
    assert found is not None
    return found.end()


_collecting = threading.Lock()
_at_work = 0


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection: looked through again and again while they come, millions of values stop everything.

    JSON's values, and messages, refer to nothing that refers to them, so they go without it.
    """
    global _at_work
    with _collecting:
        _at_work += 1
        gc.disable()
    try:
        yield
    finally:
        with _collecting:
            _at_work -= 1
            if not _at_work:
                gc.enable()
