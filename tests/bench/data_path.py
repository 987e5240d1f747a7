"""`make bench`: films/s of the data path beside its floor, how it grows, and the peak memory of each step.

A rate is marginal: the films between a small and a large sample over the seconds between their times, so that
start-up stands apart. Every measurement is a process of its own. The steps and the floor take turns, since the
machine's speed drifts; the figures to quote are medians of the rounds' ratios. CPU time is told as well: other work on
the machine changes it less than the time that passes. All is asked of Beam's direct engine with each number of
threads; the floor has all cores. Growth: with times t of n films, the exponent is
log((t3 - t1) / (t2 - t1)) / log((n3 - n1) / (n2 - n1)), which is 1 where each film costs the same, whatever the
start-up; the figure to quote is the median of the rounds'.
"""

import argparse
import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SMALL, LARGE = 2_000, 10_000
GROWTH = (2_000, 20_000, 100_000)
GROWTH_ROUNDS = 3
ROUNDS = 5
THREADS = (1, 2)  # settings of beam.threads; the chain's target is asked of the last
CHAIN = ("ingest", "statistics", "transform")
TARGETS = {"chain": 0.5, "exponent": 1.05, "peak_rss_mib": 2048}
CONFIG = {"image_size": 64, "vocabulary_size": 10_000, "max_words": 128, "ngram_buckets": 1_048_576}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, nargs=2, default=(SMALL, LARGE), metavar=("SMALL", "LARGE"))
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the steps and the floor; 0: none")
    parser.add_argument("--growth", type=int, nargs="*", default=GROWTH, metavar="FILMS", help="three sizes, or none")
    parser.add_argument("--threads", type=int, nargs="+", default=THREADS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        _child(STEPS[options.step], options.folder, options.threads[0])
        return
    if len(options.growth) not in (0, 3):
        parser.error("--growth takes three sizes")
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as scratch:
        missed = _rates(Path(scratch), options.films, options.rounds, options.threads) if options.rounds else []
        for threads in options.threads if options.growth else ():
            missed += _growth(Path(scratch), options.growth, threads)
    if missed:
        sys.exit("Missed: " + "; ".join(missed))


def _rates(scratch: Path, films: Sequence[int], rounds: int, threads: Sequence[int]) -> list[str]:
    """Prints rates beside the floor; gives the targets that are missed."""
    folders = _drawn(scratch, films)
    heads = f"{'films/s':>10}{'CPU ms a film':>15}{'start-up s':>12}{'peak RSS MiB':>14}"
    print(f"\n{'step, threads':18}{heads}", flush=True)
    turns = [(step, count) for count in threads for step in CHAIN] + [("floor", 0)]
    rates: dict[tuple[str, int], list[float]] = {turn: [] for turn in turns}
    costs: dict[tuple[str, int], list[float]] = {turn: [] for turn in turns}
    for _ in range(rounds):
        for step, count in turns:
            if step == "transform":
                for folder in folders:
                    _in_process("schema", folder)  # one small file, whatever the number of films
            rate, cost = _marginal(step, folders, films, count)
            rates[step, count].append(rate)
            costs[step, count].append(cost)
    missed = []
    print(f"\nratios to the floor, medians of {rounds} rounds:")
    for count in threads:
        rates["chain", count] = [1 / sum(1 / rates[step, count][turn] for step in CHAIN) for turn in range(rounds)]
        for step in (*CHAIN, "chain"):
            ratios = [ours / floor for ours, floor in zip(rates[step, count], rates["floor", 0], strict=True)]
            ratio = statistics.median(ratios)
            asked = step in TARGETS and count == threads[-1]
            target = f", at least {TARGETS[step]}" if asked else ""
            print(f"{_named(step, count):18}{ratio:6.2f} ({min(ratios):.2f} to {max(ratios):.2f}){target}", flush=True)
            if asked and ratio < TARGETS[step]:
                missed.append(f"{_named(step, count)} {ratio:.2f} of the floor, at least {TARGETS[step]}")
        chain = sum(statistics.median(costs[step, count]) for step in CHAIN)
        floor = statistics.median(costs["floor", 0])
        print(
            f"CPU of the {_named('chain', count)}: {chain:.2f} ms a film, of the floor {floor:.2f}: {floor / chain:.2f}"
        )
    return missed


def _growth(scratch: Path, films: Sequence[int], threads: int) -> list[str]:
    """Prints how time and memory of the steps and of the chain grow; gives the targets that are missed."""
    folders = _drawn(scratch, films)
    rounds = [_grown(folders, threads) for _ in range(GROWTH_ROUNDS)]
    heads = "".join(f"{f'{count:,} films: s, MiB':>30}" for count in films)
    print(f"\n{f'medians of {GROWTH_ROUNDS} rounds':18}{heads}  exponent, by round", flush=True)
    for step in CHAIN:
        _print_growth(_named(step, threads), [turn[step] for turn in rounds], films)
    chain = [[_together([turn[step][size] for step in CHAIN]) for size in range(len(films))] for turn in rounds]
    name = _named("chain", threads)
    exponent = _print_growth(name, chain, films)
    missed = []
    if not exponent <= TARGETS["exponent"]:  # NaN is not
        missed.append(f"{name} grows with exponent {exponent:.3f}, at most {TARGETS['exponent']}")
    peak = max(size["peak_rss_mib"] for turn in chain for size in turn)
    if peak > TARGETS["peak_rss_mib"]:
        missed.append(f"{name} takes {peak:.0f} MiB, at most {TARGETS['peak_rss_mib']}")
    return missed


def _grown(folders: Sequence[Path], threads: int) -> dict[str, list[dict[str, float]]]:
    """One round: each step on each size in turn, one soon after the other, since the machine's speed drifts."""
    found: dict[str, list[dict[str, float]]] = {}
    for step in ("ingest", "statistics", "schema", "transform"):
        found[step] = [_in_process(step, folder, threads) for folder in folders]
        told = ", ".join(f"{each['seconds']:.1f}" for each in found[step])
        print(f"{_named(step, threads):18}{told} s", flush=True)
    return found


def _together(steps: Sequence[dict[str, float]]) -> dict[str, float]:
    """Steps one after the other, each in a process of its own."""
    return {
        "seconds": sum(step["seconds"] for step in steps),
        "peak_rss_mib": max(step["peak_rss_mib"] for step in steps),
    }


def _print_growth(name: str, rounds: Sequence[Sequence[dict[str, float]]], films: Sequence[int]) -> float:
    """Prints the line of a step and returns the median of its rounds' exponents."""
    longer = math.log((films[2] - films[0]) / (films[1] - films[0]))
    exponents = []
    for small, middle, large in ([size["seconds"] for size in turn] for turn in rounds):
        grew = small < middle < large  # else the machine was busy with something else
        exponents.append(math.log((large - small) / (middle - small)) / longer if grew else math.nan)
    figures = ""
    for size in range(len(films)):
        seconds, peak = (statistics.median(turn[size][key] for turn in rounds) for key in ("seconds", "peak_rss_mib"))
        figures += f"{seconds:22.1f},{peak:7.0f}"
    exponent = statistics.median([each for each in exponents if not math.isnan(each)] or [math.nan])
    print(f"{name:18}{figures}{exponent:10.3f}, {', '.join(f'{each:.3f}' for each in exponents)}", flush=True)
    return exponent


def _named(step: str, threads: int) -> str:
    return f"{step}, {threads}" if threads else step


def _drawn(scratch: Path, films: Sequence[int]) -> list[Path]:
    """Folders of so many films of the sample each."""
    from pipeline import sample

    folders = [scratch / str(count) for count in films]
    for folder, count in zip(folders, films, strict=True):
        if not folder.exists():
            started = time.monotonic()
            sample.draw(folder / "sample", films=count, seed=7)
            print(f"drew {count:,} films in {time.monotonic() - started:.0f} s", flush=True)
    return folders


def _marginal(step: str, folders: Sequence[Path], films: Sequence[int], threads: int) -> tuple[float, float]:
    """Runs a step on both samples, prints its line and returns its marginal films/s and its CPU in ms a film."""
    small, large = (_in_process(step, folder, threads) for folder in folders)
    rate = (films[1] - films[0]) / (large["seconds"] - small["seconds"])
    cost = 1000 * (large["cpu"] - small["cpu"]) / (films[1] - films[0])
    start_up = small["imports"] + max(0.0, small["seconds"] - films[0] / rate)
    figures = f"{rate:10.0f}{cost:15.2f}{start_up:12.1f}{large['peak_rss_mib']:14.0f}"
    print(f"{_named(step, threads):18}{figures}", flush=True)
    return rate, cost


def _in_process(step: str, folder: Path, threads: int = 1) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.data_path", "--step", step, "--folder", str(folder)]
    command += ["--threads", str(threads)]
    env = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{step} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _child(step: Callable[[Path, int], Callable[[], None]], folder: Path, threads: int) -> None:
    """Imports and prepares, then times the work alone."""
    started = time.monotonic()
    work = step(folder, threads)
    ready, before = time.monotonic(), time.process_time()
    work()
    done, cpu = time.monotonic(), time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"imports": ready - started, "seconds": done - ready, "cpu": cpu, "peak_rss_mib": peak}))


def _executed(component, inputs, folder: Path, threads: int, exec_properties=None) -> Callable[[], None]:
    from pipeline import beam
    from pipeline.settings import Beam
    from tests.execute import execute

    shutil.rmtree(folder, ignore_errors=True)
    args = beam.pipeline_args(Beam(threads=threads))
    return lambda: execute(component, inputs, folder, exec_properties, args) and None


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


def _ingest(folder: Path, threads: int) -> Callable[[], None]:
    from components.film_example_gen.component import FilmExampleGen
    from components.film_example_gen.driver import Driver

    component = FilmExampleGen(input_base=str(folder / "sample"), span=1)
    given = {key: value for key, value in component.exec_properties.items() if value is not None}
    return _executed(component, {}, folder / "ingest", threads, Driver(None).resolve_exec_properties(given, None, None))


def _statistics(folder: Path, threads: int) -> Callable[[], None]:
    from tfx.components.statistics_gen.component import StatisticsGen

    from components.film_statistics import film_stats_options

    examples = _examples(folder)
    component = StatisticsGen(examples=_channel(examples), stats_options=film_stats_options())
    return _executed(component, {"examples": [examples]}, folder / "statistics", threads)


def _schema(folder: Path, threads: int) -> Callable[[], None]:
    from components.film_schema_gen.component import FilmSchemaGen

    statistics = _statistics_artifact(folder)
    component = FilmSchemaGen(statistics=_channel(statistics))
    return _executed(component, {"statistics": [statistics]}, folder / "schema", threads)


def _transform(folder: Path, threads: int) -> Callable[[], None]:
    from components.film_transform.component import FilmTransform
    from components.label_balance.artifact import FILE_NAME, LabelBalance

    examples, schema, balance = _examples(folder), _artifact("Schema", folder / "schema" / "schema"), LabelBalance()
    balance.uri = str(folder)
    (folder / FILE_NAME).write_text('{"relabel": {}}')
    inputs = {"examples": examples, "schema": schema, "label_balance": balance}
    component = FilmTransform(
        **{name: _channel(artifact) for name, artifact in inputs.items()},
        preprocessing_fn="transform.preprocessing.preprocessing_fn",
        custom_config=CONFIG,
    )
    return _executed(component, {name: [artifact] for name, artifact in inputs.items()}, folder / "transform", threads)


def _floor(folder: Path, threads: int) -> Callable[[], None]:
    """One tf.data pass that does Transform's own graph on the same films and writes all that it gives."""
    import tensorflow as tf
    import tensorflow_transform as tft

    from transform import features

    files = sorted(str(file) for file in (folder / "ingest" / "examples").glob("Split-*/*"))
    transformed = tft.TFTransformOutput(str(folder / "transform" / "transform_graph"))
    layer, raw = transformed.transform_features_layer(), transformed.raw_feature_spec()
    kinds = {tf.string: "bytes_list", tf.float32: "float_list", tf.int64: "int64_list"}
    lists = {name: kinds[spec.dtype] for name, spec in transformed.transformed_feature_spec().items()}

    def batch(serialized):
        columns = {}
        for name, value in layer(tf.io.parse_example(serialized, raw)).items():
            if isinstance(value, tf.SparseTensor):
                value = tf.RaggedTensor.from_value_rowids(value.values, value.indices[:, 0], value.dense_shape[0])
            columns[name] = value if value.shape.rank > 1 else value[:, None]
        return columns

    def work() -> None:
        films = tf.data.TFRecordDataset(files, compression_type="GZIP", num_parallel_reads=2)
        films = films.batch(64).map(batch, num_parallel_calls=os.cpu_count()).prefetch(2)
        out = folder / "floor.gz"
        stored = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)  # as FilmTransform writes
        with tf.io.TFRecordWriter(str(out), stored) as writer:
            for columns in films:
                rows = {name: column.numpy() for name, column in columns.items()}
                for row in range(len(rows[features.ID])):
                    example = tf.train.Example()
                    for name, kind in lists.items():
                        getattr(example.features.feature[name], kind).value.extend(rows[name][row])
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
