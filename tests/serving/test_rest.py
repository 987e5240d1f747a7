"""TensorFlow Serving's REST API over a real connection."""

import asyncio
import base64
import json
import threading
import time

import aiohttp
import numpy as np
import pytest

from serving.server import json_pieces, rest
from tests.serving import models
from tests.serving.wire import on_a_server, request, tensor


def b64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}


def test_predict_by_row_and_by_column(base_paths, tmp_path):
    async def scenario(wire):
        path = "/v1/models/half_plus_two:predict"
        assert await wire.post(path, {"instances": [0, 2]}) == (200, {"predictions": [2, 3]})
        assert await wire.post(path, {"instances": [{"x": 0}, {"x": 2}]}) == (200, {"predictions": [2, 3]})
        assert await wire.post(path, {"inputs": [0, 2]}) == (200, {"outputs": [2, 3]})
        assert await wire.post(path, {"inputs": {"x": [4]}, "signature_name": "serving_default"}) == (
            200,
            {"outputs": [4]},
        )
        rows = "/v1/models/rows/versions/1:predict"
        assert await wire.post(rows, {"instances": ["ab", b64(b"c")]}) == (
            200,
            {"predictions": [{"echo": "ab", "length": 2}, {"echo": "c", "length": 1}]},
        )
        assert await wire.post(rows, {"inputs": [b64(b"\xff")]}) == (
            200,
            {"outputs": {"echo": ["\ufffd"], "length": [1]}},
        )

    on_a_server(base_paths, tmp_path, scenario)


def test_a_version_that_is_being_unloaded_answers_the_body_that_it_has_begun_to_read(tmp_path, monkeypatch):
    reading, go_on, fill = threading.Event(), threading.Event(), rest._fill_inputs

    def held_up(*given):
        reading.set()
        assert go_on.wait(60)
        return fill(*given)

    monkeypatch.setattr(rest, "_fill_inputs", held_up)
    base = tmp_path / "model"
    models.half_plus_two(base / "1")

    async def scenario(wire):
        large = [0] * rest.LARGE  # read in a thread
        first = asyncio.ensure_future(wire.post("/v1/models/m:predict", {"inputs": large}))
        assert await asyncio.to_thread(reading.wait, 60)
        models.half_plus_two(tmp_path / "new", plus=3.0)
        (tmp_path / "new").rename(base / "2")
        while ("1", "UNLOADING") not in [
            (one["version"], one["state"]) for one in (await wire.get("/v1/models/m"))[1]["model_version_status"]
        ]:
            await asyncio.sleep(0.05)
        go_on.set()
        assert await first == (200, {"outputs": [2] * rest.LARGE})
        assert await wire.post("/v1/models/m:predict", {"inputs": [0]}) == (200, {"outputs": [3]})

    on_a_server({"m": base}, tmp_path, scenario)


def test_an_input_that_has_a_default_may_be_left_out(tmp_path):
    models.scaled(tmp_path / "scaled" / "1")

    async def scenario(wire):
        path = "/v1/models/scaled:predict"
        assert await wire.post(path, {"inputs": {"x": [1, 2]}}) == (200, {"outputs": [3, 6]})
        assert await wire.post(path, {"inputs": {"x": [1, 2], "scale": 2}}) == (200, {"outputs": [2, 4]})
        assert await wire.post(path, {"instances": [{"x": 1}, {"x": 2}]}) == (200, {"predictions": [3, 6]})

    on_a_server({"scaled": tmp_path / "scaled"}, tmp_path, scenario)


def test_a_body_that_is_not_as_compressed_as_it_says_is_the_clients_mistake(base_paths, tmp_path, caplog):
    async def scenario(wire):
        url = f"{wire.rest}/v1/models/rows:predict"
        async with wire.session.post(url, data=b"no gzip" * 100, headers={"Content-Encoding": "gzip"}) as answer:
            assert answer.status == 400
            assert "cannot be read" in (await answer.json())["error"]
        assert (await wire.post("/v1/models/rows:predict", {"instances": ["a"]}))[0] == 200

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario)
    assert not [record for record in caplog.records if record.name.startswith("aiohttp")]


def test_classify_and_regress(base_paths, tmp_path):
    async def scenario(wire):
        path = "/v1/models/examples_tf1"
        body = {"signature_name": "classify", "examples": [{"x": 0.25}, {"x": [0.5]}]}
        status, answer = await wire.post(f"{path}:classify", body)
        assert (status, answer["results"][0]) == (200, [["low", 0.5], ["high", 0.5]])
        body = {"signature_name": "regress", "context": {"x": 0.5}, "examples": [{}]}
        assert await wire.post(f"{path}:regress", body) == (200, {"results": [1.0]})

    on_a_server({"examples_tf1": base_paths["examples_tf1"]}, tmp_path, scenario)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A models config: version 1, stable, gives y = 2 x; version 2, canary, y = 3 x."""
    folder = tmp_path_factory.mktemp("labelled")
    for version, weight in ((1, 2.0), (2, 3.0)):
        models.examples_tf1(folder / "weighs" / str(version), weight)
    config = folder / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "weighs" base_path: "{folder / "weighs"}" '
        "model_version_policy { all {} } "
        'version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 2 } } }'
    )
    return str(config)


# What is put after the model's name, and the version that it means.
CHOICES = [
    pytest.param("", 2, id="latest"),
    pytest.param("/versions/1", 1, id="version"),
    pytest.param("/versions/2", 2, id="newest version"),
    pytest.param("/labels/stable", 1, id="label"),
    pytest.param("/labels/canary", 2, id="other label"),
    pytest.param("/LABELS/stable", 1, id="path in capitals"),
]


@pytest.mark.parametrize(("choice", "version"), CHOICES)
def test_every_call_takes_a_version_and_a_label(labelled, tmp_path, choice, version):
    path, y = f"/v1/models/weighs{choice}", {1: 0.5, 2: 0.75}[version]

    async def scenario(wire):
        examples = [{"x": 0.25}]
        body = {"signature_name": "classify", "examples": examples}
        assert await wire.post(f"{path}:classify", body) == (200, {"results": [[["low", 1 - y], ["high", y]]]})
        body = {"signature_name": "regress", "examples": examples}
        assert await wire.post(f"{path}:regress", body) == (200, {"results": [y]})
        body = {"instances": [b64(models.example(0.25))]}
        assert await wire.post(f"{path}:predict", body) == (200, {"predictions": [[y]]})
        status, answer = await wire.get(f"{path}/metadata")
        assert (status, answer["model_spec"]["version"]) == (200, str(version))
        status, answer = await wire.get(path)
        versions = [one["version"] for one in answer["model_version_status"]]
        assert (status, versions) == (200, [str(version)] if choice else ["2", "1"])
        assert {one["state"] for one in answer["model_version_status"]} == {"AVAILABLE"}

    on_a_server({}, tmp_path, scenario, model_config_file=labelled)


@pytest.mark.parametrize(
    "call", [":classify", ":regress", ":predict", "", "/metadata"], ids=lambda call: call or "status"
)
@pytest.mark.parametrize(
    ("choice", "code", "words"),
    [
        pytest.param("/versions/7", 404, None, id="version"),
        pytest.param("/labels/old", 400, "Unrecognized servable version label: old", id="label"),
        pytest.param(f"/versions/{2**63}", 400, f"Failed to convert version: {2**63} to numeric.", id="no version"),
        pytest.param("/versions/one", 400, "Malformed request: ", id="word for a version"),
        pytest.param("/versions/1/labels/stable", 400, "not both", id="both"),
    ],
)
def test_a_version_or_label_that_is_none(labelled, tmp_path, call, choice, code, words):
    path = f"/v1/models/weighs{choice}{call}"
    body = {"signature_name": call[1:], "examples": [{"x": 0.25}]}
    if call == ":predict":
        body = {"instances": [b64(models.example(0.25))]}
    missing = "Could not find version 7 of model weighs" if not call else "not found for request: Specific(weighs, 7)"

    async def scenario(wire):
        status, answer = await (wire.post(path, body) if call.startswith(":") else wire.get(path))
        assert (status, (words or missing) in answer["error"]) == (code, True), answer

    on_a_server({}, tmp_path, scenario, model_config_file=labelled)


@pytest.fixture(scope="module")
def strings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strings")
    models.strings(folder / "1")
    return {"strings": folder}


NO_TEXT = b"\xff\x00\xfe"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        pytest.param(
            {"instances": [b64(NO_TEXT), "a"]},
            {
                "predictions": [
                    {
                        "echo": "\ufffd\x00\ufffd",
                        "echo_bytes": b64(NO_TEXT),
                        "pairs_bytes": [b64(NO_TEXT)] * 2,
                        "size_bytes": 3,
                    },
                    {"echo": "a", "echo_bytes": b64(b"a"), "pairs_bytes": [b64(b"a")] * 2, "size_bytes": 1},
                ]
            },
            id="rows",
        ),
        pytest.param(
            {"inputs": [b64(NO_TEXT), ""]},
            {
                "outputs": {
                    "echo": ["\ufffd\x00\ufffd", ""],
                    "echo_bytes": [b64(NO_TEXT), b64(b"")],
                    "pairs_bytes": [[b64(NO_TEXT)] * 2, [b64(b"")] * 2],
                    "size_bytes": [3, 0],
                }
            },
            id="columns",
        ),
        pytest.param(
            {"instances": [{"text": "a"}], "signature_name": "one"},
            {"predictions": [b64(b"a")]},
            id="only output, rows",
        ),
        pytest.param(
            {"inputs": {"text": ["a", b64(NO_TEXT)]}, "signature_name": "one"},
            {"outputs": [b64(b"a"), b64(NO_TEXT)]},
            id="only output, columns",
        ),
    ],
)
def test_strings_are_base64_where_the_output_is_of_bytes(strings, tmp_path, body, answer):
    async def scenario(wire):
        assert await wire.post("/v1/models/strings:predict", body) == (200, answer)
        sent_back = answer.get("predictions") or answer["outputs"]
        if body.get("signature_name"):  # what is answered can be sent as it is
            assert await wire.post("/v1/models/strings:predict", {"instances": sent_back, "signature_name": "one"}) == (
                200,
                {"predictions": sent_back},
            )

    on_a_server(strings, tmp_path, scenario)


def test_status_metadata_and_metrics(base_paths, tmp_path):
    monitoring = tmp_path / "monitoring"
    monitoring.write_text('prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }')

    async def scenario(wire):
        assert await wire.get("/v1/models/rows") == (
            200,
            {
                "model_version_status": [
                    {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
                ]
            },
        )
        status, answer = await wire.get("/v1/models/rows/versions/1/metadata")
        assert status == 200
        assert answer["model_spec"] == {"name": "rows", "signature_name": "", "version": "1"}
        signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
        assert "length" in signature["outputs"]
        text = signature["inputs"]["text"]  # with every field that TensorFlow Serving prints
        assert text["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
        assert text["dtype"] == "DT_STRING"
        await wire.post("/v1/models/rows:predict", {"instances": ["a"]})
        status, text = await wire.get("/monitoring/prometheus/metrics")
        assert status == 200
        assert ':tensorflow:serving:request_count{model_name="rows",status="OK"} 1' in text

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, monitoring_config_file=str(monitoring))


def test_mistakes_have_tensorflow_servings_http_codes(base_paths, tmp_path):
    async def scenario(wire):
        path = "/v1/models/rows:predict"
        deep = b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        for where, body, status, words in (
            ("/v1/models/nope:predict", {"instances": ["a"]}, 404, "Servable not found for request: Latest(nope)"),
            ("/v1/models/rows/versions/9:predict", {"instances": ["a"]}, 404, "Specific(rows, 9)"),
            (
                f"/v1/models/rows/versions/{10**30}:predict",
                {"instances": ["a"]},
                400,
                "Failed to convert version: 10000",
            ),
            ("/v1/models/rows/labels/stable:predict", {"instances": ["a"]}, 400, "Unrecognized servable version label"),
            (path, {"instances": ["a"], "signature_name": "z"}, 400, 'Serving signature name: "z" not found'),
            (path, {"instances": [{"z": "a"}]}, 400, "input tensor alias not found in signature: z"),
            (path, {"instances": [1, 2]}, 400, "not a tensor of string"),
            (path, {"instances": [["a"], "b"]}, 400, "lists of different lengths"),
            (path, {"instances": []}, 400, "a value in it"),
            (path, {"instances": [{"b64": "*"}]}, 400, "no base64"),
            (path, {}, 400, "either 'instances' or 'inputs'"),
            (path, b"[1, 2", 400, "JSON Parse error"),
            (path, b"\xff\xfe", 400, "JSON Parse error"),
            (path, b"[]", 400, "not a JSON object"),
            (path, deep, 400, "nested too deep"),
            (path, b"x" * 300_000, 413, "too large"),
            (path, {"instances": ["fine", models.BAD.decode()]}, 400, "row 1"),
            ("/v1/models/half_plus_two:predict", {"instances": ["text"]}, 400, "not a tensor of float32"),
            ("/v1/models/rows:explain", {}, 400, "Malformed request: POST /v1/models/rows:explain"),
            ("/v1/models/rows", {}, 400, "Malformed request: POST /v1/models/rows"),
            ("/v1/models/half_plus_two:predict", {"instances": [1e300]}, 400, "input x: not a tensor of float32"),
            ("/nowhere", {}, 404, "Malformed request"),
        ):
            answer = await wire.post(where, body)
            assert answer[0] == status, (where, answer)
            assert words in answer[1]["error"]
        for where in (path, "/v1/models/rows/nothing", "/v1/models/rows/labels/a/versions/1"):
            assert await wire.get(where) == (400, {"error": f"Malformed request: GET {where}"})
        status, answer = await wire.get(f"/v1/models/rows/versions/{2**63}")
        assert (status, answer) == (400, {"error": f"Failed to convert version: {2**63} to numeric."})
        assert (await wire.post(path, {"instances": ["still"]}))[0] == 200

    on_a_server(base_paths, tmp_path, scenario, max_message_bytes=250_000)


def test_a_call_that_takes_too_long_is_given_up(base_paths, tmp_path):
    models.slow(tmp_path / "slower" / "1", seconds=3)

    async def scenario(wire):
        begun = time.monotonic()
        status, answer = await wire.post("/v1/models/slower:predict", {"instances": [1]})
        assert (status, answer) == (504, {"error": "The deadline passed before the model could answer."})
        assert time.monotonic() - begun < 2.5
        assert tensor(await wire.predict(request("slow", x=np.float32([1]))), "y").tolist() == [1]

    served = {"slow": base_paths["slow"], "slower": tmp_path / "slower"}
    on_a_server(served, tmp_path, scenario, rest_api_timeout_in_ms=100)


def test_a_timeout_of_0_is_none(base_paths, tmp_path):
    async def scenario(wire):
        assert await wire.post("/v1/models/slow:predict", {"instances": [1]}) == (200, {"predictions": [1]})

    on_a_server({"slow": base_paths["slow"]}, tmp_path, scenario, rest_api_timeout_in_ms=0)


BOMB = b'{"instances": [' + b"[]," * (3 << 20) + b"[]]}"


def test_others_are_answered_while_a_bomb_is_read(base_paths, tmp_path):
    async def scenario(wire):
        path = "/v1/models/half_plus_two:predict"
        bomb = asyncio.create_task(wire.post(path, BOMB))
        answered, longest, begun = 0, 0.0, time.monotonic()
        while not bomb.done():
            before = time.monotonic()
            assert tensor(await wire.predict(request("half_plus_two", x=np.float32([2]))), "y").tolist() == [3]
            assert await wire.post(path, {"instances": [2]}) == (200, {"predictions": [3]})
            longest = max(longest, time.monotonic() - before)
            answered += 1
        assert answered > 10
        assert longest < (time.monotonic() - begun) / 2
        assert (await bomb)[0] == 400

    on_a_server({"half_plus_two": base_paths["half_plus_two"]}, tmp_path, scenario)


def test_large_bodies_are_answered_as_small_ones_are(base_paths, tmp_path):
    async def scenario(wire):
        numbers = list(range(100_000))
        status, answer = await wire.post("/v1/models/half_plus_two:predict", {"instances": numbers})
        assert (status, answer) == (200, {"predictions": [number / 2 + 2 for number in numbers]})
        texts = ["x" * 50_000, "\u00e9\n\\" * 50_000]
        status, answer = await wire.post("/v1/models/rows:predict", {"inputs": texts})
        assert (status, answer["outputs"]["echo"]) == (200, texts)
        many = [{"x": 0.25}] * 10_000
        body = {"signature_name": "regress", "examples": many}
        assert await wire.post("/v1/models/examples_tf1:regress", body) == (200, {"results": [0.5] * 10_000})
        assert (await wire.post("/v1/models/rows:predict", b"[" * 200_000))[0] == 400

    on_a_server(base_paths, tmp_path, scenario)


def test_the_memory_of_bodies_is_bounded(base_paths, tmp_path):
    async def scenario(wire):
        path = "/v1/models/rows:predict"
        status, answer = await wire.post(path, BOMB)
        assert status == 400
        assert "take up to" in answer["error"]
        half = json.dumps({"instances": ["x" * (700 << 10)]}).encode()

        async def slowly():  # the first part is held by the server until the rest comes
            yield half[: 600 << 10]
            await resume.wait()
            yield half[600 << 10 :]

        resume = asyncio.Event()
        async with aiohttp.ClientSession() as session:
            first = asyncio.create_task(session.post(f"{wire.rest}{path}", data=slowly()))
            await asyncio.sleep(0.5)
            refused = await wire.post(path, half)
            assert refused[0] == 503
            assert "The server is busy: bodies of REST requests hold" in refused[1]["error"]
            assert (await wire.post(path, {"instances": ["small"]}))[0] == 200
            resume.set()
            assert (await first).status == 200
        assert (await wire.post(path, half))[0] == 200  # nothing is held any more

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, max_pending_bytes=1 << 20)


def test_a_body_that_stops_in_the_middle_gives_its_share_back(base_paths, tmp_path):
    async def scenario(wire):
        path = "/v1/models/rows:predict"
        reader, writer = await asyncio.open_connection("127.0.0.1", int(wire.rest.rpartition(":")[2]))
        head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n"
        writer.write(head.encode() + b" " * 900_000)
        await writer.drain()
        while (await wire.post(path, {"instances": ["x" * 300_000]}))[0] != 503:
            await asyncio.sleep(0.01)
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 20)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close" in answer
        assert b"did not come within 1 s: 900000 bytes of it are here" in answer
        assert (await wire.post(path, {"instances": ["x" * 300_000]}))[0] == 200
        writer.close()

    on_a_server(
        {"rows": base_paths["rows"]}, tmp_path, scenario, max_pending_bytes=1 << 20, rest_api_timeout_in_ms=1000
    )


def test_examples_with_a_context_that_takes_too_much(base_paths, tmp_path):
    async def scenario(wire):
        path, context = "/v1/models/examples_tf1:regress", {"c": "z" * 100_000, "x": 0.25}
        body = {"signature_name": "regress", "context": context, "examples": [{}] * 5000}
        status, answer = await wire.post(path, body)
        assert status == 429
        assert "examples, each with the context, take up to" in answer["error"]
        body["examples"] = [{}] * 30
        assert await wire.post(path, body) == (200, {"results": [0.5] * 30})

    on_a_server({"examples_tf1": base_paths["examples_tf1"]}, tmp_path, scenario)


def test_base64_as_the_shell_writes_it(base_paths, tmp_path):
    async def scenario(wire):
        wrapped = base64.encodebytes(bytes(range(256))).decode()
        assert wrapped.count("\n") > 3
        body = {"instances": [{"b64": wrapped}, {"b64": "YWI"}], "signature_name": "one"}
        assert await wire.post("/v1/models/strings:predict", body) == (
            200,
            {"predictions": [b64(bytes(range(256))), b64(b"ab")]},
        )
        body["instances"][1]["b64"] = "Y*"
        status, answer = await wire.post("/v1/models/strings:predict", body)
        assert (status, "row 1: no base64" in answer["error"]) == (400, True)

    models.strings(tmp_path / "strings" / "1")
    on_a_server({"strings": tmp_path / "strings"}, tmp_path, scenario)


def test_a_body_is_counted_until_the_thread_that_reads_it_lets_go(base_paths, tmp_path, monkeypatch):
    body = json.dumps({"instances": ["x" * (700 << 10)]}).encode()
    begun, go_on = threading.Event(), threading.Event()
    cost = json_pieces.cost

    def held_up(text):
        begun.set()
        assert go_on.wait(60)
        return cost(text)

    monkeypatch.setattr(json_pieces, "cost", held_up)

    async def scenario(wire):
        path = "/v1/models/rows:predict"
        async with aiohttp.ClientSession() as session:
            gone = asyncio.create_task(session.post(f"{wire.rest}{path}", data=body))
            assert await asyncio.to_thread(begun.wait, 20)
            gone.cancel()
            await asyncio.wait([gone])
        await asyncio.sleep(0.5)  # in which the server misses it
        assert (await asyncio.wait_for(wire.post(path, body), 20))[0] == 503
        go_on.set()
        while (answer := await wire.post(path, body))[0] == 503:
            await asyncio.sleep(0.05)
        assert answer[0] == 200

    try:
        on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, max_pending_bytes=1 << 20)
    finally:
        go_on.set()
