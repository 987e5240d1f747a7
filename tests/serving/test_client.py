"""The client against a real server, and against one that fails in passing."""

import asyncio
import contextlib
import csv
import itertools
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from pipeline import cli
from serving.client import AsyncGenreClient, Film, GenreClient, Retries
from serving.client.retries import Call, Server, passes
from serving.server.flags import Flags
from serving.server.main import start
from tests.serving.models import GENRES
from tests.serving.wire import pem, ssl_config

FILMS = [Film(overview="A war hero comes home."), Film(overview="")]


@contextlib.contextmanager
def serving(base_path: Path, **flags: object) -> Iterator[int]:
    """The port of a server, in a thread with a loop of its own, of the model "lstm"."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    given = Flags(port=0, model_name="lstm", model_base_path=str(base_path), **flags)
    server = asyncio.run_coroutine_threadsafe(start(given), loop).result(300)
    try:
        yield server.port
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(1), loop).result(300)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.fixture(scope="module")
def endpoint(base_paths):
    """host:port of a server of the model "lstm"."""
    with serving(base_paths["marquee"]) as port:
        yield f"127.0.0.1:{port}"


def test_predictions_by_film(endpoint):
    with GenreClient(endpoint) as client:
        first, second = client.predict(FILMS, "lstm")
    assert first == second
    assert (first.model, first.version) == ("lstm", 1)
    assert first.scores == dict.fromkeys(GENRES, 0.5)
    assert first.genres == tuple(GENRES)


def test_asyncio_gives_the_same(endpoint):
    async def ask():
        async with AsyncGenreClient(endpoint) as client:
            return await asyncio.gather(*(client.predict(FILMS, "lstm", version=1) for _ in range(5)))

    with GenreClient(endpoint) as client:
        assert asyncio.run(ask()) == [client.predict(FILMS, "lstm")] * 5


def test_a_refusal_is_not_retried(endpoint):
    begun = time.monotonic()
    patient = GenreClient(endpoint, timeout=60, retries=Retries(first=5, longest=5))
    with patient as client, pytest.raises(grpc.RpcError) as refused:
        client.predict(FILMS, "nope")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert time.monotonic() - begun < 20


class Shaky(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Fails so many times, or until so late, before it answers."""

    def __init__(self, failures: int):
        self.failures, self.until, self.calls = failures, 0.0, 0

    def Predict(self, request, context):
        self.calls += 1
        if self.calls <= self.failures or time.monotonic() < self.until:
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        response = predict_pb2.PredictResponse()
        response.outputs["genres"].CopyFrom(tf.make_tensor_proto([["Low", "High"]]))
        response.outputs["scores"].CopyFrom(tf.make_tensor_proto(np.float32([[0.1, 0.9]])))
        response.outputs["predicted"].CopyFrom(tf.make_tensor_proto(np.int64([[0, 1]])))
        return response


@pytest.fixture
def shaky():
    """Makes servers; the last may be taken away by `stop`."""
    servers = []

    def make(failures: int, address: str = "127.0.0.1:0"):
        servicer, server = Shaky(failures), grpc.server(futures.ThreadPoolExecutor(2))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port(address)
        server.start()
        servers.append(server)
        return servicer, f"127.0.0.1:{port}"

    make.stop = lambda: servers.pop().stop(0).wait()
    yield make
    for server in servers:
        server.stop(0)


def test_what_passes_is_asked_again_and_scores_fall(shaky):
    servicer, address = shaky(3)
    with GenreClient(address, retries=Retries(first=0.01)) as client:
        [prediction] = client.predict([Film(poster=b"x")], "cnn")
    assert servicer.calls == 4
    assert list(prediction.scores) == ["High", "Low"]
    assert prediction.genres == ("High",)


def test_asyncio_asks_again_as_often_and_as_long(shaky):
    servicer, address = shaky(3)

    async def ask(**options):
        async with AsyncGenreClient(address, **options) as client:
            [prediction] = await client.predict([Film(poster=b"x")], "cnn")
            return prediction

    assert asyncio.run(ask(retries=Retries(first=0.01))).genres == ("High",)
    assert servicer.calls == 4
    servicer.failures, servicer.calls = 100, 0
    with pytest.raises(grpc.RpcError) as refused:
        asyncio.run(ask(retries=Retries(attempts=3, first=0.01)))
    assert (refused.value.code(), servicer.calls) == (grpc.StatusCode.UNAVAILABLE, 3)
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError):
        asyncio.run(ask(timeout=0.3, retries=Retries(attempts=1000, first=0.05)))
    assert time.monotonic() - begun < 10


def test_attempts_and_the_deadline_bound_it(shaky):
    servicer, address = shaky(100)
    with GenreClient(address, retries=Retries(attempts=3, first=0.01)) as client, pytest.raises(grpc.RpcError):
        client.predict(FILMS, "lstm")
    assert servicer.calls == 3
    begun = time.monotonic()
    with (
        GenreClient(address, timeout=0.3, retries=Retries(attempts=1000, first=0.05)) as client,
        pytest.raises(grpc.RpcError),
    ):
        client.predict(FILMS, "lstm")
    assert time.monotonic() - begun < 10


def ask_by(kind: str, address: str, **options) -> list[str]:
    """The genres that each of two calls of one client gets."""

    async def ask():
        async with AsyncGenreClient(address, **options) as client:
            return [(await client.predict([Film(poster=b"x")], "cnn"))[0].genres for _ in range(2)]

    if kind == "asyncio":
        return asyncio.run(ask())
    with GenreClient(address, **options) as client:
        return [client.predict([Film(poster=b"x")], "cnn")[0].genres for _ in range(2)]


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_seconds_without_an_answer_are_bridged(shaky, kind):
    servicer, address = shaky(0)
    servicer.until = time.monotonic() + 3
    assert ask_by(kind, address, timeout=60) == [("High",), ("High",)]


def test_a_restart_longer_than_a_new_address_is_waited_for_is_bridged(shaky):
    _, address = shaky(0)
    with GenreClient(address, timeout=60, retries=Retries(contact=0.1)) as client:
        client.predict(FILMS[:1], "lstm")
        shaky.stop()
        later = threading.Timer(3, shaky, [0, address])
        later.start()
        client.predict(FILMS[:1], "lstm")
        later.join()


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_an_address_at_which_nobody_is_is_given_up_long_before_the_timeout(kind):
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError) as refused:
        ask_by(kind, "127.0.0.1:1", timeout=300, retries=Retries(contact=0.5))
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert time.monotonic() - begun < 60


def test_waits_grow_to_the_longest_and_go_on_for_days():
    waits = list(itertools.islice(Retries(first=0.1, longest=2).waits(math.inf), 3000))
    assert len(waits) == 3000
    assert waits[0] <= 0.1
    assert 1 < max(waits) <= 2
    assert list(Retries(attempts=3).waits(math.inf))[2:] == []


class Error(grpc.RpcError):
    def __init__(self, details, code=grpc.StatusCode.RESOURCE_EXHAUSTED):
        self._details, self._code = details, code

    def code(self):
        return self._code

    def details(self):
        return self._details


def test_the_failure_is_told_and_not_that_time_ran_out_meanwhile():
    call = Call(Retries(), 60, Server())
    busy, late = Error("busy", grpc.StatusCode.UNAVAILABLE), Error("late", grpc.StatusCode.DEADLINE_EXCEEDED)
    assert call.wait(busy) <= 0.1
    with pytest.raises(Error, match="busy"):
        call.wait(late)
    with pytest.raises(Error, match="late"):
        Call(Retries(), 60, Server()).wait(late)


def test_a_message_too_large_does_not_pass():
    assert passes(Error("queue is full"))
    assert not passes(Error("Received message larger than max (70 vs. 64)"))


def test_a_copy_of_it_works_anywhere_under_another_name(tmp_path, endpoint):
    service = tmp_path / "myservice"
    service.mkdir()
    (service / "__init__.py").touch()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(__file__).parents[2] / "serving" / "client", service / "genres", ignore=ignored)
    program = f"""
import sys
# The project itself is installed here by a finder of its own.
sys.meta_path = [one for one in sys.meta_path if "editable" not in repr(one).lower()]
from myservice.genres import Film, GenreClient
with GenreClient({endpoint!r}) as client:
    print(client.predict([Film(overview="A letter.")], "lstm")[0].genres)
print([name for name in sys.modules if name.partition(".")[0] in ("serving", "pipeline", "transform")])
"""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines() == [str(tuple(GENRES)), "[]"], done.stderr


def call(*arguments):
    return CliRunner().invoke(cli.main, ["predict", *map(str, arguments)])


def test_predict_prints_a_table_or_json(endpoint):
    shown = call("--overview", "A letter.", "--endpoint", endpoint)
    assert shown.exit_code == 0, shown.output
    assert "Comedy" in shown.output
    assert '"scores"' in call("--overview", "A letter.", "--endpoint", endpoint, "--json").output


def test_predict_speaks_tls_with_a_certificate_that_it_trusts(base_paths, keys, tmp_path):
    config = ssl_config(tmp_path / "ssl", server_key=pem(keys / "server.key"), server_cert=pem(keys / "server"))
    with serving(base_paths["marquee"], ssl_config_file=config) as port:
        asked = ("--overview", "A letter.", "--endpoint", f"localhost:{port}", "--timeout", 3)
        shown = call(*asked, "--ca", keys / "server")
        assert shown.exit_code == 0, shown.output
        assert "Comedy" in shown.output
        for trusting in ((), ("--ca", keys / "stranger")):
            refused = call(*asked, *trusting)
            assert (refused.exit_code, "UNAVAILABLE" in refused.output) == (2, True), refused.output


class Counting(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers for as many films as it is asked about, so many times, and remembers the requests."""

    def __init__(self):
        self.requests = []
        self.answers = math.inf

    def Predict(self, request, context):
        if len(self.requests) >= self.answers:
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        self.requests.append(request)
        films = next(iter(request.inputs.values())).tensor_shape.dim[0].size
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        response.outputs["genres"].CopyFrom(tf.make_tensor_proto([["Low", "High"]] * films))
        response.outputs["scores"].CopyFrom(tf.make_tensor_proto(np.float32([[0.1, 0.9]] * films)))
        response.outputs["predicted"].CopyFrom(tf.make_tensor_proto(np.int64([[0, 1]] * films)))
        return response

    @property
    def asked(self):
        """Model, and by input the values, of each request."""
        return [
            (request.model_spec.name, {name: list(tensor.string_val) for name, tensor in request.inputs.items()})
            for request in self.requests
        ]


@pytest.fixture
def counting():
    """A server that takes messages of 64 MiB, as ours does unless told otherwise."""
    servicer = Counting()
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", 64 << 20)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, server)
    servicer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer
    server.stop(0)


@pytest.mark.parametrize(
    ("has", "model", "inputs"),
    [
        (["poster"], "cnn", {"poster": [b"a poster"]}),
        (["overview"], "lstm", {"overview": [b"A letter."]}),
        (["poster", "overview"], "fusion", {"poster": [b"a poster"], "overview": [b"A letter."]}),
    ],
)
def test_predict_asks_the_model_for_what_is_given(counting, tmp_path, has, model, inputs):
    (tmp_path / "poster.jpg").write_bytes(b"a poster")
    given = {"poster": ["--poster", tmp_path / "poster.jpg"], "overview": ["--overview", "A letter."]}
    done = call(*(part for name in has for part in given[name]), "--endpoint", counting.address)
    assert done.exit_code == 0, done.output
    assert "Genres: High" in done.output
    assert counting.asked == [(model, inputs)]


def test_predict_a_table_with_a_folder_of_posters(counting, tmp_path):
    table, out, images = tmp_path / "films.csv", tmp_path / "out.csv", tmp_path / "images"
    images.mkdir()
    (images / "tt1.jpg").write_bytes(b"one")
    (images / "tt2.png").write_bytes(b"two")
    table.write_text("Id,Overview\ntt1,A letter.\ntt2,\ntt3,A war.\n../tt1,\n")
    done = call("--csv", table, "--images", images, "--out", out, "--endpoint", counting.address, "--batch-size", "2")
    assert done.exit_code == 0, done.output
    assert counting.asked == [
        ("fusion", {"poster": [b"one", b"two"], "overview": [b"A letter.", b""]}),
        ("fusion", {"poster": [b""], "overview": [b"A war."]}),
    ]
    assert "4 films" in done.output  # beside the bar
    assert "100%" in done.output
    assert "4 films, 1 of them without an answer" in done.output


def test_posters_beyond_what_a_message_holds_are_asked_about_in_parts(counting, tmp_path):
    table, out, images = tmp_path / "films.csv", tmp_path / "out.csv", tmp_path / "images"
    images.mkdir()
    for number in range(24):
        with open(images / f"tt{number}.jpg", "wb") as file:
            file.truncate((70 if number == 5 else 3) << 20)
    table.write_text("Id\n" + "".join(f"tt{number}\n" for number in range(24)))
    done = call("--csv", table, "--images", images, "--out", out, "--model", "cnn", "--endpoint", counting.address)
    assert done.exit_code == 0, done.output
    with open(out, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Id"] for row in rows] == [f"tt{number}" for number in range(24)]
    assert [row["Id"] for row in rows if row["Genres"] != "High"] == ["tt5"]
    assert "larger than max" in rows[5]["Error"]
    assert max(request.ByteSize() for request in counting.requests) <= 16 << 20


def test_a_poster_that_cannot_be_read_costs_no_other_film_its_answer(counting, tmp_path, monkeypatch):
    table, out, images = tmp_path / "films.csv", tmp_path / "out.csv", tmp_path / "images"
    images.mkdir()
    for number in range(5):
        (images / f"tt{number}.jpg").write_bytes(b"poster")
    table.write_text("Id,Overview\n" + "".join(f"tt{number},A letter.\n" for number in range(5)))
    read = Path.read_bytes

    def read_bytes(path):
        if path.name == "tt3.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    done = call("--csv", table, "--images", images, "--out", out, "--endpoint", counting.address)
    assert done.exit_code == 0, done.output
    lines = out.read_text().splitlines()
    assert lines[4] == f"tt3,,,{images / 'tt3.jpg'}: cannot be read (Permission denied)."
    assert [line.split(",")[1] for line in lines[1:]] == ["High", "High", "High", "", "High"]


def test_predict_a_table_keeps_the_rows_order_and_names_what_cannot_be_asked(endpoint, tmp_path):
    table, out = tmp_path / "films.csv", tmp_path / "out.csv"
    rows = [f"tt{number},{'A letter.' if number % 7 else ''}" for number in range(50)]
    table.write_text("Id,Overview\n" + "\n".join(rows) + "\n")
    done = call("--csv", table, "--out", out, "--endpoint", endpoint, "--batch-size", "8")
    assert done.exit_code == 0, done.output
    assert "50 films, 8 of them without an answer" in done.output
    lines = out.read_text().splitlines()
    assert lines[0] == "Id,Genres,Scores,Error"
    assert [line.split(",")[0] for line in lines[1:]] == [f"tt{number}" for number in range(50)]
    assert lines[1] == "tt0,,,neither poster nor overview"
    assert lines[2].startswith("tt1,Comedy|Drama|War,Comedy=0.5000 ")


def test_a_bad_row_or_a_megabyte_costs_no_other_film_its_answer(counting, tmp_path):
    table, out = tmp_path / "films.csv", tmp_path / "out.csv"
    long = "A war. " * 150_000
    table.write_bytes(
        f'Id,Overview\ntt1,A letter.\ntt2,"{long}"\ntt3,Amélie.\n'.encode()
        + b'tt4,Am\xe9lie.\ntt5,A\0war.\nt\xe96,War.\ntt7,"A "war" again."\ntt8\ntt9,"Never closed\ntt10,Last.\n'
    )
    done = call("--csv", table, "--out", out, "--endpoint", counting.address)
    assert done.exit_code == 0, done.output
    with open(out, newline="", encoding="utf-8") as file:
        rows = {row["Id"]: row["Error"] for row in csv.DictReader(file)}
    assert rows == {
        "tt1": "",
        "tt2": "",
        "tt3": "",
        "tt4": "line 5: the text is not UTF-8",
        "tt5": "line 6: the row holds NUL bytes",
        "t?6": "line 7: the text is not UTF-8",
        "tt7": "line 8: not CSV: ',' expected after '\"'",
        "tt8": "neither poster nor overview",
        "tt9": "line 10: not CSV: unexpected end of data",
        "tt10": "",
    }
    [(_, asked)] = counting.asked
    assert asked == {"overview": [b"A letter.", long.strip().encode(), "Amélie.".encode(), b"Last."]}


def many(folder: Path) -> tuple[Path, Path]:
    """A table of ten films, and the file for their answers."""
    table = folder / "films.csv"
    table.write_text("Id,Overview\n" + "".join(f"tt{number},A letter.\n" for number in range(10)))
    return table, folder / "out.csv"


def ids(file: Path) -> list[str]:
    with open(file, newline="") as opened:
        return [row["Id"] for row in csv.DictReader(opened) if row["Genres"] == "High"]


def test_what_was_answered_before_an_error_is_kept(counting, tmp_path):
    table, out = many(tmp_path)
    counting.answers = 2
    asked = ("--csv", table, "--out", out, "--endpoint", counting.address, "--batch-size", "3", "--timeout", "3")
    done = call(*asked)
    assert done.exit_code == 2
    said = done.output.replace("\n", "")
    assert f"UNAVAILABLE: gone. The answers for the 6 films until then are in {out}.part." in said
    assert sorted(tmp_path.iterdir()) == [table, tmp_path / "out.csv.part"]
    assert ids(tmp_path / "out.csv.part") == [f"tt{number}" for number in range(6)]
    counting.answers = math.inf
    assert call(*asked).exit_code == 0
    assert ids(out) == [f"tt{number}" for number in range(10)]


def test_what_was_answered_before_ctrl_c_is_kept(counting, tmp_path, monkeypatch):
    table, out = many(tmp_path)
    predict = GenreClient.predict

    def stopped(client, films, model):
        if len(counting.requests) == 2:
            raise KeyboardInterrupt
        return predict(client, films, model)

    monkeypatch.setattr(GenreClient, "predict", stopped)
    done = call("--csv", table, "--out", out, "--endpoint", counting.address, "--batch-size", "4")
    assert done.exit_code == 1
    assert f"The answers for the 8 films until then are in {out}.part." in done.output.replace("\n", "")
    assert "Aborted!" in done.output
    assert ids(tmp_path / "out.csv.part") == [f"tt{number}" for number in range(8)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--overview", "A \udce9 war."], "marquee: --overview: the text is not UTF-8."),
        (["--overview", "x", "--model", "\udce9"], "marquee: --model: the text is not UTF-8."),
        (["--overview", "x", "--endpoint", "\udce9:1"], "marquee: --endpoint: the text is not UTF-8."),
        (
            ["--overview", "x", "--endpoint", "127.0.0.1:1", "--timeout", "3"],
            "marquee: 127.0.0.1:1, model lstm: UNAVAILABLE",
        ),
        (["--overview", "x", "--ca", "nowhere.crt"], "nowhere.crt: cannot be read"),
        (["--overview", "x", "--ca", __file__], "test_client.py: holds no certificate in PEM form"),
        (["--poster", "nowhere.jpg"], "nowhere.jpg: cannot be read"),
        (["--csv", "nowhere.csv", "--out", "x.csv"], "nowhere.csv: cannot be read"),
        (["--csv", "films.csv"], "--csv needs --out"),
        ([], "Give a film"),
    ],
)
def test_mistakes_are_named_and_leave_no_file(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_goes_away_leaves_no_half_a_table(shaky, tmp_path):
    table, out = tmp_path / "films.csv", tmp_path / "out.csv"
    table.write_text("Id,Overview\ntt1,A letter.\n")
    _, address = shaky(100)
    done = call("--csv", table, "--out", out, "--endpoint", address, "--timeout", "0.5")
    assert done.exit_code == 2
    assert sorted(tmp_path.iterdir()) == [table]
