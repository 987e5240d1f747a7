"""The models config beside the models: what a model server serves, and which versions its labels name.

One `models.config` (tensorflow_serving.ModelServerConfig in text form) in the folder that holds a folder for each
model. Labels are TensorFlow Serving's own: clients that ask for `stable` get what it names. Imports no TensorFlow.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from components.atomic_pusher import publish
from components.atomic_pusher.publish import versions
from transform.errors import MarqueeError

FILE_NAME = "models.config"
STABLE, CANARY, PREVIOUS = "stable", "canary", "previous"

_HEADER = "# Kept by the Pusher, `marquee promote` and `marquee rollback`; a server's --model_config_file.\n"


@contextmanager
def editing(serving: Path) -> Iterator[model_server_config_pb2.ModelServerConfig]:
    """The config of the folder `serving`, written back whole at the end; waits for others that edit it.

    Raises:
        MarqueeError: the file can't be read or written, or is no such config.
    """
    file = serving / FILE_NAME
    try:
        serving.mkdir(parents=True, exist_ok=True)
        with open(serving / f".{FILE_NAME}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released with the file
            config = read(serving)
            before = config.SerializeToString(deterministic=True)
            yield config
            if config.SerializeToString(deterministic=True) != before:
                scratch = serving / f".{FILE_NAME}.writing"
                scratch.write_text(_HEADER + text_format.MessageToString(config), encoding="utf-8")
                os.replace(scratch, file)
    except OSError as error:
        raise MarqueeError(f"{error.filename or file}: cannot be read or written ({error.strerror}).") from error


def read(serving: Path) -> model_server_config_pb2.ModelServerConfig:
    """The config; an empty one where there is no file.

    Raises:
        MarqueeError: the file can't be read or is no such config.
    """
    file, config = serving / FILE_NAME, model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(file.read_text(encoding="utf-8"), config)
    except FileNotFoundError:
        pass
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise MarqueeError(f"{file}: not a models config: {error}.") from error
    return config


def add(config: model_server_config_pb2.ModelServerConfig, base: Path) -> model_server_config_pb2.ModelConfig:
    """The entry of the model in the folder `base`; made where there is none, to serve every version there."""
    for model in config.model_config_list.config:
        if model.name == base.name:
            return model
    model = config.model_config_list.config.add(name=base.name, base_path=str(base), model_platform="tensorflow")
    model.model_version_policy.all.SetInParent()
    return model


def labels(config: model_server_config_pb2.ModelServerConfig, name: str) -> dict[str, int]:
    """Version by label; empty for a model that isn't in the config."""
    found = [model for model in config.model_config_list.config if model.name == name]
    return dict(found[0].version_labels) if found else {}


def promote(serving: Path, name: str, version: int | None = None, label: str = STABLE) -> int:
    """Lets `label` name a version, the newest where none is given; what `stable` named before becomes `previous`.

    Raises:
        MarqueeError: there is no such model or version, no server can load it, or the config can't be edited.
    """
    _pushed(serving, name)  # before `editing` makes the folder
    with editing(serving) as config:
        pushed = _pushed(serving, name)  # a push may have removed versions meanwhile, and now waits
        if version is None:
            version = pushed[-1]
        if version not in pushed:
            _refuse_unservable(serving / name / str(version))
            raise MarqueeError(f"{name} {version}: no such version. There are: {', '.join(map(str, pushed))}.")
        model = add(config, serving / name)
        before = model.version_labels.get(label)
        if label == STABLE and before is not None and before != version:
            model.version_labels[PREVIOUS] = before
        model.version_labels[label] = version
        _serve_too(model, version)
    return version


def rollback(serving: Path, name: str) -> tuple[int, int]:
    """Lets `stable` and `previous` change places, so that a second rollback undoes the first.

    Returns:
        The version that was stable, and the one that is now.

    Raises:
        MarqueeError: there is no earlier stable version, it is gone, or no server can load it.
    """
    _pushed(serving, name)
    with editing(serving) as config:
        pushed = _pushed(serving, name)
        model = add(config, serving / name)
        labelled = model.version_labels
        if STABLE not in labelled or PREVIOUS not in labelled:
            raise MarqueeError(f"{name}: no version was stable before. `marquee promote {name} VERSION` chooses one.")
        if labelled[PREVIOUS] not in pushed:
            _refuse_unservable(serving / name / str(labelled[PREVIOUS]))
            raise MarqueeError(f"{name} {labelled[PREVIOUS]}: was stable before, and is no longer there.")
        labelled[STABLE], labelled[PREVIOUS] = labelled[PREVIOUS], labelled[STABLE]
        _serve_too(model, labelled[STABLE])
        return labelled[PREVIOUS], labelled[STABLE]


def _serve_too(model: model_server_config_pb2.ModelConfig, version: int) -> None:
    """Adds a version to those that a policy names one by one: a label of one that is not served is none."""
    if model.model_version_policy.WhichOneof("policy_choice") == "specific":
        serves = model.model_version_policy.specific.versions
        serves[:] = sorted({*serves, version})


def _pushed(serving: Path, name: str) -> list[int]:
    base = serving / name
    pushed = versions(base) if base.is_dir() else []
    if not pushed:
        for _, entry in reversed(publish.numbered(base) if base.is_dir() else []):
            _refuse_unservable(entry)
        there = sorted(entry.name for entry in serving.iterdir() if entry.is_dir()) if serving.is_dir() else []
        raise MarqueeError(f"{serving}: no version of {name!r} in it. Models there: {', '.join(there) or 'none'}.")
    return pushed


def _refuse_unservable(version: Path) -> None:
    """Says what is missing of a version that is there and is none to a server."""
    if version.exists() and (missing := publish.missing(version)):
        raise MarqueeError(f"{version}: no server can load it, since {missing}.")
