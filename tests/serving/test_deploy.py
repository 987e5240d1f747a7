"""The files for the official image, as far as they can be tried without it: on our own server."""

import asyncio
import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import grpc
import pytest
import yaml
from tensorflow_serving.apis import prediction_service_pb2_grpc

from pipeline import settings, stack
from serving.server import configs
from serving.server.flags import Flags, parse
from serving.server.main import start
from tests.serving.wire import request, tensor

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "serving" / "deploy"
MOUNTED = "/etc/marquee"  # where the container has DEPLOY

GENRES = [b"Comedy", b"Drama", b"War"]


@pytest.fixture(scope="module")
def service():
    [service] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].values()
    return service


@pytest.fixture
def deployed(tmp_path, base_paths):
    """A copy of the folder, whose models are tiny ones."""
    secrets = shutil.ignore_patterns("server.*", "ssl.config")
    folder = shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=secrets)
    config = folder / "models.config"
    config.write_text(re.sub('"/models/[a-z]+"', f'"{base_paths["marquee"]}"', config.read_text()))
    return folder


def variables(text: str, **given: str) -> str:
    """What compose makes of a text with ${NAME:-default} and ${NAME:?complaint} in it."""
    return re.sub(
        r"\$\{(\w+)(?::([-?])(.*?))?\}",
        lambda found: given.get(found[1]) or (found[3] if found[2] == "-" else pytest.fail(f"{found[1]} is not set")),
        text,
    )


def flags_of(service, folder: Path, **given: str) -> Flags:
    """As in compose.yaml, on free ports, its files taken from `folder`."""
    flags = parse([variables(part, **given).replace(MOUNTED, str(folder)) for part in service["command"]])
    return dataclasses.replace(flags, port=0, rest_api_port=-1)


def predicted(flags: Flags, model: str, certificate: Path | None = None, **inputs) -> list[bytes]:
    """The genres that a server, started so, knows."""

    async def main() -> list[bytes]:
        server = await start(flags)
        try:
            channel = (
                grpc.aio.secure_channel(
                    f"localhost:{server.port}", grpc.ssl_channel_credentials(certificate.read_bytes())
                )
                if certificate
                else grpc.aio.insecure_channel(f"localhost:{server.port}")
            )
            async with channel:
                stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
                return tensor(await stub.Predict(request(model, **inputs), timeout=20), "genres")[0].tolist()
        finally:
            await server.stop(1)

    return asyncio.run(main())


def test_the_image_is_of_the_tensorflow_minor_that_trains(service):
    tags = {}
    for name in ("1.16", "1.21"):
        lock = (ROOT / "requirements" / f"tfx-{name}.lock").read_text()
        [version] = set(re.findall(r"^tensorflow==([\d.]+)", lock, re.MULTILINE))
        tags[name] = stack.serving_tag(version)
    assert variables(service["image"]) == f"tensorflow/serving:{tags['1.16']}"
    assert f"MARQUEE_SERVING_TAG={tags['1.21']}" in (DEPLOY / "README.md").read_text()
    assert variables(service["image"], MARQUEE_SERVING_TAG=tags["1.21"]) == f"tensorflow/serving:{tags['1.21']}"


def test_every_text_config_parses():
    names = [model.name for model in configs.model_server(DEPLOY / "models.config").model_config_list.config]
    assert names == list(settings.load(ROOT / "marquee.toml").models)
    assert configs.batching(DEPLOY / "batching.config").max_batch_size.value == 32
    assert configs.monitoring(DEPLOY / "monitoring.config").prometheus_config.enable
    assert "PRIVATE KEY-----\n" in configs.ssl(DEPLOY / "ssl.config.example").server_key


def test_models_are_mounted_read_only_and_localhost_is_the_default(service):
    mounts = [variables(volume, MARQUEE_WORK="/srv/work") for volume in service["volumes"]]
    assert mounts == [
        f"./:{MOUNTED}:ro",
        "/srv/work/serving_model:/models:ro",
        "/srv/work/serving_model:/srv/work/serving_model:ro",
    ]
    assert [variables(port) for port in service["ports"]] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]


@pytest.mark.parametrize("model", ["cnn", "lstm", "fusion"])
def test_our_server_takes_the_flags_and_the_configs(service, deployed, model):
    flags = flags_of(service, deployed)
    assert flags.enable_batching
    assert not flags.ssl_config_file
    assert predicted(flags, model, overview=[b"a", b"b"]) == GENRES


def test_the_pushers_own_config_can_take_the_place_of_ours(service, deployed, tmp_path, base_paths):
    pushed = tmp_path / "models.config"
    pushed.write_text(
        f'model_config_list {{ config {{ name: "fusion" base_path: "{base_paths["marquee"]}" '
        'model_version_policy { all {} } version_labels { key: "stable" value: 1 } } }'
    )
    flags = flags_of(service, deployed, MARQUEE_MODELS_CONFIG=str(pushed))
    assert predicted(flags, "fusion", overview=[b"a"]) == GENRES


def test_a_certificate_that_is_there_stays_whatever_way_leads_to_it(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for file in ("server.key", "server.crt"):
        (tmp_path / "real" / file).write_text("mine\n")
    subprocess.run([DEPLOY / "certificate.sh", tmp_path / "link", "localhost"], check=True)
    assert [(tmp_path / "real" / file).read_text() for file in ("server.key", "server.crt")] == ["mine\n"] * 2


@pytest.mark.parametrize("there", ["server.key", "server.crt"])
def test_half_of_a_certificate_is_not_written_over(tmp_path, there):
    (tmp_path / there).write_text("mine")
    done = subprocess.run([DEPLOY / "certificate.sh", tmp_path, "localhost"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "one is missing" in done.stderr
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(there, "mine")]


def test_tls_with_a_certificate_that_the_script_made(service, deployed):
    for _ in range(2):  # a second call keeps the key that is there
        subprocess.run([deployed / "certificate.sh", deployed, "localhost"], check=True)
    flags = flags_of(service, deployed, MARQUEE_SSL_CONFIG=f"{MOUNTED}/ssl.config")
    assert predicted(flags, "lstm", deployed / "server.crt", overview=[b"a"]) == GENRES
    assert (deployed / "ssl.config").stat().st_mode & 0o077 == 0
