"""Which versions of which models are served: loaded and warmed off the request path, swapped, drained, unloaded."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
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
    leaving: bool = False  # asked for no more; kept for who asks for it by a label that still names it

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
    successor: "_Model | None" = None  # of another base_path, until it can take over
    unreadable: str = ""  # why its folder cannot be looked into

    def available(self) -> set[int]:
        return {number for number, version in self.versions.items() if version.state == AVAILABLE}

    def latest(self) -> _Version | None:
        there = [version for version in self.versions.values() if version.state == AVAILABLE and not version.leaving]
        return max(there, key=lambda version: version.number, default=None)


class ServableManager:
    """Keeps the served versions as configs and folders want them. All methods belong to one event loop.

    A version is loaded before the one that it replaces is unloaded, also where a model moves to another folder; one
    that cannot be loaded leaves the others as they are, and is tried again when its files change. One that a label
    names stays loaded until the label has moved, whatever becomes of its files.
    """

    def __init__(self, load: Loader, *, labels_for_unavailable: bool = False):
        """Makes an empty manager.

        Args:
            load: loads a version and warms it up; called in a thread; raises ServingError.
            labels_for_unavailable: new labels may name versions that are not available (yet).
        """
        self._load = load
        self._labels_for_unavailable = labels_for_unavailable
        self._models: dict[str, _Model] = {}
        # What was served and is no more, by model: as in TensorFlow Serving its state goes on being told.
        self._retired: dict[str, dict[int, _Version]] = {}
        self._told: set[str] = set()  # problems of the last lenient reload
        self._unlogged: set[str] = set()  # models of whose logging_config it has been said that it counts for nothing
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._changing = asyncio.Lock()
        self._ending = False
        self._at_work: set[asyncio.Task[None]] = set()
        self._unloading: set[asyncio.Task[None]] = set()

    async def reload(self, config: model_server_config_pb2.ModelServerConfig, *, strict: bool = True) -> None:
        """Serves these models, and no others, from now on; returns once their versions are loaded.

        A model of another base_path than before serves its old versions until one of the new path is available, and so
        is each that a label in use is to name there; its labels move with it. The work goes on to its end where the
        caller is cancelled.

        Args:
            config: the models.
            strict: raise what keeps a label or a model back. Else it is logged, once as long as it lasts: a file that
                names a version which is gone must not keep a server from starting, nor the other labels from moving.

        Raises:
            ServingError: INVALID_ARGUMENT, a model is named twice, lacks name or base_path, or is of another platform
                than TensorFlow; nothing has changed.
                FAILED_PRECONDITION, a label names a version that is not available; all labels are as they were, but
                for those of models that have moved to another base_path.
                UNKNOWN, a model that is new, or of another base_path, has no version that could be loaded; all else
                is as the config says, and its folder is looked at again.
                UNAVAILABLE, the manager was shut down meanwhile.
        """
        models = _checked(config)
        self._tell_of_logging(models)
        await self._to_its_end(self._reload(models, strict))

    async def poll(self) -> None:
        """Looks into the models' folders once, and loads and unloads what that asks for, as `reload` to its end."""
        await self._to_its_end(self._poll())

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

        Those that are unloaded stay in it, of a model that was taken away as well. A version that lacks its
        saved_model.pb is at START, with an error: whoever waits for it goes on waiting while it is copied.

        Raises:
            ServingError: NOT_FOUND, it has no such version, or there is no such model.
        """
        found = list(self._known(name).values())
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
        self._ending = True  # of what waits to be loaded nothing is begun any more
        async with self._changing:
            for model in self._models.values():
                self._retire(model)
        if self._unloading:
            await asyncio.wait(self._unloading)
        self._thread.shutdown()

    def _find(self, spec: model_pb2.ModelSpec) -> _Version:
        if not spec.name:
            raise errors.invalid("ModelSpec has no name specified.")
        model = self._models.get(spec.name)
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            latest = model.latest() if model is not None else None
            if latest is None:
                raise errors.not_found(f"Servable not found for request: Latest({spec.name})")
            return latest
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

    async def _to_its_end(self, work: Coroutine[Any, Any, None]) -> None:
        """Awaits work that goes on where the caller is cancelled: a version half loaded would be left so for good."""
        task = asyncio.get_running_loop().create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_tell_in_place_of_raising)
            raise

    async def _reload(self, models: list[model_server_config_pb2.ModelConfig], strict: bool) -> None:
        problems: list[ServingError] = []
        async with self._changing:
            for name in set(self._models) - {model.name for model in models}:
                self._retire(self._models.pop(name))
            awaited = [model.name for model in models if self._configure(model)]
            wanted = {model.name: dict(model.version_labels) for model in models}
            for model in models:
                await self._update(model.name)
                if not strict:  # other models may take minutes to load
                    problems += self._assign({model.name: wanted[model.name]}, strict)
            if strict:
                problems += self._assign(wanted, strict)
            problems += self._not_available(awaited)
        if self._ending:
            raise errors.unavailable("The server is shutting down; not all models were loaded.")
        if strict and problems:
            raise problems[0]
        self._tell(problems)

    async def _poll(self) -> None:
        async with self._changing:
            for name in list(self._models):
                await self._update(name)

    def _known(self, name: str) -> dict[int, _Version]:
        """All versions of a model that there is something to tell of."""
        known = dict(self._retired.get(name, {}))
        model = self._models.get(name)
        if model is not None:
            known |= model.versions
            if model.successor is not None:
                serving = model.available()
                known |= {number: one for number, one in model.successor.versions.items() if number not in serving}
        return known

    def _configure(self, config: model_server_config_pb2.ModelConfig) -> bool:
        """Takes over the config of a model; whether the model, or its base_path, is another than what is served."""
        known = self._models.get(config.name)
        if known is None:
            self._models[config.name] = _Model(config=config)
            return True
        successor = known.successor
        if successor is not None and successor.config.base_path == config.base_path:
            successor.config = config
            return True
        if successor is not None:
            self._retire(successor)
            known.successor = None
        if known.config.base_path == config.base_path:
            known.config = config
            return False
        known.successor = _Model(config=config)
        return True

    def _assign(self, wanted: dict[str, dict[str, int]], strict: bool) -> list[ServingError]:
        """Gives models the labels that they are to have; returns why some cannot be given.

        As in TensorFlow Serving, `labels_for_unavailable` is for new labels alone: one that clients use already is
        not moved to where they would find nothing.

        Args:
            wanted: version by label, by model.
            strict: where one cannot be given, none is; else that one stays as it was.
        """
        problems: list[ServingError] = []
        assigned: dict[str, dict[str, int]] = {}
        for name, labels in wanted.items():
            model = self._models[name]
            target = model
            if model.successor is not None and model.successor.available():  # it waits for a version that a label names
                target = model.successor
            kept, missing = self._labels(target, labels, model.labels)
            problems += [
                errors.failed(
                    f"Request to assign label to version {number} of model {name}, which is not currently "
                    "available for inference"
                )
                for number in missing
            ]
            if target is model:
                assigned[name] = kept
        if not (strict and problems):
            for name, kept in assigned.items():
                self._models[name].labels = kept
                self._let_go(self._models[name])
        return problems

    def _labels(
        self, model: _Model, wanted: dict[str, int], before: dict[str, int]
    ) -> tuple[dict[str, int], list[int]]:
        """The labels that can be given a model, with others as they were before; and what the others were to name."""
        there = model.available()
        kept, missing = {}, []
        for label, number in wanted.items():
            if number in there or (self._labels_for_unavailable and before.get(label) in (None, number)):
                kept[label] = number
                continue
            missing.append(number)
            if label in before:
                kept[label] = before[label]
        return kept, missing

    def _not_available(self, names: list[str]) -> list[ServingError]:
        """What TensorFlow Serving answers where it waits for new models in vain; empty where all are available."""
        waiting = []
        for name in names:
            model = self._models[name]
            model = model.successor or model
            if model.available():
                continue
            failed = [version for version in model.versions.values() if version.error is not None]
            if not failed:
                why = model.unreadable or f"no version in base path {model.config.base_path}"
                waiting.append(f"{{{name} due to error: {why}}}, ")
            for version in failed:
                assert version.error is not None
                waiting.append(
                    f"{{{{name: {name} version: {version.number}}} due to error: {version.error.code.name}: "
                    f"{version.error.message}}}, "
                )
        if not waiting:
            return []
        message = f"{len(waiting)} model(s) did not become available: {{{''.join(waiting)}}}"
        return [ServingError(grpc.StatusCode.UNKNOWN, message)]

    def _tell(self, problems: list[ServingError]) -> None:
        messages = {problem.message for problem in problems}
        for message in sorted(messages - self._told):
            log.error("%s", message)
        self._told = messages

    def _tell_of_logging(self, models: Iterable[model_server_config_pb2.ModelConfig]) -> None:
        """Warns of what a config asks for in vain, once of each model."""
        asked = {model.name for model in models if model.HasField("logging_config")}
        for name in sorted(asked - self._unlogged):
            log.warning(
                "%s: its logging_config counts for nothing here; requests are logged by --request_log_dir", name
            )
        self._unlogged = asked

    async def _update(self, name: str) -> None:
        """Loads and unloads what the model's folder asks for; lets its successor take its place."""
        if self._ending:
            return
        model = self._models[name]
        if model.successor is None:
            await self._reconcile(model)
            return
        successor = model.successor
        await self._reconcile(successor)
        labels, _ = self._labels(successor, dict(successor.config.version_labels), model.labels)
        there, served = successor.available(), model.available()
        lost = any(model.labels.get(label) in served and number not in there for label, number in labels.items())
        if (there and not lost) or not served:
            successor.labels, model.successor = labels, None
            self._models[name] = successor
            self._retire(model)

    async def _reconcile(self, model: _Model) -> None:
        base = model.config.base_path
        try:
            found = await self._in_thread(source.versions_in, base)
        except OSError as error:
            self._note_unreadable(model, f"{base}: cannot be read ({error.strerror})")
            return
        model.unreadable = ""
        # What is served does not go because its folder cannot be looked into for a while.
        kept = found.unreadable.keys() & model.available()
        there = found.whole | {number: model.versions[number].path for number in kept}
        unready = {number: _unfinished(number, path) for number, path in found.unfinished.items()} | {
            number: _unreadable(number, path, why) for number, (path, why) in found.unreadable.items()
        }
        policy = model.config.model_version_policy
        wanted = source.wanted(there, policy)
        awaited = set(source.wanted({*there, *unready}, policy)) - set(there)
        self._note_unready(model, [unready[number] for number in sorted(awaited)])
        due = []
        for number in wanted:
            known = model.versions.get(number)
            if (
                known is None
                or known.state in (START, UNLOADING)  # what is being let go comes back as another one
                or (
                    known.state == END
                    and (known.error is None or known.failed_as != await self._fingerprint(there[number]))
                )
            ):
                due.append(_Version(number=number, path=there[number]))
        model.versions.update({version.number: version for version in due})
        for version in due:
            if self._ending:
                return
            await self._bring_up(model, version)
        served = model.available()
        if served & set(wanted):  # never the last one for nothing
            for number in served:
                model.versions[number].leaving = number not in wanted
            self._let_go(model)
        for number, known in list(model.versions.items()):
            if known.error and number not in awaited and (known.state == START or number not in there):
                del model.versions[number]

    def _note_unreadable(self, model: _Model, why: str) -> None:
        """Tells why a model's folder cannot be looked into, once as long as it lasts."""
        if model.unreadable != why:
            log.error("%s stays as it is: %s", model.config.name, why)
        model.unreadable = why

    def _note_unready(self, model: _Model, versions: Iterable[_Version]) -> None:
        """Tells of versions that would be loaded if they could be, once of each."""
        for version in versions:
            assert version.error is not None
            known = model.versions.get(version.number)
            if known is not None and known.state not in (START, END):
                continue
            if (
                known is None
                or known.state == END
                or known.error is None
                or known.error.message != version.error.message
            ):
                model.versions[version.number] = version
                name, why = model.config.name, version.error.message
                log.warning("%s version %d cannot be loaded yet: %s", name, version.number, why)

    async def _bring_up(self, model: _Model, version: _Version) -> None:
        version.state = LOADING
        failed_as = await self._fingerprint(version.path)
        try:
            version.servable = await self._in_thread(self._load, model.config.name, version.number, version.path)
        except Exception as error:
            version.error, version.failed_as, version.state = errors.of(error), failed_as, END
            unexpected = None if isinstance(error, ServingError) else error
            name, why = model.config.name, version.error.message
            log.error("%s version %d cannot be loaded: %s", name, version.number, why, exc_info=unexpected)
            return
        version.state = AVAILABLE
        log.info("%s version %d is available", model.config.name, version.number)

    def _retire(self, model: _Model) -> None:
        """Unloads a model's versions, and those of its successor; what became of them is still told."""
        if model.successor is not None:
            self._retire(model.successor)
        served = {number: version for number, version in model.versions.items() if version.error is None}
        self._retired.setdefault(model.config.name, {}).update(served)
        self._unload(served.values())

    def _let_go(self, model: _Model) -> None:
        """Unloads what is asked for no more, but where a label still names it."""
        labelled = set(model.labels.values())
        self._unload(one for number, one in model.versions.items() if one.leaving and number not in labelled)

    def _unload(self, versions: Iterable[_Version]) -> None:
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


def _unfinished(number: int, path: Path) -> _Version:
    error = errors.not_found(f"{path}: no {source.MODEL_FILES[0]} in it; it is being copied, or was left half")
    return _Version(number=number, path=path, error=error)


def _unreadable(number: int, path: Path, why: str) -> _Version:
    return _Version(number=number, path=path, error=errors.unavailable(f"{path}: cannot be read ({why})"))


def _tell_in_place_of_raising(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if isinstance(error, ServingError):
        log.error("%s", error.message)
    elif error is not None:
        log.error("changing what is served failed", exc_info=error)


def _checked(config: model_server_config_pb2.ModelServerConfig) -> list[model_server_config_pb2.ModelConfig]:
    """The models of a config.

    Raises:
        ServingError: UNIMPLEMENTED, it is a custom_model_config; INVALID_ARGUMENT, a model lacks its name or its
            base_path, is named twice, or is of another platform than TensorFlow.
    """
    if config.WhichOneof("config") == "custom_model_config":
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, "custom_model_config is not supported.")
    models = list(config.model_config_list.config)
    names = [model.name for model in models]
    for model in models:
        if not model.name:
            raise errors.invalid("A model of the config list has no name.")
        if names.count(model.name) > 1:
            raise errors.invalid(f"Illegal to list model {model.name} multiple times in config list")
        if not model.base_path:
            # An empty one would be the folder that the server was started in.
            raise errors.invalid(
                f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
            )
        if model.model_platform not in ("", "tensorflow"):
            raise errors.invalid(f"Model {model.name}: platform {model.model_platform!r}; served is 'tensorflow' alone")
    return models
