"""The Beam work of a run on any engine, and what of it must be the same on all of them."""

import collections
import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils, standard_artifacts

from components.genre_evaluator.component import GenreEvaluator
from pipeline import beam
from pipeline.settings import Beam
from tests import datapath, savedmodels
from tests.execute import execute
from tests.films import FakeFilm, fake_films, write_span
from transform import features

FILMS = [*fake_films(90), FakeFilm("tt9", ("Drama",), "", b"no poster"), FakeFilm("tt8", (), "A film of no genre.")]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What FilmExampleGen, Transform and an Evaluator made, without what may differ: order, files, last digits."""

    ingest: dict[str, Any]
    rejects: list[str]
    raw: dict[str, collections.Counter]  # serialized examples by split
    transformed: dict[str, collections.Counter]  # the same, without floats
    floats: list[float]  # of transformed examples, by Id: their last digits follow from who is in a batch with whom
    assets: dict[str, bytes]  # vocabularies by name
    evaluation: Any  # summary.json, floats to six digits


def outcome_on(engine: Beam, folder: Path) -> Outcome:
    """Runs the Beam work of a run over FILMS on an engine."""
    args = beam.pipeline_args(engine)
    write_span(folder / "films", 1, FILMS)
    path = datapath.of_span(folder, args)
    assets = path.graph / "transform_fn" / "assets"
    transformed = {
        split: [tf.train.Example.FromString(example) for example in path.given_to_trainers(split)]
        for split in features.SPLITS
    }
    return Outcome(
        ingest=json.loads((path.examples / "ingest.json").read_text()),
        rejects=sorted(line.replace(str(folder), "") for line in (path.examples / "rejects.jsonl").open()),
        raw={split: collections.Counter(path.raw(split)) for split in features.SPLITS},
        transformed={
            split: collections.Counter(map(_without_floats, examples)) for split, examples in transformed.items()
        },
        floats=_floats([example for examples in transformed.values() for example in examples]),
        assets={asset.name: asset.read_bytes() for asset in assets.iterdir()},
        evaluation=_evaluation(folder, path, args),
    )


def _evaluation(folder: Path, path: datapath.DataPath, args: list[str]) -> Any:
    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    examples.uri, examples.split_names = str(path.examples), artifact_utils.encode_split_names(list(features.SPLITS))
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    model.uri, model.id = str(folder / "model"), 1
    genres = (path.graph / "transform_fn" / "assets" / "genres").read_text().split()
    savedmodels.write_model(Path(model.uri), genres, savedmodels.scores_of_skill(0.4), seed=1)
    evaluator = GenreEvaluator(
        examples=types.Channel(type=standard_artifacts.Examples), model=types.Channel(type=standard_artifacts.Model)
    )
    outputs = execute(evaluator, {"examples": [examples], "model": [model]}, folder / "evaluation", beam_args=args)
    return _rounded(json.loads((Path(outputs["evaluation"][0].uri) / "summary.json").read_text()))


def _without_floats(example: tf.train.Example) -> bytes:
    rest = tf.train.Example()
    for name, feature in example.features.feature.items():
        rest.features.feature[name].CopyFrom(tf.train.Feature() if feature.HasField("float_list") else feature)
    return rest.SerializeToString(deterministic=True)  # Transform leaves the order of features to chance


def _floats(examples: list[tf.train.Example]) -> list[float]:
    by_id = sorted(examples, key=lambda example: example.features.feature[features.ID].bytes_list.value[0])
    return [
        value
        for example in by_id
        for _, feature in sorted(example.features.feature.items())
        for value in feature.float_list.value
    ]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value


def assert_same(one: Outcome, other: Outcome) -> None:
    assert dataclasses.replace(one, floats=other.floats) == other
    assert one.floats == pytest.approx(other.floats, rel=1e-5)


@contextlib.contextmanager
def portable_job_server(folder: Path) -> Iterator[str]:
    """Beam's own job server in a process of its own; gives its host:port."""
    port = folder / "port"
    module = "apache_beam.runners.portability.local_job_service_main"
    with _process(folder, module, f"--port_file={port}", f"--staging_dir={folder / 'staging'}") as server:
        while not port.exists():
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield f"localhost:{port.read_text()}"


def finished_jobs(server: Path) -> int:
    """How many jobs the job server of a folder has finished, by its log."""
    return (server / "log").read_text().count("Completed job")


@contextlib.contextmanager
def worker_pool(folder: Path) -> Iterator[str]:
    """Beam's pool of workers, in processes of their own; gives its host:port."""
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    with _process(folder, "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}") as pool:
        while socket.socket().connect_ex(("localhost", port)):
            assert pool.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield f"localhost:{port}"


@contextlib.contextmanager
def _process(folder: Path, module: str, *args: str) -> Iterator[subprocess.Popen]:
    """Runs a module, its log in the folder; kills it, and what it has started, at the end."""
    folder.mkdir(parents=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # the pool starts whatever `python` is
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdout=log,
            stderr=log,
            env=os.environ | {"PATH": path},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
