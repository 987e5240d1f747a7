"""TensorFlow Serving's REST API, and its metrics for Prometheus."""

import asyncio
import contextlib
import functools
import inspect
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import tensorflow as tf
from aiohttp import web
from google.protobuf import json_format
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server import configs, errors, json_pieces, rest_json, tensors
from serving.server.errors import ServingError, invalid
from serving.server.flags import Flags
from serving.server.handlers import REST, SIGNATURE_DEF, Handlers
from serving.server.manager import ServableManager
from serving.server.metrics import Metrics
from serving.server.servable import DEFAULT_SIGNATURE, Servable

try:
    from asyncio import timeout as time_limit  # type: ignore[attr-defined]
except ImportError:  # Python 3.10, where aiohttp brings this one
    from async_timeout import timeout as time_limit

MODELS = "/{v1:(?i:v1)}/{models:(?i:models)}"  # in whatever case, as TensorFlow Serving reads paths
MODEL = MODELS + "/{name:[^/:]+}{version:(?i:/versions/[0-9]+)?}{label:(?i:/labels/[^/:]+)?}"
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

LARGE = 1 << 16  # bytes of a body from which on a thread reads it
# Fields that have their default are written too, as TensorFlow Serving does; protobuf 5 has another name for it.
_DEFAULTS_TOO = next(
    {name: True}
    for name in ("always_print_fields_with_no_presence", "including_default_value_fields")
    if name in inspect.signature(json_format.MessageToDict).parameters
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """The routes of a server."""

    def __init__(self, handlers: Handlers, manager: ServableManager, timeout: float, max_pending_bytes: int):
        """Makes the routes' handlers.

        Args:
            handlers: answer the calls.
            manager: has the signatures by which JSON becomes tensors.
            timeout: seconds that a body may take to come, and then a call; 0: any time.
            max_pending_bytes: as Bodies takes them.
        """
        self._handlers = handlers
        self._manager = manager
        self._timeout = timeout
        self._bodies = Bodies(max_pending_bytes, timeout if timeout > 0 else None)

    def close(self) -> None:
        self._bodies.close()

    async def predict(self, request: web.Request) -> web.Response:
        async with self._bodies.read(request) as body:
            message = predict_pb2.PredictRequest()
            message.model_spec.CopyFrom(_spec(request, body.content))
            # The version by whose signature the JSON is read is the one that answers, whatever is served by then.
            with self._manager.acquire(message.model_spec) as servable:
                signature = _signature(servable, message.model_spec.signature_name)
                by_row = await body.run(_fill_inputs, message, body.content, signature)
                response = await self._handlers.predict(message, self._deadline(), REST, servable)
            return await body.run(_answer, response, by_row)

    async def classify(self, request: web.Request) -> web.Response:
        async with self._bodies.read(request) as body:
            given = await body.run(_input, body.content)
            message = classification_pb2.ClassificationRequest(model_spec=_spec(request, body.content), input=given)
            response = await self._handlers.classify(message, self._deadline(), REST)
            return await body.run(_classified, response)

    async def regress(self, request: web.Request) -> web.Response:
        async with self._bodies.read(request) as body:
            given = await body.run(_input, body.content)
            message = regression_pb2.RegressionRequest(model_spec=_spec(request, body.content), input=given)
            response = await self._handlers.regress(message, self._deadline(), REST)
            return await body.run(_regressed, response)

    async def nameless(self, request: web.Request) -> web.Response:
        raise invalid("Missing model name in request.")

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
                "metadata": {
                    SIGNATURE_DEF: json_format.MessageToDict(
                        signatures, preserving_proto_field_name=True, **_DEFAULTS_TOO
                    )
                },
            }
        )

    def _deadline(self) -> float | None:
        return time.monotonic() + self._timeout if self._timeout > 0 else None


class Body:
    """A request's JSON object. What is made of a large one is made in a thread."""

    def __init__(self, content: dict[str, Any], threads: ThreadPoolExecutor | None):
        self.content = content
        self._threads = threads

    async def run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        if self._threads is None:
            return call(*arguments)
        return await _in_thread(self._threads, call, *arguments)


class Bodies:
    """Reads bodies, large ones in threads, and bounds the memory that they and their values take at a time."""

    def __init__(self, max_pending_bytes: int, timeout: float | None):
        """Makes the threads.

        Args:
            max_pending_bytes: of all bodies that are being read or answered, and what their values take; the values of
                one body may not take more either.
            timeout: seconds in which a body must have come; None: any time.
        """
        self._most = max_pending_bytes
        self._timeout = timeout
        self._held = 0
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="json")

    @contextlib.asynccontextmanager
    async def read(self, request: web.Request) -> AsyncIterator[Body]:
        """The body of a request, counted until the block ends.

        Raises:
            HTTPRequestEntityTooLarge: it is larger than the application's client_max_size.
            HTTPRequestTimeout: it did not come in time.
            ServingError: UNAVAILABLE, there is no room for it now. INVALID_ARGUMENT, there never is, or it is no JSON
                object.
        """
        mine = 0
        try:
            self._check(0, request.content_length or 0)
            text = bytearray()
            try:
                # Whoever stops in the middle would hold his share for good, and all others would be refused.
                async with time_limit(self._timeout):
                    while chunk := await request.content.readany():
                        self._check(mine, len(chunk))
                        mine += len(chunk)
                        self._held += len(chunk)
                        text += chunk
                        if len(text) > request.client_max_size:
                            raise web.HTTPRequestEntityTooLarge(max_size=request.client_max_size, actual_size=len(text))
            except asyncio.TimeoutError:
                raise web.HTTPRequestTimeout(
                    text=f"The request's body did not come within {self._timeout:g} s: {len(text)} bytes of it are here"
                ) from None
            if len(text) < LARGE:
                yield Body(rest_json.body_of(bytes(text)), None)
                return
            whole = bytes(text)
            del text
            cost = await _in_thread(self._threads, json_pieces.cost, whole)
            if cost > self._most:
                raise invalid(
                    f"JSON Parse error: the values of {len(whole)} bytes take up to {cost} bytes of memory, and at "
                    f"most {self._most} are allowed"
                )
            self._check(mine, cost)
            mine += cost
            self._held += cost
            content = await _in_thread(self._threads, rest_json.body_of, whole)
            del whole
            yield Body(content, self._threads)
        finally:
            self._held -= mine

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    def _check(self, mine: int, more: int) -> None:
        """Raises where a body that holds so many bytes cannot have more of them now; alone it always can."""
        others = self._held - mine
        if others and self._held + more > self._most:
            raise errors.unavailable(
                f"The server is busy: bodies of REST requests hold {others} bytes, and this one of {mine + more} bytes "
                f"would exceed {self._most}; try again."
            )


def application(
    handlers: Handlers,
    manager: ServableManager,
    metrics: Metrics,
    *,
    timeout: float,
    max_bytes: int,
    max_pending_bytes: int,
    metrics_path: str,
) -> web.Application:
    """The application of a server.

    Args:
        handlers: answer the calls.
        manager: has the signatures.
        metrics: what `metrics_path` shows.
        timeout: seconds that a body may take to come, else 408, and then a call, else 504; 0: any time.
        max_bytes: of a request's body; a larger one is answered 413.
        max_pending_bytes: of all bodies and their values; beyond it, 503.
        metrics_path: empty for none.
    """
    rest = Rest(handlers, manager, timeout, max_pending_bytes)
    app = web.Application(client_max_size=max_bytes, middlewares=[_errors_as_json])

    async def close(_: web.Application) -> None:
        rest.close()

    app.on_cleanup.append(close)
    for verb in ("predict", "classify", "regress"):
        app.router.add_post(f"{MODEL}:{{verb:(?i:{verb})}}", getattr(rest, verb))
    app.router.add_get(MODELS, rest.nameless)
    app.router.add_get(MODEL, rest.status)
    app.router.add_get(f"{MODEL}/{{metadata:(?i:metadata)}}", rest.metadata)
    if metrics_path:

        async def show(_: web.Request) -> web.Response:
            return web.Response(text=metrics.render(), content_type="text/plain", charset="utf-8")

        app.router.add_get(metrics_path, show)
    return app


async def start(
    flags: Flags, handlers: Handlers, manager: ServableManager, metrics: Metrics, ends: contextlib.AsyncExitStack
) -> tuple[int, Callable[[float], Awaitable[None]]]:
    """Opens the port; `ends` closes it.

    Returns:
        The port, and what accepts no more connections and gives the calls at work so many seconds to end.

    Raises:
        ServingError: the port cannot be had, or the monitoring configuration not be used.
    """
    app = application(
        handlers,
        manager,
        metrics,
        timeout=flags.rest_api_timeout_in_ms / 1000,
        max_bytes=flags.max_message_bytes,
        max_pending_bytes=flags.max_pending_bytes,
        metrics_path=_metrics_path(flags.monitoring_config_file),
    )
    # A handler whose client hangs up is cancelled, so that its rows leave the queue as those of a gRPC call do.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=30, handler_cancellation=True)
    await runner.setup()
    ends.push_async_callback(runner.cleanup)
    port = max(flags.rest_api_port, 0)  # below 0: any that is free
    site = web.TCPSite(runner, flags.host, port, reuse_port=flags.workers > 1)
    try:
        await site.start()
    except OSError as error:
        raise errors.unavailable(f"{flags.host}:{port}: cannot be listened on ({error.strerror}).") from error
    return runner.addresses[0][1], functools.partial(_end, runner)


async def _end(runner: web.AppRunner, grace: float) -> None:
    for site in list(runner.sites):
        await site.stop()
    assert runner.server is not None
    await runner.server.shutdown(grace)


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
    except web.HTTPRequestTimeout as error:
        # 504 says that the model was late; this one tells clients and proxies that they were. What still comes of the
        # body is no other request.
        answer = _json({"error": error.text}, 408)
        answer.force_close()
        return answer
    except web.RequestPayloadError as error:
        request.content.feed_eof()  # else aiohttp reads on, and logs what it meets
        answer = _json({"error": f"Request body cannot be read: {str(error).splitlines()[-1].strip()}"}, 400)
        answer.force_close()
        return answer
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        # A path that is none of its own, or one of the other method: to TensorFlow Serving both are the same.
        status = 400 if request.path.lower().startswith("/v1/") else 404
        return _json({"error": f"Malformed request: {request.method} {request.path}"}, status)
    except Exception as error:
        refusal = errors.of(error)
        return _json({"error": refusal.message}, STATUS.get(refusal.code, 500))


async def _in_thread(threads: ThreadPoolExecutor, call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives that a thread makes. Cancelled, it ends once the thread has let go of what it was given."""
    job = threads.submit(call, *arguments)
    try:
        return await asyncio.wrap_future(job)
    except asyncio.CancelledError:
        if not job.cancel():  # it runs: the memory that it takes must be counted until then
            await asyncio.gather(asyncio.wrap_future(job), return_exceptions=True)
        raise


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
            raise invalid(f"Failed to convert version: {version.rsplit('/', 1)[1]} to numeric.") from None
    elif label:
        spec.version_label = label.rsplit("/", 1)[1]
    return spec


def _signature(servable: Servable, name: str) -> Any:
    """A signature, or the words that TensorFlow Serving's REST API has for one that is none, other than gRPC's."""
    try:
        return servable.signature(name)
    except ServingError:
        raise invalid(f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in signature def') from None


def _answer(response: predict_pb2.PredictResponse, by_row: bool) -> web.Response:
    outputs = {key: tensors.from_proto(value, key) for key, value in response.outputs.items()}
    return _json(rest_json.answer_of(outputs, by_row))


def _classified(response: classification_pb2.ClassificationResponse) -> web.Response:
    results = [[[one.label, one.score] for one in classes.classes] for classes in response.result.classifications]
    return _json({"results": results})


def _regressed(response: regression_pb2.RegressionResponse) -> web.Response:
    return _json({"results": [one.value for one in response.result.regressions]})


def _fill_inputs(message: predict_pb2.PredictRequest, content: dict[str, Any], signature: Any) -> bool:
    """Writes the inputs into a request; whether they came row by row."""
    inputs, by_row = rest_json.inputs_of(content, signature)
    for key, value in inputs.items():
        if value.dtype == object:
            tensors.fill_proto(message.inputs[key], value)
        else:  # as they lie in memory: number by number, millions of them hold up everyone
            message.inputs[key].CopyFrom(
                tensor_pb2.TensorProto(
                    dtype=tf.dtypes.as_dtype(value.dtype).as_datatype_enum,
                    tensor_shape=tensor_shape_pb2.TensorShapeProto(
                        dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in value.shape]
                    ),
                    tensor_content=value.tobytes(),
                )
            )
    return by_row


def _input(body: dict[str, Any]) -> input_pb2.Input:
    examples, context = rest_json.examples_of(body)
    if context is None:
        return input_pb2.Input(example_list=input_pb2.ExampleList(examples=examples))
    return input_pb2.Input(
        example_list_with_context=input_pb2.ExampleListWithContext(examples=examples, context=context)
    )


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(content, ensure_ascii=False), status=status, content_type="application/json")
