"""What TensorFlow Serving answers, asked of our server and of the one that is given.

Written after TensorFlow Serving's documentation and source; it has not been run against the official server, since the
machine that it was written on cannot. So words are asserted only where clients are known to match on them; elsewhere
codes alone.

What the two answer differently is left out. A shape other than the signature's, and inputs of different numbers of
rows, are refused by ours and left to the operations by the official one; ours tells one status by label, it tells all.
"""

import asyncio
import base64

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    regression_pb2,
)

from tests.conformance import models
from tests.serving.models import BAD, example
from tests.serving.wire import request, tensor

METRICS = "/monitoring/prometheus/metrics"
NOT_FOUND, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT
AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"
EXPORTS = ["examples_tf1", "examples_tf2"]
X = {"x": np.float32([0, 2])}
TEXT = {"text": [b"ab", b"c"]}


async def code_of(call) -> grpc.StatusCode:
    """How a call of any kind ended."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def refuses(ask, *cases) -> None:
    """Each case: a message, and the code that it must get."""
    for message, code in cases:
        assert await code_of(ask(message)) is code, message


def labelled(label: str):
    message = request("half_plus_two", **X)
    message.model_spec.version_label = label
    return message


def filtered(*outputs: str):
    message = request("rows", **TEXT)
    message.output_filter.extend(outputs)
    return message


def about(message, model: str, signature: str = "", *xs: float):
    """A request's model, signature, and tf.Examples where it has any."""
    message.model_spec.name, message.model_spec.signature_name = model, signature
    message.input.example_list.examples.extend(tf.train.Example.FromString(example(x)) for x in xs)
    return message


def tasks(*given: tuple[str, str], model: str):
    message = inference_pb2.MultiInferenceRequest()
    message.input.example_list.examples.add().ParseFromString(example(0.25))
    for signature, method in given:
        task = message.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature
    return message


def status_of(model: str, version: int | None = None):
    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.name = model
    if version is not None:
        message.model_spec.version.value = version
    return message


def metadata_of(model: str, *fields: str):
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    message.model_spec.name = model
    return message


def test_predict_chooses_the_version(endpoint):
    async def scenario(wire):
        for message, version, y in (
            (request("half_plus_two", **X), 2, [3, 4]),
            (request("half_plus_two", "serving_default", 1, **X), 1, [2, 3]),
            (labelled("stable"), 1, [2, 3]),
            (labelled("canary"), 2, [3, 4]),
        ):
            response = await wire.predict(message)
            assert tensor(response, "y").tolist() == y
            spec = response.model_spec
            assert (spec.name, spec.version.value, spec.signature_name) == ("half_plus_two", version, "serving_default")

    endpoint.run(scenario)


def test_predict_takes_strings_and_filters_outputs(endpoint):
    async def scenario(wire):
        response = await wire.predict(request("rows", text=[b"ab", b"", b"\xff\x00", "ü".encode()]))
        assert tensor(response, "echo").tolist() == [b"ab", b"", b"\xff\x00", "ü".encode()]
        assert tensor(response, "length").tolist() == [2, 0, 2, 2]
        assert set((await wire.predict(filtered("length"))).outputs) == {"length"}

    endpoint.run(scenario)


def test_predict_takes_every_dtype(endpoint):
    given = {
        "float64": np.float64([1.5, -1e300]),
        "float16": np.float16([0.5, -2]),
        "bfloat16": np.array([1, 3], tf.bfloat16.as_numpy_dtype),
        "int8": np.int8([-128, 127]),
        "uint8": np.uint8([0, 255]),
        "int64": np.int64([2**62, -1]),
        "bool": np.array([True, False]),
        "string": np.array([b"\x00\xff", b""], object),
        "complex64": np.complex64([1 + 2j, 0]),
        "matrix": np.float32([[1, 2, 3], [4, 5, np.inf]]),
        "scalar": np.int32(7),
    }

    async def scenario(wire):
        response = await wire.predict(request("dtypes", **given))
        for name, value in given.items():
            answer = tensor(response, f"{name}_out")
            assert answer.dtype == value.dtype
            np.testing.assert_array_equal(answer, value)

    endpoint.run(scenario)


def test_predict_refuses_in_words_that_clients_match_on(endpoint):
    async def scenario(wire):
        for message, code, words in (
            (request("nope", **X), NOT_FOUND, "Servable not found for request: Latest(nope)"),
            (request("rows", "", 9, **TEXT), NOT_FOUND, "Servable not found for request: Specific(rows, 9)"),
            (labelled("x"), INVALID, "Unrecognized servable version label: x"),
            (
                request("rows", "x", **TEXT),
                grpc.StatusCode.FAILED_PRECONDITION,
                'Serving signature key "x" not found.',
            ),
            (filtered("x"), INVALID, "output tensor alias not found in signature: x"),
        ):
            answer = await wire.refused(message)
            assert answer[0] is code, message
            assert words in answer[1]

    endpoint.run(scenario)


@pytest.mark.parametrize(
    "message",
    [
        request("", **X),
        request("rows", words=[b"a"]),
        request("rows"),
        request("rows", text=[b"a"], more=[b"b"]),
        request("rows", text=np.float32([1])),
        request("half_plus_two", x=[b"a"]),
        request("examples_tf1", examples=[[example(1)]]),
        request("rows", text=[b"a", BAD]),
        filtered("echo", "echo"),
    ],
    ids=["model", "input", "missing", "extra", "text", "number", "shape", "row", "outputs"],
)
def test_predict_refuses_what_does_not_fit(endpoint, message):
    async def scenario(wire):
        assert (await wire.refused(message))[0] is INVALID
        await wire.predict(request("rows", **TEXT))

    endpoint.run(scenario)


@pytest.mark.parametrize("model", EXPORTS)
def test_classify(endpoint, model):
    async def scenario(wire):
        message = about(classification_pb2.ClassificationRequest(), model, "classify", 0.25, 0.5)
        response = await wire.predictions.Classify(message, timeout=20)
        rows = [[(one.label, one.score) for one in row.classes] for row in response.result.classifications]
        assert rows == [[("low", 0.5), ("high", 0.5)], [("low", 0), ("high", 1)]]
        assert response.model_spec.version.value == 1

    endpoint.run(scenario)


@pytest.mark.parametrize("model", EXPORTS)
def test_regress(endpoint, model):
    async def scenario(wire):
        message = about(regression_pb2.RegressionRequest(), model, "regress", 0.25, 0.5)
        response = await wire.predictions.Regress(message, timeout=20)
        assert [one.value for one in response.result.regressions] == [0.5, 1]
        assert response.model_spec.version.value == 1

    endpoint.run(scenario)


def test_signatures_of_another_method_are_refused_where_the_export_tells_methods(endpoint):
    async def scenario(wire):
        for signature, xs in (("regress", [0.25]), ("nope", [0.25]), ("classify", [])):
            refused = about(classification_pb2.ClassificationRequest(), "examples_tf1", signature, *xs)
            assert await code_of(wire.predictions.Classify(refused, timeout=20)) is INVALID
        refused = about(regression_pb2.RegressionRequest(), "examples_tf1", "classify", 0.25)
        assert await code_of(wire.predictions.Regress(refused, timeout=20)) is INVALID

    endpoint.run(scenario)


def test_multi_inference(endpoint):
    async def scenario(wire):
        def ask(message):
            return wire.predictions.MultiInference(message, timeout=20)

        both = ("classify", CLASSIFY), ("regress", REGRESS)
        first, second = (await ask(tasks(*both, model="examples_tf1"))).results
        assert [one.score for one in first.classification_result.classifications[0].classes] == [0.5, 0.5]
        assert second.regression_result.regressions[0].value == 0.5
        assert (first.model_spec.signature_name, second.model_spec.signature_name) == ("classify", "regress")
        await refuses(
            ask,
            (tasks(("classify", CLASSIFY), model="nope"), NOT_FOUND),
            (tasks(both[0], both[0], model="examples_tf1"), INVALID),
            (tasks(("nope", CLASSIFY), model="examples_tf1"), INVALID),
            (tasks(*both, model="examples_tf2"), INVALID),  # where each signature has an input of its own
            (tasks(("classify", "nope"), model="examples_tf1"), grpc.StatusCode.UNIMPLEMENTED),
        )

    endpoint.run(scenario)


def test_metadata(endpoint):
    async def scenario(wire):
        def ask(message):
            return wire.predictions.GetModelMetadata(message, timeout=20)

        response = await ask(metadata_of("rows", "signature_def"))
        assert (response.model_spec.name, response.model_spec.version.value) == ("rows", 1)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert response.metadata["signature_def"].Unpack(signatures)
        signature = signatures.signature_def["serving_default"]
        assert signature.method_name == "tensorflow/serving/predict"
        assert set(signature.inputs) == {"text"}
        assert {name: info.dtype for name, info in signature.outputs.items()} == {
            "echo": tf.string.as_datatype_enum,
            "length": tf.int32.as_datatype_enum,
        }
        await refuses(
            ask,
            (metadata_of("nope", "signature_def"), NOT_FOUND),
            (metadata_of("rows"), INVALID),
            (metadata_of("rows", "nope"), INVALID),
        )

    endpoint.run(scenario)


def test_status(endpoint):
    async def scenario(wire):
        def ask(message):
            return wire.models.GetModelStatus(message, timeout=20)

        for message, versions in (
            (status_of("half_plus_two"), {1, 2}),
            (status_of("half_plus_two", version=1), {1}),
        ):
            found = (await ask(message)).model_version_status
            assert {one.version for one in found} == versions
            assert all((one.state, one.status.error_code) == (AVAILABLE, 0) for one in found)
        assert await code_of(ask(status_of("nope"))) is NOT_FOUND
        assert await code_of(ask(status_of("rows", version=9))) is NOT_FOUND

    endpoint.run(scenario)


def test_health(endpoint):
    async def scenario(wire):
        ask = health_pb2_grpc.HealthStub(wire.channel).Check
        answer = await ask(health_pb2.HealthCheckRequest(), timeout=20)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await refuses(ask, (health_pb2.HealthCheckRequest(service="nope"), NOT_FOUND))

    endpoint.run(scenario)


def test_reload_adds_a_model_and_takes_it_away(endpoint):
    asked = models.config(endpoint.root)
    with_one_more = models.config(endpoint.root)
    with_one_more.model_config_list.config.add(
        name="another", base_path=f"{endpoint.root}/rows", model_platform="tensorflow"
    )
    twice = models.config(endpoint.root)
    twice.model_config_list.MergeFrom(asked.model_config_list)

    async def scenario(wire):
        async def reload(config):
            message = model_management_pb2.ReloadConfigRequest(config=config)
            return (await wire.models.HandleReloadConfigRequest(message, timeout=50)).status.error_code

        another = request("another", **TEXT)
        try:
            assert await reload(with_one_more) == 0
            assert tensor(await wire.predict(another), "length").tolist() == [2, 1]
        finally:
            assert await reload(asked) == 0
        while await code_of(wire.predict(another)) is not NOT_FOUND:  # a server may unload it in the background
            await asyncio.sleep(0.05)
        assert tensor(await wire.predict(request("rows", **TEXT)), "length").tolist() == [2, 1]
        assert await code_of(reload(twice)) is INVALID
        assert await code_of(reload(None)) is INVALID

    endpoint.run(scenario)


def test_rest_predicts_by_row_and_by_column(rest):
    async def scenario(wire):
        path = "/v1/models/half_plus_two"
        for where, body, answer in (
            (path, {"instances": [0, 2]}, {"predictions": [3, 4]}),
            (path, {"instances": [{"x": 0}, {"x": 2}]}, {"predictions": [3, 4]}),
            (path, {"inputs": {"x": [0, 2]}, "signature_name": "serving_default"}, {"outputs": [3, 4]}),
            (f"{path}/versions/1", {"inputs": [0, 2]}, {"outputs": [2, 3]}),
            (f"{path}/labels/stable", {"instances": [0]}, {"predictions": [2]}),
            ("/V1/Models/half_plus_two/Versions/1", {"instances": [0]}, {"predictions": [2]}),
        ):
            assert await wire.post(f"{where}:predict", body) == (200, answer), (where, body)
        binary = {"b64": base64.b64encode(b"c").decode()}
        assert await wire.post("/v1/models/rows:predict", {"instances": ["ab", binary]}) == (
            200,
            {"predictions": [{"echo": "ab", "length": 2}, {"echo": "c", "length": 1}]},
        )
        assert await wire.post("/v1/models/rows:predict", {"inputs": {"text": ["ab", binary]}}) == (
            200,
            {"outputs": {"echo": ["ab", "c"], "length": [2, 1]}},
        )

    rest.run(scenario)


def test_rest_classifies_and_regresses(rest):
    async def scenario(wire):
        path = "/v1/models/examples_tf1"
        body = {"signature_name": "classify", "examples": [{"x": 0.25}, {"x": [0.5]}]}
        assert await wire.post(f"{path}:classify", body) == (
            200,
            {"results": [[["low", 0.5], ["high", 0.5]], [["low", 0], ["high", 1]]]},
        )
        body = {"signature_name": "regress", "context": {"x": 0.5}, "examples": [{"y": 1.5}]}
        assert await wire.post(f"{path}:regress", body) == (200, {"results": [1]})

    rest.run(scenario)


def test_rest_tells_status_and_metadata(rest):
    async def scenario(wire):
        available = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        for path in ("/v1/models/rows", "/v1/models/half_plus_two/versions/1"):
            assert await wire.get(path) == (200, {"model_version_status": [available]})
        status, answer = await wire.get("/v1/models/rows/metadata")
        assert status == 200
        assert answer["model_spec"] == {"name": "rows", "signature_name": "", "version": "1"}
        signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
        assert signature["inputs"]["text"]["dtype"] == "DT_STRING"

    rest.run(scenario)


def test_rest_tells_metrics_by_tensorflow_servings_names(rest):
    async def scenario(wire):
        def count(text: str) -> float:
            return sum(
                float(line.rpartition(" ")[2])
                for line in text.splitlines()
                if line.startswith(":tensorflow:serving:request_count{")
                and 'model_name="rows"' in line
                and 'status="OK"' in line
            )

        _, before = await wire.get(METRICS)
        await wire.predict(request("rows", **TEXT))
        status, after = await wire.get(METRICS)
        assert status == 200
        assert count(after) == count(before) + 1
        for name in ("request_latency_bucket", "runtime_latency_count"):
            assert f":tensorflow:serving:{name}{{" in after

    rest.run(scenario)


def test_rest_refuses(rest):
    async def scenario(wire):
        rows = "/v1/models/rows:predict"
        for path, body, status, words in (
            ("/v1/models/nope:predict", {"instances": ["a"]}, 404, "Servable not found for request: Latest(nope)"),
            ("/v1/models/rows/versions/9:predict", {"instances": ["a"]}, 404, "Specific(rows, 9)"),
            ("/v1/models/rows/labels/x:predict", {"instances": ["a"]}, 400, "Unrecognized servable version label: x"),
            (rows, b"[1, 2", 400, "JSON Parse error"),
            (rows, {}, 400, ""),
            (rows, {"instances": []}, 400, ""),
            (rows, {"instances": ["a"], "inputs": ["a"]}, 400, ""),
            (rows, {"instances": [{"words": "a"}]}, 400, ""),
            (rows, {"instances": [1, 2]}, 400, ""),
            ("/v1/models/half_plus_two:predict", {"instances": ["a"]}, 400, ""),
            (rows, {"instances": ["a", BAD.decode()]}, 400, ""),
            (
                rows,
                {"instances": ["a"], "signature_name": "x"},
                400,
                'Serving signature name: "x" not found in signature def',
            ),
        ):
            answer = await wire.post(path, body)
            assert answer[0] == status, (path, body, answer)
            assert words in answer[1]["error"]
        assert (await wire.get("/v1/models/nope"))[0] == 404
        assert await wire.get("/v1/models") == (400, {"error": "Missing model name in request."})
        assert (await wire.post(rows, {"instances": ["a"]}))[0] == 200

    rest.run(scenario)
