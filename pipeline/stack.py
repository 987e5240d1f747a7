"""All that differs between the stacks and Pythons that Marquee runs on; nothing else asks for a version."""

import sys
from dataclasses import dataclass
from importlib import metadata

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["PYTHON", "STACKS", "TENSORFLOW_SERVING", "Stack", "chosen", "of_tfx", "serving_tag", "takes", "tomllib"]

PYTHON = sys.version_info[:2]
TENSORFLOW_SERVING: str  # tag of the image, of the TensorFlow that is installed


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What a stack runs on."""

    pythons: tuple[tuple[int, int], ...]
    glibc: tuple[int, int]  # from which on its wheels load


# By the minor of TFX, the oldest first. scripts/setup chooses the same way.
STACKS = {
    "1.16": Stack(pythons=((3, 10),), glibc=(0, 0)),
    "1.21": Stack(pythons=((3, 10), (3, 11), (3, 12), (3, 13)), glibc=(2, 39)),
}
_SERVING_TAGS = {"2.16": "2.16.1", "2.21": "2.21.0"}


def of_tfx(tfx: str | None) -> str:
    """The stack that a version of TFX belongs to; empty where it is none of ours."""
    return next((stack for stack in STACKS if tfx and f"{tfx}.".startswith(f"{stack}.")), "")


def chosen(glibc: str) -> str:
    """The newest stack that a C library of this version takes."""
    return [stack for stack in STACKS if takes(glibc, stack)][-1]


def takes(glibc: str, stack: str) -> bool:
    """Whether a stack's wheels load with a C library of this version."""
    return tuple(map(int, glibc.split(".")[:2])) >= STACKS[stack].glibc


def serving_tag(tensorflow: str) -> str:
    """Tag of TensorFlow Serving's image, of the minor of the TensorFlow that trains; its patches are its own."""
    minor = ".".join(tensorflow.split(".")[:2])
    return _SERVING_TAGS.get(minor, f"{minor}.0")


def __getattr__(name: str) -> str:
    """Looks TensorFlow up when its image is asked for: all commands import this module, `doctor` where it is gone."""
    if name == "TENSORFLOW_SERVING":
        return serving_tag(metadata.version("tensorflow"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
