"""`marquee tag` as a user types it."""

import csv
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline import tag_command
from pipeline.cli import main
from tests import tagmodels
from tests.films import fake_films, write_span

ROWS = 6 * tag_command.PART + 1


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    for version in (1, 2):
        tagmodels.push(folder / "serving_model", version=version)
    tagmodels.push(folder / "serving_model", "lstm", inputs=["overview"], slow=0.05)
    return folder


@pytest.fixture(scope="module")
def span(tmp_path_factory) -> Path:
    return write_span(tmp_path_factory.mktemp("films"), 1, fake_films(20))


def marquee(work: Path, *arguments: str | Path) -> str:
    done = CliRunner().invoke(main, ["tag", "--work", str(work), *map(str, arguments)], env={"COLUMNS": "120"})
    return f"{done.output}{done.exit_code}"


def rows(out: Path) -> list[dict[str, str]]:
    with open(out / "predictions.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_and_its_posters_through_the_newest_model(tmp_path, work, span):
    table, images, out = span / "IMDB_overview_genres.csv", span / "Images", tmp_path / "new" / "out"

    said = marquee(work, "--csv", table, "--images", images, "--out", out)

    assert said == f"{out}: 20 films tagged by fusion 2\n0"
    assert [row["Id"] for row in rows(out)] == [film.id for film in fake_films(20)]
    assert all(float(row["Drama"]) == pytest.approx(0.32) for row in rows(out))
    before = (out / "predictions.csv").stat().st_mtime_ns
    assert marquee(work, "--csv", table, "--images", images, "--out", out) == said  # there is nothing to do
    assert (out / "predictions.csv").stat().st_mtime_ns == before
    other = marquee(work, "--csv", table, "--images", images, "--out", out, "--version", "1")
    assert "model was fusion 2 and is fusion 1" in other
    assert other.endswith("--restart to begin anew.\n2")
    assert "20 films tagged by fusion 1" in marquee(
        work, "--csv", table, "--images", images, "--out", out, "--version", "1", "--restart"
    )


def test_other_films_are_another_job(tmp_path, work):
    span, out = write_span(tmp_path, 1, fake_films(12)), tmp_path / "out"
    assert "12 films tagged" in marquee(work, "--span", span, "--out", out)
    (span / "Images" / f"{fake_films(1)[0].id}.jpg").write_bytes(b"no picture any more")

    assert "films was" in marquee(work, "--span", span, "--out", out)

    said = marquee(work, "--span", span, "--out", out, "--restart")
    assert "12 films tagged" in said
    assert "1 rejects (poster_format 1); 1 of them of films that stay without their poster" in said


MISTAKES = {
    "no films": ([], "Give --csv"),
    "both": (["--csv", "{table}", "--span", "{span}"], "Give --csv"),
    "images of a span": (["--span", "{span}", "--images", "{span}/Images"], "--images goes with --csv"),
    "missing csv": (["--csv", "{span}/other.csv"], "other.csv: no such file"),
    "csv without Id": (["--csv", "{odd}"], "missing Id"),
    "empty csv": (["--csv", "{empty}"], "is empty"),
    "missing images": (["--csv", "{table}", "--images", "{span}/Pictures"], "Pictures: no such folder"),
    "missing span": (["--span", "{span}-9"], "no such folder of films"),
    "span without films": (["--span", "{span}/Images"], "no films found"),
    "unknown model": (["--span", "{span}", "--model", "vgg"], "no version of 'vgg' in it. Models there: fusion, lstm"),
    "unknown version": (["--span", "{span}", "--version", "9"], "fusion 9: no such version. There are: 1, 2"),
    "out among the films": (["--span", "{span}", "--out", "{span}/out"], "lies inside"),
    "out is a file": (["--span", "{span}", "--out", "{table}"], "cannot be written (File exists)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_a_line(tmp_path, work, span, mistake):
    (tmp_path / "odd.csv").write_text("Name,Overview\na,b\n")
    (tmp_path / "empty.csv").write_text("")
    names = {
        "span": span,
        "table": tmp_path / "table.csv",
        "odd": tmp_path / "odd.csv",
        "empty": tmp_path / "empty.csv",
    }
    names["table"].write_bytes((span / "IMDB_overview_genres.csv").read_bytes())
    arguments, words = MISTAKES[mistake]
    given = [argument.format(**names) for argument in arguments]
    given += [] if "--out" in given else ["--out", str(tmp_path / "out")]

    said = marquee(work, *given)

    assert words in said
    assert said.endswith("\n2")
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()
    assert not (span / "out").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path, work, span):
    out = Path("/proc/1/marquee")  # not writable for root either
    assert f"marquee: {out}: cannot be written" in marquee(work, "--span", span, "--out", out)


def test_a_disk_that_fills_up_is_told(tmp_path, work, span, monkeypatch):
    from pipeline.tagging import folder

    write = folder._write

    def until_full(file, text):
        if file.parent.name == folder.PARTS:
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        write(file, text)

    monkeypatch.setattr(folder, "_write", until_full)
    said = marquee(work, "--span", span, "--out", tmp_path / "out")
    assert "no space left on" in said.lower()
    assert said.endswith("\n2")


@pytest.mark.slow
def test_a_killed_job_goes_on_where_it_was(tmp_path, work):
    overviews = [f"Film {number}: {'war ' * (number % 7)}" for number in range(ROWS)]
    table, out = tmp_path / "films.csv", tmp_path / "out"
    with open(table, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("Id", "Overview"), *((f"tt{i}", text) for i, text in enumerate(overviews))])
    command = [str(Path(sys.executable).with_name("marquee")), "tag", "--work", str(work)]
    command += ["--csv", str(table), "--model", "lstm", "--out", str(out)]

    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    deadline = time.monotonic() + 300
    while len(done := list((out / "parts").glob("*.json"))) < 2:
        assert process.poll() is None, process.communicate()[0].decode()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (out / "predictions.csv").exists()
    for part in done:  # whole, each with its answers
        assert part.with_suffix(".csv").read_text().count("\n") == tag_command.PART
    first = out / "parts" / "00000.csv"
    first.write_text(first.read_text().replace("tt0,", "kept,", 1))  # to tell it from one that is made again
    resumed = subprocess.run(command, capture_output=True, text=True)

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert f"{ROWS} films tagged by lstm 1" in resumed.stdout
    found = rows(out)
    assert [row["Id"] for row in found] == ["kept", *(f"tt{number}" for number in range(1, ROWS))]
    scores = np.array([[float(row[genre]) for genre in tagmodels.GENRES] for row in found])
    said = tagmodels.scores(work / "serving_model" / "lstm" / "1", overview=[text.strip() for text in overviews])
    np.testing.assert_allclose(scores, said, rtol=1e-5)
    assert not (out / "parts").exists()
