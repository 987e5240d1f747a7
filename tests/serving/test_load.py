"""The clients of `make bench-serving`: an error must not pass for an answer."""

import asyncio
import time

import pytest

from tests.bench import load
from tests.bench.load import Load
from tests.serving import models
from tests.serving.wire import on_a_server, request


@pytest.fixture(params=["h2load", "python"])
def _generator(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(load, "generator", lambda: None)


@pytest.mark.usefixtures("_generator")
@pytest.mark.parametrize("good", [True, False])
def test_what_the_server_refuses_has_failed(base_paths, tmp_path, good):
    monitoring = tmp_path / "monitoring"
    monitoring.write_text('prometheus_config { enable: true path: "/metrics" }')
    files = []
    for number in range(3):
        files.append(tmp_path / f"body-{number}")
        text = [b"a", b"b" * number, b"c" if good else models.BAD]
        files[-1].write_bytes(load.body(request("rows", text=text).SerializeToString()))

    async def scenario(wire):
        def ask() -> load.Answers:
            endpoint, metrics = f"127.0.0.1:{wire.port}", f"{wire.rest}/metrics"
            with Load(endpoint, metrics, files, clients=3, seconds=600, folder=tmp_path) as running:
                while running.logged() < 12:
                    time.sleep(0.01)
                return running.answers(now=True)

        answers = await asyncio.to_thread(ask)
        assert len(answers.seconds) >= 12
        assert (answers.seconds > 0).all()
        assert answers.rate > 0
        if good:
            assert answers.failed == 0
        else:
            assert answers.failed >= len(answers.seconds)

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, monitoring_config_file=str(monitoring))
