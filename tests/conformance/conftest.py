"""The two servers that are asked: ours, which always runs, and one that is given by its address."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import aiohttp
import grpc
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from pipeline.paths import ROOT
from tests.conformance import models
from tests.serving.wire import Wire, served

NO_ENDPOINT = "no ENDPOINT given: start tensorflow/serving as serving/deploy/README.md says"
MONITORING = ROOT / "serving" / "deploy" / "monitoring.config"
NO_REST = "no REST_ENDPOINT given"


@dataclass
class Endpoint:
    """A server that serves the models of tests.conformance.models."""

    wire: Wire
    root: str  # folder of the models, as the server sees it
    _loop: asyncio.AbstractEventLoop

    def run(self, scenario: Callable[[Wire], Awaitable[None]]) -> None:
        self._loop.run_until_complete(asyncio.wait_for(scenario(self.wire), 300))


@pytest.fixture(scope="module", params=["local", "given"])
def endpoint(request, tmp_path_factory) -> Iterator[Endpoint]:
    if request.param == "local":
        folder = tmp_path_factory.mktemp("conformance")
        config = models.write(folder / "models", folder / "models")
        flags = {"model_config_file": str(config), "monitoring_config_file": str(MONITORING)}
        root, server = str(config.parent), served({}, folder, enable_grpc_healthcheck_service=True, **flags)
    elif address := os.environ.get("CONFORMANCE_ENDPOINT"):
        root = os.environ.get("CONFORMANCE_MODEL_ROOT") or models.MOUNT
        server = connected(address, os.environ.get("CONFORMANCE_REST_ENDPOINT", ""))
    else:
        pytest.skip(NO_ENDPOINT)
    loop = asyncio.new_event_loop()  # of the server as well, where it is ours: it answers while a scenario runs
    wire = loop.run_until_complete(server.__aenter__())
    try:
        yield Endpoint(wire, root, loop)
    finally:
        loop.run_until_complete(server.__aexit__(None, None, None))
        loop.close()


@pytest.fixture
def rest(endpoint) -> Endpoint:
    """The same, where it is known to have REST."""
    return endpoint if endpoint.wire.rest else pytest.skip(NO_REST)


@contextlib.asynccontextmanager
async def connected(address: str, rest: str) -> AsyncIterator[Wire]:
    """A client of a server that runs elsewhere.

    Args:
        address: host:port of gRPC.
        rest: host:port of REST; empty where there is none.
    """
    async with grpc.aio.insecure_channel(address) as channel, aiohttp.ClientSession() as session:
        try:
            await asyncio.wait_for(channel.channel_ready(), 30)
        except asyncio.TimeoutError:
            pytest.fail(f"{address}: no server answers")
        yield Wire(
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
            channel,
            session,
            rest and f"http://{rest}",
            int(address.rpartition(":")[2]),
        )
