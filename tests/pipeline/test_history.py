"""Which report is the last run's: ML Metadata knows, and the clock, by which they are named, may have jumped back."""

import json

import pytest
from click.testing import CliRunner
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.film_schema_gen.schema import schema_of
from pipeline import cli, data_commands, history, skew
from pipeline.metadata import connection_config
from pipeline.paths import Paths
from pipeline.report import record
from pipeline.settings import Settings
from transform.errors import MarqueeError

MAY, JUNE, JULY = (f"2026-0{month}-02T03:04:05.678901" for month in (5, 6, 7))
PAGE = "index.html"


@pytest.fixture
def paths(tmp_path):
    """Of a work folder with reports of runs in May, June and July."""
    paths = Paths.bind(Settings(work=str(tmp_path / "work")))
    schema = paths.artifacts / "SchemaGen" / "schema" / "3" / "schema.pbtxt"
    schema.parent.mkdir(parents=True)
    schema.write_text(str(schema_of(["Drama"])))
    outputs = {"SchemaGen": {"Schema": str(schema.parent)}, "StatisticsGen": {"ExampleStatistics": "/nowhere"}}
    for run in (MAY, JUNE, JULY):
        folder = report_of(paths, run)
        folder.mkdir(parents=True)
        (folder / PAGE).write_text("<html>")
        nodes = [{"id": node, "state": "ran", "outputs": each} for node, each in outputs.items()]
        (folder / "run.json").write_text(json.dumps({"id": run, "nodes": nodes, "ingest": {"span": 1}}))
    return paths


def report_of(paths, run):
    return paths.reports / run.replace(":", "-").split(".")[0]


def began(paths, *runs):
    """Has ML Metadata know of runs, in this order."""
    store = MetadataStore(connection_config(paths.metadata))
    kind = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    for run in runs:
        store.put_contexts([mlmd.Context(type_id=kind, name=run)])


def last(paths):
    page = history.last_report(paths, PAGE)
    return page and page.parent


def test_the_clock_jumped_back_before_the_last_run(paths):
    began(paths, MAY, JULY, JUNE)
    assert last(paths) == report_of(paths, JUNE)
    assert skew.last_run(paths).report == report_of(paths, JUNE)
    assert data_commands._last_report(paths) == report_of(paths, JUNE)
    said = CliRunner().invoke(cli.main, ["report", "--work", str(paths.work)])
    assert said.output == f"{report_of(paths, JUNE) / PAGE}\n"


def test_a_run_without_a_report_has_none(paths):
    began(paths, JULY, MAY, "2026-04-02T03:04:05.678901")
    assert last(paths) == report_of(paths, MAY)
    (report_of(paths, MAY) / PAGE).unlink()
    assert last(paths) == report_of(paths, JULY)


def test_runs_of_a_store_from_before_come_first(paths):
    began(paths, MAY)
    assert last(paths) == report_of(paths, MAY)
    (report_of(paths, MAY) / "run.json").write_text("[]")
    assert last(paths) == report_of(paths, JULY)


@pytest.mark.parametrize("content", [None, b"no database at all"])
def test_without_a_store_the_name_decides(paths, content):
    if content:
        paths.metadata.write_bytes(content)
    assert last(paths) == report_of(paths, JULY)
    assert paths.metadata.exists() == bool(content)


def test_no_report_at_all(paths):
    assert history.last_report(paths, "nothing.html") is None


@pytest.mark.parametrize("damage", ["no database", "cut off"])
def test_a_store_that_is_no_database_is_told_by_name(paths, damage):
    began(paths, MAY)
    whole = paths.metadata.read_bytes()
    content = b"no database at all" if damage == "no database" else whole[: len(whole) // 2]
    paths.metadata.write_bytes(content)

    with pytest.raises(MarqueeError, match=rf"^{paths.metadata}: cannot be read \((file|database) .*set WORK"):
        record.number_of_runs(paths)  # as a run asks before it begins
    said = CliRunner().invoke(cli.main, ["lineage", "--work", str(paths.work)])
    assert (said.exit_code, said.output.count("\n")) == (2, 1)
    assert f"{paths.metadata}: cannot be read" in said.output
    assert paths.metadata.read_bytes() == content


def test_a_store_that_has_no_room_is_no_broken_one(paths, monkeypatch):
    def full(config):
        raise RuntimeError("Error when executing query: database or disk is full")

    began(paths, MAY)
    monkeypatch.setattr(history, "MetadataStore", full)
    with pytest.raises(RuntimeError, match="disk is full"):
        history.open_store(paths.metadata)
