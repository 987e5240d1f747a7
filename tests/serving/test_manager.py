"""Versions that come, go, break and are replaced while they are asked."""

import asyncio
import contextlib
import errno
import os
import shutil
import threading
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.config import model_server_config_pb2

from components.atomic_pusher import models_config, publish
from serving.server import configs, errors
from serving.server.errors import ServingError
from serving.server.manager import AVAILABLE, END, LOADING, START, UNLOADING, ServableManager


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


def states(manager: ServableManager, name: str = "m") -> dict[int, int]:
    return {status.version: status.state for status in manager.statuses(name)}


def unreadable(monkeypatch: pytest.MonkeyPatch, folder: Path, number: int = errno.EACCES) -> None:
    """Has the system refuse to look into a folder; the tests may run as root, whom no mode keeps out."""

    def refusing(call):
        def guarded(path, *arguments, **options):
            if folder in (path, path.parent):
                raise OSError(number, os.strerror(number), str(path))
            return call(path, *arguments, **options)

        return guarded

    for name in ("is_file", "iterdir", "rglob"):
        monkeypatch.setattr(Path, name, refusing(getattr(Path, name)))


async def settled(manager: ServableManager, wanted: dict[int, int] | None = None, name: str = "m") -> None:
    """A moment later, or as soon as the machine can, a model's versions are in the states that are wanted."""
    for _ in range(20):
        await asyncio.sleep(0.005)
    end = time.monotonic() + 30
    found: dict[int, int] = {}
    while wanted is not None:
        with contextlib.suppress(ServingError):  # nothing is known of the model yet
            found = states(manager, name)
        if found == wanted:
            return
        assert time.monotonic() < end, found
        await asyncio.sleep(0.005)


def managed(scenario):
    """A test of a manager with `load`, which is shut down behind it, and a folder."""

    def test(tmp_path):
        async def whole():
            manager = ServableManager(load)
            await scenario(manager, tmp_path)
            await manager.shutdown()

        asyncio.run(whole())

    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    return test


@managed
async def test_the_latest_version_is_served_and_a_newer_one_replaces_it(manager, tmp_path):
    push(tmp_path, 1)
    await manager.reload(config(tmp_path))
    assert await served(manager) == 1
    push(tmp_path, 2)
    assert await served(manager) == 1
    await manager.poll()
    assert await served(manager) == 2
    await settled(manager, {2: AVAILABLE, 1: END})
    with pytest.raises(ServingError, match=r"Servable not found for request: Specific\(m, 1\)"):
        await served(manager, spec(1))


@managed
async def test_a_version_in_use_is_drained_first(manager, tmp_path):
    push(tmp_path, 1)
    await manager.reload(config(tmp_path))
    with manager.acquire(spec()) as old:
        push(tmp_path, 2)
        await manager.poll()
        await settled(manager, {2: AVAILABLE, 1: UNLOADING})
        assert not old.closed
        assert await served(manager) == 2
    await settled(manager, {2: AVAILABLE, 1: END})
    assert old.closed


@managed
async def test_a_version_that_is_wanted_again_while_it_is_drained_comes_back(manager, tmp_path):
    push(tmp_path, 1)
    push(tmp_path, 2)
    one, two = (config(tmp_path, f"model_version_policy {{ specific {{ versions: {number} }} }}") for number in (1, 2))
    await manager.reload(one)
    with manager.acquire(spec()) as old:
        await manager.reload(two)
        await settled(manager, {2: AVAILABLE, 1: UNLOADING})
        one.model_config_list.config[0].version_labels["stable"] = 1
        await manager.reload(one)
        assert await served(manager) == await served(manager, spec(label="stable")) == 1
        await settled(manager, {2: END, 1: AVAILABLE})
        assert not old.closed
    await settled(manager, {2: END, 1: AVAILABLE})
    assert old.closed
    assert await served(manager, spec(1)) == 1


@managed
async def test_a_broken_version_is_reported_and_leaves_the_old_one_serving_until_it_is_mended(manager, tmp_path):
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


def test_half_a_copy_is_told_with_its_error_until_it_is_whole(tmp_path, caplog):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path, 1)
        await manager.reload(config(tmp_path))
        (tmp_path / "2" / "variables").mkdir(parents=True)
        (tmp_path / "0").mkdir()  # would not be served if it were whole
        for _ in range(3):
            await manager.poll()
        assert await served(manager) == 1
        # Not END, which would tell a pusher that its version has failed while it is still being copied.
        assert states(manager) == {1: AVAILABLE, 2: START}
        [status] = manager.statuses("m", 2)
        assert status.status.error_code == grpc.StatusCode.NOT_FOUND.value[0]
        assert f"{tmp_path / '2'}: no saved_model.pb in it" in status.status.error_message
        assert caplog.text.count(f"{tmp_path / '2'}: no saved_model.pb") == 1
        push(tmp_path, 2)
        await manager.poll()
        assert await served(manager) == 2
        [status] = manager.statuses("m", 2)
        assert (status.state, status.status.error_message) == (AVAILABLE, "")
        (tmp_path / "3").mkdir()
        await manager.poll()
        assert states(manager)[3] == START
        (tmp_path / "3").rmdir()
        await manager.poll()
        assert 3 not in states(manager)
        await manager.shutdown()

    asyncio.run(scenario())


@managed
async def test_a_deleted_folder_unloads_nothing(manager, tmp_path):
    push(tmp_path, 1)
    await manager.reload(config(tmp_path))
    shutil.rmtree(tmp_path)
    await manager.poll()
    assert await served(manager) == 1


def test_a_version_starts_loads_and_is_available(tmp_path):
    going_on = threading.Semaphore(0)

    def slowly(*version):
        going_on.acquire()
        return load(*version)

    async def scenario():
        manager = ServableManager(slowly)
        push(tmp_path, 1)
        push(tmp_path, 2)
        loading = asyncio.create_task(manager.reload(config(tmp_path, "model_version_policy { all {} }")))
        await settled(manager, {1: LOADING, 2: START})
        going_on.release()
        await settled(manager, {1: AVAILABLE, 2: LOADING})
        going_on.release()
        await loading
        assert states(manager) == {1: AVAILABLE, 2: AVAILABLE}
        await manager.shutdown()

    asyncio.run(scenario())


@managed
async def test_a_version_beyond_int64_is_passed_over(manager, tmp_path):
    push(tmp_path, 1)
    push(tmp_path, 20261125150210123456)
    await manager.reload(config(tmp_path))
    assert await served(manager) == 1
    assert states(manager) == {1: AVAILABLE}


def test_a_reload_whose_caller_is_gone_goes_on_to_its_end(tmp_path):
    going_on = threading.Event()
    loaded = []

    def slowly(*version):
        going_on.wait(30)
        loaded.append(load(*version))
        return loaded[-1]

    async def scenario():
        manager = ServableManager(slowly)
        push(tmp_path, 1)
        reloading = asyncio.create_task(manager.reload(config(tmp_path)))
        await settled(manager, {1: LOADING})
        reloading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reloading
        going_on.set()
        await manager.poll()
        assert states(manager) == {1: AVAILABLE}
        assert await served(manager) == 1
        await manager.shutdown()
        assert [servable.closed for servable in loaded] == [True]

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_what_a_reload_whose_caller_is_gone_could_not_do_is_logged(tmp_path, caplog):
    going_on = threading.Event()

    def slowly(*version):
        going_on.wait(30)
        return load(*version)

    async def scenario():
        manager = ServableManager(slowly)
        push(tmp_path, 1)
        reloading = asyncio.create_task(manager.reload(config(tmp_path, "version_labels { key: 'stable' value: 9 }")))
        await settled(manager, {1: LOADING})
        reloading.cancel()
        await asyncio.gather(reloading, return_exceptions=True)
        going_on.set()
        await manager.poll()
        await manager.shutdown()

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert caplog.text.count("Request to assign label to version 9 of model m") == 1


def test_a_loader_that_raises_what_it_should_not_is_told_and_tried_again(tmp_path, caplog):
    def failing(name, version, path):
        if (path / "saved_model.pb").read_text() == "whole":
            raise MemoryError("no room")
        return load(name, version, path)

    async def scenario():
        manager = ServableManager(failing)
        push(tmp_path, 1)
        await manager.reload(config(tmp_path), strict=False)
        [status] = manager.statuses("m", 1)
        assert (status.state, status.status.error_message) == (END, "MemoryError: no room")
        push(tmp_path, 1, "mended")
        await manager.poll()
        assert await served(manager) == 1
        await manager.shutdown()

    asyncio.run(scenario())
    assert "Traceback" in caplog.text


def two_models(folder):
    """A config of models "a" and "b", each with a version 1."""
    both = model_server_config_pb2.ModelServerConfig()
    for name in ("a", "b"):
        push(folder / name, 1)
        both.MergeFrom(config(folder / name, name=name))
    return both


@pytest.mark.parametrize("number", [errno.EACCES, errno.ESTALE, errno.EIO])
def test_a_version_that_cannot_be_read_is_told_and_stops_nothing_else(tmp_path, monkeypatch, caplog, number):
    async def scenario():
        both = two_models(tmp_path)
        manager = ServableManager(load)
        await manager.reload(both)
        for name in ("a", "b"):
            push(tmp_path / name, 2)
        said = f"{tmp_path}/a/2: cannot be read ({os.strerror(number)})"
        with monkeypatch.context() as patch:
            unreadable(patch, tmp_path / "a" / "2", number)
            for _ in range(3):
                await manager.poll()
            await manager.reload(both, strict=False)
            assert await served(manager, spec(name="a")) == 1
            assert await served(manager, spec(name="b")) == 2
            [status] = manager.statuses("a", 2)
            assert (status.state, status.status.error_message) == (START, said)
            another = ServableManager(load)  # as one that is started anew
            await another.reload(both, strict=False)
            assert await served(another, spec(name="a")) == 1
            assert await served(another, spec(name="b")) == 2
            await another.shutdown()
        assert caplog.text.count(said) == 2
        await manager.poll()
        assert await served(manager, spec(name="a")) == 2
        with monkeypatch.context() as patch:  # what is served already stays
            unreadable(patch, tmp_path / "a" / "2", number)
            await manager.poll()
            assert await served(manager, spec(name="a")) == 2
            assert {one.version: one.state for one in manager.statuses("a")}[2] == AVAILABLE
        await manager.shutdown()

    asyncio.run(scenario())


def test_a_base_path_that_cannot_be_read_is_told_and_stops_nothing_else(tmp_path, monkeypatch, caplog):
    async def scenario():
        both = two_models(tmp_path)
        manager = ServableManager(load)
        said = f"{tmp_path}/a: cannot be read (Permission denied)"
        with monkeypatch.context() as patch:
            unreadable(patch, tmp_path / "a")
            with pytest.raises(ServingError, match=r"1 model\(s\) did not become available") as refused:
                await manager.reload(both)
            assert f"{{a due to error: {said}}}" in refused.value.message
            assert await served(manager, spec(name="b")) == 1
            for _ in range(3):
                await manager.poll()
            assert caplog.text.count(said) == 1
        await manager.poll()
        assert await served(manager, spec(name="a")) == 1
        with monkeypatch.context() as patch:
            unreadable(patch, tmp_path / "a")
            push(tmp_path / "b", 2)
            await manager.poll()
            assert await served(manager, spec(name="a")) == 1
            assert await served(manager, spec(name="b")) == 2
        await manager.shutdown()

    asyncio.run(scenario())


def test_nothing_more_is_loaded_once_it_is_shut_down(tmp_path):
    going_on = threading.Event()
    loaded = []

    def slowly(*version):
        loaded.append(version[1])
        going_on.wait(30)
        return load(*version)

    async def scenario():
        manager = ServableManager(slowly)
        for version in (1, 2, 3):
            push(tmp_path, version)
        reloading = asyncio.create_task(manager.reload(config(tmp_path, "model_version_policy { all {} }")))
        await settled(manager, {1: LOADING, 2: START, 3: START})
        ending = asyncio.create_task(manager.shutdown())
        await settled(manager)
        going_on.set()
        await ending
        with pytest.raises(ServingError, match="shutting down") as refused:
            await reloading
        assert refused.value.code is grpc.StatusCode.UNAVAILABLE
        assert loaded == [1]
        assert states(manager)[1] == END

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_model_that_moves_is_served_from_its_old_folder_until_the_new_one_is_loaded(tmp_path):
    going_on = threading.Event()

    def slowly(name, version, path):
        if path.parent.name == "new":
            going_on.wait()
        return load(name, version, path)

    async def scenario():
        manager = ServableManager(slowly)
        push(tmp_path / "old", 1)
        push(tmp_path / "new", 1)
        labelled = "version_labels { key: 'stable' value: 1 }"
        await manager.reload(config(tmp_path / "old", labelled))
        with manager.acquire(spec()) as old:
            moving = asyncio.create_task(manager.reload(config(tmp_path / "new", labelled)))
            await settled(manager)
            with manager.acquire(spec(label="stable")) as found:
                assert found is old
            going_on.set()
            await moving
            with manager.acquire(spec(label="stable")) as found:
                assert found is not old
            assert not old.closed
        while not old.closed:
            await asyncio.sleep(0.005)
        assert states(manager) == {1: AVAILABLE}
        await manager.shutdown()

    asyncio.run(asyncio.wait_for(scenario(), 60))


@managed
async def test_a_new_folder_whose_version_is_broken_leaves_the_old_one_serving(manager, tmp_path):
    push(tmp_path / "old", 1)
    push(tmp_path / "new", 1, "broken")
    push(tmp_path / "new", 2, "broken")
    await manager.reload(config(tmp_path / "old"))
    for _ in range(2):  # asked for once more, it is still not there
        with pytest.raises(ServingError, match=r"1 model\(s\) did not become available: .*2: broken") as refused:
            await manager.reload(config(tmp_path / "new"))
        assert refused.value.code is grpc.StatusCode.UNKNOWN
        await manager.poll()
        assert await served(manager) == 1
        assert states(manager) == {1: AVAILABLE, 2: END}
    await manager.reload(config(tmp_path / "old"))  # the old one is taken back
    assert states(manager) == {1: AVAILABLE}
    with pytest.raises(ServingError, match="broken"):
        await manager.reload(config(tmp_path / "new"))
    push(tmp_path / "new", 2, "mended")
    await manager.poll()
    assert await served(manager) == 2
    await settled(manager, {2: AVAILABLE, 1: END})


@managed
async def test_a_new_model_that_is_not_there_is_an_error_and_the_others_are_served(manager, tmp_path):
    push(tmp_path / "a", 1)
    push(tmp_path / "b", 1, "broken")
    push(tmp_path / "d", 7)
    await manager.reload(config(tmp_path / "a", name="a"))
    listed = config(tmp_path / "a", name="a")
    for name in ("b", "c", "d"):
        listed.MergeFrom(config(tmp_path / name, name=name))
    with pytest.raises(ServingError) as refused:
        await manager.reload(listed)
    assert refused.value.code is grpc.StatusCode.UNKNOWN
    assert refused.value.message == (
        "2 model(s) did not become available: "
        f"{{{{{{name: b version: 1}} due to error: INVALID_ARGUMENT: {tmp_path}/b/1: broken}}, "
        f"{{c due to error: no version in base path {tmp_path}/c}}, }}"
    )
    assert await served(manager, spec(name="d")) == 7
    push(tmp_path / "c", 3)
    await manager.poll()
    assert await served(manager, spec(name="c")) == 3


def test_an_empty_base_path_is_refused_and_changes_nothing(tmp_path, monkeypatch):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path, 1)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ServingError, match=r"Expected model m to have an absolute path or URI; got base_path\(\)="):
            await manager.reload(
                model_server_config_pb2.ModelServerConfig(model_config_list={"config": [{"name": "m"}]})
            )
        assert manager.names == []
        await manager.shutdown()

    asyncio.run(scenario())


@managed
async def test_policies_and_labels(manager, tmp_path):
    for version in (1, 2, 3):
        push(tmp_path, version)
    await manager.reload(config(tmp_path, "model_version_policy { all {} } version_labels { key: 'stable' value: 2 }"))
    assert [status.version for status in manager.statuses("m")] == [3, 2, 1]
    assert await served(manager, spec(1)) == 1
    assert await served(manager, spec(label="stable")) == 2
    with pytest.raises(ServingError, match="Unrecognized servable version label: canary"):
        await served(manager, spec(label="canary"))
    specific = "model_version_policy { specific { versions: 1 versions: 3 } } version_labels { key: 'stable' value: 3 }"
    await manager.reload(config(tmp_path, specific))
    await settled(manager, {3: AVAILABLE, 2: END, 1: AVAILABLE})
    assert await served(manager, spec(label="stable")) == 3
    with pytest.raises(ServingError) as refused:
        await manager.reload(config(tmp_path, "version_labels { key: 'stable' value: 9 }"))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.message == (
        "Request to assign label to version 9 of model m, which is not currently available for inference"
    )
    assert await served(manager, spec(label="stable")) == 3


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
        # A label that clients use already is not moved to where they would find nothing.
        with pytest.raises(ServingError, match="Request to assign label to version 3 of model m, which") as refused:
            await manager.reload(config(tmp_path, "version_labels { key: 'next' value: 3 }"))
        assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
        assert await served(manager, spec(label="next")) == 2
        await manager.shutdown()

    asyncio.run(scenario())


@contextlib.asynccontextmanager
async def hammered(manager: ServableManager, asked: model_pb2.ModelSpec):
    """Asks without a pause meanwhile; not one request may fail. Yields the versions that answered."""
    seen: list[int] = []

    async def hammer():
        while True:
            with manager.acquire(asked) as found:
                await asyncio.sleep(0)
                assert not found.closed
                seen.append(found.version)

    task = asyncio.create_task(hammer())
    yield seen
    await asyncio.sleep(0.01)
    if task.done():
        task.result()  # raises what a request did
    task.cancel()


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("moves_to", ["another version", "another base path"])
def test_a_label_is_answered_all_the_while_it_moves_and_others_load(tmp_path, strict, moves_to):
    going_on = threading.Event()

    def slowly(name, version, path):
        if (name, version) == ("b", 2):
            going_on.wait(30)
        return load(name, version, path)

    def both(base, version):
        specific = f"model_version_policy {{ specific {{ versions: {version} }} }}"
        found = config(base, f"{specific} version_labels {{ key: 'stable' value: {version} }}", name="a")
        found.MergeFrom(config(tmp_path / "b", name="b"))
        return found

    async def scenario():
        manager = ServableManager(slowly)
        old = tmp_path / "old"
        new = old if moves_to == "another version" else tmp_path / "new"
        push(old, 1)
        push(tmp_path / "b", 1)
        await manager.reload(both(old, 1))
        push(new, 2)
        push(tmp_path / "b", 2)
        stable = spec(label="stable", name="a")
        async with hammered(manager, stable) as seen:
            moving = asyncio.create_task(manager.reload(both(new, 2), strict=strict))
            while not any(one.state == LOADING for one in manager.statuses("b")):
                await asyncio.sleep(0.001)
            await settled(manager)
            assert await served(manager, spec(name="a")) == 2
            if not strict:  # strictly, a label may wait for the others; one that moves with its model cannot
                assert await served(manager, stable) == 2
            going_on.set()
            await moving
            assert await served(manager, stable) == 2
        assert seen == sorted(seen)
        assert set(seen) == {1, 2}
        await settled(manager, {1: END, 2: AVAILABLE}, name="a")
        await manager.shutdown()

    asyncio.run(asyncio.wait_for(scenario(), 60))


@managed
async def test_a_version_whose_files_are_gone_stays_until_the_labels_that_name_it_have_moved(manager, tmp_path):
    labelled = "model_version_policy {{ all {{}} }} version_labels {{ key: 'stable' value: {} }}".format
    push(tmp_path, 1)
    push(tmp_path, 2)
    await manager.reload(config(tmp_path, labelled(1)))
    async with hammered(manager, spec(label="stable")) as seen:
        shutil.rmtree(tmp_path / "1")
        for _ in range(3):
            await manager.poll()
        await manager.reload(config(tmp_path, labelled(1)))
        assert states(manager) == {1: AVAILABLE, 2: AVAILABLE}
        await manager.reload(config(tmp_path, labelled(2)))
    assert set(seen) == {1, 2}
    await settled(manager, {1: END, 2: AVAILABLE})
    with pytest.raises(ServingError) as refused:
        await manager.reload(config(tmp_path, labelled(1)))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert await served(manager, spec(label="stable")) == 2


@managed
async def test_who_asks_for_the_latest_version_gets_none_that_a_label_alone_keeps(manager, tmp_path):
    push(tmp_path, 1)
    push(tmp_path, 2)
    every = "model_version_policy { all {} }"
    await manager.reload(config(tmp_path, f"{every} version_labels {{ key: 'canary' value: 2 }}"))
    shutil.rmtree(tmp_path / "2")
    await manager.poll()
    assert await served(manager) == 1
    assert await served(manager, spec(label="canary")) == 2
    push(tmp_path, 2)  # is back
    await manager.poll()
    assert await served(manager) == 2
    shutil.rmtree(tmp_path / "2")
    await manager.reload(config(tmp_path, every))  # no label names it any more
    await settled(manager, {1: AVAILABLE, 2: END})
    with pytest.raises(ServingError, match="Unrecognized servable version label: canary"):
        await served(manager, spec(label="canary"))


@managed
async def test_a_model_moves_once_the_versions_that_its_labels_name_are_in_the_new_folder(manager, tmp_path):
    labelled = "version_labels { key: 'stable' value: 3 }"
    push(tmp_path / "old", 1)
    push(tmp_path / "new", 2)
    push(tmp_path / "newest", 3)
    await manager.reload(config(tmp_path / "old", "version_labels { key: 'stable' value: 1 }"))
    for _ in range(2):
        await manager.poll()
        with pytest.raises(ServingError, match="Request to assign label to version 3 of model m, which") as refused:
            await manager.reload(config(tmp_path / "new", labelled))
        assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
        assert await served(manager) == await served(manager, spec(label="stable")) == 1
    async with hammered(manager, spec(label="stable")) as seen:
        await manager.reload(config(tmp_path / "newest", labelled))  # what waits in the folder before it is given up
        assert await served(manager) == 3
    assert set(seen) == {1, 3}
    await settled(manager, {1: END, 2: END, 3: AVAILABLE})


@managed
async def test_a_model_that_waits_for_a_label_moves_with_the_poll_that_finds_its_version(manager, tmp_path):
    push(tmp_path / "old", 1)
    push(tmp_path / "new", 2)
    await manager.reload(config(tmp_path / "old", "version_labels { key: 'stable' value: 1 }"))
    async with hammered(manager, spec(label="stable")) as seen:
        await manager.reload(config(tmp_path / "new", "version_labels { key: 'stable' value: 3 }"), strict=False)
        push(tmp_path / "new", 3)
        await manager.poll()
        assert await served(manager) == await served(manager, spec(label="stable")) == 3
    assert set(seen) == {1, 3}


def test_a_file_that_labels_a_missing_version_keeps_nothing_else_back(tmp_path, caplog):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path / "a", 1)
        push(tmp_path / "b", 1)
        listed = config(
            tmp_path / "a",
            "version_labels { key: 'stable' value: 9 } version_labels { key: 'canary' value: 1 }",
            name="a",
        )
        listed.MergeFrom(config(tmp_path / "b", "version_labels { key: 'stable' value: 1 }", name="b"))
        for _ in range(3):
            await manager.reload(listed, strict=False)
        assert await served(manager, spec(label="canary", name="a")) == 1
        assert await served(manager, spec(label="stable", name="b")) == 1
        with pytest.raises(ServingError, match="Unrecognized servable version label: stable"):
            await served(manager, spec(label="stable", name="a"))
        assert caplog.text.count("Request to assign label to version 9 of model a") == 1
        push(tmp_path / "a", 9)
        listed.model_config_list.config[0].model_version_policy.all.SetInParent()
        await manager.reload(listed, strict=False)
        assert await served(manager, spec(label="stable", name="a")) == 9
        await manager.shutdown()

    asyncio.run(scenario())


@managed
async def test_models_come_and_go_with_the_config(manager, tmp_path):
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
    with pytest.raises(ServingError, match="Could not find any versions of model c"):
        manager.statuses("c")
    twice = config(tmp_path / "b", name="b")
    twice.MergeFrom(config(tmp_path / "b", name="b"))
    with pytest.raises(ServingError, match="multiple times"):
        await manager.reload(twice)
    with pytest.raises(ServingError, match="Model m: platform 'other'; served is 'tensorflow' alone"):
        await manager.reload(config(tmp_path / "a", "model_platform: 'other'"))
    assert await served(manager, spec(name="b")) == 5


def test_a_logging_config_is_told_to_count_for_nothing(tmp_path, caplog):
    async def scenario():
        manager = ServableManager(load)
        push(tmp_path, 1)
        logged = "logging_config { sampling_config { sampling_rate: 0.5 } }"
        for _ in range(3):
            await manager.reload(config(tmp_path, logged), strict=False)
        assert await served(manager) == 1
        await manager.shutdown()

    asyncio.run(scenario())
    assert caplog.text.count("m: its logging_config counts for nothing here") == 1


@managed
async def test_a_model_that_is_taken_away_is_unloading_until_it_is_drained_and_then_at_its_end(manager, tmp_path):
    push(tmp_path / "m", 1)
    push(tmp_path / "b", 1)
    await manager.reload(config(tmp_path / "m"))
    with manager.acquire(spec()):
        await manager.reload(config(tmp_path / "b", name="b"))
        with pytest.raises(ServingError, match=r"Latest\(m\)"):
            await served(manager)
        await settled(manager, {1: UNLOADING})
    await settled(manager, {1: END})
    assert manager.names == ["b"]
    await manager.reload(config(tmp_path / "m"))
    assert states(manager) == {1: AVAILABLE}


def copied(model: Path, base: Path) -> Path:
    """As TFX's own Pusher does it: into the version's folder, saved_model.pb last."""
    folder = base / str(max([int(time.time()), *(version + 1 for version in publish.versions(base))]))
    for file in sorted(model.rglob("*"), key=lambda file: file.name == "saved_model.pb"):
        target = folder / file.relative_to(model)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.name == "saved_model.pb":
            shutil.copyfile(file, folder / ".copying")
            (folder / ".copying").rename(target)
        elif file.is_file():
            shutil.copyfile(file, target)
    return folder


@pytest.mark.parametrize("publishes", [publish.publish, copied])
def test_a_hundred_races_between_push_and_poll_lose_no_request(tmp_path, publishes):
    """Versions are pushed from a thread, each once the one before it is served, while requests run."""
    model, base = tmp_path / "model", tmp_path / "served"
    for name in ("saved_model.pb", "variables/variables.data", "assets/words"):
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text(name * 100)
    wanted = contents(model)
    last, pushed, broken = 0, [], []

    def load_whole(name: str, version: int, path: Path) -> FakeServable:
        if contents(path) != wanted:
            broken.append(path)
        return FakeServable(name, version)

    def pusher() -> None:
        for _ in range(100):
            while last < max(pushed, default=1):
                time.sleep(0.0005)
            pushed.append(int(publishes(model, base).name))

    async def scenario():
        nonlocal last
        manager = ServableManager(load_whole)
        push(base, 1)
        await manager.reload(config(base))
        polling = asyncio.create_task(manager.poll_forever(0))
        thread = threading.Thread(target=pusher, daemon=True)
        thread.start()
        requests = 0
        while thread.is_alive() or last < pushed[-1]:
            with manager.acquire(spec()) as found:
                await asyncio.sleep(0)
                assert not found.closed
                assert found.version >= last
                last, requests = found.version, requests + 1
        polling.cancel()
        assert requests > 100
        assert len(pushed) == len({*pushed}) == 100
        assert broken == [base / "1"]  # which was there before, with a file of its own
        assert {status.status.error_message for status in manager.statuses("m")} == {""}
        assert {status.version for status in manager.statuses("m")} == {1, *pushed}
        await manager.shutdown()

    asyncio.run(asyncio.wait_for(scenario(), 300))


def test_a_hundred_races_between_promotions_prunings_and_polls_lose_no_request(tmp_path):
    """Each version is promoted and what no label names removed, while requests run by labels that name old ones yet."""
    model, serving = tmp_path / "model", tmp_path / "serving"
    base, file = serving / "m", serving / models_config.FILE_NAME
    push(tmp_path, 0)
    (tmp_path / "0").rename(model)
    push(base, 1)
    models_config.promote(serving, "m")
    models_config.promote(serving, "m", label=models_config.PREVIOUS)
    last, pushed, pruned = 0, [], []

    def pusher() -> None:
        for _ in range(100):
            while last < max(pushed, default=1):
                time.sleep(0.0005)
            pushed.append(int(publish.publish(model, base).name))
            models_config.promote(serving, "m")
            with models_config.editing(serving) as listed:
                pruned.extend(publish.prune(base, 1, models_config.labels(listed, "m").values()))

    async def follow(manager: ServableManager) -> None:
        while True:
            await asyncio.sleep(0.003)
            await manager.reload(configs.model_server(file), strict=False)

    async def scenario():
        nonlocal last
        manager = ServableManager(load)
        await manager.reload(configs.model_server(file))
        watching = [asyncio.create_task(manager.poll_forever(0)), asyncio.create_task(follow(manager))]
        thread = threading.Thread(target=pusher, daemon=True)
        thread.start()
        requests = 0
        while thread.is_alive() or last < pushed[-1]:
            for label in (models_config.STABLE, models_config.PREVIOUS):
                with manager.acquire(spec(label=label)) as found:
                    await asyncio.sleep(0)
                    assert not found.closed
                if label == models_config.STABLE:
                    assert found.version >= last
                    last = found.version
            requests += 1
        assert not any(task.done() for task in watching)
        for task in watching:
            task.cancel()
        assert requests > 100
        assert len(pushed) == len({*pushed}) == 100
        assert len(pruned) >= 98
        await manager.shutdown()

    asyncio.run(asyncio.wait_for(scenario(), 300))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
