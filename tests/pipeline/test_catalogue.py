"""The file of answers of `marquee predict --csv`, where it cannot be written to its end."""

import resource

import pytest

from pipeline.catalogue import Answers, Entry
from transform.errors import MarqueeError

FILM = Entry(id="tt1", overview="A war.", poster=None, refusal="")


@pytest.fixture
def at_most_4096_bytes():
    """A file, for as long; Python makes an OSError of what is beyond."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("rows", [1, 100], ids=["at once", "in between"])
def test_what_was_answered_before_the_disk_was_full_is_kept(tmp_path, at_most_4096_bytes, rows):
    out = tmp_path / "predictions.csv"

    def write():
        with Answers(out) as answers:
            answers.write([FILM], ["the first"])
            answers.write([FILM] * rows, ["x" * (5000 // rows)] * rows)

    with pytest.raises(MarqueeError, match=rf"{out}: cannot be written \(File too large\)"):
        write()
    [kept] = tmp_path.iterdir()
    assert kept.name == "predictions.csv.part"
    assert kept.read_text().startswith("Id,Genres,Scores,Error\ntt1,,,the first\ntt1,,,xx")


def test_an_answer_that_comes_to_no_end_is_no_answer(tmp_path):
    out = tmp_path / "predictions.csv"

    def stopped(*answered):
        with Answers(out) as answers:
            answers.write([FILM] * len(answered), answered)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        stopped("the first")
    assert [file.name for file in tmp_path.iterdir()] == ["predictions.csv.part"]


def test_where_the_file_cannot_come_to_its_place_the_answers_are_kept_beside_it(tmp_path):
    out = tmp_path / "predictions.csv"

    def taken():
        with Answers(out) as answers:
            answers.write([FILM], ["the first"])
            out.mkdir()

    with pytest.raises(MarqueeError, match=rf"{out}: cannot be written \(Is a directory\)"):
        taken()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["predictions.csv", "predictions.csv.part"]
    with pytest.raises(MarqueeError, match=r"cannot be written \(Is a directory\)"):
        Answers(out)
    with pytest.raises(MarqueeError, match=r"cannot be written \(File name too long\)"):
        Answers(tmp_path / ("x" * 300))
