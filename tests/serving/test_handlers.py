"""Every call on real SavedModels, through the manager and a batcher: answers, and refusals in TF Serving's words."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

from pipeline import request_logs
from serving.server import servable, tensors
from serving.server.batching import Batcher, BatchingParameters, Direct
from serving.server.errors import ServingError
from serving.server.handlers import CLASSIFY, REGRESS, Handlers
from serving.server.manager import ServableManager
from serving.server.metrics import Metrics
from serving.server.request_log import RequestLog
from tests.serving import models

NAMES = ("half_plus_two", "rows", "dtypes", "examples_tf1", "examples_tf2", "scaled")


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A folder of models, each as version 1."""
    folder = tmp_path_factory.mktemp("models")
    for name in NAMES:
        getattr(models, name)(folder / name / "1")
    models.half_plus_two(folder / "half_plus_two" / "2", plus=3.0)
    return folder


def config(base: Path, names=NAMES) -> model_server_config_pb2.ModelServerConfig:
    found = model_server_config_pb2.ModelServerConfig()
    for name in names:
        model = found.model_config_list.config.add(name=name, base_path=str(base / name))
        if name == "half_plus_two":
            model.model_version_policy.all.SetInParent()
            model.version_labels["stable"] = 1
    return found


@pytest.fixture(params=["batched", "direct"])
def serve(request, base):
    """Runs a coroutine function on the handlers of a server that has loaded everything."""

    def run(main: Callable[[Handlers], Awaitable[Any]], log: RequestLog | None = None) -> Metrics:
        metrics = Metrics()

        async def whole() -> None:
            runner = Batcher(BatchingParameters(), metrics) if request.param == "batched" else Direct(metrics)
            manager = ServableManager(servable.load)
            await manager.reload(config(base))
            try:
                await main(Handlers(manager, runner, metrics, log))
            finally:
                await manager.shutdown()
                runner.close()

        asyncio.run(whole())
        return metrics

    return run


def ask(spec: str, chosen=(), **inputs: Any) -> predict_pb2.PredictRequest:
    request = text_format.Parse(f"model_spec {{ {spec} }}", predict_pb2.PredictRequest())
    request.output_filter.extend(chosen)
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def outputs(response: predict_pb2.PredictResponse) -> dict[str, Any]:
    return {name: tf.make_ndarray(value).tolist() for name, value in response.outputs.items()}


async def refused(call: Awaitable[Any]) -> tuple[str, str]:
    with pytest.raises(ServingError) as caught:
        await call
    return caught.value.code.name, caught.value.message


def examples(request: Any, *values: float) -> Any:
    for value in values:
        request.input.example_list.examples.add().ParseFromString(models.example(value))
    return request


def test_predict_answers_as_the_version_asked_for(serve):
    async def main(handlers: Handlers) -> None:
        for version, number, plus in (("", 2, 3), ("version { value: 1 }", 1, 2), ('version_label: "stable"', 1, 2)):
            response = await handlers.predict(ask(f'name: "half_plus_two" {version}', x=[1.0, 2.0]))
            assert outputs(response) == {"y": [0.5 + plus, 1 + plus]}
            assert response.model_spec.version.value == number
            assert (response.model_spec.name, response.model_spec.signature_name) == (
                "half_plus_two",
                "serving_default",
            )

    serve(main)


def test_predict_answers_the_outputs_asked_for(serve):
    async def main(handlers: Handlers) -> None:
        text = [b"one", b"three", b""]
        response = await handlers.predict(ask('name: "rows"', text=text))
        assert outputs(response) == {"length": [3, 5, 0], "echo": text}
        response = await handlers.predict(ask('name: "rows"', ["length"], text=text))
        assert outputs(response) == {"length": [3, 5, 0]}
        response = await handlers.predict(ask('name: "rows"', text=np.empty([0], dtype="S1")))
        assert outputs(response) == {"length": [], "echo": []}

    serve(main)


def test_predict_takes_any_dtype_and_signatures_without_rows(serve):
    kinds = ("float64", "float16", "bfloat16", "int8", "uint8", "int64", "bool", "complex64")
    given = {kind: tf.cast([1, 0, 1], kind).numpy() for kind in kinds}
    given |= {
        "string": np.array([b"a", b"\xff\x00", b""], object),
        "matrix": np.array([[1.5, 2], [3, 4]], np.float32),
        "scalar": np.int32(7),
    }

    async def main(handlers: Handlers) -> None:
        response = await handlers.predict(ask('name: "dtypes"', **given))
        for name, value in given.items():
            np.testing.assert_array_equal(tf.make_ndarray(response.outputs[f"{name}_out"]), value)

    serve(main)


def test_predict_serialized_answers_as_predict_does(serve, tmp_path):
    """Good requests and odd ones, with and without a request log: same answers, same refusals, same counts."""
    kinds = {"float16": np.float16, "bool": np.bool_, "uint8": np.uint8}
    dtypes = {
        kind: np.ones(2, kinds.get(kind, tf.dtypes.as_dtype(kind).as_numpy_dtype))
        for kind in ("float64", "float16", "bfloat16", "int8", "uint8", "int64", "bool", "complex64")
    }
    dtypes |= {"string": np.array([b"a", b""], object), "matrix": np.ones((2, 2), np.float32), "scalar": np.int32(-7)}
    undone = ask('name: "rows"', text=[b"a"])
    undone.inputs["text"].tensor_shape.dim[0].size = 2**40
    requests = [
        ask('name: "rows"', text=[b"one", b"three", b"\xff" * 300]),
        ask('name: "rows"', ["length"], text=[b"one"]),
        ask('name: "rows"', ["echo", "length"], text=np.empty([0], dtype="S1")),
        ask('name: "rows" signature_name: "serving_default"', text=[b""]),
        ask('name: "half_plus_two"', x=[1.0, float("nan"), -0.0]),
        ask('name: "half_plus_two" version { value: 1 }', x=[1.0]),
        ask('name: "half_plus_two" version_label: "stable"', x=[1.0]),
        ask('name: "dtypes"', **dtypes),
        ask('name: "rows"', text=[b"good", models.BAD]),
        ask('name: "rows"', ["length", "length"], text=[b"a"]),
        ask('name: "rows"', ["nothing"], text=[b"a"]),
        ask('name: "rows"', other=[b"a"]),
        ask('name: "rows"', text=[b"a"], more=[b"a"]),
        ask('name: "rows"', text=[1.0]),
        ask('name: "rows"', text=[[b"a"]]),
        ask('name: "rows"'),
        ask('name: "rows" signature_name: "none"', text=[b"a"]),
        ask('name: "half_plus_two" version { value: 9 }', x=[1.0]),
        ask('name: "half_plus_two" version_label: "none"', x=[1.0]),
        ask('name: "none"', x=[1.0]),
        ask("", x=[1.0]),
        predict_pb2.PredictRequest(),
        undone,
    ]

    def all_of(method: str, log: RequestLog | None = None) -> tuple[list[Any], list[str]]:
        found: list[Any] = []

        async def main(handlers: Handlers) -> None:
            for request in requests:
                try:
                    answer = await getattr(handlers, method)(request)
                except ServingError as error:
                    found.append((error.code, error.message))
                    continue
                if isinstance(answer, bytes):
                    answer = predict_pb2.PredictResponse.FromString(answer)
                found.append({key: value.SerializeToString() for key, value in answer.outputs.items()})
                found.append(answer.model_spec.SerializeToString())

        metrics = serve(main, log)
        counts = [line for line in metrics.render().splitlines() if ":request_count{" in line or "_counts_" in line]
        return found, counts

    expected = all_of("predict")
    assert sum(isinstance(one, tuple) for one in expected[0]) == 15
    assert all_of("predict_serialized") == expected
    log = RequestLog(tmp_path, 1.0, Metrics())
    assert all_of("predict_serialized", log) == expected
    log.close()


def test_predict_refuses_in_the_words_that_clients_know(serve):
    rows = 'name: "rows"'
    cases = [
        (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (ask('name: "nope"'), "NOT_FOUND", "Servable not found for request: Latest(nope)"),
        (ask(f"{rows} version {{ value: 9 }}"), "NOT_FOUND", "Servable not found for request: Specific(rows, 9)"),
        (ask(f'{rows} version_label: "x"'), "INVALID_ARGUMENT", "Unrecognized servable version label: x"),
        (ask(f'{rows} signature_name: "x"'), "FAILED_PRECONDITION", 'Serving signature key "x" not found.'),
        (ask(rows, txt=[b"a"]), "INVALID_ARGUMENT", "input tensor alias not found in signature: txt"),
        (ask(rows), "INVALID_ARGUMENT", "text"),
        (ask(rows, text=[1.0]), "INVALID_ARGUMENT", "dtype"),
        (ask(rows, text=[[b"a"]]), "INVALID_ARGUMENT", "shape"),
        (ask(rows, ["x"], text=[b"a"]), "INVALID_ARGUMENT", "output tensor alias not found in signature: x"),
        (ask(rows, ["echo", "echo"], text=[b"a"]), "INVALID_ARGUMENT", "duplicate output tensor alias: echo"),
        (ask(rows, text=[b"a", b"b", models.BAD]), "INVALID_ARGUMENT", "row 2: "),
    ]
    broken = ask(rows, text=[b"a"])
    broken.inputs["text"].tensor_shape.dim[0].size = 1 << 40
    cases.append((broken, "INVALID_ARGUMENT", "tensor parsing error: text"))

    async def main(handlers: Handlers) -> None:
        for request, code, words in cases:
            got, message = await refused(handlers.predict(request))
            assert (got, words in message) == (code, True), (request, got, message)
        assert outputs(await handlers.predict(ask(rows, ["length"], text=[b"on"]))) == {"length": [2]}

    text = serve(main).render()
    assert ':request_count{model_name="rows",status="OK"} 1\n' in text
    assert "nope" not in text


@pytest.fixture
def converting(monkeypatch) -> list[int]:
    """The threads that converted numbers one by one."""
    found: list[int] = []
    fromiter = np.fromiter

    def noted(values, dtype, count=-1):
        found.append(threading.get_ident())
        return fromiter(values, dtype=dtype, count=count)

    monkeypatch.setattr(np, "fromiter", noted)
    return found


def one_by_one(request: predict_pb2.PredictRequest, name: str, count: int, **fields: Any) -> predict_pb2.PredictRequest:
    """Adds an input whose values are in a field of its TensorProto."""
    proto = request.inputs[name]
    for field, value in fields.items():
        getattr(proto, field).extend([value] * count)
    proto.dtype = {"float_val": 1, "int64_val": 9, "string_val": 7}[next(iter(fields))]
    proto.tensor_shape.dim.add(size=count)
    return request


MANY = tensors.MANY + 1


def test_of_what_does_not_fit_no_value_is_converted(serve, converting):
    half = 'name: "half_plus_two"'
    two = one_by_one(one_by_one(ask(half), "x", MANY, float_val=1), "y", MANY, int64_val=1)
    wide = one_by_one(ask(half), "x", MANY, float_val=1)
    wide.inputs["x"].tensor_shape.dim.add(size=1)
    crowd = ask(half)
    for number in range(1000):
        one_by_one(crowd, f"{number}", 1, float_val=1)
    deep = ask(half)
    deep.inputs["x"].dtype = 1
    for _ in range(100_000):
        deep.inputs["x"].tensor_shape.dim.add(size=1 << 62)
    cases = [
        (one_by_one(ask(half), "z", MANY, int64_val=1), "input tensor alias not found in signature: z. Inputs"),
        (one_by_one(ask(half), "x", MANY, int64_val=1), "input x is expected to be of dtype float32, not int64."),
        (one_by_one(ask(half), "x", MANY, string_val=b""), "input x is expected to be of dtype float32, not string."),
        (two, "input size does not match signature: 2!=1 len({x,y}) != len({x}). Sent extra: {y}."),
        (wide, f"input x must have the shape [?]; it has [{MANY},1]."),
        (crowd, "input size does not match signature: 1000!=1."),
        (deep, "tensor parsing error: x: its shape has 100000 dimensions"),
    ]

    async def main(handlers: Handlers) -> None:
        converting.clear()  # a model's defaults, as it was loaded
        for request, words in cases:
            for call in (handlers.predict, handlers.predict_serialized):
                code, message = await refused(call(request))
                assert (code, message.startswith(words)) == ("INVALID_ARGUMENT", True), message
        assert converting == []
        assert outputs(await handlers.predict(ask(half, x=[1.0]))) == {"y": [3.5]}

    serve(main)


def test_many_values_are_converted_off_the_loop(base, converting):
    async def main() -> None:
        runner = Direct(Metrics())
        manager = ServableManager(servable.load)
        await manager.reload(config(base, ["half_plus_two", "rows"]))
        handlers = Handlers(manager, runner, Metrics())
        small = one_by_one(ask('name: "half_plus_two" version { value: 1 }'), "x", tensors.MANY, float_val=2)
        response = await handlers.predict(small)
        assert set(converting) == {threading.get_ident()}
        assert outputs(response) == {"y": [3] * tensors.MANY}
        converting.clear()
        large = one_by_one(ask('name: "half_plus_two" version { value: 1 }'), "x", MANY, float_val=2)
        response = await handlers.predict(large)
        assert len(converting) > 1
        assert threading.get_ident() not in converting
        assert outputs(response) == {"y": [3] * MANY}
        texts = one_by_one(ask('name: "rows"'), "text", MANY, string_val=b"ab")
        response = predict_pb2.PredictResponse.FromString(await handlers.predict_serialized(texts))
        assert outputs(response) == {"length": [2] * MANY, "echo": [b"ab"] * MANY}
        large.inputs["x"].tensor_shape.dim[0].size = 1 << 40
        code, message = await refused(handlers.predict(large))
        assert (code, "values do not fill the shape" in message) == ("INVALID_ARGUMENT", True)
        # Their bytes are counted: others that wait leave no room for them.
        runner._max_pending_bytes = MANY
        busy = asyncio.ensure_future(runner.convert(1, time.sleep, 0.5))
        await asyncio.sleep(0)
        del large.inputs["x"].tensor_shape.dim[:]
        large.inputs["x"].tensor_shape.dim.add(size=MANY)
        assert (await refused(handlers.predict(large)))[0] == "UNAVAILABLE"
        await busy
        assert (runner._pending, runner._pending_bytes) == (0, 0)
        await manager.shutdown()
        runner.close()

    asyncio.run(main())


def test_one_clients_bad_row_never_fails_anothers(serve):
    async def main(handlers: Handlers) -> None:
        asked = [
            handlers.predict(ask('name: "rows"', ["echo"], text=[f"{n}", models.BAD if n % 5 == 0 else "ok"]))
            for n in range(20)
        ]
        for n, answer in enumerate(await asyncio.gather(*asked, return_exceptions=True)):
            if n % 5 == 0:
                assert isinstance(answer, ServingError)
                assert answer.message.startswith("row 1: ")
            else:
                assert outputs(answer) == {"echo": [f"{n}".encode(), b"ok"]}

    serve(main)


def test_a_deadline_that_has_passed(serve):
    async def main(handlers: Handlers) -> None:
        request = ask('name: "half_plus_two"', x=[1.0])
        assert (await refused(handlers.predict(request, time.monotonic() - 1)))[0] == "DEADLINE_EXCEEDED"
        await handlers.predict(request, time.monotonic() + 60)

    serve(main)


@pytest.mark.parametrize("model", ["examples_tf1", "examples_tf2"])
def test_classify_and_regress(serve, model):
    async def main(handlers: Handlers) -> None:
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name, request.model_spec.signature_name = model, "classify"
        response = await handlers.classify(examples(request, 0.25, 0.5))
        got = [[(one.label, one.score) for one in row.classes] for row in response.result.classifications]
        assert got == [[("low", 0.5), ("high", 0.5)], [("low", 0), ("high", 1)]]
        assert response.model_spec.version.value == 1

        wanted = regression_pb2.RegressionRequest()
        wanted.model_spec.name, wanted.model_spec.signature_name = model, "regress"
        answer = await handlers.regress(examples(wanted, 0.25, 0.5))
        assert [one.value for one in answer.result.regressions] == [0.5, 1]

        request.model_spec.signature_name = "regress"
        code, words = await refused(handlers.classify(request))
        if model == "examples_tf1":
            assert code == "INVALID_ARGUMENT"
            assert words == f"Expected classification signature method_name to be {CLASSIFY}. Was: {REGRESS}"
        else:  # it does not say what it is; its output does
            assert code == "FAILED_PRECONDITION"
            assert words.startswith('Expected classification signature outputs to contain at least one of "classes"')
            request.model_spec.signature_name = "named"
            assert await refused(handlers.classify(request)) == (
                "FAILED_PRECONDITION",
                "No classification inputs found in SignatureDef: named takes examples.",
            )
            for call, one in ((handlers.classify, request), (handlers.regress, wanted)):
                one.model_spec.signature_name = "serving_default"
                code, words = await refused(call(one))
                assert (code, "output Tensor" in words) == ("INVALID_ARGUMENT", True)
            wanted.model_spec.signature_name = "regress"
        request.model_spec.signature_name = "x"
        assert await refused(handlers.classify(request)) == (
            "INVALID_ARGUMENT",
            "No signature was found with the name: x",
        )
        wanted.ClearField("input")
        assert await refused(handlers.regress(wanted)) == ("INVALID_ARGUMENT", "Input is empty.")

    serve(main)


@pytest.mark.parametrize("model", ["examples_tf1", "examples_tf2"])
def test_many_examples_are_made_off_the_loop(base, model, monkeypatch):
    count = tensors.MANY_EXAMPLES + 1
    threads: list[int] = []
    examples_of = tensors.examples

    def noted(given: Any) -> np.ndarray:
        threads.append(threading.get_ident())
        return examples_of(given)

    monkeypatch.setattr(tensors, "examples", noted)

    async def main() -> None:
        runner = Direct(Metrics())
        manager = ServableManager(servable.load)
        await manager.reload(config(base, [model]))
        handlers = Handlers(manager, runner, Metrics())
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name, request.model_spec.signature_name = model, "classify"
        response = await handlers.classify(examples(request, *[0.25] * count))
        assert [len(row.classes) for row in response.result.classifications] == [2] * count
        wanted = regression_pb2.RegressionRequest()
        wanted.model_spec.name, wanted.model_spec.signature_name = model, "regress"
        answer = await handlers.regress(examples(wanted, *[0.25] * count))
        assert [one.value for one in answer.result.regressions] == [0.5] * count
        assert len(threads) == 2
        assert threading.get_ident() not in threads
        request.model_spec.signature_name = "x"
        assert await refused(handlers.classify(request)) == (
            "INVALID_ARGUMENT",
            "No signature was found with the name: x",
        )
        assert len(threads) == 2
        await manager.shutdown()
        runner.close()

    asyncio.run(main())


def test_a_context_is_not_copied_without_bound(serve):
    async def main(handlers: Handlers) -> None:
        multi = tasks(("classify", CLASSIFY), ("regress", REGRESS))
        for call, request in (
            (handlers.classify, classification_pb2.ClassificationRequest()),
            (handlers.regress, regression_pb2.RegressionRequest()),
            (handlers.multi_inference, multi),
        ):
            if request is not multi:
                request.model_spec.name = "examples_tf1"
                request.model_spec.signature_name = call.__name__
            with_context = request.input.example_list_with_context
            with_context.context.features.feature["c"].bytes_list.value.append(b"z" * 100_000)
            for _ in range(5000):
                with_context.examples.add()
            code, message = await refused(call(request))
            assert code == "RESOURCE_EXHAUSTED"
            assert f"and at most {tensors.MOST_MERGED} are allowed" in message
            del with_context.examples[30:]  # some megabytes: off the loop, and answered
            with_context.context.features.feature["x"].float_list.value.append(0.25)
            await call(request)

    serve(main)


def tasks(*given: tuple[str, str], model: str = "examples_tf1") -> inference_pb2.MultiInferenceRequest:
    request = inference_pb2.MultiInferenceRequest()
    for signature, method in given:
        task = request.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature
    return examples(request, 0.25)


def test_multi_inference(serve):
    both = (("classify", CLASSIFY), ("regress", REGRESS))

    async def main(handlers: Handlers) -> None:
        response = await handlers.multi_inference(tasks(*both))
        first, second = response.results
        assert first.model_spec.signature_name == "classify"
        assert first.classification_result.classifications[0].classes[1].score == 0.5
        assert second.regression_result.regressions[0].value == 0.5

        two_models = tasks(*both)
        two_models.tasks[1].model_spec.name = "other"
        for request, code, words in (
            (tasks(), "INVALID_ARGUMENT", "at least one task"),
            (tasks(*both, model=""), "INVALID_ARGUMENT", "empty model name"),
            (two_models, "INVALID_ARGUMENT", "must access the same model name"),
            (tasks(both[0], both[0]), "INVALID_ARGUMENT", "Duplicate evaluation of signature: classify"),
            (tasks(("classify", "x")), "UNIMPLEMENTED", "Unsupported signature method_name: x"),
            (tasks(("x", CLASSIFY), both[1]), "INVALID_ARGUMENT", "x"),
            (tasks(*both, model="examples_tf2"), "INVALID_ARGUMENT", "Input tensor must be the same"),
        ):
            got, message = await refused(handlers.multi_inference(request))
            assert (got, words in message) == (code, True), message

    serve(main)


def test_an_input_that_has_a_default_may_be_left_out(serve):
    async def main(handlers: Handlers) -> None:
        for inputs, y in (({}, [3, 6]), ({"scale": np.float32(0.5)}, [0.5, 1])):
            response = await handlers.predict(ask('name: "scaled"', x=[1.0, 2.0], **inputs))
            assert outputs(response) == {"y": y}
        many = np.ones(tensors.MANY + 1, np.float32)
        response = await handlers.predict(ask('name: "scaled"', x=many))
        assert tf.make_ndarray(response.outputs["y"]).tolist() == [3] * len(many)
        code, words = await refused(handlers.predict(ask('name: "scaled"', scale=np.float32(0.5))))
        assert (code, "Missing but required: {x}" in words) == ("INVALID_ARGUMENT", True)

    serve(main)


def test_metadata_and_status(serve):
    async def main(handlers: Handlers) -> None:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = "examples_tf1"
        response = await handlers.get_model_metadata(request)
        assert response.model_spec.version.value == 1
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert response.metadata["signature_def"].Unpack(signatures)
        assert sorted(signatures.signature_def) == ["classify", "regress", "serving_default"]
        request.metadata_field[0] = "x"
        assert (await refused(handlers.get_model_metadata(request)))[1] == "Metadata field x is not supported"
        del request.metadata_field[:]
        assert (await refused(handlers.get_model_metadata(request)))[0] == "INVALID_ARGUMENT"

        status = get_model_status_pb2.GetModelStatusRequest()
        assert await refused(handlers.get_model_status(status)) == ("INVALID_ARGUMENT", "Missing ModelSpec")
        status.model_spec.name = "half_plus_two"
        found = (await handlers.get_model_status(status)).model_version_status
        available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        assert [(one.version, one.state) for one in found] == [(2, available), (1, available)]
        status.model_spec.version_label = "stable"
        found = (await handlers.get_model_status(status)).model_version_status
        assert [one.version for one in found] == [1]
        status.model_spec.name = "nope"
        status.model_spec.version.value = 3
        assert (await refused(handlers.get_model_status(status)))[0] == "NOT_FOUND"

    serve(main)


def test_one_of_several_workers_takes_no_other_config(base):
    async def whole() -> None:
        manager = ServableManager(servable.load)
        handlers = Handlers(manager, Direct(Metrics()), Metrics(), alone=False)
        request = model_management_pb2.ReloadConfigRequest(config=config(base, ["rows"]))
        code, words = await refused(handlers.reload_config(request))
        assert code == "FAILED_PRECONDITION"
        assert "--model_config_file_poll_wait_seconds" in words
        assert manager.names == []
        await manager.shutdown()

    asyncio.run(whole())


def test_another_config(serve, base):
    async def main(handlers: Handlers) -> None:
        request = model_management_pb2.ReloadConfigRequest(config=config(base, ["rows"]))
        response = await handlers.reload_config(request)
        assert response.HasField("status")
        assert response.status.error_code == 0
        await handlers.predict(ask('name: "rows"', text=[b"a"]))
        assert (await refused(handlers.predict(ask('name: "half_plus_two"', x=[1.0]))))[0] == "NOT_FOUND"
        empty = model_management_pb2.ReloadConfigRequest()
        assert (await refused(handlers.reload_config(empty)))[0] == "INVALID_ARGUMENT"

    serve(main)


def test_metrics_and_request_log(serve, tmp_path):
    log = RequestLog(tmp_path / "log", 1.0, Metrics())

    async def main(handlers: Handlers) -> None:
        await handlers.predict(ask('name: "rows"', text=[b"a", b"b"]), entrypoint="REST")
        await refused(handlers.predict(ask('name: "rows"', text=[models.BAD])))
        await handlers.multi_inference(tasks(("classify", CLASSIFY)))

    text = serve(main, log).render()
    log.close()
    assert ':request_count{model_name="rows",status="OK"} 1\n' in text
    assert ':request_count{model_name="rows",status="INVALID_ARGUMENT"} 1\n' in text
    assert ':request_latency_count{model_name="rows",API="Predict",entrypoint="REST"} 1\n' in text
    assert ':request_example_count_total{model="rows"} 2\n' in text
    (plain, multi) = request_logs.read(tmp_path / "log")
    assert isinstance(plain, request_logs.Unreadable)  # no input of ours, but a record
    assert "inputs there: text" in plain.detail
    assert isinstance(multi, request_logs.Row)
    assert multi.model == "examples_tf1"


def test_a_cancelled_call_is_counted_and_lets_go_of_its_version(serve):
    async def main(handlers: Handlers) -> None:
        call = asyncio.ensure_future(handlers.predict(ask('name: "half_plus_two"', x=[1.0])))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    # The manager's shutdown would wait for ever for a version that is still held.
    assert ':request_count{model_name="half_plus_two",status="CANCELLED"} 1\n' in serve(main).render()


def test_what_nobody_thought_of_is_internal(base):
    class Broken:
        async def submit(self, *given: Any) -> Any:
            raise RuntimeError("a bug")

    async def main() -> None:
        manager = ServableManager(servable.load)
        await manager.reload(config(base, ["rows"]))
        handlers = Handlers(manager, Broken(), Metrics())
        got = await refused(handlers.predict(ask('name: "rows"', text=[b"a"])))
        assert got[0] == grpc.StatusCode.INTERNAL.name
        await manager.shutdown()

    asyncio.run(main())
