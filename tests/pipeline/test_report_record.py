"""What is read back from ML Metadata, statistics, anomalies and posters, on a work folder made by hand."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.film_example_gen.films import Reason, Reject
from pipeline import report
from pipeline.metadata import connection_config
from pipeline.report import posters, record, table, tfdv
from tests import reports
from tests.pictures import picture
from transform.errors import MarqueeError

COMPLETE, CACHED, FAILED = mlmd.Execution.COMPLETE, mlmd.Execution.CACHED, mlmd.Execution.FAILED


class Store:
    """One run in an MLMD store."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.paths = SimpleNamespace(metadata=folder / "metadata.sqlite", serving=folder / "serving_model")
        self._store = MetadataStore(connection_config(self.paths.metadata))

    def add(self, node: str, artifact: str = "", state: int = COMPLETE) -> Path:
        """An execution, and the folder of its output."""
        output = self.folder / node
        output.mkdir()
        store = self._store
        names = {"pipeline": "marquee", "pipeline_run": "2026-01-02T03:04:05.678", "node": f"marquee.{node}"}
        contexts = [
            mlmd.Context(type_id=store.put_context_type(mlmd.ContextType(name=kind)), name=name)
            for kind, name in names.items()
        ]
        outputs = []
        if artifact:
            kind = store.put_artifact_type(mlmd.ArtifactType(name=artifact))
            outputs.append((mlmd.Artifact(type_id=kind, uri=str(output)), mlmd.Event(type=mlmd.Event.OUTPUT)))
        execution = mlmd.Execution(
            type_id=store.put_execution_type(mlmd.ExecutionType(name=node)), last_known_state=state
        )
        store.put_execution(execution, outputs, contexts, reuse_context_if_already_exist=True)
        return output


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def write_json(path: Path, content) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def write_split(folder: Path, split: str, file: str, message) -> None:
    (folder / f"Split-{split}").mkdir(exist_ok=True)
    (folder / f"Split-{split}" / file).write_bytes(message.SerializeToString())


def write_films(folder: Path, films: list[tuple[str, list[str], bytes]]) -> None:
    """Raw examples of the train split: id, genres, poster."""
    (folder / "Split-train").mkdir()
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "Split-train" / "data_tfrecord-00000-of-00001.gz"), options) as writer:
        for film_id, genres, poster in films:
            values = {
                "id": [film_id.encode()],
                "genres": [g.encode() for g in genres],
                "poster": [poster][: len(poster)],
            }
            feature = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=value)) for name, value in values.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())


def ingested(store: Store, state: int = COMPLETE) -> None:
    folder = store.add("FilmExampleGen", "Examples", state)
    write_json(folder / "ingest.json", reports.finished().ingest)
    (folder / "rejects.jsonl").write_text(json.dumps(reports.finished().rejects[0]) + "\n")
    write_films(folder, [("tt1", ["Drama"], picture()), ("tt2", ["Comedy"], b"")])


def test_a_stopped_run_gives_what_its_finished_components_left(store):
    ingested(store, CACHED)
    write_json(store.add("LabelBalance", "LabelBalance") / "label_balance.json", reports.balance())
    write_json(store.add("DriftReport", "DriftReport") / "drift.json", reports.drift())
    store.add("DriftGate", state=FAILED)
    outcome = record.Outcome(state="stopped", message="drift")

    run = record.of_last_run(store.paths, outcome)

    assert [(node.id, node.state) for node in run.nodes] == [
        ("FilmExampleGen", "cached"),
        ("LabelBalance", "ran"),
        ("DriftReport", "ran"),
        ("DriftGate", "failed"),
    ]
    assert [node.why for node in run.nodes][:2] == ["cache: same inputs and settings", "ran: first time"]
    assert run.outcome == outcome
    assert run.ingest["films"] == 66
    assert len(run.rejects) == 1
    assert run.balance == reports.balance()
    assert run.drift == reports.drift()
    assert [film["id"] for film in run.posters] == ["tt1"]
    assert run.statistics is run.anomalies is run.skew is None
    html = report.write(run, store.folder / "reports").read_text(encoding="utf-8")
    assert "Nothing to show: StatisticsGen did not run in this run." in html
    assert table.of(run)


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\x1c"])
def test_a_reject_may_hold_what_ends_a_line_elsewhere(store, character):
    ingested(store)
    reject = Reject(f"then{character} he left", 3, "films.csv", Reason.BROKEN_ROW, f"not{character} CSV")
    [file] = store.folder.rglob("rejects.jsonl")
    file.write_text(f"{reject.to_json()}\n{reject.to_json()}\n", encoding="utf-8")
    run = record.of_last_run(store.paths, record.Outcome(state="stopped", message="drift"))
    assert [each["id"] for each in run.rejects] == [reject.id] * 2


def test_a_component_that_failed_left_nothing_whatever_mlmd_lists(store):
    store.add("FilmExampleGen", "Examples", FAILED)
    run = record.of_last_run(store.paths, record.Outcome(state="failed", message="OSError"))
    assert run.ingest == {}
    html = report.write(run, store.folder / "reports").read_text(encoding="utf-8")
    assert "Nothing to show: FilmExampleGen failed in this run." in html


def test_a_model_whose_evaluation_failed_still_has_its_curves(store):
    ingested(store)
    trained = store.add("Trainer.cnn", "ModelRun")
    write_json(trained / "history.json", {"loss": [0.5], "val_loss": [0.6]})
    write_json(trained / "training.json", {"epochs": 1})
    store.add("Evaluator.cnn", state=FAILED)
    store.add("Trainer.lstm", state=FAILED)

    run = record.of_last_run(store.paths, record.Outcome(state="failed", message="ValueError"))

    assert run.models["cnn"].evaluation == {}
    assert run.models["cnn"].history["loss"] == [0.5]
    html = report.write(run, store.folder / "reports").read_text(encoding="utf-8")
    assert "Nothing to show: Evaluator.cnn failed in this run." in html
    assert "Nothing to show: Trainer.lstm failed in this run." in html
    assert 'id="figure-curves-loss"' in html
    assert 'id="figure-per-genre"' not in html


def test_runs_are_counted(store, tmp_path):
    assert record.number_of_runs(SimpleNamespace(metadata=tmp_path / "none.sqlite")) == 0
    with pytest.raises(MarqueeError, match="no run in it yet"):
        record.of_last_run(store.paths, record.FINISHED)
    ingested(store)
    assert record.number_of_runs(store.paths) == 1
    assert [(name, [node.id for node in nodes]) for name, nodes in record.runs(store.paths)] == [
        ("2026-01-02T03:04:05.678", ["FilmExampleGen"])
    ]


def test_statistics(tmp_path):
    words = statistics_pb2.FeatureNameStatistics(path={"step": ["overview_words"]})
    words.num_stats.common_stats.num_non_missing = 9
    words.num_stats.common_stats.num_missing = 1
    words.num_stats.mean, words.num_stats.std_dev = 11.5, 2.5
    for kind in (statistics_pb2.Histogram.STANDARD, statistics_pb2.Histogram.QUANTILES):
        words.num_stats.histograms.add(type=kind).buckets.add(low_value=5, high_value=20, sample_count=8.99)
    genres = statistics_pb2.FeatureNameStatistics(path={"step": ["genres"]})
    genres.string_stats.common_stats.num_non_missing = 10
    nowhere = statistics_pb2.FeatureNameStatistics(path={"step": ["poster_luma"]})
    nowhere.num_stats.common_stats.num_missing = 10
    nowhere.num_stats.mean = float("nan")
    content = statistics_pb2.DatasetFeatureStatisticsList()
    content.datasets.add().features.extend([words, genres, nowhere])
    for split in ("eval", "train"):
        write_split(tmp_path, split, tfdv.STATISTICS_FILE, content)

    found = tfdv.statistics(tmp_path)

    assert list(found) == ["train", "eval"]
    assert found["train"] == {
        "overview_words": {"films": 9, "missing": 1, "mean": 11.5, "std": 2.5, "histogram": [[5, 20, 9]]},
        "genres": {"films": 10, "missing": 0, "mean": None, "std": None, "histogram": []},
        "poster_luma": {"films": 0, "missing": 10, "mean": None, "std": None, "histogram": []},
    }


def test_anomalies(tmp_path):
    content = anomalies_pb2.Anomalies()
    info = content.anomaly_info["genres"]
    info.severity = anomalies_pb2.AnomalyInfo.ERROR
    info.reason.add(short_description="Unexpected string values", description="Examples contain: X. ")
    content.dataset_anomaly_info.severity = anomalies_pb2.AnomalyInfo.WARNING
    content.dataset_anomaly_info.description = "too few films"
    write_split(tmp_path, "train", tfdv.ANOMALIES_FILE, anomalies_pb2.Anomalies())
    write_split(tmp_path, "test", tfdv.ANOMALIES_FILE, content)

    assert tfdv.anomalies(tmp_path) == [
        {
            "split": "test",
            "feature": "genres",
            "severity": "error",
            "description": "Unexpected string values: Examples contain: X.",
        },
        {"split": "test", "feature": "the data set", "severity": "warning", "description": "too few films"},
    ]


def test_posters_show_the_rare_genre_and_pass_over_what_cannot_be_drawn(tmp_path):
    drama = [(f"tt{number}", ["Drama"], picture(seed=number)) for number in range(40)]
    films = [*drama, ("western", ["Drama", "Western"], picture()), ("damaged", ["War"], b"\xff\xd8\xff broken")]
    write_films(tmp_path, [("none", ["Short"], b""), *films])

    shown = posters.sample(tmp_path)

    ids = [film["id"] for film in shown]
    assert len(ids) == posters.COUNT - 1
    assert "western" in ids
    assert not {"none", "damaged"} & set(ids)
    assert all(film["image"].startswith("data:image/webp;base64,") for film in shown)


def test_no_posters(tmp_path):
    write_films(tmp_path, [("tt1", ["Drama"], b"")])
    assert posters.sample(tmp_path) == []


def test_spread_takes_the_least_shown_genre_first():
    assert posters.spread([["A"], ["A"], ["A", "B"], ["C"], ["A"]], 4) == [0, 2, 3, 1]
