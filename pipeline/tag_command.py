"""`marquee tag`: a catalogue of films through a pushed model. Heavy imports stay inside."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline import environment
from pipeline.options import job_options
from pipeline.paths import Paths
from pipeline.settings import Settings
from transform.errors import MarqueeError

if TYPE_CHECKING:
    from pipeline.tagging.folder import AnswersFolder

PART = 512  # films: what a killed job loses of each worker's work
LOOKS_SECONDS = 1.0  # between looks at what is done


@click.command()
@click.option("--csv", "table", metavar="FILE", type=click.Path(path_type=Path), help="Films: columns Id and Overview.")
@click.option("--images", metavar="DIR", type=click.Path(path_type=Path), help="Their posters, <Id>.jpg.")
@click.option(
    "--span", "span", metavar="DIR", type=click.Path(path_type=Path), help="Films as a run reads them, in any layout."
)
@click.option("--model", metavar="NAME", help="[default: fusion, or lstm without --images]")
@click.option("--version", metavar="N", type=int, help="Of the model.  [default: the newest]")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Where the answers go.")
@click.option(
    "--format", "formats", type=click.Choice(["csv", "jsonl"]), multiple=True, default=("csv",), show_default=True,
    help="Of the answers; may be given twice.",
)  # fmt: skip
@click.option("--restart", is_flag=True, help="Begin anew, where --out holds another job's answers.")
@job_options
def tag(
    settings: Settings,
    table: Path | None,
    images: Path | None,
    span: Path | None,
    model: str | None,
    version: int | None,
    out: Path,
    formats: tuple[str, ...],
    restart: bool,
) -> None:
    """Tags a catalogue of any size: films in, predictions.csv and rejects.jsonl out.

    Needs no model server. What is killed goes on where it was when it is started again with the same --out.
    """
    if (table is None) == (span is None):
        raise click.UsageError("Give --csv, with --images where there are posters, or --span.")
    if span is not None and images is not None:
        raise click.UsageError("--images goes with --csv; a span has its posters in it.")
    environment.quieten()
    from pipeline import beam
    from pipeline.tagging import catalogue, job, models
    from pipeline.tagging.folder import AnswersFolder, Manifest
    from pipeline.worker_watch import watched_workers

    chosen = models.find(Paths.bind(settings).serving, model or ("fusion" if images or span else "lstm"), version)
    films = catalogue.of_span(span) if span else catalogue.of_table(table, images)  # type: ignore[arg-type]
    out = out.resolve()
    for folder in films.folders:
        if out.is_relative_to(folder):
            raise MarqueeError(f"{out}: lies inside {folder}, whose films it would change. Give another --out.")
    manifest = Manifest(
        model=f"{chosen.name} {chosen.version}",
        model_fingerprint=chosen.fingerprint,
        films=films.fingerprint,
        formats=tuple(dict.fromkeys(formats)),
        genres=chosen.genres,
        part=PART,
    )
    answers = AnswersFolder(str(out), manifest)
    with answers.held():
        summary = answers.begin(restart)
        if summary is None:
            beam.require_server(settings.beam)
            with _watched(answers), _plainly(), watched_workers():
                job.run(films.reader, chosen, answers, beam.pipeline_options(settings.beam), spread=_spread(settings))
            summary = answers.finish()
    kept = sum(summary.kept.values())
    click.echo(f"{out}: {summary.films} films tagged by {manifest.model}")
    if summary.rejects:
        reasons = ", ".join(f"{reason} {count}" for reason, count in summary.rejects.items())
        stayed = f"; {kept} of them of films that stay without their poster" if kept else ""
        click.echo(f"rejects.jsonl: {sum(summary.rejects.values())} rejects ({reasons}){stayed}")


def _spread(settings: Settings) -> bool:
    return settings.beam.engine != "direct" or settings.beam.workers > 1 or settings.beam.threads > 1


@contextlib.contextmanager
def _watched(answers: "AnswersFolder") -> Iterator[None]:
    """Shows how many parts are done, while the block runs."""
    from pipeline.progress import console

    before, started = len(answers.done()), time.monotonic()
    if before:
        console.print(f"{before * answers.manifest.part} films are done already")
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOKS_SECONDS):
            films = (len(answers.done()) - before) * answers.manifest.part
            rate = films / (time.monotonic() - started)
            status.update(f"{before * answers.manifest.part + films} films, {rate:.0f} a second")

    with console.status("starting") as status:
        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """The user's mistakes behind Beam's exceptions, as such."""
    try:
        yield
    except Exception as error:
        from pipeline.runner import users_mistake

        message = users_mistake(error)
        if message is None:
            raise
        raise MarqueeError(message) from error
