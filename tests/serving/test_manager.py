"""Versions that come, go, break and are replaced while they are asked."""

import asyncio
import shutil
import threading
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.server import errors
from serving.server.errors import ServingError
from serving.server.manager import AVAILABLE, END, UNLOADING, ServableManager


class FakeServable:
    def __init__(self, name: str, version: int):
        self.name, self.version, self.closed = name, version, False

    def close(self) -> None:
        self.closed = True


def load(name: str, version: int, path: Path) -> FakeServable:
    assert (path / "saved_model.pb").is_file()
    if (path / "saved_model.pb").read_text() == "broken":
        raise errors.invalid(f"{path}: broken")
    return FakeServable(name, version)


def push(base: Path, version: int, content: str = "whole") -> None:
    (base / str(version)).mkdir(parents=True, exist_ok=True)
    (base / str(version) / "saved_model.pb").write_text(content)


def config(base: Path, rest: str = "", name: str = "m") -> model_server_config_pb2.ModelServerConfig:
    text = f'model_config_list {{ config {{ name: "{name}" base_path: "{base}" {rest} }} }}'
    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig())


def spec(version: int | None = None, label: str = "", name: str = "m") -> model_pb2.ModelSpec:
    found = model_pb2.ModelSpec(name=name)
    if version is not None:
        found.version.value = version
    if label:
        found.version_label = label
    return found


async def served(manager: ServableManager, wanted: model_pb2.ModelSpec | None = None) -> int:
    with manager.acquire(wanted or spec()) as found:
        return found.version


def states(manager: ServableManager) -> dict[int, int]:
    return {status.version: status.state for status in manager.statuses("m")}


async def settled(manager: ServableManager) -> None:
    for _ in range(20):
        await asyncio.sleep(0.005)


def test_the_latest_version_is_served_and_a_newer_one_replaces_it(tmp_path):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path, 1)
        await manager.reload(config(tmp_path))
        assert await served(manager) == 1
        push(tmp_path, 2)
        assert await served(manager) == 1
        await manager.poll()
        assert await served(manager) == 2
        await settled(manager)
        assert states(manager) == {2: AVAILABLE, 1: END}
        with pytest.raises(ServingError, match=r"Servable not found for request: Specific\(m, 1\)"):
            await served(manager, spec(1))
        await manager.shutdown()

    asyncio.run(scenario())


def test_a_version_in_use_is_drained_first(tmp_path):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path, 1)
        await manager.reload(config(tmp_path))
        with manager.acquire(spec()) as old:
            push(tmp_path, 2)
            await manager.poll()
            await settled(manager)
            assert states(manager) == {2: AVAILABLE, 1: UNLOADING}
            assert not old.closed
            assert await served(manager) == 2
        await settled(manager)
        assert old.closed
        assert states(manager)[1] == END
        await manager.shutdown()

    asyncio.run(scenario())


def test_a_broken_version_is_reported_and_leaves_the_old_one_serving_until_it_is_mended(tmp_path):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path, 1)
        await manager.reload(config(tmp_path))
        push(tmp_path, 2, "broken")
        await manager.poll()
        assert await served(manager) == 1
        [status] = manager.statuses("m", 2)
        assert status.state == END
        assert status.status.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        assert "2: broken" in status.status.error_message
        push(tmp_path, 2, "mended")
        await manager.poll()
        assert await served(manager) == 2
        await manager.shutdown()

    asyncio.run(scenario())


def test_half_a_copy_is_no_version_and_a_deleted_folder_unloads_nothing(tmp_path):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path, 1)
        await manager.reload(config(tmp_path))
        (tmp_path / "2" / "variables").mkdir(parents=True)
        await manager.poll()
        assert states(manager) == {1: AVAILABLE}
        shutil.rmtree(tmp_path)
        await manager.poll()
        assert await served(manager) == 1
        await manager.shutdown()

    asyncio.run(scenario())


def test_policies_and_labels(tmp_path):
    async def scenario():
        manager = ServableManager(load)
        for version in (1, 2, 3):
            push(tmp_path, version)
        await manager.reload(
            config(tmp_path, "model_version_policy { all {} } version_labels { key: 'stable' value: 2 }")
        )
        assert [status.version for status in manager.statuses("m")] == [3, 2, 1]
        assert await served(manager, spec(1)) == 1
        assert await served(manager, spec(label="stable")) == 2
        with pytest.raises(ServingError, match="Unrecognized servable version label: canary"):
            await served(manager, spec(label="canary"))
        specific = (
            "model_version_policy { specific { versions: 1 versions: 3 } } version_labels { key: 'stable' value: 3 }"
        )
        await manager.reload(config(tmp_path, specific))
        await settled(manager)
        assert await served(manager, spec(label="stable")) == 3
        assert states(manager) == {3: AVAILABLE, 2: END, 1: AVAILABLE}
        with pytest.raises(ServingError, match="assign label stable to version 9") as refused:
            await manager.reload(config(tmp_path, "version_labels { key: 'stable' value: 9 }"))
        assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
        assert await served(manager, spec(label="stable")) == 3
        await manager.shutdown()

    asyncio.run(scenario())


def test_labels_may_name_versions_to_come_where_allowed(tmp_path):
    async def scenario():
        manager = ServableManager(load, labels_for_unavailable=True)
        push(tmp_path, 1)
        await manager.reload(config(tmp_path, "version_labels { key: 'next' value: 2 }"))
        with pytest.raises(ServingError, match=r"Specific\(m, 2\)"):
            await served(manager, spec(label="next"))
        push(tmp_path, 2)
        await manager.poll()
        assert await served(manager, spec(label="next")) == 2
        await manager.shutdown()

    asyncio.run(scenario())


def test_models_come_and_go_with_the_config(tmp_path):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path / "a", 1)
        push(tmp_path / "b", 5)
        await manager.reload(config(tmp_path / "a", name="a"))
        both = config(tmp_path / "a", name="a")
        both.MergeFrom(config(tmp_path / "b", name="b"))
        await manager.reload(both)
        assert await served(manager, spec(name="b")) == 5
        await manager.reload(config(tmp_path / "b", name="b"))
        with pytest.raises(ServingError, match=r"Servable not found for request: Latest\(a\)") as refused:
            await served(manager, spec(name="a"))
        assert refused.value.code is grpc.StatusCode.NOT_FOUND
        with pytest.raises(ServingError, match="Could not find any versions of model a"):
            manager.statuses("a")
        twice = config(tmp_path / "b", name="b")
        twice.MergeFrom(config(tmp_path / "b", name="b"))
        with pytest.raises(ServingError, match="multiple times"):
            await manager.reload(twice)
        await manager.shutdown()

    asyncio.run(scenario())


@pytest.mark.parametrize("copied", [True, False])
def test_a_hundred_races_between_push_and_poll_lose_no_request(tmp_path, copied):
    """Versions are pushed from a thread, by a copy that ends with saved_model.pb or by a rename, while requests run."""

    def pusher():
        for version in range(2, 102):
            scratch = tmp_path / (str(version) if copied else f".tmp-{version}")
            scratch.mkdir()
            for part in range(3):
                (scratch / f"part-{part}").write_text("x" * 100)
            (scratch / ".saved_model.pb").write_text("whole")
            (scratch / ".saved_model.pb").rename(scratch / "saved_model.pb")
            if not copied:
                scratch.rename(tmp_path / str(version))

    async def scenario():
        manager = ServableManager(load)
        push(tmp_path, 1)
        await manager.reload(config(tmp_path))
        polling = asyncio.create_task(manager.poll_forever(0))
        thread = threading.Thread(target=pusher)
        thread.start()
        last, requests = 1, 0
        while thread.is_alive() or last < 101:
            with manager.acquire(spec()) as found:
                await asyncio.sleep(0)
                assert not found.closed
                assert found.version >= last
                last, requests = found.version, requests + 1
        polling.cancel()
        assert requests > 100
        assert {status.status.error_message for status in manager.statuses("m")} == {""}
        await manager.shutdown()

    asyncio.run(asyncio.wait_for(scenario(), 60))
