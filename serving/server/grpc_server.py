"""PredictionService and ModelService over gRPC, health and reflection beside them."""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.server import errors
from serving.server.handlers import Handlers

PREDICTION = "tensorflow.serving.PredictionService"
MODEL = "tensorflow.serving.ModelService"
HEALTH = "grpc.health.v1.Health"
WINDOW_BYTES = 1 << 20  # of a message that a client sends without waiting

Call = Callable[..., Awaitable[Any]]


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Every call but SessionRun, which tensorflow_model_server does not serve either."""

    def __init__(self, handlers: Handlers):
        self._handlers = handlers

    async def Predict(self, request: predict_pb2.PredictRequest, context: grpc.aio.ServicerContext) -> bytes:
        """The answer is serialized already; see make_server."""
        return await _answered(context, self._handlers.predict_serialized, request, _deadline(context))

    async def Classify(
        self, request: classification_pb2.ClassificationRequest, context: grpc.aio.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        return await _answered(context, self._handlers.classify, request, _deadline(context))

    async def Regress(
        self, request: regression_pb2.RegressionRequest, context: grpc.aio.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        return await _answered(context, self._handlers.regress, request, _deadline(context))

    async def MultiInference(
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.aio.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        return await _answered(context, self._handlers.multi_inference, request, _deadline(context))

    async def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.aio.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        return await _answered(context, self._handlers.get_model_metadata, request)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """What is served, and what is to be."""

    def __init__(self, handlers: Handlers):
        self._handlers = handlers

    async def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.aio.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        return await _answered(context, self._handlers.get_model_status, request)

    async def HandleReloadConfigRequest(
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.aio.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        return await _answered(context, self._handlers.reload_config, request)


class Health(health_pb2_grpc.HealthServicer):
    """grpc.health.v1: SERVING from the start, as models are loaded before a port is opened, until `ending` is set."""

    def __init__(self, services: Sequence[str], ending: asyncio.Event):
        self._services = services
        self._ending = ending

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return self._answer(request)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, _: grpc.aio.ServicerContext
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Ends with the server: one that is open would have it wait for all its grace."""
        first = self._answer(request)
        yield first
        await self._ending.wait()
        last = self._answer(request)
        if last != first:
            yield last

    def _answer(self, request: health_pb2.HealthCheckRequest) -> health_pb2.HealthCheckResponse:
        status = "NOT_SERVING" if self._ending.is_set() else "SERVING"
        return health_pb2.HealthCheckResponse(status=status if request.service in self._services else "SERVICE_UNKNOWN")


class Reflection(reflection.aio.ReflectionServicer):
    """grpc.reflection.v1alpha, whose streams end once `ending` is set."""

    def __init__(self, services: Sequence[str], ending: asyncio.Event):
        super().__init__(services)
        self._ending = ending

    async def ServerReflectionInfo(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for response in super().ServerReflectionInfo(_until(self._ending, requests), context):
            yield response


def make_server(
    handlers: Handlers,
    ending: asyncio.Event,
    *,
    max_message_bytes: int,
    channel_arguments: Sequence[tuple[str, Any]] = (),
    healthy: bool = False,
    shares_port: bool = False,
) -> grpc.aio.Server:
    """A server without ports.

    Args:
        handlers: answer the calls.
        ending: set before the server is stopped; what a client may keep open for good ends then.
        max_message_bytes: the largest request; a larger one is answered RESOURCE_EXHAUSTED by gRPC itself.
        channel_arguments: of gRPC's core, by name.
        shares_port: other processes listen on the same port.
        healthy: serve grpc.health.v1 as well.
    """
    options: dict[str, Any] = {
        "grpc.max_receive_message_length": max_message_bytes,
        "grpc.max_send_message_length": -1,
        "grpc.so_reuseport": int(shares_port),
        # Probing for a window that fits costs a ping for every poster; this one is wide enough for a batch of them.
        "grpc.http2.bdp_probe": 0,
        "grpc.http2.lookahead_bytes": WINDOW_BYTES,
    }
    options.update(channel_arguments)  # given twice, the first would count for gRPC
    server = grpc.aio.server(options=list(options.items()))
    predictions = PredictionService(handlers)
    predict = grpc.unary_unary_rpc_method_handler(
        predictions.Predict, request_deserializer=predict_pb2.PredictRequest.FromString
    )
    # Before the generated handlers, whose Predict takes messages: the first that knows a method answers.
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(PREDICTION, {"Predict": predict}),))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(predictions, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(handlers), server)
    names = [PREDICTION, MODEL, reflection.SERVICE_NAME]
    if healthy:
        health_pb2_grpc.add_HealthServicer_to_server(Health(("", PREDICTION, MODEL), ending), server)
        names.append(HEALTH)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(Reflection(names, ending), server)
    return server


def channel_arguments(text: str) -> list[tuple[str, Any]]:
    """--grpc_channel_arguments: KEY=VALUE, comma-separated; whole numbers are numbers.

    Raises:
        ServingError: INVALID_ARGUMENT, a part is not KEY=VALUE.
    """
    found: list[tuple[str, Any]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise errors.invalid(f"--grpc_channel_arguments: {part!r} is not KEY=VALUE")
        found.append((key, int(value) if value.lstrip("-").isdecimal() else value))
    return found


def credentials(config: Any, file: str) -> grpc.ServerCredentials:
    """TLS as an SSLConfig says.

    Args:
        config: the SSLConfig.
        file: where it was read, for the message.

    Raises:
        ServingError: INVALID_ARGUMENT, a field of it is no PEM text, or is missing.
    """
    for field in ("server_cert", "custom_ca"):
        text = getattr(config, field)
        if text or field == "server_cert":
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=text)
            except (ssl.SSLError, ValueError) as error:
                raise errors.invalid(f"{file}: {field} holds no certificates in PEM form ({_why(error)})") from None
    try:
        _check_key(config)
    except (ssl.SSLError, ValueError) as error:
        raise errors.invalid(
            f"{file}: server_key is no private key in PEM form, or not that of server_cert ({_why(error)})"
        ) from None
    if config.client_verify and not config.custom_ca:
        raise errors.invalid(f"{file}: client_verify needs custom_ca, the certificates that clients' are verified by")
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )


def _check_key(config: Any) -> None:
    """Raises where OpenSSL can't take the key with the certificate."""
    # It takes them from a file only: one in memory.
    handle = os.memfd_create("tls")
    try:
        os.write(handle, f"{config.server_key}\n{config.server_cert}\n".encode())
        # A password would be asked for at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{handle}", password="")
    finally:
        os.close(handle)


def _why(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error)


async def _answered(context: grpc.aio.ServicerContext, call: Call, *arguments: Any) -> Any:
    try:
        return await call(*arguments)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        refusal = errors.of(error)
        await context.abort(refusal.code, errors.fitting(refusal.message))


async def _until(ending: asyncio.Event, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The items that come before `ending` is set."""
    ended = asyncio.ensure_future(ending.wait())
    item: asyncio.Future[Any] | None = None
    try:
        while True:
            item = asyncio.ensure_future(anext(items))
            await asyncio.wait([item, ended], return_when=asyncio.FIRST_COMPLETED)
            if not item.done():
                return
            try:
                found = item.result()
            except StopAsyncIteration:
                return
            yield found
    finally:
        ended.cancel()
        if item is not None:
            item.cancel()


def _deadline(context: grpc.aio.ServicerContext) -> float | None:
    remaining = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining
