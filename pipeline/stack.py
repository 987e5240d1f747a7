"""All that differs between the stacks and Pythons that Marquee runs on; nothing else asks for a version."""

import sys
from importlib import metadata

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["PYTHON", "TENSORFLOW_SERVING", "serving_tag", "tomllib"]

PYTHON = sys.version_info[:2]

_SERVING_TAGS = {"2.16": "2.16.1", "2.21": "2.21.0"}


def serving_tag(tensorflow: str) -> str:
    """Tag of TensorFlow Serving's image, of the minor of the TensorFlow that trains; its patches are its own."""
    minor = ".".join(tensorflow.split(".")[:2])
    return _SERVING_TAGS.get(minor, f"{minor}.0")


TENSORFLOW_SERVING = serving_tag(metadata.version("tensorflow"))
