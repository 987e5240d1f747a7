"""A whole server in this process, and requests over the wire."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc

from serving.server.flags import Flags
from serving.server.main import start


@dataclass
class Wire:
    """A client of a server."""

    predictions: Any
    models: Any
    channel: grpc.aio.Channel
    session: aiohttp.ClientSession
    rest: str
    port: int

    async def predict(self, request: predict_pb2.PredictRequest, timeout: float = 20) -> predict_pb2.PredictResponse:
        return await self.predictions.Predict(request, timeout=timeout)

    async def refused(self, request: predict_pb2.PredictRequest, timeout: float = 20) -> tuple[grpc.StatusCode, str]:
        """The code and the words of a refusal."""
        try:
            await self.predict(request, timeout)
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or ""
        raise AssertionError("was answered")

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        data = body if isinstance(body, (bytes, str)) else None
        async with self.session.post(
            f"{self.rest}{path}", data=data, json=None if data is not None else body
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.rest}{path}") as answer:
            text = await answer.text()
            return answer.status, text if answer.content_type == "text/plain" else await answer.json()


@contextlib.asynccontextmanager
async def served(models: Mapping[str, Path], folder: Path, **flags: Any) -> AsyncIterator[Wire]:
    """A server of these models, base path by name."""
    config = folder / "models.config"
    each = "".join(f'config {{ name: "{name}" base_path: "{path}" }}\n' for name, path in models.items())
    config.write_text(f"model_config_list {{ {each} }}")
    given = {"port": 0, "rest_api_port": -1, "model_config_file": str(config), "file_system_poll_wait_seconds": 0.05}
    server = await start(Flags(**(given | flags)))
    try:
        async with (
            grpc.aio.insecure_channel(
                f"127.0.0.1:{server.port}", options=[("grpc.max_send_message_length", -1)]
            ) as channel,
            aiohttp.ClientSession() as session,
        ):
            yield Wire(
                prediction_service_pb2_grpc.PredictionServiceStub(channel),
                model_service_pb2_grpc.ModelServiceStub(channel),
                channel,
                session,
                f"http://127.0.0.1:{server.rest_port}",
                server.port,
            )
    finally:
        await server.stop(1)


@contextlib.asynccontextmanager
async def relay(port: int, cut_after: float = math.inf) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """A port that passes all on to another one, and what drops its connections, as a client does that is gone.

    A connection is dropped as well once a client has sent `cut_after` bytes.
    """
    writers: list[asyncio.StreamWriter] = []

    def cut() -> None:
        server.close()  # lest a client comes back by itself
        for writer in writers:
            writer.transport.abort()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: float) -> None:
        with contextlib.suppress(OSError):
            while most > 0 and (chunk := await reader.read(int(min(most, 1 << 16)))):
                writer.write(chunk)
                await writer.drain()
                most -= len(chunk)
        if most <= 0:
            cut()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onwards = await asyncio.open_connection("127.0.0.1", port)
        writers.extend([writer, onwards])
        await asyncio.gather(passed_on(reader, onwards, cut_after), passed_on(there, writer, math.inf))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], cut
    finally:
        cut()


def request(model: str, signature: str = "", version: int | None = None, **inputs: Any) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest()
    message.model_spec.name, message.model_spec.signature_name = model, signature
    if version is not None:
        message.model_spec.version.value = version
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message


def tensor(response: predict_pb2.PredictResponse, name: str) -> np.ndarray:
    return tf.make_ndarray(response.outputs[name])


def ssl_config(path: Path, **fields: str | bool) -> str:
    """An SSLConfig written to `path`."""
    lines = [
        f"{name}: {str(value).lower()}" if isinstance(value, bool) else f'{name}: "{value}"'
        for name, value in fields.items()
    ]
    path.write_text("\n".join(lines))
    return str(path)


def pem(path: Path) -> str:
    """A key or certificate, as protobuf's text form has it."""
    return path.read_text().replace("\n", "\\n")


def on_a_server(models: Mapping[str, Path], folder: Path, scenario: Callable[[Wire], Awaitable[None]], **flags: Any):
    """Runs a scenario against a server; five minutes are too long for any, on a machine of any speed."""

    async def whole() -> None:
        async with served(models, folder, **flags) as wire:
            await asyncio.wait_for(scenario(wire), 300)

    asyncio.run(whole())
