"""Serving skew: logged requests against the statistics of the films that the last run trained on."""

import dataclasses
import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.drift_report.compare import compare
from components.film_example_gen.examples import to_example
from components.film_example_gen.films import Film
from components.film_example_gen.posters import PosterError, examine
from components.film_statistics import film_stats_options
from pipeline import beam, history, report, request_logs, schema_changes
from pipeline.paths import RUN_FILE, Paths
from pipeline.report.record import CACHED, RAN
from pipeline.span_statistics import NODE, SpanStatistics
from transform import features
from transform.errors import MarqueeError

LISTED = 100  # of the requests that cannot be used: how many are told one by one

# What the statistics know of a film by each input of a request; the posters' own bytes are in none.
KNOWN_BY = {
    features.OVERVIEW: (features.OVERVIEW, features.OVERVIEW_WORDS),
    features.POSTER: (features.POSTER_WIDTH, features.POSTER_HEIGHT, features.POSTER_LUMA),
}


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """What requests are compared with."""

    report: Path  # its folder
    statistics: SpanStatistics
    schema: schema_pb2.Schema


@dataclass(kw_only=True)
class Requests:
    """What the logs hold.

    Attributes:
        films: how many times a model was asked about one.
        inputs: "overview", "poster" or both, as the model's requests have them.
        models: how many films each model was asked about.
        records: those that cannot be read.
        posters: those that cannot be decoded; the film counts as one without.
        listed: the first of both, in words.
    """

    films: int = 0
    inputs: set[str] = field(default_factory=set)
    models: Counter[str] = field(default_factory=Counter)
    records: int = 0
    posters: int = 0
    listed: list[str] = field(default_factory=list)

    def note(self, where: str, detail: str) -> None:
        if len(self.listed) < LISTED:
            self.listed.append(f"{where}: {detail}")


def measure(paths: Paths, folder: Path, model: str | None) -> tuple[dict[str, Any], Path]:
    """Compares the requests logged in a folder with the last run, and adds that to the run's report.

    Args:
        paths: of the work folder.
        folder: TFRecord files of PredictionLog.
        model: only requests to this model; None if there are of no more than one.

    Returns:
        The content of skew.json: that of drift.json, and `requests` (films asked about), `model`, `unusable`
        (`records`, `posters`, and `listed` in words). And the report's page.

    Raises:
        MarqueeError: no requests, requests to several models, or no run to compare them with.
    """
    if not folder.is_dir():
        raise MarqueeError(f"{folder}: no such folder. It should hold the logs of a model server.")
    run = last_run(paths)
    before = run.statistics.splits()["train"]
    with tempfile.TemporaryDirectory() as scratch:
        films = Path(scratch) / "films.tfrecord"
        asked = write_films(request_logs.read(folder), model, films)
        if not asked.films:
            raise MarqueeError(_no_films(folder, model, asked))
        after = statistics_of(films)
    known = {name for name in asked.inputs for name in KNOWN_BY[name]}
    comparison = compare(_only(before, known), _only(after, known), run.schema, kind="skew")
    content = {
        "baseline": {"span": run.statistics.span, "uri": str(run.statistics.folder)},
        **dataclasses.asdict(comparison),
        "requests": asked.films,
        "model": model or next(iter(asked.models)),
        "unusable": {"records": asked.records, "posters": asked.posters, "listed": asked.listed},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (run.report / report.SKEW_FILE).write_text(text, encoding="utf-8")
    return content, report.rerender(run.report)


def last_run(paths: Paths) -> LastRun:
    """The last run that left a report.

    Raises:
        MarqueeError: there is none, or it did not come to statistics and a schema.
    """
    file = history.last_report(paths, RUN_FILE)
    if file is None:
        raise MarqueeError(f"{paths.reports}: no report in it yet: `marquee run` makes one.")
    run = json.loads(file.read_text(encoding="utf-8"))
    done = {node["id"]: node["outputs"] for node in run["nodes"] if node["state"] in (RAN, CACHED)}
    schemas = [Path(done[id]["Schema"]) / "schema.pbtxt" for id in ("SchemaGen", "ImportSchemaGen") if id in done]
    if NODE not in done or not schemas or not schemas[0].is_file():
        raise MarqueeError(f"{file}: this run has no statistics or no schema. `marquee run` makes them.")
    return LastRun(
        report=file.parent,
        statistics=SpanStatistics(span=run["ingest"]["span"], folder=Path(done[NODE]["ExampleStatistics"])),
        schema=schema_changes.parse(schemas[0].read_text(encoding="utf-8"), str(schemas[0])),
    )


def write_films(rows: Iterable[request_logs.Row | request_logs.Unreadable], model: str | None, file: Path) -> Requests:
    """Writes a TFRecord file of tf.Examples: the raw features that FilmExampleGen makes and statistics look at.

    Args:
        rows: what the logs hold.
        model: only requests to this model; None if there are of no more than one.
        file: to write.

    Raises:
        MarqueeError: requests to several models where none was asked for: what one of them is never sent would
            look like what clients leave out.
    """
    asked = Requests()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for row in rows:
            if isinstance(row, request_logs.Unreadable):
                asked.records += 1
                asked.note(row.where, row.detail)
                continue
            asked.models[row.model] += 1
            if model is None and len(asked.models) > 1:
                names = ", ".join(name or "(no name)" for name in asked.models)
                raise MarqueeError(f"{row.where}: requests to more than one model: {names}. Choose one with --model.")
            if model in (None, row.model):
                asked.films += 1
                asked.inputs |= {name for name in KNOWN_BY if getattr(row, name) is not None}
                writer.write(_example(row, asked).SerializeToString())
    return asked


def statistics_of(films: Path) -> statistics_pb2.DatasetFeatureStatistics:
    """Statistics of a TFRecord file of tf.Examples, made as StatisticsGen makes those of the training data."""
    result = tfdv.generate_statistics_from_tfrecord(
        str(films),
        output_path=str(films.with_suffix(".statistics")),
        stats_options=film_stats_options(),
        pipeline_options=beam.pipeline_options(),
    )
    return result.datasets[0]


def _example(row: request_logs.Row, asked: Requests) -> tf.train.Example:
    poster = None
    if row.poster:
        try:
            poster = examine(row.poster)
        except PosterError as error:
            asked.posters += 1
            asked.note(row.where, f"poster: {error.detail}")
    overview = (row.overview or b"").decode(errors="replace").strip()
    film = Film(id="", genres=(), overview=overview, poster="", file=str(row.file))
    example = tf.train.Example.FromString(to_example(film, poster))
    for name in (features.ID, features.GENRES, features.POSTER):
        del example.features.feature[name]
    return example


def _only(
    statistics: statistics_pb2.DatasetFeatureStatistics, names: set[str]
) -> statistics_pb2.DatasetFeatureStatistics:
    chosen = statistics_pb2.DatasetFeatureStatistics()
    chosen.CopyFrom(statistics)
    del chosen.features[:]
    chosen.features.extend(feature for feature in statistics.features if ".".join(feature.path.step) in names)
    return chosen


def _no_films(folder: Path, model: str | None, asked: Requests) -> str:
    if asked.models:
        return f"{folder}: no requests to model {model}. Models asked: {', '.join(sorted(asked.models))}."
    if asked.records:
        return f"{folder}: no request in it that can be read. The first of {asked.records}: {asked.listed[0]}."
    return f"{folder}: no requests in it. It should hold TFRecord files of PredictionLog."
