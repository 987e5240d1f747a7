"""JSON read piece by piece is what json.loads reads, and other threads go on meanwhile."""

import gc
import json
import random
import threading
import time

import numpy as np
import pytest

from serving.server import json_pieces
from serving.server.json_pieces import PIECE, array, cost, loads

BOMB = b'{"instances": [' + b"[]," * (4 << 20) + b"[]]}"  # 12 MiB


def same(one, other):
    assert json.dumps(one) == json.dumps(other)


def any_value(chance: random.Random, depth: int):
    kind = chance.randrange(7 if depth else 5)
    if kind == 0:
        return chance.choice([None, True, False, 0, -1, 1e300, float("inf"), float("nan"), 2**70])
    if kind in (1, 2):
        return "".join(chance.choices('ab\\"\n[]{},:é\u2028\U0001f600 ', k=chance.randrange(30)))
    if kind in (3, 4):
        return chance.random() * 10 ** chance.randrange(-5, 5)
    count = chance.choice([0, 1, 3, 200])
    if kind == 5:
        return [any_value(chance, depth - 1) for _ in range(count)]
    return {f'{number}"\\]': any_value(chance, depth - 1) for number in range(count)}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ensure_ascii", [False, True])
def test_it_reads_what_json_reads(seed, ensure_ascii, monkeypatch):
    monkeypatch.setattr(json_pieces, "PIECE", 100 + 40 * seed)
    chance = random.Random(seed)
    value = [any_value(chance, 3) for _ in range(25)]
    text = json.dumps(value, ensure_ascii=ensure_ascii, indent=chance.choice([None, 1])).encode()
    assert len(text) > 500
    same(loads(b" \n" + text + b"\t "), value)


@pytest.mark.parametrize("seed", range(100))
def test_it_refuses_what_json_refuses(seed, monkeypatch):
    monkeypatch.setattr(json_pieces, "PIECE", 20)
    chance = random.Random(seed)
    text = bytearray(json.dumps([any_value(chance, 2) for _ in range(3)]).encode())
    for _ in range(chance.randrange(1, 3)):
        at = chance.randrange(len(text))
        text[at : at + chance.randrange(2)] = chance.choice([b"", b",", b"]", b"}", b"[", b'"', b"\\", b":", b" "])
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - any of json's
            loads(bytes(text))
    else:
        same(loads(bytes(text)), expected)


@pytest.mark.parametrize(
    "text", ["[1,]", '{"a":1,}', "[1}", '{"a":1]', "[,1]", "[1] 2", "[1", '{"a" 1}', "{1:1}", '["a']
)
def test_what_is_cut_off_or_too_much(text, monkeypatch):
    monkeypatch.setattr(json_pieces, "PIECE", 2)
    with pytest.raises(json.JSONDecodeError):
        loads(text.encode())


def test_nesting_has_an_end():
    with pytest.raises(RecursionError):
        loads(b"[" * 100_000 + b"]" * 100_000)


def test_its_cost_is_not_less_than_what_it_takes():
    assert cost(b"[[],[]]") >= 3 * 56
    assert cost(BOMB) > 300 << 20
    assert cost(b'{"instances": [{"b64": "' + b"x" * (10 << 20) + b'"}]}') < 1000


def test_other_threads_go_on_while_a_bomb_is_read():
    waits, done = [], threading.Event()

    def tick():
        while not done.is_set():
            begun = time.perf_counter()
            time.sleep(0.001)
            waits.append(time.perf_counter() - begun)

    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.perf_counter()
    value = loads(BOMB)
    took = time.perf_counter() - begun
    done.set()
    thread.join()
    assert len(value["instances"]) == (4 << 20) + 1
    assert max(waits) < took / 2  # json.loads holds up all others for as long as it takes
    assert gc.isenabled()


@pytest.mark.parametrize(
    "value",
    [
        7,
        [],
        [[], []],
        list(range(3 * PIECE)),
        [[1, 2, 3]] * PIECE,
        [[[0.5] * 3] * PIECE] * 2,
        [1] * PIECE + [0.5],
        [True] * (PIECE + 1),
        [[True], [False]],
    ],
    ids=range(9),
)
def test_arrays(value):
    found, expected = array(value), np.array(value)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "value", [[[1, 2]] * PIECE + [[1]], [[0] * (PIECE + 1), [0]], [[1]] * PIECE + [1]], ids=range(3)
)
def test_lists_of_different_lengths_are_no_array(value):
    with pytest.raises(ValueError):  # noqa: PT011 - any of numpy's
        array(value)


def test_kinds():
    assert json_pieces.kinds(1, 0) == {int}
    assert json_pieces.kinds([], 1) == set()
    assert json_pieces.kinds([1, True, 0.5], 1) == {int, bool, float}
    assert json_pieces.kinds([[[1], [2]], [[3], ["a"]]], 3) == {int, str}
    assert json_pieces.kinds([1] * (3 * PIECE) + [False], 1) == {int, bool}
