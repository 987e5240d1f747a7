"""`make bench-tag`: `marquee tag` beside the same SavedModel called in process; needs a run that pushed the model.

Both in turn, each in a process of its own, which has imported what it needs when the clock starts. The job reads a CSV
and posters, judges them, asks the model and writes; what stands beside it has serialized tf.Examples in memory, loads
the model and asks it in batches of 32. Every tenth poster is cut short, if asked: the rejects must be just those.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILMS, DRAWN, ROUNDS = 20_000, 1_000, 3
BATCH, PART = 32, 512
TARGET = 2.0
CUT_EVERY = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("work"), help="of a run that pushed the model")
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--films", type=int, default=FILMS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--cut", action="store_true", help="cut every tenth poster short")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        STEPS[options.step](options.folder, options.work, options.model)
        return
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as scratch:
        _bench(Path(scratch), options)


def _bench(folder: Path, options: argparse.Namespace) -> None:
    bad = draw(folder, options.films, options.cut)
    ratios = []
    print(f"{options.model}, {options.films:,} films")
    print(f"{'':8}{'films/s':>10}{'CPU s':>8}{'peak RSS MiB':>14}", flush=True)
    for _ in range(options.rounds):
        floor, ours = (_in_process(step, folder, options) for step in ("floor", "tag"))
        ratios.append(ours["seconds"] / floor["seconds"])
    print(
        f"marquee tag / in process: {', '.join(f'{ratio:.2f}' for ratio in ratios)}; "
        f"median {statistics.median(ratios):.2f} (at most {TARGET})"
    )
    with open(folder / "out" / "rejects.jsonl", encoding="utf-8") as file:
        rejected = {reject["id"] for reject in map(json.loads, file) if reject["reason"].startswith("poster_")}
    if rejected != bad:
        sys.exit(f"rejected without a fault: {sorted(rejected - bad)[:5]}; not seen: {sorted(bad - rejected)[:5]}")
    print(f"posters at fault: {len(bad):,}, all of them rejected and no other")


def draw(folder: Path, films: int, cut: bool) -> set[str]:
    """Writes films.csv and Images/: drawn films, many times over, under Ids of their own.

    Returns:
        Ids of the films whose posters are to be rejected.
    """
    from components.film_example_gen.films import Film
    from components.film_example_gen.readers import AUTO, reader_for
    from pipeline import sample

    sample.draw(folder / "drawn", films=min(films, DRAWN), seed=7)
    span = folder / "drawn" / "span-1"
    drawn = [item for item in reader_for(str(span), AUTO)[1].read() if isinstance(item, Film)]
    images = folder / "Images"
    images.mkdir()
    bad = set()
    with open(folder / "films.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("Id", "Overview"))
        for number in range(films):
            film = drawn[number % len(drawn)]
            id = f"{film.id}-{number}"
            writer.writerow((id, film.overview))
            if film.poster:
                poster = images / f"{id}{Path(film.poster).suffix}"
                poster.hardlink_to(span / film.poster)
                if cut and number % CUT_EVERY == 0:
                    content = poster.read_bytes()
                    poster.unlink()
                    poster.write_bytes(content[: len(content) // 2])
                    bad.add(id)
    return bad | _unreadable(folder)


def _unreadable(folder: Path) -> set[str]:
    """Ids of the posters that FilmExampleGen rejects: the sample has flaws of its own."""
    from components.film_example_gen.posters import PosterError, read_posters

    posters = list((folder / "Images").iterdir())
    found = read_posters([str(poster) for poster in posters])
    return {poster.stem for poster, examined in zip(posters, found, strict=True) if isinstance(examined, PosterError)}


def _in_process(step: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.tag", "--step", step, "--folder", str(folder),
               "--work", str(options.work), "--model", options.model]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})
    if done.returncode:
        sys.exit(f"{step} failed:\n{done.stderr[-4000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    rate = options.films / found["seconds"]
    print(f"{step:8}{rate:10.0f}{found['cpu']:8.1f}{found['peak_rss_mib']:14.0f}", flush=True)
    return found


def _say(started: float, cpu: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.monotonic() - started, "cpu": time.process_time() - cpu, "peak_rss_mib": peak}))


def _floor(folder: Path, work: Path, model: str) -> None:
    import tensorflow as tf

    from components.film_example_gen import examples
    from components.film_example_gen.films import Film
    from pipeline.tagging import catalogue, models

    chosen = models.find(work / "serving_model", model)
    reader = catalogue.of_table(folder / "films.csv", folder / "Images").reader
    converted = examples.convert([item for item in reader.read() if isinstance(item, Film)], reader.folder)
    films = [example for example, _ in converted if example]
    started, cpu = time.monotonic(), time.process_time()
    loaded = tf.saved_model.load(chosen.folder)
    ask = loaded.signatures[models.SIGNATURE]
    for start in range(0, len(films), BATCH):
        said = ask(tf.constant(films[start : start + BATCH]))
        said["scores"].numpy(), said["predicted"].numpy()
    _say(started, cpu)


def _tag(folder: Path, work: Path, model: str) -> None:
    from pipeline import beam
    from pipeline.tagging import catalogue, job, models
    from pipeline.tagging.folder import AnswersFolder, Manifest

    chosen = models.find(work / "serving_model", model)
    started, cpu = time.monotonic(), time.process_time()
    films = catalogue.of_table(folder / "films.csv", folder / "Images")
    manifest = Manifest(
        model=f"{chosen.name} {chosen.version}",
        model_fingerprint=chosen.fingerprint,
        films=films.fingerprint,
        formats=("csv",),
        genres=chosen.genres,
        part=PART,
    )
    answers = AnswersFolder(str(folder / "out"), manifest)
    with answers.held():
        answers.begin(restart=True)
        job.run(films.reader, chosen, answers, beam.pipeline_options(), spread=False)
        answers.finish()
    _say(started, cpu)


STEPS = {"floor": _floor, "tag": _tag}

if __name__ == "__main__":
    main()
