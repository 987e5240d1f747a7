"""TensorFlow Serving's REST API, and its metrics for Prometheus."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from aiohttp import web
from google.protobuf import json_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server import configs, errors, rest_json, tensors
from serving.server.errors import ServingError, invalid
from serving.server.flags import Flags
from serving.server.handlers import REST, SIGNATURE_DEF, Handlers
from serving.server.manager import ServableManager
from serving.server.metrics import Metrics

MODEL = "/v1/models/{name:[^/:]+}{version:(?:/versions/[0-9]+)?}{label:(?:/labels/[^/:]+)?}"
METRICS = "/monitoring/prometheus/metrics"
STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """The routes of a server."""

    def __init__(self, handlers: Handlers, manager: ServableManager, timeout: float):
        """Makes the routes' handlers.

        Args:
            handlers: answer the calls.
            manager: has the signatures by which JSON becomes tensors.
            timeout: seconds that a call may take.
        """
        self._handlers = handlers
        self._manager = manager
        self._timeout = timeout

    async def predict(self, request: web.Request) -> web.Response:
        body = rest_json.body_of(await request.read())
        message = predict_pb2.PredictRequest()
        message.model_spec.CopyFrom(_spec(request, body))
        with self._manager.acquire(message.model_spec) as servable:
            # The version is held until the answer: it is the one whose signature the JSON was read by.
            message.model_spec.version.value = servable.version
            signature = servable.signature(message.model_spec.signature_name)
            inputs, by_row = rest_json.inputs_of(body, signature)
            for key, value in inputs.items():
                tensors.fill_proto(message.inputs[key], value)
            response = await self._handlers.predict(message, self._deadline(), REST)
        outputs = {key: tensors.from_proto(value, key) for key, value in response.outputs.items()}
        return _json(rest_json.answer_of(outputs, by_row))

    async def classify(self, request: web.Request) -> web.Response:
        body = rest_json.body_of(await request.read())
        message = classification_pb2.ClassificationRequest(model_spec=_spec(request, body), input=_input(body))
        response = await self._handlers.classify(message, self._deadline(), REST)
        results = [[[one.label, one.score] for one in classes.classes] for classes in response.result.classifications]
        return _json({"results": results})

    async def regress(self, request: web.Request) -> web.Response:
        body = rest_json.body_of(await request.read())
        message = regression_pb2.RegressionRequest(model_spec=_spec(request, body), input=_input(body))
        response = await self._handlers.regress(message, self._deadline(), REST)
        return _json({"results": [one.value for one in response.result.regressions]})

    async def status(self, request: web.Request) -> web.Response:
        message = get_model_status_pb2.GetModelStatusRequest(model_spec=_spec(request, {}))
        response = await self._handlers.get_model_status(message)
        return _json(
            {
                "model_version_status": [
                    {
                        "version": str(one.version),
                        "state": get_model_status_pb2.ModelVersionStatus.State.Name(one.state),
                        "status": {
                            "error_code": errors.CODES[one.status.error_code].name,
                            "error_message": one.status.error_message,
                        },
                    }
                    for one in response.model_version_status
                ]
            }
        )

    async def metadata(self, request: web.Request) -> web.Response:
        message = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_spec(request, {}), metadata_field=[SIGNATURE_DEF]
        )
        response = await self._handlers.get_model_metadata(message)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata[SIGNATURE_DEF].Unpack(signatures)
        return _json(
            {
                "model_spec": {
                    "name": response.model_spec.name,
                    "signature_name": response.model_spec.signature_name,
                    "version": str(response.model_spec.version.value),
                },
                "metadata": {SIGNATURE_DEF: json_format.MessageToDict(signatures, preserving_proto_field_name=True)},
            }
        )

    def _deadline(self) -> float:
        return time.monotonic() + self._timeout


def application(
    handlers: Handlers, manager: ServableManager, metrics: Metrics, *, timeout: float, max_bytes: int, metrics_path: str
) -> web.Application:
    """The application of a server.

    Args:
        handlers: answer the calls.
        manager: has the signatures.
        metrics: what `metrics_path` shows.
        timeout: seconds that a call may take.
        max_bytes: of a request's body; a larger one is answered 413.
        metrics_path: empty for none.
    """
    rest = Rest(handlers, manager, timeout)
    app = web.Application(client_max_size=max_bytes, middlewares=[_errors_as_json])
    for verb in ("predict", "classify", "regress"):
        app.router.add_post(f"{MODEL}:{verb}", getattr(rest, verb))
    app.router.add_get(MODEL, rest.status)
    app.router.add_get(f"{MODEL}/metadata", rest.metadata)
    if metrics_path:

        async def show(_: web.Request) -> web.Response:
            return web.Response(text=metrics.render(), content_type="text/plain", charset="utf-8")

        app.router.add_get(metrics_path, show)
    return app


async def start(
    flags: Flags, handlers: Handlers, manager: ServableManager, metrics: Metrics, ends: contextlib.AsyncExitStack
) -> int:
    """Opens the port; `ends` closes it.

    Returns:
        The port.

    Raises:
        ServingError: the port cannot be had, or the monitoring configuration not be used.
    """
    app = application(
        handlers,
        manager,
        metrics,
        timeout=flags.rest_api_timeout_in_ms / 1000,
        max_bytes=flags.max_message_bytes,
        metrics_path=_metrics_path(flags.monitoring_config_file),
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=30)
    await runner.setup()
    ends.push_async_callback(runner.cleanup)
    port = max(flags.rest_api_port, 0)  # below 0: any that is free
    site = web.TCPSite(runner, flags.host, port, reuse_port=flags.workers > 1)
    try:
        await site.start()
    except OSError as error:
        raise errors.unavailable(f"{flags.host}:{port}: cannot be listened on ({error.strerror}).") from error
    return runner.addresses[0][1]


def _metrics_path(file: str) -> str:
    if not file:
        return ""
    config = configs.monitoring(file).prometheus_config
    return (config.path or METRICS) if config.enable else ""


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except asyncio.CancelledError:
        raise
    except web.HTTPRequestEntityTooLarge as error:
        return _json({"error": f"Request body too large: {error.text}"}, 413)
    except web.HTTPNotFound:
        return _json({"error": f"Malformed request: {request.method} {request.path}"}, 404)
    except web.HTTPMethodNotAllowed as error:
        return _json({"error": f"Malformed request: {request.method} {request.path}"}, error.status)
    except Exception as error:
        refusal = errors.of(error)
        return _json({"error": refusal.message}, STATUS.get(refusal.code, 500))


def _spec(request: web.Request, body: dict[str, Any]) -> model_pb2.ModelSpec:
    name, version, label = (request.match_info[key] for key in ("name", "version", "label"))
    if version and label:
        raise ServingError(grpc.StatusCode.INVALID_ARGUMENT, "Either a version or a label can be asked for, not both")
    signature = body.get("signature_name", "")
    if not isinstance(signature, str):
        raise invalid("'signature_name' must be a string")
    spec = model_pb2.ModelSpec(name=name, signature_name=signature)
    if version:
        try:
            spec.version.value = int(version.rsplit("/", 1)[1])
        except ValueError:  # beyond 64 bits
            raise errors.not_found(
                f"Servable not found for request: Specific({name}, {version.rsplit('/', 1)[1]})"
            ) from None
    elif label:
        spec.version_label = label.rsplit("/", 1)[1]
    return spec


def _input(body: dict[str, Any]) -> input_pb2.Input:
    examples, context = rest_json.examples_of(body)
    if context is None:
        return input_pb2.Input(example_list=input_pb2.ExampleList(examples=examples))
    return input_pb2.Input(
        example_list_with_context=input_pb2.ExampleListWithContext(examples=examples, context=context)
    )


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(content, ensure_ascii=False), status=status, content_type="application/json")
