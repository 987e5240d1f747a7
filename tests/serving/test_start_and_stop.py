"""How a server listens, what it refuses to start with, and how it ends; in this process."""

import asyncio
import logging
import os
import signal
import time
from pathlib import Path

import aiohttp
import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.server import main as server_main
from serving.server.errors import ServingError
from serving.server.flags import Flags
from serving.server.main import start
from tests.serving import models
from tests.serving.wire import on_a_server, pem, request, ssl_config, tensor

LISTENS = "0A"
# 127.0.0.1 in the kernel's notation, and as an address of IPv6, by way of which gRPC listens.
LOCALHOST = {"0100007F", "0000000000000000FFFF00000100007F"}


def listening() -> dict[int, set[str]]:
    """The addresses that are listened on, in the kernel's notation, by port."""
    found: dict[int, set[str]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, port = local.split(":")
            if state == LISTENS:
                found.setdefault(int(port, 16), set()).add(address)
    return found


def test_unless_told_otherwise_it_listens_on_localhost_alone(base_paths, tmp_path):
    async def scenario(wire):
        found = listening()
        assert found[wire.port] <= LOCALHOST
        assert found[int(wire.rest.rpartition(":")[2])] <= LOCALHOST

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario)


def test_another_host_is_listened_on_where_it_is_asked_for(base_paths, tmp_path):
    async def scenario(wire):
        assert listening()[int(wire.rest.rpartition(":")[2])] == {"00000000"}

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, host="0.0.0.0")


def test_a_models_config_counts_more_than_a_base_path(base_paths, tmp_path):
    async def scenario(wire):
        assert tensor(await wire.predict(request("rows", text=[b"a"])), "echo").tolist() == [b"a"]
        code, words = await wire.refused(request("other", x=np.float32([1])))
        assert (code, words) == (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(other)")

    paths = {"model_name": "other", "model_base_path": str(base_paths["half_plus_two"])}
    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, **paths)


@pytest.mark.parametrize("name", ["port", "rest_api_port"])
def test_a_port_beyond_the_highest_is_told_by_its_flag(base_paths, name):
    assert refusal(base_paths, **{name: 99999}) == f"--{name}=99999: allowed is at most 65535"


def test_a_path_of_metrics_that_cannot_be_served_is_told(base_paths, tmp_path):
    file = tmp_path / "monitoring"
    file.write_text('prometheus_config { enable: true path: "metrics" }')
    said = refusal(base_paths, rest_api_port=-1, monitoring_config_file=str(file))
    assert said.startswith(f"{file}: the path of prometheus_config must begin with '/'")


async def refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


def test_no_port_takes_a_connection_while_calls_of_both_protocols_end(tmp_path):
    models.slow(tmp_path / "1", seconds=4)

    async def main():
        server = await start(Flags(port=0, rest_api_port=-1, model_name="slow", model_base_path=str(tmp_path)))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel, aiohttp.ClientSession() as session:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            by_grpc = asyncio.ensure_future(stub.Predict(request("slow", x=np.float32([1]))))
            url = f"http://127.0.0.1:{server.rest_port}/v1/models/slow:predict"
            by_rest = asyncio.create_task(session.post(url, json={"instances": [2]}))
            await asyncio.sleep(1)
            assert not by_grpc.done()
            assert not by_rest.done()
            stopping = asyncio.create_task(server.stop(20))
            await asyncio.sleep(0.5)
            assert not stopping.done()
            assert await refused(server.port)
            assert await refused(server.rest_port)
            assert not by_rest.done()
            assert tensor(await by_grpc, "y").tolist() == [1]
            answer = await by_rest
            assert (answer.status, await answer.json()) == (200, {"predictions": [2]})
            await stopping

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_rest_call_has_no_longer_than_the_grace(tmp_path):
    models.slow(tmp_path / "1", seconds=5)

    async def main():
        server = await start(Flags(port=0, rest_api_port=-1, model_name="slow", model_base_path=str(tmp_path)))
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{server.rest_port}/v1/models/slow:predict"
            asking = asyncio.create_task(session.post(url, json={"instances": [2]}))
            await asyncio.sleep(1)
            stopping = asyncio.create_task(server.stop(0.1))
            with pytest.raises(aiohttp.ClientError):
                await asyncio.wait_for(asking, 3)
            await stopping

    asyncio.run(asyncio.wait_for(main(), 60))


def test_streams_that_clients_keep_open_end_at_once_and_calls_at_work_are_let_end(tmp_path):
    models.slow(tmp_path / "1", seconds=4)
    states = health_pb2.HealthCheckResponse

    async def main():
        server = await start(
            Flags(port=0, model_name="slow", model_base_path=str(tmp_path), enable_grpc_healthcheck_service=True)
        )
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            names = ("", "tensorflow.serving.PredictionService", "", "nobody")
            watches = [health.Watch(health_pb2.HealthCheckRequest(service=name)) for name in names]
            seen = [[(await watch.read()).status] for watch in watches]
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await health.Check(health_pb2.HealthCheckRequest(service="nobody"))
            assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
            left = health.Watch(health_pb2.HealthCheckRequest())  # of a client that goes
            await left.read()
            left.cancel()
            reflecting = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
            await reflecting.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            assert (await reflecting.read()).HasField("list_services_response")
            silent = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
            await silent.wait_for_connection()
            predicting = asyncio.ensure_future(
                prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request("slow", x=np.float32([1])))
            )
            await asyncio.sleep(1)
            assert not predicting.done()
            begun = time.monotonic()
            stopping = asyncio.create_task(server.stop(40))
            for watch, statuses in zip(watches, seen, strict=True):
                while (answer := await watch.read()) is not grpc.aio.EOF:
                    statuses.append(answer.status)
                assert await watch.code() is grpc.StatusCode.OK
            for stream in (reflecting, silent):
                assert await stream.read() is grpc.aio.EOF
                assert await stream.code() is grpc.StatusCode.OK
            assert not predicting.done()
            assert tensor(await predicting, "y").tolist() == [1]
            await stopping
            assert time.monotonic() - begun < 20
            assert seen == [[states.SERVING, states.NOT_SERVING]] * 3 + [[states.SERVICE_UNKNOWN]]

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_signal_while_models_load_ends_the_start(tmp_path, monkeypatch, capsys, caplog):
    caplog.set_level(logging.INFO, "marquee.serving")
    loaded = []

    class Loaded:
        def __init__(self, name):
            self.name, self.closed = name, False

        def close(self):
            self.closed = True

    def slowly(name, *_):
        loaded.append(Loaded(name))
        os.kill(os.getpid(), signal.SIGTERM)
        end = time.monotonic() + 15
        while "ending before all models are loaded" not in caplog.text and time.monotonic() < end:
            time.sleep(0.01)
        return loaded[-1]

    monkeypatch.setattr(server_main.servable, "Loader", lambda _: slowly)
    listed = ""
    for name in ("a", "b", "c"):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "saved_model.pb").touch()
        listed += f'config {{ name: "{name}" base_path: "{tmp_path / name}" }} '
    (tmp_path / "models.config").write_text(f"model_config_list {{ {listed} }}")
    flags = Flags(port=0, model_config_file=str(tmp_path / "models.config"))
    asyncio.run(asyncio.wait_for(server_main._serve(flags), 60))
    assert [(one.name, one.closed) for one in loaded] == [("a", True)]
    assert "Serving" not in capsys.readouterr().out


def test_what_goes_wrong_while_a_config_is_followed_is_logged_and_it_is_followed_on(tmp_path, caplog):
    config = tmp_path / "models.config"
    config.write_text("model_config_list {}")
    followed = asyncio.Event()

    class Manager:
        calls = 0

        async def reload(self, *_, strict):
            self.calls += 1
            if self.calls == 1:
                raise OSError("out of order")
            followed.set()

    async def main():
        watching = asyncio.create_task(server_main._watch_config(Flags(model_config_file=str(config)), Manager()))
        await asyncio.wait_for(followed.wait(), 10)
        watching.cancel()

    asyncio.run(main())
    assert f"{config} could not be followed" in caplog.text
    assert "OSError: out of order" in caplog.text


def refusal(base_paths, **flags) -> str:
    async def main():
        with pytest.raises(ServingError) as refused:
            await start(Flags(**({"port": 0, "model_base_path": str(base_paths["rows"])} | flags)))
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
        return refused.value.message

    return asyncio.run(main())


def test_a_request_log_that_cannot_be_written_is_told(base_paths, tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc")):
        said = refusal(base_paths, request_log_dir=str(folder))
        assert said.startswith(f"--request_log_dir={folder}: no files can be written there (")


def test_channel_arguments_that_are_none_are_told(base_paths):
    said = refusal(base_paths, grpc_channel_arguments="grpc.max_connection_age_ms=1000,fast")
    assert said == "--grpc_channel_arguments: 'fast' is not KEY=VALUE"


def test_a_client_needs_a_certificate_where_it_is_verified(base_paths, keys, tmp_path):
    config = ssl_config(
        tmp_path / "ssl",
        server_key=pem(keys / "server.key"),
        server_cert=pem(keys / "server"),
        custom_ca=pem(keys / "client"),
        client_verify=True,
    )
    trusted = (keys / "server").read_bytes()

    def credentials(name=None):
        pair = {} if name is None else {
            "private_key": (keys / f"{name}.key").read_bytes(), "certificate_chain": (keys / name).read_bytes()
        }  # fmt: skip
        return grpc.ssl_channel_credentials(trusted, **pair)

    async def ask(port, given):
        async with grpc.aio.secure_channel(f"localhost:{port}", given) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            return await stub.Predict(request("default", text=[b"a"]), timeout=10)

    async def main():
        server = await start(
            Flags(port=0, host="localhost", model_base_path=str(base_paths["rows"]), ssl_config_file=config)
        )
        try:
            assert tensor(await ask(server.port, credentials("client")), "echo").tolist() == [b"a"]
            for given in (credentials(), credentials("stranger")):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await ask(server.port, given)
                assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        finally:
            await server.stop(1)

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"client_verify": True}, "client_verify needs custom_ca"),
        ({"client_verify": True, "custom_ca": "no PEM"}, "custom_ca holds no certificates in PEM form"),
        ({"server_cert": "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n"}, "server_cert holds no"),
        ({"server_cert": ""}, "server_cert holds no certificates"),
        ({"server_key": "no PEM"}, "server_key is no private key in PEM form"),
        ({"server_key": ""}, "server_key is no private key in PEM form"),
        ({"server_key": "client.key"}, "server_key is no private key in PEM form, or not that of server_cert"),
    ],
)
def test_tls_that_cannot_be_is_told_by_file_and_field(base_paths, keys, tmp_path, changed, said):
    fields = {"server_key": pem(keys / "server.key"), "server_cert": pem(keys / "server")} | changed
    if fields["server_key"] == "client.key":
        fields["server_key"] = pem(keys / "client.key")
    config = ssl_config(tmp_path / "ssl", **fields)
    assert refusal(base_paths, ssl_config_file=config).startswith(f"{config}: {said}")
