import subprocess

import pytest

from tests.serving import models


@pytest.fixture(scope="session")
def base_paths(tmp_path_factory):
    """A base path, with version 1 in it, of each tiny model by name."""
    folder = tmp_path_factory.mktemp("base")
    for name in ("half_plus_two", "rows", "slow", "dtypes", "marquee", "examples_tf1"):
        getattr(models, name)(folder / name / "1")
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Pairs of key and certificate, each signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "client", "stranger"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / f"{name}.key", "-out", folder / name],
            check=True, capture_output=True,
        )  # fmt: skip
    return folder
