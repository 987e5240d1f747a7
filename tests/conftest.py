"""Quiet TensorFlow, before anything imports it, and films that have gone through the data path once."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest


@pytest.fixture(scope="session")
def transformed(tmp_path_factory):
    """96 fake films after FilmExampleGen, statistics, schema and Transform; see tests.datapath."""
    from tests import datapath, films

    return datapath.transformed(tmp_path_factory.mktemp("datapath"), films.fake_films(96))
