"""Answers the requests of both protocols: finds the version, checks, runs, answers, counts and logs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import grpc
import numpy as np
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server import json_pieces, tensors, wire
from serving.server.errors import ServingError, failed, invalid, of
from serving.server.manager import Handle, ServableManager
from serving.server.metrics import Metrics
from serving.server.request_log import RequestLog
from serving.server.servable import (
    CLASSIFY,
    DEFAULT_SIGNATURE,
    EXAMPLES,
    REGRESS,
    Servable,
    answers_of,
    checked_signature,
)

SIGNATURE_DEF = "signature_def"
GRPC = "GRPC"
REST = "REST"
FEW_INPUTS = 32  # of a request, that are converted before anyone asks how many the signature has

T = TypeVar("T")


class Runner(Protocol):
    """Runs a signature: batching.Batcher or batching.Direct."""

    def submit(
        self,
        servable: Servable,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: tuple[str, ...],
        rows: int | None,
        deadline: float | None,
        size: int | None = None,
    ) -> Awaitable[dict[str, np.ndarray]]: ...

    def convert(self, size: int, call: Callable[..., T], *arguments: Any) -> Awaitable[T]: ...


class Handlers:
    """Every call of PredictionService and ModelService, whichever protocol it came by.

    Each takes and returns messages of tensorflow_serving.apis, and raises ServingError where it refuses. `deadline` is
    a moment of time.monotonic() after which no work is begun and DEADLINE_EXCEEDED is raised; None for none.
    `entrypoint`, GRPC or REST, is a label of the metrics. A cancelled call leaves the queue that it waits in.
    """

    def __init__(
        self,
        manager: ServableManager,
        runner: Runner,
        metrics: Metrics,
        request_log: RequestLog | None = None,
        *,
        alone: bool = True,
    ):
        """Makes the handlers.

        Args:
            manager: has the models.
            runner: runs them.
            metrics: count the calls.
            request_log: gets what is asked and answered.
            alone: no other process answers on the same ports, so that a call can change what is served.
        """
        self._manager = manager
        self._alone = alone
        self._runner = runner
        self._metrics = metrics
        self._request_log = request_log

    async def predict(
        self,
        request: predict_pb2.PredictRequest,
        deadline: float | None = None,
        entrypoint: str = GRPC,
        held: Servable | None = None,
    ) -> predict_pb2.PredictResponse:
        """Runs any signature on tensors of any dtype; `output_filter` chooses the outputs, none means all.

        `held` is the version that answers, where the caller holds it already: it may be none that others find.
        """
        with self._call("Predict", entrypoint, request, _model_spec, held) as call:
            return await self._predict(call, request, deadline)

    async def predict_serialized(
        self, request: predict_pb2.PredictRequest, deadline: float | None = None, entrypoint: str = GRPC
    ) -> bytes:
        """As `predict`, the response serialized: in less time than by way of a message."""
        with self._call("Predict", entrypoint, request, _model_spec) as call:
            if self._request_log is not None:
                return (await self._predict(call, request, deadline)).SerializeToString()
            name, values = await self._predicted(call, request, deadline)
            answer = call.servable.name, call.servable.version, name, values
            if call.rows > tensors.MANY_EXAMPLES:
                return await asyncio.to_thread(wire.response, *answer)
            return wire.response(*answer)

    async def classify(
        self, request: classification_pb2.ClassificationRequest, deadline: float | None = None, entrypoint: str = GRPC
    ) -> classification_pb2.ClassificationResponse:
        """Runs a signature of method tensorflow/serving/classify on tf.Examples."""
        with self._call("Classify", entrypoint, request, _model_spec) as call:
            name = _signature_name(request.model_spec)
            response = classification_pb2.ClassificationResponse()
            given, size = await self._examples(call, request.input, [(name, CLASSIFY)])
            await self._infer(call, name, CLASSIFY, given, size, deadline, response.result)
            _fill_spec(response.model_spec, call.servable, name)
            self._log("classify_log", request, response, response.model_spec)
            return response

    async def regress(
        self, request: regression_pb2.RegressionRequest, deadline: float | None = None, entrypoint: str = GRPC
    ) -> regression_pb2.RegressionResponse:
        """Runs a signature of method tensorflow/serving/regress on tf.Examples."""
        with self._call("Regress", entrypoint, request, _model_spec) as call:
            name = _signature_name(request.model_spec)
            response = regression_pb2.RegressionResponse()
            given, size = await self._examples(call, request.input, [(name, REGRESS)])
            await self._infer(call, name, REGRESS, given, size, deadline, response.result)
            _fill_spec(response.model_spec, call.servable, name)
            self._log("regress_log", request, response, response.model_spec)
            return response

    async def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest, deadline: float | None = None, entrypoint: str = GRPC
    ) -> inference_pb2.MultiInferenceResponse:
        """Runs several classify and regress signatures of one model on the same tf.Examples."""
        with self._call("MultiInference", entrypoint, request, _tasks_spec) as call:
            response = inference_pb2.MultiInferenceResponse()
            tasks = [(_signature_name(task.model_spec), task.method_name) for task in request.tasks]
            signatures = [checked_signature(call.servable, name, method) for name, method in tasks]
            if len({signature.inputs[EXAMPLES].name for signature in signatures}) > 1:
                raise invalid("Input tensor must be the same for all Signatures.")
            given, size = await self._examples(call, request.input, tasks)
            runs = []
            for name, method in tasks:
                answer = response.results.add()
                _fill_spec(answer.model_spec, call.servable, name)
                result = answer.classification_result if method == CLASSIFY else answer.regression_result
                runs.append(self._infer(call, name, method, given, size, deadline, result))
            await _all(runs)
            self._log("multi_inference_log", request, response, response.results[0].model_spec)
            return response

    async def get_model_metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The signatures of a version."""
        spec = _model_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for key in request.metadata_field:
            if key != SIGNATURE_DEF:
                raise invalid(f"Metadata field {key} is not supported")
        with self._manager.acquire(spec) as servable:
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in servable.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            _fill_spec(response.model_spec, servable, "")
            response.metadata[SIGNATURE_DEF].Pack(signatures)
            return response

    async def get_model_status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The state of each version of a model, or of one version, with its error where it has one."""
        spec = _model_spec(request)
        version = spec.version.value if spec.HasField("version") else None
        if spec.WhichOneof("version_choice") == "version_label":
            with self._manager.acquire(spec) as servable:
                version = servable.version
        statuses = self._manager.statuses(spec.name, version)
        return get_model_status_pb2.GetModelStatusResponse(model_version_status=statuses)

    async def reload_config(
        self, request: model_management_pb2.ReloadConfigRequest
    ) -> model_management_pb2.ReloadConfigResponse:
        """Serves another list of models; what the manager's `reload` raises is the answer.

        Raises:
            ServingError: FAILED_PRECONDITION, other processes would go on serving what they have.
        """
        if not self._alone:
            raise failed(
                "HandleReloadConfigRequest would reach one of several --workers. Change the --model_config_file "
                "instead, with --model_config_file_poll_wait_seconds, or take --workers=1"
            )
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        await self._manager.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response

    def _call(
        self, api: str, entrypoint: str, request: Any, spec: Callable[[Any], Any], held: Servable | None = None
    ) -> "_Call":
        """Holds the version that a request asks for, and counts the call by its end and its latency."""
        return _Call(self._manager, self._metrics, api, entrypoint, request, spec, held)

    async def _predict(
        self, call: "_Call", request: predict_pb2.PredictRequest, deadline: float | None
    ) -> predict_pb2.PredictResponse:
        name, values = await self._predicted(call, request, deadline)
        response = predict_pb2.PredictResponse()
        for key, value in values.items():
            tensors.fill_proto(response.outputs[key], value)
        _fill_spec(response.model_spec, call.servable, name)
        self._log("predict_log", request, response, response.model_spec)
        return response

    async def _predicted(
        self, call: "_Call", request: predict_pb2.PredictRequest, deadline: float | None
    ) -> tuple[str, dict[str, np.ndarray]]:
        """The signature that a request is for, and its outputs."""
        name = _signature_name(request.model_spec)
        outputs = call.servable.outputs(name, request.output_filter)
        given, size = request.inputs, None
        if len(given) > FEW_INPUTS:
            most = len(call.servable.signature(name).inputs)
            if not call.servable.least_inputs(name) <= len(given) <= most:
                raise invalid(f"input size does not match signature: {len(given)}!={most}.")  # names, too, are many
        try:
            inputs = {key: tensors.from_proto(proto, key, tensors.MANY) for key, proto in given.items()}
        except tensors.Many:
            headers = {key: tensors.header(proto, key) for key, proto in given.items()}
            # Before work is put into what does not fit.
            call.servable.check(name, call.servable.completed(name, headers))
            largest = sum(tensors.size_to_be(proto, headers[key]) for key, proto in given.items())
            inputs, size = await self._runner.convert(largest, tensors.from_protos, given)
        return name, await self._run(call, name, inputs, outputs, deadline, size)

    async def _examples(
        self, call: "_Call", given: Any, tasks: Iterable[tuple[str, str]]
    ) -> tuple[np.ndarray, int | None]:
        """The serialized tf.Examples, string [N], for signatures and their methods; their bytes where they are many."""
        if not tensors.are_many(given):
            return tensors.examples(given), None
        for name, method in tasks:
            checked_signature(call.servable, name, method)
        return await self._runner.convert(tensors.examples_size(given), _uncollected, tensors.sized_examples, given)

    async def _run(
        self,
        call: "_Call",
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: tuple[str, ...],
        deadline: float | None,
        size: int | None,
    ) -> dict[str, np.ndarray]:
        inputs = call.servable.completed(signature, inputs)
        rows = call.servable.check(signature, inputs)
        begun = time.monotonic()
        values = await self._runner.submit(call.servable, signature, inputs, outputs, rows, deadline, size)
        self._metrics.ran(call.servable.name, call.api, time.monotonic() - begun)
        call.rows = rows or 0
        return values

    async def _infer(
        self,
        call: "_Call",
        name: str,
        method: str,
        given: np.ndarray,
        size: int | None,
        deadline: float | None,
        result: Any,
    ) -> None:
        """Runs a classify or regress signature on serialized tf.Examples, string [N], and fills the result."""
        outputs = answers_of(checked_signature(call.servable, name, method), method)
        values = await self._run(call, name, {EXAMPLES: given}, outputs, deadline, size)
        fill = tensors.fill_classifications if method == CLASSIFY else tensors.fill_regressions
        if len(given) > tensors.MANY_EXAMPLES:
            await asyncio.to_thread(_uncollected, fill, result, values, len(given))
        else:
            fill(result, values, len(given))

    def _log(self, kind: str, request: Any, response: Any, spec: Any) -> None:
        if self._request_log is not None:
            self._request_log.log(kind, request, response, spec)


class _Call:
    """One request on its way: the version that it holds, and how many rows it brought.

    As a `with` block it raises ServingError, whatever was raised inside, and passes cancellation on.
    """

    __slots__ = ("_begun", "_entrypoint", "_handle", "_held", "_manager", "_metrics", "_request", "_spec", "api",
                 "rows", "servable")  # fmt: skip

    def __init__(
        self,
        manager: ServableManager,
        metrics: Metrics,
        api: str,
        entrypoint: str,
        request: Any,
        spec: Callable[[Any], Any],
        held: Servable | None,
    ):
        self._manager = manager
        self._metrics = metrics
        self._entrypoint = entrypoint
        self._request = request
        self._spec = spec
        self._held = held
        self._handle: Handle | None = None
        self.api = api
        self.rows = 0
        self.servable: Servable

    def __enter__(self) -> "_Call":
        self._begun = time.monotonic()
        if self._held is not None:
            self.servable = self._held
            return self
        try:
            handle = self._manager.acquire(self._spec(self._request))
            self.servable = handle.__enter__()
            self._handle = handle
        except Exception as error:
            self._end(error)
            raise
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """Lets go of the version and counts the call; raises a ServingError for an error that is none."""
        # A client may write any name, so that of a model that isn't served becomes no label of the metrics.
        model, code, rows = "", "OK", self.rows
        if self._handle is not None:
            self._handle.__exit__()
        if self._handle is not None or self._held is not None:
            model = self.servable.name
        refusal = of(error) if isinstance(error, Exception) else None
        if refusal is not None:
            code, rows = refusal.code.name, 0
        elif isinstance(error, asyncio.CancelledError):
            code, rows = "CANCELLED", 0
        seconds = time.monotonic() - self._begun
        self._metrics.request_ended(model, self.api, self._entrypoint, code, seconds, rows)
        if refusal is not None and refusal is not error:
            raise refusal from error


def _model_spec(request: Any) -> Any:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    return request.model_spec


def _tasks_spec(request: inference_pb2.MultiInferenceRequest) -> Any:
    """The one model that all tasks of a request are for."""
    if not request.tasks:
        raise invalid("Inference request requires at least one task.")
    if not all(task.model_spec.name for task in request.tasks):
        raise invalid("Found ModelSpec with an empty model name.")
    if len({task.model_spec.name for task in request.tasks}) > 1:
        raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    seen = set()
    for task in request.tasks:
        name = _signature_name(task.model_spec)
        if name in seen:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        if task.method_name not in (CLASSIFY, REGRESS):
            raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
    return request.tasks[0].model_spec


def _signature_name(spec: Any) -> str:
    return spec.signature_name or DEFAULT_SIGNATURE


def _uncollected(call: Callable[..., T], *arguments: Any) -> T:
    with json_pieces.uncollected():
        return call(*arguments)


def _fill_spec(spec: Any, servable: Servable, signature: str) -> None:
    spec.name = servable.name
    spec.version.value = servable.version
    spec.signature_name = signature


async def _all(runs: Iterable[Awaitable[None]]) -> None:
    """Waits for all; where one fails the others are given up, and its error is raised."""
    tasks = [asyncio.ensure_future(run) for run in runs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
