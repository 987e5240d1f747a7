"""Which versions of which models are served: loaded and warmed off the request path, swapped, drained, unloaded."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.server import errors, source
from serving.server.errors import ServingError
from serving.server.servable import Servable

Status: TypeAlias = get_model_status_pb2.ModelVersionStatus
START, LOADING, AVAILABLE, UNLOADING, END = (
    getattr(Status, name) for name in ("START", "LOADING", "AVAILABLE", "UNLOADING", "END")
)
Loader = Callable[[str, int, Path], Servable]

log = logging.getLogger("marquee.serving")


@dataclass(kw_only=True)
class _Version:
    number: int
    path: Path
    state: int = START
    error: ServingError | None = None
    servable: Servable | None = None
    handles: int = 0  # requests at work with it
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    failed_as: Any = None  # the files' fingerprint when it could not be loaded

    def status(self) -> Status:
        status = Status(version=self.number, state=self.state)
        if self.error is not None:
            status.status.error_code = self.error.code.value[0]
            status.status.error_message = self.error.message
        return status


class Handle:
    """Keeps a version loaded inside its `with` block. A class, since contextlib's generators cost each request more."""

    __slots__ = ("_version",)

    def __init__(self, version: _Version):
        self._version = version

    def __enter__(self) -> Servable:
        assert self._version.servable is not None
        self._version.handles += 1
        return self._version.servable

    def __exit__(self, *_: object) -> None:
        self._version.handles -= 1
        if not self._version.handles:
            self._version.idle.set()


@dataclass(kw_only=True)
class _Model:
    config: model_server_config_pb2.ModelConfig
    versions: dict[int, _Version] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)

    def available(self) -> list[_Version]:
        return sorted(
            (version for version in self.versions.values() if version.state == AVAILABLE),
            key=lambda version: version.number,
        )


class ServableManager:
    """Keeps the served versions as configs and folders want them. All methods belong to one event loop.

    A version is loaded before the one that it replaces is unloaded; one that cannot be loaded leaves the others as they
    are, and is tried again when its files change.
    """

    def __init__(self, load: Loader, *, labels_for_unavailable: bool = False):
        """Makes an empty manager.

        Args:
            load: loads a version and warms it up; called in a thread; raises ServingError.
            labels_for_unavailable: labels may name versions that are not available (yet).
        """
        self._load = load
        self._labels_for_unavailable = labels_for_unavailable
        self._models: dict[str, _Model] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._changing = asyncio.Lock()
        self._unloading: set[asyncio.Task[None]] = set()

    async def reload(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        """Serves these models, and no others, from now on; returns once their versions are loaded.

        Raises:
            ServingError: INVALID_ARGUMENT, a model is named twice; FAILED_PRECONDITION, a label names a version that is
                not available. Labels are then as they were.
        """
        if config.WhichOneof("config") == "custom_model_config":
            raise ServingError(grpc.StatusCode.UNIMPLEMENTED, "custom_model_config is not supported.")
        models = list(config.model_config_list.config)
        names = [model.name for model in models]
        for name in names:
            if not name or names.count(name) > 1:
                raise errors.invalid(f"Illegal to list model {name} multiple times in config list" if name else
                                     "A model of the config list has no name.")  # fmt: skip
        async with self._changing:
            for name in set(self._models) - set(names):
                self._unload(self._models.pop(name).versions.values())
            for model in models:
                known = self._models.get(model.name)
                if known is not None and known.config.base_path != model.base_path:
                    self._unload(known.versions.values())
                    known = None
                if known is None:
                    self._models[model.name] = _Model(config=model)
                else:
                    known.config = model
            for name in names:
                await self._reconcile(self._models[name])
            wanted = {model.name: dict(model.version_labels) for model in models}
            for name, labels in wanted.items():
                self._check_labels(self._models[name], labels)
            for name, labels in wanted.items():
                self._models[name].labels = labels

    async def poll(self) -> None:
        """Looks into the models' folders once, and loads and unloads what that asks for."""
        async with self._changing:
            for model in list(self._models.values()):
                await self._reconcile(model)

    async def poll_forever(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.poll()
            except Exception:  # what went wrong with one folder once must not end all watching
                log.exception("polling failed")

    def acquire(self, spec: model_pb2.ModelSpec) -> "Handle":
        """Holds the servable that a request is for: in a `with` block, while which it stays loaded.

        Raises:
            ServingError: NOT_FOUND, no such model or version is available; INVALID_ARGUMENT, no name or no such label.
        """
        return Handle(self._find(spec))

    def statuses(self, name: str, version: int | None = None) -> list[Status]:
        """The states of a model's versions, or of one of them, newest first.

        Raises:
            ServingError: NOT_FOUND, it has no such version, or there is no such model.
        """
        model = self._models.get(name)
        found = list(model.versions.values()) if model is not None else []
        if version is not None:
            found = [each for each in found if each.number == version]
            if not found:
                raise errors.not_found(f"Could not find version {version} of model {name}")
        if not found:
            raise errors.not_found(f"Could not find any versions of model {name}")
        return [each.status() for each in sorted(found, key=lambda each: -each.number)]

    @property
    def names(self) -> list[str]:
        return list(self._models)

    async def shutdown(self) -> None:
        """Unloads everything, once no request is at work with it."""
        async with self._changing:
            for model in self._models.values():
                self._unload(model.versions.values())
        if self._unloading:
            await asyncio.wait(self._unloading)
        self._thread.shutdown()

    def _find(self, spec: model_pb2.ModelSpec) -> _Version:
        if not spec.name:
            raise errors.invalid("ModelSpec has no name specified.")
        model = self._models.get(spec.name)
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            available = model.available() if model is not None else []
            if not available:
                raise errors.not_found(f"Servable not found for request: Latest({spec.name})")
            return available[-1]
        number = spec.version.value
        if choice == "version_label":
            labels = model.labels if model is not None else {}
            if spec.version_label not in labels:
                raise errors.invalid(f"Unrecognized servable version label: {spec.version_label}")
            number = labels[spec.version_label]
        version = model.versions.get(number) if model is not None else None
        if version is None or version.state != AVAILABLE:
            raise errors.not_found(f"Servable not found for request: Specific({spec.name}, {number})")
        return version

    def _check_labels(self, model: _Model, labels: dict[str, int]) -> None:
        there = {version.number for version in model.available()}
        for label, number in labels.items():
            if number not in there and not self._labels_for_unavailable:
                raise errors.failed(
                    f"Request to assign label {label} to version {number} of model {model.config.name}, but it is not "
                    "currently available for inference"
                )

    async def _reconcile(self, model: _Model) -> None:
        there = await self._in_thread(source.versions_in, model.config.base_path)
        wanted = source.wanted(there, model.config.model_version_policy)
        for number in wanted:
            known = model.versions.get(number)
            if known is None or (
                known.state == END
                and (known.error is None or known.failed_as != await self._fingerprint(there[number]))
            ):
                await self._bring_up(model, number, there[number])
        served = {version.number for version in model.available()}
        if served & set(wanted):  # never the last one for nothing
            gone = [model.versions[number] for number in served - set(wanted)]
            self._unload(gone)
        for number in [number for number, known in model.versions.items() if known.error and number not in there]:
            del model.versions[number]

    async def _bring_up(self, model: _Model, number: int, path: Path) -> None:
        version = model.versions[number] = _Version(number=number, path=path, state=LOADING)
        failed_as = await self._fingerprint(path)
        try:
            version.servable = await self._in_thread(self._load, model.config.name, number, path)
        except ServingError as error:
            version.error, version.failed_as, version.state = error, failed_as, END
            log.error("%s version %d cannot be loaded: %s", model.config.name, number, error.message)
            return
        version.state = AVAILABLE
        log.info("%s version %d is available", model.config.name, number)

    def _unload(self, versions: Any) -> None:
        for version in list(versions):
            if version.state == AVAILABLE:
                version.state = UNLOADING
                task = asyncio.get_running_loop().create_task(self._drain(version))
                self._unloading.add(task)
                task.add_done_callback(self._unloading.discard)

    async def _drain(self, version: _Version) -> None:
        while version.handles:
            version.idle.clear()
            await version.idle.wait()
        servable, version.servable = version.servable, None
        assert servable is not None
        await self._in_thread(servable.close)
        version.state = END
        log.info("%s version %d is unloaded", servable.name, version.number)

    async def _fingerprint(self, path: Path) -> Any:
        with contextlib.suppress(OSError):
            return await self._in_thread(source.fingerprint, path)
        return None

    async def _in_thread(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
