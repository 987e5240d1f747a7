"""Quiet TensorFlow, before anything imports it; the order of tests; films that have gone through the data path once."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest


def pytest_collection_modifyitems(items):
    """Puts files with slow tests first, so that no worker idles while another has one to end with."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def transformed(tmp_path_factory):
    """96 fake films after FilmExampleGen, statistics, schema and Transform; see tests.datapath."""
    from tests import datapath, films

    return datapath.transformed(tmp_path_factory.mktemp("datapath"), films.fake_films(96))
