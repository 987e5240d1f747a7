"""`make bench`: films/s of the data path beside its floor, and the peak memory of each step.

A rate is marginal: the films between a small and a large sample over the seconds between their times, so that
start-up stands apart. Every measurement is a process of its own. Transform and floor are interleaved, since the
machine's speed drifts; the figure to quote is the median of the ratios of neighbours.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SMALL, LARGE = 2_000, 10_000
ROUNDS = 5
CONFIG = {"image_size": 64, "vocabulary_size": 10_000, "max_words": 128, "ngram_buckets": 1_048_576}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, nargs=2, default=(SMALL, LARGE), metavar=("SMALL", "LARGE"))
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of Transform and floor")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        _child(STEPS[options.step], options.folder)
        return
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as scratch:
        _bench(Path(scratch), tuple(options.films), options.rounds)


def _bench(scratch: Path, films: tuple[int, int], rounds: int) -> None:
    from pipeline import sample

    folders = [scratch / str(count) for count in films]
    for folder, count in zip(folders, films, strict=True):
        started = time.monotonic()
        sample.draw(folder / "sample", films=count, seed=7)
        print(f"drew {count:,} films in {time.monotonic() - started:.0f} s", flush=True)
    print(f"\n{'step':16}{'films/s':>10}{'start-up s':>12}{'peak RSS MiB':>14}", flush=True)
    rates: dict[str, list[float]] = {"transform": [], "floor": []}
    once = {step: _measure(step, folders, films) for step in ("ingest", "statistics")}
    for folder in folders:
        _in_process("schema", folder)  # one small file, whatever the number of films
    for _ in range(rounds):
        for step, measured in rates.items():
            measured.append(_measure(step, folders, films))
    ratios = [ours / floor for ours, floor in zip(rates["transform"], rates["floor"], strict=True)]
    floor = statistics.median(rates["floor"])
    print("\nratios to the floor: " + ", ".join(f"{step} {rate / floor:.2f}" for step, rate in once.items()))
    listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"Transform / floor, round by round: {listed}; median {statistics.median(ratios):.2f}")


def _measure(step: str, folders: list[Path], films: tuple[int, int]) -> float:
    """Runs a step on both samples, prints its line and returns its marginal films/s."""
    small, large = (_in_process(step, folder) for folder in folders)
    rate = (films[1] - films[0]) / (large["seconds"] - small["seconds"])
    start_up = small["imports"] + max(0.0, small["seconds"] - films[0] / rate)
    print(f"{step:16}{rate:10.0f}{start_up:12.1f}{large['peak_rss_mib']:14.0f}", flush=True)
    return rate


def _in_process(step: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.data_path", "--step", step, "--folder", str(folder)]
    env = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{step} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _child(step: Callable[[Path], Callable[[], None]], folder: Path) -> None:
    """Imports and prepares, then times the work alone."""
    started = time.monotonic()
    work = step(folder)
    ready = time.monotonic()
    work()
    done = time.monotonic()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"imports": ready - started, "seconds": done - ready, "peak_rss_mib": peak}))


def _executed(component, inputs, folder: Path, exec_properties=None) -> Callable[[], None]:
    from tests.execute import execute

    shutil.rmtree(folder, ignore_errors=True)
    return lambda: execute(component, inputs, folder, exec_properties) and None


def _examples(folder: Path):
    from tfx.types import artifact_utils, standard_artifacts

    from transform import features

    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "ingest" / "examples")
    artifact.split_names = artifact_utils.encode_split_names(list(features.SPLITS))
    return artifact


def _artifact(kind: str, uri: Path):
    from tfx.types import standard_artifacts

    artifact = getattr(standard_artifacts, kind)()
    artifact.uri = str(uri)
    return artifact


def _statistics_artifact(folder: Path):
    from tfx.types import artifact_utils

    from transform import features

    artifact = _artifact("ExampleStatistics", folder / "statistics" / "statistics")
    artifact.split_names = artifact_utils.encode_split_names(list(features.SPLITS))
    return artifact


def _channel(artifact):
    from tfx.types import channel_utils

    return channel_utils.as_channel([artifact])


def _ingest(folder: Path) -> Callable[[], None]:
    from components.film_example_gen.component import FilmExampleGen
    from components.film_example_gen.driver import Driver

    component = FilmExampleGen(input_base=str(folder / "sample"), span=1)
    given = {key: value for key, value in component.exec_properties.items() if value is not None}
    return _executed(component, {}, folder / "ingest", Driver(None).resolve_exec_properties(given, None, None))


def _statistics(folder: Path) -> Callable[[], None]:
    from tfx.components.statistics_gen.component import StatisticsGen

    from components.film_statistics import film_stats_options

    examples = _examples(folder)
    component = StatisticsGen(examples=_channel(examples), stats_options=film_stats_options())
    return _executed(component, {"examples": [examples]}, folder / "statistics")


def _schema(folder: Path) -> Callable[[], None]:
    from components.film_schema_gen.component import FilmSchemaGen

    statistics = _statistics_artifact(folder)
    component = FilmSchemaGen(statistics=_channel(statistics))
    return _executed(component, {"statistics": [statistics]}, folder / "schema")


def _transform(folder: Path) -> Callable[[], None]:
    from tfx.components.transform.component import Transform

    examples, schema = _examples(folder), _artifact("Schema", folder / "schema" / "schema")
    component = Transform(
        examples=_channel(examples),
        schema=_channel(schema),
        preprocessing_fn="transform.preprocessing.preprocessing_fn",
        custom_config=CONFIG,
        disable_statistics=True,
    )
    return _executed(component, {"examples": [examples], "schema": [schema]}, folder / "transform")


def _floor(folder: Path) -> Callable[[], None]:
    """One tf.data pass that decodes, resizes, tokenises, looks up and writes the same films."""
    import tensorflow as tf
    import tensorflow_transform as tft

    from transform import features, overviews, posters

    words = tft.TFTransformOutput(str(folder / "transform" / "transform_graph")).vocabulary_file_by_name(
        features.WORDS_VOCABULARY
    )
    files = sorted(str(file) for file in (folder / "ingest" / "examples").glob("Split-*/*"))
    table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        ),
        default_value=features.UNKNOWN - features.RESERVED_TOKENS,
    )
    spec = {
        name: tf.io.FixedLenFeature([], tf.string, default_value="")
        for name in (features.ID, features.POSTER, features.OVERVIEW)
    }

    def batch(serialized):
        raw = tf.io.parse_example(serialized, spec)
        words = overviews.tokenize(raw[features.OVERVIEW], CONFIG["max_words"])
        ids = table.lookup(words.flat_values) + features.RESERVED_TOKENS
        pixels = posters.pixels_of_posters(raw[features.POSTER], CONFIG["image_size"])
        return raw[features.ID], pixels, words.with_flat_values(ids)

    def work() -> None:
        films = tf.data.TFRecordDataset(files, compression_type="GZIP", num_parallel_reads=2)
        films = films.batch(64).map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
        out = folder / "floor.gz"
        with tf.io.TFRecordWriter(str(out), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for ids, pixels, tokens in films:
                for id, row, words in zip(ids.numpy(), pixels.numpy(), tokens.to_list(), strict=True):
                    example = tf.train.Example()
                    feature = example.features.feature
                    feature[features.ID].bytes_list.value.append(id)
                    feature[features.PIXELS].bytes_list.value.append(row)
                    feature[features.TOKENS].int64_list.value.extend(words)
                    writer.write(example.SerializeToString())

    return work


STEPS = {
    "ingest": _ingest,
    "statistics": _statistics,
    "schema": _schema,
    "transform": _transform,
    "floor": _floor,
}

if __name__ == "__main__":
    main()
