"""Samples on disk: their layout, that a seed fixes every byte, and that nothing is ever half written."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from pipeline.sample import draw, writer
from pipeline.sample.genres import GENRES
from transform.errors import MarqueeError

ROOT = Path(__file__).parents[3]
FILMS = 12


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "out"
    draw(out, FILMS, seed=7)
    return out


def _digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _python(code: str, *arguments: str, hash_seed: str = "0") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment)


def _rows(sample: Path, span: str) -> list[list[str]]:
    with open(sample / span / "IMDB_overview_genres.csv", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_layout(sample: Path) -> None:
    assert {path.name for path in sample.iterdir()} == {"span-1", "span-2", "README.md", "sample.json"}
    for span, films in (("span-1", FILMS), ("span-2", FILMS // 5)):
        header, *rows = _rows(sample, span)
        assert header == ["Id", "Genre", *GENRES, "Overview"]
        assert {len(row) for row in rows} == {len(header)}
        good = [row for row in rows if row[0].startswith(("tt8", "tt9"))]
        assert len({row[0] for row in good}) == len(good) == films
        ids = {row[0] for row in rows}
        assert {path.stem for path in (sample / span / "Images").iterdir()} <= ids
    assert "CC0" in (sample / "README.md").read_text()


def test_posters_decode_at_their_size(sample: Path) -> None:
    found = set()
    for path in [*sample.glob("span-1/Images/tt8*.jpg"), *sample.glob("span-2/Images/*.jpg")]:
        with Image.open(path) as image:
            image.load()
            assert image.size == (182, 268)
            found.add((image.format, image.mode, bool(image.info.get("progressive"))))
    assert found == {
        ("JPEG", "RGB", False),
        ("JPEG", "CMYK", False),
        ("JPEG", "L", False),
        ("JPEG", "RGB", True),
        ("PNG", "RGB", False),
    }


def test_broken_inputs_are_there(sample: Path) -> None:
    report = draw(sample, FILMS, seed=7)
    broken = {what: film_id for film_id, what in report.broken}
    rows = [row[0] for row in _rows(sample, "span-1")]
    images = sample / "span-1" / "Images"
    assert set(broken.values()) <= set(rows)

    cut = images / f"{broken['poster cut short']}.jpg"
    with Image.open(cut) as image, pytest.raises(OSError, match="truncated"):
        image.load()
    assert (images / f"{broken['poster that is a text file']}.jpg").read_bytes().isascii()
    assert not (images / f"{broken['neither poster nor overview']}.jpg").exists()
    assert rows.count(broken["two different rows of one Id"]) == 2
    assert broken["Id that is a path"] == "../evil"
    assert not list(sample.rglob("evil*"))


def test_report_counts_what_is_there(sample: Path) -> None:
    report = draw(sample, FILMS, seed=7)
    assert report.films == {"span-1": FILMS, "span-2": FILMS // 5}
    for span in report.films:
        good = [row for row in _rows(sample, span)[1:] if row[0].startswith(("tt8", "tt9"))]
        assert report.overviews[span] == sum(bool(row[-1]) for row in good)
        assert report.posters[span] == sum((sample / span / "Images" / f"{row[0]}.jpg").exists() for row in good)


def test_same_seed_same_bytes_in_another_process(sample: Path, tmp_path: Path) -> None:
    code = "import sys, pathlib; from pipeline.sample import draw; draw(pathlib.Path(sys.argv[1]), int(sys.argv[2]), 7)"
    assert _python(code, str(tmp_path / "again"), str(FILMS), hash_seed="123").wait() == 0
    assert _digests(tmp_path / "again") == _digests(sample)


def test_several_processes_draw_the_same(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_FILMS_PER_PROCESS", 5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    draw(tmp_path / "out", FILMS, seed=7)
    assert _digests(tmp_path / "out") == _digests(sample)


def test_other_seed_other_films(sample: Path, tmp_path: Path) -> None:
    draw(tmp_path / "out", FILMS, seed=8)
    one, other = _digests(sample), _digests(tmp_path / "out")
    same = [name for name in one.keys() & other.keys() if name.endswith((".jpg", ".csv")) and one[name] == other[name]]
    assert all("tt7000002" in name for name in same)  # the text file


def test_same_sample_again_touches_nothing(sample: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sample.rglob("*")}
    assert not draw(sample, FILMS, seed=7).drawn
    assert {path: path.stat().st_mtime_ns for path in sample.rglob("*")} == before


def test_earlier_sample_is_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    draw(out, 8, seed=1)
    assert draw(out, 3, seed=1).drawn
    assert len(_rows(out, "span-1")) == 1 + 3 + 8
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_sample_with_a_file_missing_is_drawn_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    draw(out, 3, seed=1)
    whole = _digests(out)
    next((out / "span-1" / "Images").glob("tt8*.jpg")).unlink()
    assert draw(out, 3, seed=1).drawn
    assert _digests(out) == whole


def test_refuses_what_is_no_sample(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "sample.json").write_text("[1]")
    for name in ("mine", "file", "odd"):
        before = _digests(tmp_path)
        with pytest.raises(MarqueeError, match=name):
            draw(tmp_path / name, 2)
        assert _digests(tmp_path) == before


def test_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert draw(tmp_path / "out", 1).films == {"span-1": 1, "span-2": 1}


@pytest.mark.parametrize(("films", "seed", "key"), [(0, 7, "--films 0"), (-3, 7, "--films -3"), (5, -1, "--seed -1")])
def test_out_of_range(tmp_path: Path, films: int, seed: int, key: str) -> None:
    with pytest.raises(MarqueeError, match=key):
        draw(tmp_path / "out", films, seed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_draw_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    def fail(*_: object) -> bytes:
        raise failure

    monkeypatch.setattr(writer, "_poster_file", fail)
    with pytest.raises(MarqueeError if isinstance(failure, OSError) else KeyboardInterrupt) as caught:
        draw(tmp_path / "out", 3)
    if isinstance(failure, OSError):
        assert "No space left" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_killed_draw_leaves_no_sample_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = "import sys, pathlib; from pipeline.sample import draw; draw(pathlib.Path(sys.argv[1]), 140, 7)"
    process = _python(code, str(out))
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.part-*/sample/span-1/Images/tt8*.jpg")):
        assert time.monotonic() < deadline, "the draw never started"
        assert process.poll() is None, "the draw ended before it was killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()

    draw(out, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert json.loads((out / "sample.json").read_text())["films"]["span-1"] == 3


def test_package_loads_without_tensorflow() -> None:
    code = """
import sys
import pipeline.sample
heavy = {"tensorflow", "tfx", "apache_beam", "keras", "pandas"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else 0)
"""
    assert _python(code).wait() == 0
