"""Logged requests against the films of a run: PredictionLogs of the same films, changed in one way or another."""

import io
import json
from dataclasses import replace

import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance

from components.film_schema_gen.schema import schema_of
from pipeline import skew
from tests.films import WORDS, fake_films
from tests.workfolder import WorkFolder, log_requests, statistics_of
from transform.errors import MarqueeError

FILMS = fake_films(300)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    root = tmp_path_factory.mktemp("skew")
    folder = WorkFolder(root / "work")
    folder.run(4, {"train": statistics_of(FILMS, root)}, schema=schema_of(WORDS))
    return folder


def darkened(poster):
    if not poster:
        return poster
    out = io.BytesIO()
    ImageEnhance.Brightness(Image.open(io.BytesIO(poster))).enhance(0.3).save(out, "JPEG")
    return out.getvalue()


def drifted(content):
    return {row["feature"] for row in content["comparisons"] if row["drifted"]}


def test_the_films_that_were_trained_on_are_no_skew(work, tmp_path):
    content, page = skew.measure(work.paths, log_requests(tmp_path / "logs", FILMS), None)
    assert content["verdict"] == "ok"
    assert drifted(content) == set()
    assert content["requests"] == 300
    assert content["model"] == "fusion"
    assert content["baseline"]["span"] == 4
    assert {row["feature"] for row in content["comparisons"]} >= {"overview_words", "poster_luma"}
    for row in content["comparisons"]:
        assert row["value"] == pytest.approx(0, abs=1e-6), "same features, made by the same functions"
    assert json.loads((page.parent / "skew.json").read_text()) == content
    assert json.loads((page.parent / "run.json").read_text())["skew"] == content


def test_short_overviews_dark_and_missing_posters_are_each_named(work, tmp_path):
    short = [replace(film, overview=" ".join(film.overview.split()[:3])) for film in FILMS]
    dark = [replace(film, poster=darkened(film.poster)) for film in FILMS]
    gone = [replace(film, poster=b"") for film in FILMS]
    found = {}
    for name, films in (("short", short), ("dark", dark), ("gone", gone)):
        content, _ = skew.measure(work.paths, log_requests(tmp_path / name, films), None)
        assert content["verdict"] != "ok"
        assert content["sentences"]
        found[name] = drifted(content)
    assert found["short"] == {"overview_words"}
    assert found["dark"] == {"poster_luma"}
    assert any(name.startswith("poster") for name in found["gone"])
    assert not any(name.startswith("overview") for name in found["gone"])


def test_what_a_model_is_never_sent_is_not_missing(work, tmp_path):
    content, _ = skew.measure(work.paths, log_requests(tmp_path / "logs", FILMS, "lstm", ["overview"]), None)
    assert content["verdict"] == "ok"
    assert not any(row["feature"].startswith("poster") for row in content["comparisons"])


def test_requests_to_several_models_need_a_choice(work, tmp_path):
    logs = log_requests(tmp_path / "logs", FILMS[:32], "lstm", ["overview"], name="1")
    log_requests(logs, FILMS[:48], "cnn", ["poster"], name="2")
    with pytest.raises(MarqueeError, match=r"2, record 1, film 1: requests to more than one model: lstm, cnn"):
        skew.measure(work.paths, logs, None)
    with pytest.raises(MarqueeError, match=r"no requests to model fusion. Models asked: cnn, lstm"):
        skew.measure(work.paths, logs, "fusion")
    assert skew.measure(work.paths, logs, "cnn")[0]["requests"] == 48


def test_garbage_counts_and_is_listed(work, tmp_path):
    garbage = [replace(film, poster=b"\xff\xd8\xff junk") if film.poster else film for film in FILMS[:5]]
    logs = log_requests(tmp_path / "logs", garbage + FILMS[5:])
    (logs / "zz").write_bytes(b"no logs at all, but long enough for a header")
    content, _ = skew.measure(work.paths, logs, None)
    undecodable = sum(bool(film.poster) for film in FILMS[:5])
    assert content["requests"] == 300
    assert content["unusable"]["posters"] == undecodable
    assert content["unusable"]["records"] == 1
    first, *_, last = content["unusable"]["listed"]
    assert "requests, record 1, film 1: poster: JPEG header cut short" in first
    assert "zz, record 1: corrupt, or no TFRecord file" in last


def test_overviews_that_are_no_text_or_only_blanks(tmp_path):
    films = [replace(FILMS[0], overview=b"\xff\xfe caf\xe9 bar"), replace(FILMS[1], overview=b"  \n ")]
    file = tmp_path / "films"
    asked = skew.write_films(skew.request_logs.read(log_requests(tmp_path / "logs", films)), None, file)
    first, second = map(tf.train.Example.FromString, tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    assert asked.films == 2
    assert list(first.features.feature["overview_words"].int64_list.value) == [3]
    assert list(second.features.feature["overview_words"].int64_list.value) == []
    assert sorted(first.features.feature) == [
        "overview",
        "overview_words",
        "poster_height",
        "poster_luma",
        "poster_width",
    ]


def test_folders_without_requests(work, tmp_path):
    with pytest.raises(MarqueeError, match=r"nowhere: no such folder"):
        skew.measure(work.paths, tmp_path / "nowhere", None)
    with pytest.raises(MarqueeError, match=r"no requests in it. It should hold TFRecord files"):
        skew.measure(work.paths, tmp_path, None)
    (tmp_path / "notes.txt").write_text("Nothing of use.\n")
    with pytest.raises(MarqueeError, match=r"no request in it that can be read. The first of 1: .*notes.txt"):
        skew.measure(work.paths, tmp_path, None)


def test_a_work_folder_without_a_run_to_compare_with(tmp_path):
    bare = WorkFolder(tmp_path / "work")
    logs = log_requests(tmp_path / "logs", FILMS[:1])
    with pytest.raises(MarqueeError, match=r"reports: no report in it yet"):
        skew.measure(bare.paths, logs, None)
    folder = bare.run(1, {"train": statistics_of(FILMS[:9], tmp_path)}, schema=schema_of(WORDS))
    run = json.loads((folder / "run.json").read_text())
    run["nodes"][0]["state"] = "failed"
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(MarqueeError, match=r"run.json: this run has no statistics"):
        skew.measure(bare.paths, logs, None)
