"""Quiet TensorFlow on one thread, before anything imports it, and films that have gone through the data path once."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two workers share the cores: were each to take both, they would wait for one another.
for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import pytest


@pytest.fixture(scope="session")
def transformed(tmp_path_factory):
    """96 fake films after FilmExampleGen, statistics, schema and Transform; see tests.datapath."""
    from tests import datapath, films

    return datapath.transformed(tmp_path_factory.mktemp("datapath"), films.fake_films(96))
