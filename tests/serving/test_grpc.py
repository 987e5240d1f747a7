"""Both services over a real connection."""

import asyncio
import os
import shutil
import time

import grpc
import numpy as np
import pytest
from google.protobuf import text_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    regression_pb2,
)

from pipeline import request_logs
from serving.server.errors import ServingError
from serving.server.flags import Flags
from serving.server.main import start
from tests.serving import models
from tests.serving.wire import on_a_server, request, tensor

BATCHING = [False, True]


@pytest.mark.parametrize("enable_batching", BATCHING)
def test_predict(base_paths, tmp_path, enable_batching):
    async def scenario(wire):
        response = await wire.predict(request("half_plus_two", x=np.float32([0, 2])))
        assert tensor(response, "y").tolist() == [2, 3]
        assert response.model_spec.version.value == 1
        assert response.model_spec.signature_name == "serving_default"
        chosen = request("rows", text=[b"ab", b"c"])
        chosen.output_filter.append("length")
        response = await wire.predict(chosen)
        assert dict(response.outputs).keys() == {"length"}
        assert tensor(response, "length").tolist() == [2, 1]

    on_a_server(base_paths, tmp_path, scenario, enable_batching=enable_batching)


@pytest.mark.parametrize("enable_batching", BATCHING)
def test_many_clients_get_their_own_rows_and_a_bad_row_fails_its_own_request_alone(
    base_paths, tmp_path, enable_batching
):
    async def scenario(wire):
        async def ask(number):
            texts = [f"{number}-{row}".encode() for row in range(1 + number % 4)]
            if number % 10 == 3:
                code, words = await wire.refused(request("rows", text=[*texts, models.BAD]))
                assert code is grpc.StatusCode.INVALID_ARGUMENT
                assert words == f"row {len(texts)}: text is bad"
            else:
                response = await wire.predict(request("rows", text=texts))
                assert tensor(response, "echo").tolist() == texts

        await asyncio.gather(*(ask(number) for number in range(200)))

    on_a_server(base_paths, tmp_path, scenario, enable_batching=enable_batching)


def test_classify_regress_and_multi_inference_on_a_tf1_export(base_paths, tmp_path):
    async def scenario(wire):
        spec = {"name": "examples_tf1"}
        import tensorflow as tf

        examples = [tf.train.Example.FromString(models.example(x)) for x in (0.25, 0.5)]
        classify = classification_pb2.ClassificationRequest()
        classify.model_spec.name, classify.model_spec.signature_name = spec["name"], "classify"
        classify.input.example_list.examples.extend(examples)
        classes = (await wire.predictions.Classify(classify)).result.classifications
        assert [(one.label, one.score) for one in classes[0].classes] == [("low", 0.5), ("high", 0.5)]
        regress = regression_pb2.RegressionRequest()
        regress.model_spec.name, regress.model_spec.signature_name = spec["name"], "regress"
        regress.input.CopyFrom(classify.input)
        values = (await wire.predictions.Regress(regress)).result.regressions
        assert [one.value for one in values] == [0.5, 1.0]
        both = inference_pb2.MultiInferenceRequest(input=classify.input)
        for signature in ("classify", "regress"):
            task = both.tasks.add(method_name=f"tensorflow/serving/{signature}")
            task.model_spec.name, task.model_spec.signature_name = spec["name"], signature
        results = (await wire.predictions.MultiInference(both)).results
        assert results[1].regression_result.regressions[1].value == 1.0

    on_a_server({"examples_tf1": base_paths["examples_tf1"]}, tmp_path, scenario)


def test_metadata_status_and_reload(base_paths, tmp_path):
    async def scenario(wire):
        asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        asked.model_spec.name = "rows"
        answer = await wire.predictions.GetModelMetadata(asked)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert answer.metadata["signature_def"].Unpack(signatures)
        assert set(signatures.signature_def["serving_default"].outputs) == {"echo", "length"}

        status = get_model_status_pb2.GetModelStatusRequest()
        status.model_spec.name = "rows"
        [one] = (await wire.models.GetModelStatus(status)).model_version_status
        assert (one.version, one.state) == (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)

        config = f'config {{ model_config_list {{ config {{ name: "other" base_path: "{base_paths["rows"]}" }} }} }}'
        reload = text_format.Parse(config, model_management_pb2.ReloadConfigRequest())
        assert (await wire.models.HandleReloadConfigRequest(reload)).status.error_code == 0
        assert tensor(await wire.predict(request("other", text=[b"x"])), "echo").tolist() == [b"x"]
        code, words = await wire.refused(request("rows", text=[b"x"]))
        assert (code, words) == (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(rows)")

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario)


def test_health_and_reflection(base_paths, tmp_path):
    async def scenario(wire):
        health = health_pb2_grpc.HealthStub(wire.channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(wire.channel)
        ask = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        names = [
            service.name
            async for response in reflection.ServerReflectionInfo(ask)
            for service in response.list_services_response.service
        ]
        assert "tensorflow.serving.PredictionService" in names

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, enable_grpc_healthcheck_service=True)


def test_a_deadline_is_kept_and_the_server_goes_on(base_paths, tmp_path):
    models.slow(tmp_path / "slower" / "1", seconds=3)

    async def scenario(wire):
        begun = time.monotonic()
        code, _ = await wire.refused(request("slower", x=np.float32([1])), timeout=0.1)
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - begun < 2.5
        assert tensor(await wire.predict(request("slow", x=np.float32([1]))), "y").tolist() == [1]

    on_a_server({"slow": base_paths["slow"], "slower": tmp_path / "slower"}, tmp_path, scenario)


@pytest.mark.parametrize("enable_batching", BATCHING)
def test_ten_versions_replace_one_another_under_load_and_no_request_fails(tmp_path, enable_batching):
    base = tmp_path / "base"
    models.half_plus_two(base / "1", plus=1)

    async def scenario(wire):
        seen: set[int] = set()
        done = False

        async def ask():
            while not done:
                response = await wire.predict(request("m", x=np.float32([0])))
                version = response.model_spec.version.value
                assert tensor(response, "y").tolist() == [version]
                seen.add(version)

        asking = [asyncio.create_task(ask()) for _ in range(8)]
        for version in range(2, 12):
            scratch = tmp_path / f"made-{version}"
            await asyncio.to_thread(models.half_plus_two, scratch, plus=version)
            await asyncio.to_thread(shutil.move, scratch, base / str(version))
            while version not in seen:
                await asyncio.sleep(0.01)
        done = True
        await asyncio.gather(*asking)
        assert seen == set(range(1, 12))

    on_a_server({"m": base}, tmp_path, scenario, enable_batching=enable_batching)


HALVES = {
    "saved_model.pb is no model": lambda version: (version / "saved_model.pb").write_bytes(b"no model at all"),
    "saved_model.pb ends early": lambda version: os.truncate(version / "saved_model.pb", 100),
    "variables are not there": lambda version: shutil.rmtree(version / "variables"),
    "variables end early": lambda version: os.truncate(version / "variables" / "variables.data-00000-of-00001", 3),
}


@pytest.mark.parametrize("what", HALVES)
def test_a_version_that_cannot_be_loaded_leaves_the_old_one_serving_and_is_told(tmp_path, what):
    base, whole, half = tmp_path / "base", tmp_path / "whole", tmp_path / "half"
    models.half_plus_two(base / "1", plus=1)
    models.half_plus_two(whole, plus=2)
    shutil.copytree(whole, half)
    HALVES[what](half)

    async def scenario(wire):
        async def status():
            told = await wire.models.GetModelStatus(get_model_status_pb2.GetModelStatusRequest(model_spec=asked))
            return {one.version: one for one in told.model_version_status}

        async def answer():
            return tensor(await wire.predict(request("m", x=np.float32([0]))), "y").tolist()

        asked = request("m").model_spec
        half.rename(base / "2")
        while (found := (await status()).get(2)) is None or found.state != found.END:
            assert await answer() == [1]
        assert found.status.error_code
        assert str(base / "2") in found.status.error_message
        assert await answer() == [1]
        shutil.rmtree(base / "2")
        whole.rename(base / "2")
        while await answer() != [2]:
            await asyncio.sleep(0.01)
        assert (await status())[2].state == found.AVAILABLE

    on_a_server({"m": base}, tmp_path, scenario)


def test_logged_requests_are_read_back_by_the_skew_report(base_paths, tmp_path):
    async def scenario(wire):
        for number in range(5):
            await wire.predict(request("marquee", overview=[f"film {number}".encode(), b""]))

    logs = tmp_path / "logs"
    on_a_server({"marquee": base_paths["marquee"]}, tmp_path, scenario, request_log_dir=str(logs))
    rows = list(request_logs.read(logs))
    assert [row.overview for row in rows] == [x for n in range(5) for x in (f"film {n}".encode(), b"")]
    assert {row.model for row in rows} == {"marquee"}


def test_a_port_that_is_taken_is_a_clear_error(base_paths, tmp_path):
    async def scenario(wire):
        with pytest.raises(ServingError, match="cannot be listened on"):
            await start(
                Flags(
                    port=wire.port,
                    model_base_path=str(base_paths["rows"]),
                    grpc_channel_arguments="grpc.so_reuseport=0",
                )
            )

    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, grpc_channel_arguments="grpc.so_reuseport=0")


def test_channel_arguments_reach_grpc(base_paths, tmp_path):
    async def scenario(wire):
        assert tensor(await wire.predict(request("rows", text=[b"x" * 100])), "length").tolist() == [100]
        code, words = await wire.refused(request("rows", text=[b"x" * 2000]))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in words

    arguments = "grpc.max_receive_message_length=1000, grpc.max_connection_idle_ms=60000"
    on_a_server({"rows": base_paths["rows"]}, tmp_path, scenario, grpc_channel_arguments=arguments)
