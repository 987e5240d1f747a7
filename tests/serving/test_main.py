"""The server as a process: how it starts, listens and ends."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving import models
from tests.serving.wire import on_a_server, pem, request, ssl_config, tensor

pytestmark = pytest.mark.slow


def begin(*flags, stdout=subprocess.PIPE, **options):
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.server", *map(str, flags)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"},
        **options,
    )
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return process


def ready(process):
    line = process.stdout.readline()
    assert line.startswith("Serving "), line
    return line


def stub_of(address, credentials=None):
    channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def free_port():
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_sigterm_lets_the_call_at_work_end_and_then_exits_with_0(tmp_path):
    path, base = tmp_path / "socket", tmp_path / "slow"
    models.slow(base / "1", seconds=3)
    process = begin("--port=0", "--model_name=slow", f"--model_base_path={base}", f"--grpc_socket_path={path}")
    try:
        ready(process)
        channel = grpc.insecure_channel(f"unix:{path}")
        grpc.channel_ready_future(channel).result(60)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        call = stub.Predict.future(request("slow", x=np.float32([1])), timeout=60)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert tensor(call.result(), "y").tolist() == [1]
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_workers_share_a_port_and_end_together(base_paths):
    port = free_port()
    process = begin(f"--port={port}", "--workers=2", "--model_name=rows", f"--model_base_path={base_paths['rows']}")
    try:
        ready(process)
        ready(process)
        for _ in range(10):
            response = stub_of(f"127.0.0.1:{port}").Predict(request("rows", text=[b"a"]), timeout=60)
            assert tensor(response, "echo").tolist() == [b"a"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_workers_do_not_write_into_each_others_lines(base_paths):
    end, begins = os.pipe2(os.O_DIRECT)  # what reads gets one write at a time
    process = begin(f"--port={free_port()}", f"--model_base_path={base_paths['rows']}", stdout=begins)
    os.close(begins)
    try:
        line = os.read(end, 4096)
        assert re.fullmatch(rb"Serving .*\n", line), line
    finally:
        process.kill()
        os.close(end)


def test_workers_end_with_a_supervisor_that_is_killed(base_paths):
    process = begin(
        f"--port={free_port()}",
        "--workers=2",
        f"--model_base_path={base_paths['rows']}",
        start_new_session=True,  # a group, by which workers that are left can be ended
    )
    try:
        ready(process)
        ready(process)
        process.kill()
        process.wait()
        # Workers write to the same pipe: it ends with the last of them.
        rest = threading.Thread(target=process.stdout.read, daemon=True)
        rest.start()
        rest.join(60)
        assert not rest.is_alive()
    finally:
        with contextlib.suppress(ProcessLookupError):  # as it should be: none is left
            os.killpg(process.pid, signal.SIGKILL)


def test_tls(base_paths, keys, tmp_path):
    config = ssl_config(tmp_path / "ssl", server_key=pem(keys / "server.key"), server_cert=pem(keys / "server"))
    port = free_port()
    process = begin(f"--port={port}", f"--ssl_config_file={config}", f"--model_base_path={base_paths['rows']}")
    try:
        ready(process)
        trusting = grpc.ssl_channel_credentials((keys / "server").read_bytes())
        response = stub_of(f"localhost:{port}", trusting).Predict(request("default", text=[b"a"]), timeout=60)
        assert tensor(response, "echo").tolist() == [b"a"]
        with pytest.raises(grpc.RpcError):
            stub_of(f"localhost:{port}").Predict(request("default", text=[b"a"]), timeout=3)
    finally:
        process.terminate()
        process.wait(60)


def test_a_label_on_a_version_that_is_gone_keeps_no_model_from_being_served(base_paths, tmp_path):
    config = tmp_path / "pushed.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "rows" base_path: "{base_paths["rows"]}" '
        'version_labels { key: "stable" value: 7 } version_labels { key: "canary" value: 1 } } '
        f'config {{ name: "slow" base_path: "{base_paths["slow"]}" }} }}'
    )

    async def scenario(wire):
        assert tensor(await wire.predict(request("slow", x=np.float32([1]))), "y").tolist() == [1]
        asked = request("rows", text=[b"a"])
        asked.model_spec.version_label = "canary"
        assert tensor(await wire.predict(asked), "echo").tolist() == [b"a"]
        asked.model_spec.version_label = "stable"
        assert await wire.refused(asked) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "Unrecognized servable version label: stable",
        )

    on_a_server({}, tmp_path, scenario, model_config_file=str(config))


def test_a_configuration_that_cannot_be_used_is_one_line(tmp_path):
    config = tmp_path / "models.config"
    config.write_text("model_config_list { konfig {} }")
    process = subprocess.run(
        [sys.executable, "-m", "serving.server", f"--model_config_file={config}"], capture_output=True, text=True
    )
    assert process.returncode == 2
    assert f"marquee serve: {config}: 1:" in process.stderr


def test_a_request_log_that_cannot_be_written_is_one_line(base_paths, tmp_path):
    (tmp_path / "file").touch()
    process = subprocess.run(
        [sys.executable, "-m", "serving.server", "--port=0", f"--model_base_path={base_paths['rows']}",
         f"--request_log_dir={tmp_path / 'file'}"],
        capture_output=True, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    assert process.returncode == 2
    assert process.stderr.endswith(
        f"marquee serve: --request_log_dir={tmp_path / 'file'}: no files can be written there (File exists)\n"
    )
    assert "Traceback" not in process.stderr
