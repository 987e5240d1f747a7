"""Buckets as the folders that containers see, and inputs of several artifacts as several inputs."""

import re
from collections.abc import Mapping
from typing import Any

# Kubeflow's launcher and Vertex mount a bucket there; our components read and write files.
MOUNTS = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/"}
MEMBER = "{key}__{number}"  # TFX's compiler takes an input from one producer alone


def mounted(uri: str) -> str:
    """The path that a container sees a bucket's URI under; anything else as it is."""
    for scheme, folder in MOUNTS.items():
        if uri.startswith(scheme):
            return folder + uri.removeprefix(scheme)
    return uri


def unmounted(path: str) -> str:
    """Undoes `mounted`."""
    for scheme, folder in MOUNTS.items():
        if path.startswith(folder):
            return scheme + path.removeprefix(folder)
    return path


def joined(artifacts: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs with the members of a union together again, in their order.

    Args:
        artifacts: name of an input -> {"artifacts": [...]}, as an ExecutorInput has it.
    """
    whole: dict[str, Any] = {}
    for key in sorted(artifacts, key=_place):
        name = _place(key)[0]
        whole.setdefault(name, {"artifacts": []})["artifacts"] += artifacts[key].get("artifacts", [])
    return whole


def _place(key: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*)__(\d+)", key)
    return (match[1], int(match[2])) if match else (key, 0)
