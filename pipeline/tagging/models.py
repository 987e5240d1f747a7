"""The pushed model that a catalogue is tagged by."""

import json
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from components.atomic_pusher import publish
from pipeline import paths
from transform import features
from transform.errors import MarqueeError

SIGNATURE = "serving_examples"


@dataclass(frozen=True, kw_only=True)
class PushedModel:
    """One version of a model.

    Attributes:
        name: of the model.
        version: its number.
        folder: of the SavedModel.
        inputs: what it looks at, of `features.POSTER` and `features.OVERVIEW`.
        genres: of its scores, in their order.
        fingerprint: of all its files.
    """

    name: str
    version: int
    folder: str
    inputs: tuple[str, ...]
    genres: tuple[str, ...]
    fingerprint: str


def find(serving: Path, name: str, version: int | None = None) -> PushedModel:
    """A version of a model that has been pushed, the newest where none is given.

    Args:
        serving: the folder that holds a folder for each model.
        name: of the model.
        version: its number.

    Raises:
        MarqueeError: no such model or version, or not a model of Marquee's.
    """
    bases = {base.name: base for base in sorted(serving.glob("*")) if base.is_dir()} if serving.is_dir() else {}
    versions = publish.versions(bases[name]) if name in bases else []
    if not versions:
        there = ", ".join(bases) or "none; `marquee run` pushes those that are blessed"
        raise MarqueeError(f"{serving}: no version of {name!r} in it. Models there: {there}.")
    if version is None:
        version = versions[-1]
    if version not in versions:
        raise MarqueeError(f"{name} {version}: no such version. There are: {', '.join(map(str, versions))}.")
    return read(bases[name] / str(version), name, version)


def read(folder: Path, name: str, version: int) -> PushedModel:
    """What there is to know of a SavedModel without loading it.

    Raises:
        MarqueeError: it cannot be read, or is not a model of Marquee's.
    """
    try:
        saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        card = json.loads((folder / "assets.extra" / "marquee.json").read_text(encoding="utf-8"))
        genres = tuple(map(str, card["genres"]))
        signatures = saved.meta_graphs[0].signature_def
    except OSError as error:
        raise MarqueeError(f"{error.filename}: cannot be read ({error.strerror}).") from error
    except (DecodeError, ValueError, KeyError, IndexError, TypeError) as error:
        raise MarqueeError(f"{folder}: not a model of Marquee's ({type(error).__name__}: {error}).") from error
    if SIGNATURE not in signatures or "serving_default" not in signatures:
        raise MarqueeError(f"{folder}: not a model of Marquee's: it has no signature {SIGNATURE} or serving_default.")
    asked = signatures["serving_default"].inputs
    return PushedModel(
        name=name,
        version=version,
        folder=str(folder),
        inputs=tuple(key for key in (features.POSTER, features.OVERVIEW) if key in asked),
        genres=genres,
        fingerprint=paths.fingerprint(str(folder)),
    )
