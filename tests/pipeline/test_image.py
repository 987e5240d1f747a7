"""What is installed where scripts/setup is to work: seen without Docker, and without a root of Debian's."""

import re

from pipeline.paths import ROOT

OF_ITS_PYTHON = {"python3-dev", "python3-venv"}  # which the base image brings with headers and venv
NEEDED = set(re.findall(r"apt install ([\w.+-]*[\w+])", (ROOT / "scripts" / "setup").read_text(encoding="utf-8")))


def test_the_image_has_the_packages_that_setup_asks_for():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    [installed] = re.findall(r"apt-get install (.*)", dockerfile)
    assert NEEDED.issuperset({"g++", *OF_ITS_PYTHON})
    assert NEEDED.issubset(OF_ITS_PYTHON.union(installed.split()))
    assert re.search(r"^ARG BASE=python:.*\nFROM \${BASE}$", dockerfile, re.MULTILINE)


def test_the_root_for_another_stack_has_them_too():
    [packages] = re.findall(r'^PACKAGES="(.*)"', (ROOT / "scripts" / "test-stack").read_text(encoding="utf-8"), re.M)
    assert NEEDED.issubset(packages.split())
