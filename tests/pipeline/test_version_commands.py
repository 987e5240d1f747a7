"""marquee versions, promote and rollback, and a server that follows them."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from click.testing import CliRunner
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from pipeline.cli import main
from tests.serving import models


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Two versions of a model that adds its version."""
    folder = tmp_path_factory.mktemp("work")
    for version in (1, 2):
        models.half_plus_two(folder / "serving_model" / "lstm" / str(version), plus=version)
    return folder


def marquee(work: Path, *arguments: str) -> str:
    done = CliRunner().invoke(main, [*arguments, "--work", str(work)], env={"COLUMNS": "120"})
    return f"{done.output}{done.exit_code}"


def answer(stub: prediction_service_pb2_grpc.PredictionServiceStub, label: str = "") -> float | str:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "lstm"
    if label:
        request.model_spec.version_label = label
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([0.0]))
    try:
        return float(tf.make_ndarray(stub.Predict(request, timeout=120).outputs["y"])[0])
    except grpc.RpcError as error:
        return error.details()


def until(expected: object, question) -> None:
    end = time.monotonic() + 120
    while (found := question()) != expected:
        assert time.monotonic() < end, found
        time.sleep(0.1)


def test_a_server_follows_promotions_and_rollbacks(work):
    assert "stable is version 1." in marquee(work, "promote", "lstm", "1")
    command = [str(Path(sys.executable).with_name("marquee")), "serve", "--work", str(work), "--port=0"]

    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = server.stdout.readline()
        endpoint = re.search(r"gRPC at (\S+)", line)
        assert endpoint, line
        with grpc.insecure_channel(endpoint[1]) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            assert (answer(stub), answer(stub, "stable")) == (2.0, 1.0)
            marquee(work, "promote", "lstm")
            until(2.0, lambda: answer(stub, "stable"))
            assert "stable is version 1, no longer 2" in marquee(work, "rollback", "lstm")
            until(1.0, lambda: answer(stub, "stable"))
            assert answer(stub, "previous") == 2.0
            assert "canary" in answer(stub, "canary")
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.communicate()


def test_versions_are_listed_newest_first_with_their_labels(work):
    marquee(work, "promote", "lstm", "1", "--label", "canary")
    shown = marquee(work, "versions")
    rows = [line.replace("│", " ").split() for line in shown.splitlines() if "lstm" in line]
    assert [row[1] for row in rows] == ["2", "1"]
    assert rows[0][-1] == "(newest)"
    assert "canary" in rows[1][-2] + rows[1][-1]
    assert shown.endswith("\n0")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["versions", "gru"], "no version of 'gru' in it"),
        (["promote", "gru"], "no version of 'gru' in it. Models there: lstm."),
        (["promote", "lstm", "7"], "lstm 7: no such version. There are: 1, 2."),
        (["rollback", "gru"], "no version of 'gru' in it"),
    ],
)
def test_what_is_not_there_is_named(work, arguments, words):
    shown = marquee(work, *arguments)
    assert words in shown
    assert shown.endswith("2")


def test_a_version_that_is_no_time_has_no_date(tmp_path):
    for version in (1_700_000_000, 20261125150210, (1 << 63) - 1):
        folder = tmp_path / "serving_model" / "lstm" / str(version)
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").touch()
    shown = marquee(tmp_path, "versions")
    rows = [line.replace("│", " ").split() for line in shown.splitlines() if "lstm" in line]
    assert rows == [
        ["lstm", "9223372036854775807", "0.0", "(newest)"],
        ["lstm", "20261125150210", "0.0"],
        ["lstm", "1700000000", "2023-11-14", "22:13", "0.0"],
    ]


def test_an_empty_folder_is_not_promoted(tmp_path):
    (tmp_path / "serving_model" / "lstm" / "7").mkdir(parents=True)
    for arguments in (["promote", "lstm"], ["promote", "lstm", "7"]):
        shown = marquee(tmp_path, *arguments)
        assert "serving_model/lstm/7: no server can load it, since it has no saved_model.pb." in shown
        assert shown.endswith("2")
    assert not (tmp_path / "serving_model" / "models.config").exists()


def test_nothing_to_list_or_to_serve(tmp_path):
    assert "no version in it. `marquee run` pushes one." in marquee(tmp_path, "versions")
    assert "no model has been pushed to it" in marquee(tmp_path, "serve")
