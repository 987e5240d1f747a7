"""What flags change, seen by a client."""

import asyncio
import shutil

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import model_management_pb2

from tests.serving import models
from tests.serving.wire import on_a_server, request, tensor

LABELLED = 'model_config_list {{ config {{ name: "m" base_path: "{}" version_labels {{ key: "new" value: 2 }} }} }}'


async def answer(wire, model: str = "m") -> list[float]:
    return tensor(await wire.predict(request(model, x=np.float32([0]))), "y").tolist()


@pytest.fixture
def base(tmp_path):
    """A base path whose only version answers 1."""
    models.half_plus_two(tmp_path / "base" / "1", plus=1)
    return tmp_path / "base"


@pytest.fixture
def second(tmp_path):
    """A version that answers 2, not in any base path yet."""
    return models.half_plus_two(tmp_path / "second", plus=2)


def test_a_config_that_is_polled_adds_a_model_and_is_left_as_it_was_where_it_cannot_be_read(tmp_path, base, second):
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(second, other / "1")
    config = tmp_path / "polled.config"
    config.write_text(f'model_config_list {{ config {{ name: "m" base_path: "{base}" }} }}')

    async def scenario(wire):
        assert (await wire.refused(request("other", x=np.float32([0]))))[0] is grpc.StatusCode.NOT_FOUND
        config.write_text("model_config_list { config { name:")  # as half a copy is
        await asyncio.sleep(2.5)
        assert await answer(wire) == [1]
        both = "".join(
            f'config {{ name: "{name}" base_path: "{path}" }} ' for name, path in {"m": base, "other": other}.items()
        )
        config.write_text(f"model_config_list {{ {both} }}")
        while True:
            try:
                assert await answer(wire, "other") == [2]
                break
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
        assert await answer(wire) == [1]

    on_a_server({}, tmp_path, scenario, model_config_file=str(config), model_config_file_poll_wait_seconds=1)


def test_a_folder_is_not_looked_at_again_where_polling_is_off_until_a_reload_is_asked_for(tmp_path, base, second):
    async def scenario(wire):
        second.rename(base / "2")
        await asyncio.sleep(0.5)  # ten times what tests poll by otherwise
        assert await answer(wire) == [1]
        message = model_management_pb2.ReloadConfigRequest()
        message.config.model_config_list.config.add(name="m", base_path=str(base))
        assert not (await wire.models.HandleReloadConfigRequest(message, timeout=20)).status.error_code
        assert await answer(wire) == [2]

    on_a_server({"m": base}, tmp_path, scenario, file_system_poll_wait_seconds=0)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_label_on_a_version_to_come_is_taken_where_that_is_allowed(tmp_path, base, second, allowed):
    config = tmp_path / "labelled.config"
    config.write_text(LABELLED.format(base))
    asked = request("m", x=np.float32([0]))
    asked.model_spec.version_label = "new"

    async def scenario(wire):
        code, words = await wire.refused(asked)
        if not allowed:
            assert (code, words) == (grpc.StatusCode.INVALID_ARGUMENT, "Unrecognized servable version label: new")
            return
        assert (code, words) == (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Specific(m, 2)")
        second.rename(base / "2")
        while await answer(wire) != [2]:
            await asyncio.sleep(0.05)
        assert tensor(await wire.predict(asked), "y").tolist() == [2]

    flags = {"allow_version_labels_for_unavailable_models": allowed}
    on_a_server({}, tmp_path, scenario, model_config_file=str(config), **flags)
