import pytest

from tests.serving import models


@pytest.fixture(scope="session")
def base_paths(tmp_path_factory):
    """A base path, with version 1 in it, of each tiny model by name."""
    folder = tmp_path_factory.mktemp("base")
    for name in ("half_plus_two", "rows", "slow", "dtypes", "marquee", "examples_tf1"):
        getattr(models, name)(folder / name / "1")
    return {path.name: path for path in folder.iterdir()}
