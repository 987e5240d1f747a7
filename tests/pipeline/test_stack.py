"""What differs between stacks is known to one module; the rest of the code does not ask."""

import importlib
import re
from importlib import metadata
from pathlib import Path

import pytest

from pipeline import stack

ROOT = Path(__file__).parents[2]
ROOMS = ("pipeline", "components", "transform", "trainer", "serving")
SOURCES = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
TFX_MODULES = sorted({
    name
    for file in SOURCES
    for name in re.findall(r"^\s*from (tfx\.components\.[\w.]+) import", file.read_text(encoding="utf-8"), re.MULTILINE)
})  # fmt: skip


@pytest.mark.parametrize(("tensorflow", "tag"), [("2.16.2", "2.16.1"), ("2.21.0", "2.21.0"), ("2.17.1", "2.17.0")])
def test_models_are_checked_in_the_image_of_the_minor_that_trains(tensorflow, tag):
    assert stack.serving_tag(tensorflow) == tag


def test_a_name_that_the_module_does_not_have_is_an_error():
    with pytest.raises(AttributeError, match="TENSORFLOW_SERVED"):
        _ = stack.TENSORFLOW_SERVED


def test_the_image_is_of_the_installed_tensorflow():
    assert stack.TENSORFLOW_SERVING.split(".")[:2] == metadata.version("tensorflow").split(".")[:2]


# Versions that are read, compared or written down: those of TFX and TensorFlow have two digits after the point.
ASKING = re.compile(
    r"sys\.version|metadata\.version|parse_version|__version__ *[<>=]"
    r"|[\"']\d+\.\d\d[\"']|\bPYTHON *[<>=!]|[<>!=]= *\(\d|\w*GLIBC *=|[<>]=? *\w*GLIBC"
)


def test_nothing_else_asks_for_a_version():
    found = {str(file.relative_to(ROOT)) for file in SOURCES if ASKING.search(file.read_text(encoding="utf-8"))}
    assert found == {"pipeline/stack.py"}


@pytest.mark.parametrize(
    "line",
    [
        'STACKS = {"1.16": ((3, 10),), "1.21": ((3, 10), (3, 11))}',
        "NEW_GLIBC = (2, 39)",
        "new = tuple(glibc) >= NEW_GLIBC",
        'if stack == "1.21" and not new:',
        "if PYTHON >= (3, 11):",
        "if tuple(glibc) >= (2, 39):",
        'if metadata.version("keras").startswith("3."):',
    ],
)
def test_a_question_for_a_version_would_be_seen(line):
    assert ASKING.search(line)


def test_the_newest_stack_that_glibc_takes_is_chosen():
    assert [stack.chosen(glibc) for glibc in ("2.35", "2.38", "2.39", "2.41", "3.0")] == ["1.16"] * 2 + ["1.21"] * 3


def test_tfx_components_come_from_where_a_failed_import_fails():
    """TFX 1.21 makes None of a component that cannot be imported in `tfx.components` and in `tfx.v1`."""
    of_none = re.compile(
        r"^\s*(from|import) tfx(\.v1\b|\.components import)|^\s*from tfx import (v1|components)", re.MULTILINE
    )
    assert [str(file.relative_to(ROOT)) for file in SOURCES if of_none.search(file.read_text(encoding="utf-8"))] == []
    assert "tfx.components.statistics_gen.component" in TFX_MODULES


@pytest.mark.parametrize("module", TFX_MODULES)
def test_what_is_taken_of_tfx_is_there(module):
    assert importlib.import_module(module)
