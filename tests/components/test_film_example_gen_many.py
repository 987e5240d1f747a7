"""Twenty thousand films, a tenth of their posters corrupt: each is accounted for, none is lost."""

import collections
import json

import pytest

from components.film_example_gen.component import FilmExampleGen
from components.film_example_gen.driver import Driver
from tests.execute import execute
from tests.films import FakeFilm, write_span
from tests.pictures import picture

pytestmark = pytest.mark.slow

FILMS, EVERY = 20_000, 10


def corrupt(number: int) -> bytes:
    whole = picture()
    kinds = [whole[:200], b"<html>404</html>", b"", whole[: len(whole) // 2], bytes(reversed(whole)), b"\xff\xd8\xff"]
    return kinds[number // EVERY % len(kinds)] or b"\0"


def test_a_tenth_of_the_posters_corrupt(tmp_path):
    good = picture()
    write_span(
        tmp_path,
        1,
        [
            FakeFilm(
                f"tt{number:07d}",
                overview="" if number % 100 == 0 else "A letter comes in winter.",
                poster=corrupt(number) if number % EVERY == 0 else good,
            )
            for number in range(FILMS)
        ],
    )
    ingest = FilmExampleGen(input_base=str(tmp_path), span=1)
    given = {key: value for key, value in ingest.exec_properties.items() if value is not None}
    outputs = execute(ingest, {}, tmp_path / "out", Driver(None).resolve_exec_properties(given, None, None))
    folder = tmp_path / "out" / "examples"

    assert outputs["examples"][0].uri == str(folder)
    rejects = [json.loads(line) for line in (folder / "rejects.jsonl").open()]
    assert len(rejects) == len({reject["id"] for reject in rejects}) == FILMS // EVERY
    assert all(int(reject["id"][2:]) % EVERY == 0 and reject["detail"] for reject in rejects)
    lost = [reject for reject in rejects if not reject["kept"]]
    assert {int(reject["id"][2:]) % 100 for reject in lost} == {0}  # those without an overview either
    assert len(lost) == FILMS // 100
    said = json.loads((folder / "ingest.json").read_text())
    assert said["films"] == sum(said["splits"].values()) == FILMS - len(lost)
    assert said["rejects"] == collections.Counter(reject["reason"] for reject in rejects)
    assert said["films_without_poster"] == FILMS // EVERY - len(lost)
