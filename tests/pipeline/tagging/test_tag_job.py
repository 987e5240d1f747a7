"""The job in this process: the model's own answers, rejects that cost nobody else, and where it goes on."""

import csv
import errno
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.film_example_gen.films import Film, Reason, Reject
from pipeline import beam
from pipeline.settings import Beam
from pipeline.tagging import catalogue, job, models
from pipeline.tagging.folder import AnswersFolder, Manifest
from tests import tagmodels
from tests.films import FakeFilm, fake_films, write_span
from tests.pictures import picture
from transform.errors import MarqueeError

PART = 8


@pytest.fixture(scope="module")
def serving(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("serving_model")
    tagmodels.push(folder)
    tagmodels.push(folder, "lstm", inputs=["overview"])
    tagmodels.push(folder, "cnn", inputs=["poster"])
    return folder


def tag(films: catalogue.Catalogue, model: models.PushedModel, out: Path, formats=("csv",), spread=False, engine=None):
    """The job from begin to end; answers by Id, rejects by Id."""
    manifest = Manifest(
        model=f"{model.name} {model.version}",
        model_fingerprint=model.fingerprint,
        films=films.fingerprint,
        formats=formats,
        genres=model.genres,
        part=PART,
    )
    folder = AnswersFolder(str(out), manifest)
    with folder.held():
        assert folder.begin() is None
        job.run(films.reader, model, folder, beam.pipeline_options(engine), spread)
        folder.finish()
    return answers_in(out), rejects_in(out)


def answers_in(out: Path) -> dict[str, dict[str, str]]:
    with open(out / "predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["Id"] for row in rows}) == len(rows)
    return {row["Id"]: row for row in rows}


def rejects_in(out: Path) -> dict[str, dict]:
    return {
        reject["id"]: reject
        for reject in map(json.loads, (out / "rejects.jsonl").read_text(encoding="utf-8").splitlines())
    }


def numbers(rows: dict[str, dict[str, str]]) -> np.ndarray:
    return np.array([[float(row[genre]) for genre in tagmodels.GENRES] for row in rows.values()])


@pytest.mark.parametrize("layout", ["coursework", "mm-imdb"])
@pytest.mark.parametrize("spread", [False, True])
def test_every_film_gets_what_the_model_says_in_process(tmp_path, serving, layout, spread):
    films = fake_films(45)
    span = write_span(tmp_path, 1, films, layout)
    model = models.find(serving, "fusion")

    answers, rejects = tag(catalogue.of_span(span), model, tmp_path / "out", spread=spread)

    assert not rejects
    assert list(answers) == [film.id for film in films]  # in their order
    said = tagmodels.scores(
        Path(model.folder), poster=[film.poster for film in films], overview=[film.overview for film in films]
    )
    np.testing.assert_allclose(numbers(answers), said, rtol=1e-5)
    for row, scores in zip(answers.values(), said, strict=True):
        there = {
            genre: score
            for genre, score, least in zip(tagmodels.GENRES, scores, tagmodels.THRESHOLDS, strict=True)
            if score >= least
        }
        assert row["Genres"] == "|".join(sorted(there, key=lambda genre: -there[genre]))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        ".lock", "manifest.json", "predictions.csv", "rejects.jsonl", "summary.json",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("engine", [Beam(workers=2), Beam(threads=2)])
def test_several_workers_give_the_same(tmp_path, serving, engine):
    films = catalogue.of_span(write_span(tmp_path, 1, fake_films(45)))
    model = models.find(serving, "fusion")

    alone, _ = tag(films, model, tmp_path / "alone")
    shared, _ = tag(films, model, tmp_path / "shared", spread=True, engine=engine)

    assert list(shared) == list(alone)
    assert [row["Genres"] for row in shared.values()] == [row["Genres"] for row in alone.values()]
    np.testing.assert_allclose(numbers(shared), numbers(alone), rtol=1e-5)


def test_jsonl_says_the_same_as_csv(tmp_path, serving):
    span = write_span(tmp_path, 1, fake_films(20))

    answers, _ = tag(catalogue.of_span(span), models.find(serving, "fusion"), tmp_path / "out", ("jsonl", "csv"))

    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == list(answers)
    for line, row in zip(lines, answers.values(), strict=True):
        assert "|".join(line["genres"]) == row["Genres"]
        assert line["scores"] == {genre: float(row[genre]) for genre in tagmodels.GENRES}


def test_what_cannot_be_used_is_a_reject_and_costs_no_other_film_its_answer(tmp_path, serving):
    films = [
        *(FakeFilm(f"good{number}", poster=picture(seed=number)) for number in range(20)),
        FakeFilm("cut", poster=picture()[:300]),
        FakeFilm("cut-and-silent", overview="", poster=picture()[:300]),
        FakeFilm("text", overview="", poster=b"no picture"),
        FakeFilm("empty", overview=""),
        FakeFilm("refused", overview="I refuse."),
        FakeFilm("nan", overview="nan"),
        FakeFilm("bad id", poster=picture()),
        FakeFilm("good0", overview="Again."),
        FakeFilm("last"),
    ]
    span = write_span(tmp_path, 1, films)

    answers, rejects = tag(catalogue.of_span(span), models.find(serving, "fusion"), tmp_path / "out")

    assert set(answers) == {*(f"good{number}" for number in range(20)), "cut", "last"}
    assert {id: (reject["reason"], reject["kept"]) for id, reject in rejects.items()} == {
        "cut": ("poster_unreadable", True),
        "cut-and-silent": ("poster_unreadable", False),
        "text": ("poster_format", False),
        "empty": ("no_poster_no_overview", False),
        "refused": ("model_refused", False),
        "nan": ("model_refused", False),
        "bad id": ("bad_id", False),
        "good0": ("duplicate_id_conflict", False),
    }
    assert "no film of mine" in rejects["refused"]["detail"]
    assert rejects["cut"]["file"] == "Images/cut.jpg"
    assert [rejects["bad id"]["file"], rejects["bad id"]["row"]] == ["IMDB_overview_genres.csv", 28]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["films"] == len(answers)
    assert summary["rejects"]["poster_unreadable"] == 2
    assert summary["kept"] == {"poster_unreadable": 1}


def test_a_model_is_given_what_it_looks_at(tmp_path, serving):
    films = [FakeFilm("both", poster=picture()), FakeFilm("text"), FakeFilm("picture", overview="", poster=picture())]
    films += [FakeFilm("cut", poster=picture()[:300])]
    span = write_span(tmp_path, 1, films)

    by_text, without_text = tag(catalogue.of_span(span), models.find(serving, "lstm"), tmp_path / "lstm")
    by_poster, without_poster = tag(catalogue.of_span(span), models.find(serving, "cnn"), tmp_path / "cnn")

    assert set(by_text) == {"both", "text", "cut"}  # it opens no poster
    assert {id: reject["reason"] for id, reject in without_text.items()} == {"picture": "no_input"}
    assert set(by_poster) == {"both", "picture"}
    assert {id: (reject["reason"], reject["kept"]) for id, reject in without_poster.items()} == {
        "text": ("no_input", False),
        "cut": ("poster_unreadable", False),
    }


def test_a_table_needs_no_genres_and_its_other_columns_are_left_alone(tmp_path, serving):
    table, images = tmp_path / "films.csv", tmp_path / "posters"
    images.mkdir()
    (images / "a.png").write_bytes(picture(format="PNG"))
    table.write_text('Title,Id,Genre,Year,Overview,\nA,a,not a list,1999,"A war,\nand more",\nB,b,,,Peace,x\n')

    answers, rejects = tag(catalogue.of_table(table, images), models.find(serving, "fusion"), tmp_path / "out")

    assert not rejects
    said = tagmodels.scores(
        serving / "fusion" / "1", poster=[(images / "a.png").read_bytes(), b""], overview=["A war,\nand more", "Peace"]
    )
    np.testing.assert_allclose(numbers(answers), said, rtol=1e-5)


def test_parts_that_are_done_are_not_done_again(tmp_path, serving):
    span = write_span(tmp_path, 1, fake_films(3 * PART + 1))
    films, model, out = catalogue.of_span(span), models.find(serving, "fusion"), tmp_path / "out"
    tag(films, model, out)
    whole = (out / "predictions.csv").read_text().splitlines(keepends=True)
    (out / "summary.json").unlink()
    (out / "parts").mkdir()
    (out / "parts" / "00001.csv").write_text("mine,,0,0,0\n")
    (out / "parts" / "00001.rejects").write_text("")
    (out / "parts" / "00001.json").write_text('{"films": 1, "rejects": {}, "kept": {}}')
    (out / "parts" / "00002.csv").write_text("half a li")  # without its .json: not done
    (out / "parts" / "00003.csv.0123.writing").write_text("ha")

    tag(films, model, out)

    found = (out / "predictions.csv").read_text().splitlines(keepends=True)
    assert found == [*whole[: 1 + PART], "mine,,0,0,0\n", *whole[1 + 2 * PART :]]


def test_parts_cover_the_films_in_their_order_and_are_counted(tmp_path):
    class Numbers:
        def read(self):
            return iter(range(10))

    def total() -> str:
        return (tmp_path / "parts" / "total").read_text().strip()

    by_four, by_five = (TestFolder.folder(tmp_path, part=part) for part in (4, 5))
    by_four.begin()
    parts = job.parts_of(Numbers(), by_four)
    assert [next(parts) for _ in range(3)] == [(0, [0, 1, 2, 3]), (1, [4, 5, 6, 7]), (2, [8, 9])]
    assert not (tmp_path / "parts" / "total").exists()  # there may be more
    assert list(parts) == []
    assert total() == "3"
    assert list(job.parts_of(Numbers(), by_four, {0, 2})) == [(1, [4, 5, 6, 7])]
    assert total() == "3"  # with those that were done
    assert list(job.parts_of(Numbers(), by_five)) == [(0, [0, 1, 2, 3, 4]), (1, [5, 6, 7, 8, 9])]
    assert total() == "2"


def test_an_error_that_no_film_is_at_fault_for_is_raised():
    class Broken:
        def __call__(self, examples):
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    model = models.PushedModel(name="lstm", version=1, folder="", inputs=("overview",), genres=(), fingerprint="")
    part = job.Part(0, [Film("a", (), "Text.", "", "films.csv", 2)])
    with pytest.raises(tf.errors.ResourceExhaustedError):
        list(job.Tagger(model, "").run_inference([part], Broken()))


class TestFolder:
    REJECT = Reject("x", 3, "films.csv", Reason.BROKEN_ROW, "ragged")

    @staticmethod
    def folder(out: Path, **changed) -> AnswersFolder:
        same = {"model": "lstm 1", "model_fingerprint": "a", "films": "b", "formats": ("csv",), "genres": ("War",)}
        return AnswersFolder(str(out), Manifest(**(same | {"part": 4} | changed)))

    @pytest.mark.parametrize(
        "changed",
        [{"model": "lstm 2"}, {"model_fingerprint": "b"}, {"films": "c"}, {"formats": ("jsonl",)}, {"part": 5}],
    )
    def test_another_job_is_refused_and_may_begin_anew(self, tmp_path, changed):
        (tmp_path / "mine.txt").write_text("stays")
        first = self.folder(tmp_path)
        first.begin()
        first.write_part(0, [], [self.REJECT])
        first.write_total(1)
        first.finish()
        other = self.folder(tmp_path, **changed)
        [key] = changed

        with pytest.raises(MarqueeError, match=rf"{key} was .* and is .*--restart"):
            other.begin()
        assert (tmp_path / "summary.json").is_file()

        assert other.begin(restart=True) is None
        assert {file.name for file in tmp_path.iterdir()} == {"mine.txt", "manifest.json", "parts"}

    def test_a_finished_job_has_nothing_to_do_unless_a_file_is_gone(self, tmp_path):
        folder = self.folder(tmp_path)
        assert folder.begin() is None
        folder.write_part(0, [], [self.REJECT])
        folder.write_total(1)
        done = folder.finish()

        assert folder.begin() == done
        assert done.rejects == {"broken_row": 1}
        (tmp_path / "predictions.csv").unlink()
        assert folder.begin() is None
        assert not (tmp_path / "summary.json").exists()

    def test_files_of_somebody_elses_are_not_written_over(self, tmp_path):
        (tmp_path / "predictions.csv").write_text("mine")
        with pytest.raises(MarqueeError, match=r"predictions\.csv: is there"):
            self.folder(tmp_path).begin()
        assert (tmp_path / "predictions.csv").read_text() == "mine"

    def test_a_broken_manifest_is_told(self, tmp_path):
        (tmp_path / "manifest.json").write_text("{")
        with pytest.raises(MarqueeError, match="not a manifest"):
            self.folder(tmp_path).begin()

    def test_two_at_once_are_refused(self, tmp_path):
        first, second = self.folder(tmp_path), self.folder(tmp_path)
        refused = pytest.raises(MarqueeError, match="another `marquee tag` is at work")
        with first.held(), refused, second.held():
            raise AssertionError("unreachable")
        with second.held():
            pass

    def test_what_is_blocked_inside_comes_out_as_itself(self, tmp_path):
        inside = BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        folder = self.folder(tmp_path)
        with pytest.raises(BlockingIOError) as raised, folder.held():
            raise inside
        assert raised.value is inside
        with folder.held():
            pass

    @pytest.mark.parametrize("restart", [False, True])
    def test_what_a_kill_leaves_of_a_join_goes_and_nothing_else(self, tmp_path, restart):
        folder = self.folder(tmp_path)
        folder.begin()
        left = tmp_path / "predictions.csv.0123456789abcdef.writing"
        left.write_text("half of a")
        not_ours = tmp_path / "notes.writing"
        not_ours.write_text("of somebody else")
        folder.begin(restart)
        assert not left.exists()
        assert not_ours.exists()

    def test_a_restart_that_is_killed_leaves_no_part_that_counts_without_its_answers(self, tmp_path, monkeypatch):
        folder = self.folder(tmp_path)
        folder.begin()
        folder.write_part(0, [], [self.REJECT])

        def killed(path):
            (path / "00000.csv").unlink()
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("shutil.rmtree", killed)
            with pytest.raises(KeyboardInterrupt):
                folder.begin(restart=True)
        folder.begin()
        assert folder.done() == []

    @pytest.mark.parametrize(
        ("written", "total", "said"),
        [
            ([1, 2], 3, "not all 3 parts are there: 0 missing"),
            ([0, 1], 3, "not all 3 parts are there: 2 missing"),
            ([1], 4, "not all 4 parts are there: 0, 2, 3 missing"),
            ([], 2, "not all 2 parts are there: 0, 1 missing"),
            ([0, 1], None, "total: no such file, so the films were not read to their end"),
            ([], None, "total: no such file, so the films were not read to their end"),
            ([0, 1], 1, "2 parts are there, of 1"),
        ],
    )
    def test_a_missing_part_is_never_joined_over(self, tmp_path, written, total, said):
        folder = self.folder(tmp_path)
        folder.begin()
        for number in written:
            folder.write_part(number, [], [])
        if total is not None:
            folder.write_total(total)
        with pytest.raises(MarqueeError, match=said):
            folder.finish()
        assert not (tmp_path / "predictions.csv").exists()
