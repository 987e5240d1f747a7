"""The demo's API, and `marquee demo` as a process."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import tensorflow as tf
from click.testing import CliRunner

from components.atomic_pusher import models_config
from pipeline import demo_command, doctor
from pipeline.cli import main
from pipeline.demo_command import films_to_show
from serving.client import Film
from serving.demo import app as demo_app
from serving.server.flags import Flags
from tests.serving.demo import tiny
from tests.serving.wire import pem, ssl_config

FILM = Film(poster=b"p", overview="A war.")
MARQUEE = str(Path(sys.executable).with_name("marquee"))


@pytest.fixture(scope="module")
def base_paths(tmp_path_factory):
    return tiny.pushed(tmp_path_factory.mktemp("serving_model"))


class Visitor:
    """Asks the demo's API as the page does."""

    def __init__(self, session: aiohttp.ClientSession, url: str):
        self.session = session
        self.port = urlsplit(url).port

    async def get(self, path: str):
        async with self.session.get(path) as answer:
            return await answer.json()

    async def ask(self, model: str, poster: bytes | None = None, overview: str | None = None):
        """Status and answer."""
        form = aiohttp.FormData()
        if poster is not None:
            form.add_field("poster", poster, filename="poster.jpg", content_type="image/jpeg")
        if overview is not None:
            form.add_field("overview", overview)
        async with self.session.post(f"/api/predict/{model}", data=form) as answer:
            return answer.status, await answer.json()


def on_a_demo(base_paths, folder, scenario):
    async def whole():
        async with tiny.shown(base_paths, folder) as url, aiohttp.ClientSession(url) as session:
            await asyncio.wait_for(scenario(Visitor(session, url)), 60)

    asyncio.run(whole())


def test_each_model_answers_its_genres_by_falling_score_with_their_thresholds(base_paths, tmp_path):
    async def scenario(visitor):
        assert await visitor.get("/api/models") == {
            "max_poster_bytes": 32 << 20,
            "models": [{"name": "cnn", "inputs": ["poster"]}, {"name": "lstm", "inputs": ["overview"]}],
        }
        status, answer = await visitor.ask("lstm", overview="  Such fun.\n")
        assert (status, answer["version"]) == (200, 7)
        assert [(genre["name"], round(genre["score"], 2)) for genre in answer["genres"]] == [
            ("Comedy", 0.8),
            ("Drama", 0.3),
            ("War", 0.1),
        ]
        assert [genre["threshold"] for genre in answer["genres"]] == [0.5, 0.25, 0.75]
        assert [genre["predicted"] for genre in answer["genres"]] == [True, True, False]
        for kind in ("JPEG", "PNG"):
            status, answer = await visitor.ask("cnn", poster=tiny.poster(20, kind), overview="ignored")
            assert (status, answer["genres"][0]["name"]) == (200, "War")

    on_a_demo(base_paths, tmp_path, scenario)


def test_ready_made_films_and_their_posters(base_paths, tmp_path):
    async def scenario(visitor):
        first, second = (await visitor.get("/api/films"))["films"]
        assert first == {
            "id": "tt1", "genres": ["War"], "overview": "A war hero comes home.", "poster": "/api/posters/tt1"
        }  # fmt: skip
        assert second["poster"] is None
        async with visitor.session.get(first["poster"]) as answer:
            assert (answer.content_type, await answer.read()) == ("image/jpeg", tiny.FILMS[0].poster)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        for missing in ("tt2", "tt9", "..%2F..%2Fetc%2Fpasswd"):
            async with visitor.session.get(f"/api/posters/{missing}") as answer:
                assert answer.status == 404

    on_a_demo(base_paths, tmp_path, scenario)


def test_what_cannot_be_answered_is_said_in_words_and_the_next_is_answered(base_paths, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_app, "MAX_POSTER_BYTES", 100_000)
    monkeypatch.setattr(demo_app, "MAX_OVERVIEW_BYTES", 0)

    async def scenario(visitor):
        for given, status, words in (
            ({"model": "cnn"}, 400, "cnn needs poster"),
            ({"model": "cnn", "overview": "War."}, 400, "cnn needs poster"),
            ({"model": "lstm", "overview": " \n"}, 400, "lstm needs overview"),
            ({"model": "cnn", "poster": b"GIF89a"}, 422, "neither a JPEG nor a PNG"),
            ({"model": "cnn", "poster": tiny.poster(200)[:200]}, 422, "cnn cannot use this film"),
            ({"model": "cnn", "poster": b"\xff\xd8\xff" + bytes(200_000)}, 413, "A poster may have up to"),
            ({"model": "nope", "overview": "War."}, 404, "no model nope"),
        ):
            answer = await visitor.ask(**given)
            assert answer[0] == status, (given, answer)
            assert words in answer[1]["error"]
        head, kind = (
            b'--x\r\nContent-Disposition: form-data; name="overview"\r\n\r\n',
            "multipart/form-data; boundary=x",
        )
        for body in (head + b"\xff\xfe\r\n--x--\r\n", b"no form"):
            async with visitor.session.post("/api/predict/lstm", data=body, headers={"Content-Type": kind}) as answer:
                assert (answer.status, await answer.json()) == (400, {"error": "The form cannot be read."})
        async with visitor.session.get("/nowhere") as answer:
            assert (answer.status, await answer.json()) == (404, {"error": "Not Found."})
        assert (await visitor.ask("cnn", poster=tiny.poster(200)))[0] == 200

    on_a_demo(base_paths, tmp_path, scenario)


def test_only_this_machines_own_names_lead_to_it(base_paths, tmp_path):
    async def scenario(visitor):
        port = visitor.port
        for host, status in (
            (f"127.0.0.1:{port}", 200),
            (f"localhost:{port}", 200),
            (f"LOCALHOST:{port}", 200),
            (f"[::1]:{port}", 200),
            (f"films.example:{port}", 403),
            (f"127.0.0.1.films.example:{port}", 403),
            ("127.0.0.1", 403),
            (f"localhost:{port + 1}", 403),
            ("[::1", 403),
            ("", 403),
        ):
            for path in ("/", "/api/films", "/nowhere"):
                async with visitor.session.get(path, headers={"Host": host}) as answer:
                    expected = 404 if (path, status) == ("/nowhere", 200) else status
                    assert answer.status == expected, (host, path)
        async with visitor.session.get("/api/films", headers={"Host": f"films.example:{port}"}) as answer:
            assert await answer.json() == {"error": f"This page is at http://localhost:{port}/ only."}

    on_a_demo(base_paths, tmp_path, scenario)


def test_no_other_sites_page_may_ask(base_paths, tmp_path):
    async def scenario(visitor):
        port = visitor.port
        for origin, status in (
            (None, 200),
            (f"http://127.0.0.1:{port}", 200),
            (f"http://localhost:{port}", 200),
            ("http://films.example", 403),
            (f"http://films.example:{port}", 403),
            ("http://[", 403),
            ("null", 403),
        ):
            headers = {"Origin": origin} if origin else {}
            async with visitor.session.post("/api/predict/lstm", data={"overview": "fun"}, headers=headers) as answer:
                assert answer.status == status, origin

    on_a_demo(base_paths, tmp_path, scenario)


def test_a_model_server_that_is_gone_is_said_in_words(tmp_path):
    async def scenario(visitor):
        status, answer = await visitor.ask("lstm", overview="War.")
        assert (status, answer["error"]) == (503, "The model server does not answer. Is it running?")

    on_a_demo({}, tmp_path, scenario)


def test_thresholds_that_are_not_known_are_left_out(base_paths, tmp_path):
    model = demo_app.DemoModel(name="lstm", base_path=base_paths["lstm"])
    assert model.thresholds(7, FILM) == dict(zip(tiny.GENRES, tiny.THRESHOLDS["lstm"], strict=True))
    assert model.thresholds(8, FILM) == {}
    assert demo_app.DemoModel(name="lstm").thresholds(7, FILM) == {}
    card = tmp_path / "1" / "assets.extra" / "marquee.json"
    card.parent.mkdir(parents=True)
    for content in ("", "[]", "{}", json.dumps({"genres": ["A"], "thresholds": []})):
        card.write_text(content)
        assert demo_app.DemoModel(name="lstm", base_path=tmp_path).thresholds(1, FILM) == {}


def film_record(id: str, genres: list[str], poster: bytes = b"", overview: str = "") -> bytes:
    def feature(*values: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value for value in values if value]))

    content = {
        "id": feature(id.encode()),
        "genres": feature(*(genre.encode() for genre in genres)),
        "poster": feature(poster),
        "overview": feature(overview.encode()),
    }
    return tf.train.Example(features=tf.train.Features(feature=content)).SerializeToString()


def test_films_come_from_the_test_split_of_the_latest_run_and_are_of_many_genres(tmp_path):
    whole = {"poster": tiny.poster(1), "overview": "A story."}
    dramas = [film_record(f"d{number}", ["Drama"], **whole) for number in range(20)]
    others = [film_record("noir", ["Film-Noir"], **whole), film_record("war", ["War"], **whole)]
    lacking = [film_record("x", ["Western"], poster=whole["poster"]), film_record("y", ["Short"], overview="A story.")]
    for number, records in ((2, [film_record("old", ["Drama"], **whole)]), (10, dramas + others + lacking), (11, [])):
        split = tmp_path / "FilmExampleGen" / "examples" / str(number) / "Split-test"
        split.mkdir(parents=True)
        if records:
            with tf.io.TFRecordWriter(str(split / "data-00000-of-00001.gz"), "GZIP") as writer:
                for record in records:
                    writer.write(record)
    films = films_to_show(tmp_path)
    assert len(films) == 8
    assert {"noir", "war", "d0"} <= {film.id for film in films} <= {"noir", "war"} | {f"d{i}" for i in range(20)}
    assert (films[0].overview, films[0].poster) == ("A story.", whole["poster"])
    assert films_to_show(tmp_path / "nothing") == []


def test_the_page_and_a_model_server_beside_it_have_ports_of_their_own():
    [port] = [option.default for option in demo_command.demo.params if option.name == "port"]
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert str(port) not in re.findall(r"port=(\d+)", readme)
    assert port != Flags().port
    assert port in doctor.PORTS  # so that its being taken is told beforehand
    assert f"# http://127.0.0.1:{port}" in readme


def test_without_a_model_to_show_the_command_says_what_to_do(tmp_path):
    done = CliRunner().invoke(main, ["demo", "--no-open", "--work", str(tmp_path)])
    assert done.exit_code == 2
    assert "no model has been pushed to it. `make run` trains models" in done.output
    done = CliRunner().invoke(main, ["demo", "--no-open", "--work", str(tmp_path), "--endpoint", "127.0.0.1:1"])
    assert done.exit_code == 2
    assert "127.0.0.1:1: UNAVAILABLE" in done.output


def test_a_certificate_is_for_a_server_elsewhere(tmp_path):
    done = CliRunner().invoke(main, ["demo", "--work", str(tmp_path), "--ca", __file__])
    assert done.exit_code == 2
    assert "--ca is about the server at --endpoint" in done.output


@pytest.fixture
def work(base_paths, tmp_path):
    """A work folder in which the models have been pushed."""
    with models_config.editing(tmp_path / "serving_model") as config:
        for base in base_paths.values():
            models_config.add(config, base)
    return tmp_path


def begin(*arguments: object) -> tuple[subprocess.Popen, str]:
    """The process and the first line that it prints."""
    process = subprocess.Popen(
        [MARQUEE, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return process, process.stdout.readline()


def answer_of(line: str) -> dict:
    """What the demo that printed the line answers."""
    url = re.match(r"http://127\.0\.0\.1:\d+/", line)
    assert url, line
    with urllib.request.urlopen(url[0], timeout=120) as page:
        assert b"<title>Marquee" in page.read()
    with urllib.request.urlopen(f"{url[0]}api/predict/lstm", b"overview=Great+fun", timeout=120) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_the_command_shows_what_is_pushed_until_it_is_told_to_end(work):
    demo, line = begin("demo", "--no-open", "--port=0", "--work", work)
    try:
        assert "shows cnn, lstm" in line
        assert answer_of(line)["genres"][0]["name"] == "Comedy"
        port = re.search(r":(\d+)/", line)[1]
        # As in a shell of one's own: make has TensorFlow say more.
        env = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
        done = subprocess.run(
            [MARQUEE, "demo", "--no-open", f"--port={port}", "--work", work], capture_output=True, text=True, env=env
        )
        assert done.returncode == 2
        assert f"127.0.0.1:{port}: cannot be listened on" in done.stderr
        # TensorFlow 2.21 also says what it found, as it is imported, and nothing turns that off.
        ours = [line for line in done.stderr.splitlines() if not re.match(r"WARNING: All log|I0000 ", line)]
        assert len(ours) == 1
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(120) == 0
    finally:
        demo.kill()
        demo.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("by_tls", [False, True])
def test_the_command_uses_a_server_that_is_running(work, tmp_path_factory, keys, by_tls):
    elsewhere = tmp_path_factory.mktemp("no_models")
    secured, trusting = [], []
    if by_tls:
        pair = {"server_key": pem(keys / "server.key"), "server_cert": pem(keys / "server")}
        secured = [f"--ssl_config_file={ssl_config(elsewhere / 'ssl', **pair)}"]
        trusting = ["--ca", keys / "server"]
    server, ready = begin("serve", "--port=0", "--host=localhost", *secured, "--work", work)
    demo = None
    try:
        endpoint = re.search(r"gRPC at (\S+)", ready)[1]
        demo, line = begin("demo", "--no-open", "--port=0", "--work", elsewhere, "--endpoint", endpoint, *trusting)
        assert "shows cnn, lstm" in line
        answer = answer_of(line)
        assert answer["genres"][0]["name"] == "Comedy"
        assert answer["genres"][0]["threshold"] is None
        demo.send_signal(signal.SIGINT)
        assert demo.wait(120) == 0
    finally:
        for process in filter(None, (server, demo)):
            process.kill()
            process.communicate()
