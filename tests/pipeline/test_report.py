"""The report's table and page, of a run made up here."""

import io

import pytest
from rich.console import Console

from pipeline.report import page, table, write
from pipeline.report.record import Model, Node, RunRecord, as_dict

METRICS = {"micro_f1": 0.5, "macro_f1": 0.25, "weighted_f1": 0.4, "samples_f1": 0.45, "mean_average_precision": None}


def model(blessed: bool, pushed: str | None) -> Model:
    genre = {
        "genre": "<War> & Peace",
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "average_precision": 0.5,
        "support": 7,
    }
    return Model(
        evaluation={
            "films": 9,
            "metrics": METRICS,
            "per_genre": [genre],
            "slices": {"has_poster=yes": {"films": 8, **METRICS}},
            "constant": {"micro_f1": 0.375, "macro_f1": 0.125, "genres": ["Drama", "Comedy"]},
            "blessed": blessed,
            "reasons": ["because of this"],
        },
        history={"loss": [0.5, 0.4], "val_loss": [0.6, 0.5]},
        training={},
        pushed=pushed,
    )


@pytest.fixture
def run() -> RunRecord:
    return RunRecord(
        id="2026-01-02T03:04:05.678",
        pipeline="marquee",
        nodes=[
            Node(id="FilmExampleGen", state="cached", seconds=0.0, outputs={}),
            Node(id="Transform", state="ran", seconds=2.5, outputs={}),
        ],
        ingest={
            "films": 90,
            "splits": {"train": 70, "eval": 11, "test": 9},
            "rejects": {"bad_id": 1, "poster_format": 2},
            "kept": {"poster_format": 2},
        },
        rejects=[
            {"id": "../<script>", "row": 4, "file": "f.csv", "reason": "bad_id", "detail": "path", "kept": False},
        ],
        genres={"Drama": 40, "<War> & Peace": 30},
        models={"cnn": model(True, "/served/cnn/1"), "lstm": model(False, None)},
    )


def test_table(run):
    console = Console(file=io.StringIO(), width=200)
    console.print(table.of(run))
    text = console.file.getvalue()
    for part in (
        "90",
        "train 70, eval 11, test 9",
        "bad id",
        "poster format (films kept without it: 2)",
        "always Drama, Comedy",
        "0.500",
        "0.375",
        "0.125",
    ):
        assert part in text
    assert "cnn: blessed: because of this. Pushed to /served/cnn/1" in text
    assert "lstm: not blessed: because of this. Not pushed." in text


def test_page_escapes_what_the_data_says_and_needs_no_network(run):
    html = page.render(as_dict(run))
    body = html[html.index("<body>") :]
    assert "&lt;script&gt;" in body
    assert "../<script>" not in body
    assert "0.500" in body
    assert "because of this" in body
    assert not any(remote in body for remote in ('src="http', 'href="http', "//cdn"))
    for figure in ("genres", "per-genre", "curves"):
        assert f'id="figure-{figure}"' in body


def test_page_of_a_run_without_models(run):
    bare = RunRecord(id="1", pipeline="p", nodes=run.nodes, ingest=run.ingest, rejects=[], genres=run.genres)
    assert "Models, on the test split" not in page.render(as_dict(bare))


def test_written_into_a_folder_of_the_run(run, tmp_path):
    html = write(run, tmp_path)
    assert html == tmp_path / "2026-01-02T03-04-05" / "index.html"
    assert (html.parent / "run.json").is_file()
