"""A work folder as runs leave it, and logs as a model server leaves them, for the commands that look at data."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from google.protobuf import text_format
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tensorflow_serving.apis import prediction_log_pb2

from components.film_example_gen.examples import to_example
from components.film_example_gen.films import Film
from components.film_example_gen.posters import examine
from pipeline import report, skew
from pipeline.metadata import connection_config
from pipeline.paths import Paths
from pipeline.report import record
from pipeline.settings import Settings
from tests.films import FakeFilm

COMPLETE, CACHED, FAILED = mlmd.Execution.COMPLETE, mlmd.Execution.CACHED, mlmd.Execution.FAILED


def statistics_of(films: Sequence[FakeFilm], scratch: Path) -> statistics_pb2.DatasetFeatureStatistics:
    """What StatisticsGen makes of films."""
    file = scratch / "films.tfrecord"
    with tf.io.TFRecordWriter(str(file)) as writer:
        for film in films:
            described = Film(film.id, film.genres, film.overview, "", "")
            writer.write(to_example(described, examine(film.poster) if film.poster else None))
    return skew.statistics_of(file)


def log_requests(
    folder: Path,
    films: Sequence[FakeFilm],
    model: str = "fusion",
    inputs: Sequence[str] = ("overview", "poster"),
    name: str = "requests",
) -> Path:
    """Writes a gzipped log of Predict requests for films, 16 at a time; returns the folder."""
    folder.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / name), "GZIP") as writer:
        for start in range(0, len(films), 16):
            record = prediction_log_pb2.PredictionLog()
            record.predict_log.request.model_spec.name = model
            for key in inputs:
                values = [getattr(film, key) for film in films[start : start + 16]]
                record.predict_log.request.inputs[key].CopyFrom(tf.make_tensor_proto(values, dtype=tf.string))
            writer.write(record.SerializeToString())
    return folder


def node(name: str, kind: str, output: Path) -> record.Node:
    return record.Node(id=name, state=record.RAN, seconds=1, outputs={kind: str(output)})


class WorkFolder:
    """Runs that came to statistics, and maybe to a report."""

    def __init__(self, root: Path):
        self.root = root
        self.paths = Paths.bind(Settings(work=str(root)))
        root.mkdir(parents=True, exist_ok=True)
        self._store = MetadataStore(connection_config(self.paths.metadata))
        self._runs = 0

    def run(
        self,
        span: int,
        splits: Mapping[str, statistics_pb2.DatasetFeatureStatistics],
        state: int = COMPLETE,
        schema: schema_pb2.Schema | None = None,
    ) -> Path:
        """Adds a run of a span; with a schema it leaves a report, too. The report's folder."""
        self._runs += 1
        statistics = self.paths.artifacts / "StatisticsGen" / "statistics" / str(self._runs)
        for split, content in splits.items():
            file = statistics / f"Split-{split}" / "FeatureStats.pb"
            file.parent.mkdir(parents=True)
            file.write_bytes(statistics_pb2.DatasetFeatureStatisticsList(datasets=[content]).SerializeToString())
        self._record(span, statistics, state)
        run = record.RunRecord(
            id=f"2026-01-02T03:04:0{self._runs}.000000",
            pipeline="marquee",
            outcome=record.FINISHED,
            nodes=[
                record.Node(id="StatisticsGen", state="ran", seconds=1, outputs={"ExampleStatistics": str(statistics)})
            ],
            ingest={"span": span, "films": 0, "splits": {}, "rejects": {}},
            rejects=[],
        )
        if schema is not None:
            folder = self.paths.artifacts / "SchemaGen" / "schema" / str(self._runs)
            folder.mkdir(parents=True)
            (folder / "schema.pbtxt").write_text(text_format.MessageToString(schema, as_utf8=True), encoding="utf-8")
            run.nodes.append(node("SchemaGen", "Schema", folder))
            report.write(run, self.paths.reports)
        return self.paths.reports / run.folder

    def _record(self, span: int, statistics: Path, state: int) -> None:
        store = self._store
        artifact_type = store.put_artifact_type(
            mlmd.ArtifactType(name="ExampleStatistics", properties={"span": mlmd.INT})
        )
        execution_type = store.put_execution_type(mlmd.ExecutionType(name="StatisticsGen"))
        artifact = mlmd.Artifact(type_id=artifact_type, uri=str(statistics))
        artifact.properties["span"].int_value = span
        execution = mlmd.Execution(type_id=execution_type, last_known_state=state)
        contexts = [
            mlmd.Context(type_id=store.put_context_type(mlmd.ContextType(name=kind)), name=name)
            for kind, name in (("node", "marquee.StatisticsGen"), ("pipeline_run", f"run-{self._runs}"))
        ]
        store.put_execution(
            execution,
            [(artifact, mlmd.Event(type=mlmd.Event.OUTPUT))],
            contexts,
            reuse_context_if_already_exist=True,
        )
