"""Commands that look at data: schema, statistics, serving skew. Heavy imports stay inside."""

import os
import shutil
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline import environment
from pipeline.options import settings_options
from pipeline.paths import PAGE_FILE, Paths
from pipeline.settings import Settings
from transform.errors import MarqueeError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

TOLD = 10  # of the requests that cannot be used; skew.json has more


@click.group()
def schema() -> None:
    """The schema that films are validated against."""


@schema.command("save")
@settings_options
def schema_save(settings: Settings) -> None:
    """Copies the last inferred schema to the schema file, to be edited and committed."""
    found = Paths.bind(settings).artifacts.glob("SchemaGen/schema/*/schema.pbtxt")
    inferred = sorted(found, key=lambda schema: int(schema.parent.name))  # by execution: clocks jump
    if not inferred:
        raise MarqueeError(f"{Paths.bind(settings).artifacts}: no inferred schema in it yet: `marquee run` makes one.")
    file = Path(settings.schema.file).expanduser()
    if file.exists():
        raise MarqueeError(f"{file}: is there already. Move it away to take the inferred schema anew.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(inferred[-1].read_bytes())
    except OSError as error:
        raise MarqueeError(f"{file}: cannot be written ({error.strerror}).") from error
    click.echo(file)


@schema.command("diff")
@settings_options
def schema_diff(settings: Settings) -> None:
    """Shows what a span's films would change in the schema file; writes nothing.

    The span is the last one that a run came to statistics of, or --span N. A run that stopped because its films
    did not fit the schema has them too.
    """
    _show_changes(settings)


@schema.command("accept")
@click.option("--yes", is_flag=True, help="Do not ask.")
@settings_options
def schema_accept(settings: Settings, yes: bool) -> None:
    """Shows the same as diff, asks, and writes it to the schema file.

    Comparators, thresholds and tags stay. Comments stay, too, if the file is otherwise as `marquee schema save` prints.
    """
    new = _show_changes(settings)
    if new is None:
        return
    if not yes and not click.confirm(f"Write this to {settings.schema.file}?"):
        click.echo("Nothing written.")
        return
    file = Path(settings.schema.file).expanduser().resolve()
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(new, encoding="utf-8")
        shutil.copymode(file, beside)
        os.replace(beside, file)
    except OSError as error:
        raise MarqueeError(f"{error.filename}: cannot be written ({error.strerror}).") from error
    click.echo(f"Written: {settings.schema.file}")


def _show_changes(settings: Settings) -> str | None:
    """Prints what would change in the schema file; its new text, or None where nothing would change."""
    paths = Paths.bind(settings)
    if paths.schema is None:
        raise MarqueeError(f"{settings.schema.file}: no curated schema there yet: `marquee schema save` first.")

    environment.quieten()
    from pipeline import schema_changes, span_statistics

    try:
        text = paths.schema.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MarqueeError(f"{settings.schema.file}: cannot be read: {error}") from error
    before = schema_changes.parse(text, settings.schema.file)
    found = span_statistics.latest(paths, settings.data.span)
    statistics = found.splits()
    after = schema_changes.updated(before, statistics)
    if after == before:
        click.echo(f"Nothing would change: the films of span {found.span} fit {settings.schema.file}.")
        return None
    click.echo(f"Span {found.span} would change {settings.schema.file}:")
    for sentence in schema_changes.sentences(before, after, statistics):
        click.echo(f"  {sentence}")
    new = schema_changes.edited(text, before, after)
    click.echo()
    click.echo(schema_changes.unified_diff(text, new, settings.schema.file, f"span {found.span}"))
    return new


@click.command()
@click.option("--requests", "folder", metavar="DIR", type=click.Path(path_type=Path), required=True, help="The logs.")
@click.option("--model", metavar="NAME", help="Only requests to this model.  [default: the only one]")
@settings_options
def skew(settings: Settings, folder: Path, model: str | None) -> None:
    """Compares logged requests with the films that the last run trained on.

    DIR holds TFRecord files of PredictionLog, plain or gzip, as TensorFlow Serving writes them. The outcome goes into
    the last run's report. Exits with 3 where the requests are skewed.
    """
    environment.quieten()
    from pipeline import progress
    from pipeline import skew as skew_module

    with progress.console.status("reading requests"):
        content, page = skew_module.measure(Paths.bind(settings), folder, model)
    _print(_skew_table(content))
    unusable = content["unusable"]
    if unusable["listed"]:
        click.echo(f"Records that cannot be read: {unusable['records']}. Posters: {unusable['posters']}.")
        for line in unusable["listed"][:TOLD]:
            click.echo(f"  {line}")
    click.echo(f"Report: {page}")
    if content["verdict"] != "ok":
        sys.exit(environment.DRIFTED)


def _skew_table(content: dict[str, Any]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    films = f"{content['requests']} requests to {content['model'] or 'a model without a name'}"
    title = f"{films}, against the films of span {content['baseline']['span']}: {content['verdict']}"
    table = Table("feature", "metric", title=escape(title), title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("value", justify="right")
    table.add_column("threshold", justify="right")
    table.add_column("")
    table.add_column("training -> requests")
    for row in content["comparisons"]:
        threshold = "" if row["threshold"] is None else f"{row['threshold']:.4g}"
        metric = row["metric"].replace("_", " ")
        verdict, style = ("skewed", "red") if row["drifted"] else ("", None)
        value, words = f"{row['value']:.4g}", escape(row["words"])
        table.add_row(row["feature"], metric, value, threshold, verdict, words, style=style)
    return table


@click.command()
@click.option("--html", "as_html", is_flag=True, help="Write TFDV's Facets page instead of printing tables.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="The page.  [default: in the last report]")
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")
@click.option("--against", metavar="M", type=int, help="Train split beside that of span M, instead of all splits.")
@settings_options
def stats(settings: Settings, as_html: bool, out: Path | None, open_it: bool, against: int | None) -> None:
    """Shows the last run's statistics of every feature and split, or those of --span N.

    The page of --html holds the statistics, not the program that draws them: TFDV's page loads Facets from
    cdnjs.cloudflare.com and raw.githubusercontent.com each time it is opened, and stays empty without them. The report
    of a run (`marquee report`) needs no network.
    """
    if not as_html and (out or open_it):
        raise click.UsageError("--out and --open go with --html.")

    environment.quieten()
    from pipeline import span_statistics, statistics_view

    paths = Paths.bind(settings)
    found = span_statistics.latest(paths, settings.data.span)
    if against is None:
        title = f"Statistics of span {found.span}"
        data_sets = found.splits()
    else:
        title = f"Statistics of span {found.span} against span {against}"
        both = (found, span_statistics.latest(paths, against))
        data_sets = {f"span {statistics.span} train": statistics.splits()["train"] for statistics in both}
    if not as_html:
        _print(title, statistics_view.tables(data_sets))
        return
    out = out or _last_report(paths) / "statistics.html"
    try:
        out.write_text(statistics_view.facets_page(data_sets, title), encoding="utf-8")
    except OSError as error:
        raise MarqueeError(f"{error.filename}: cannot be written ({error.strerror}).") from error
    click.echo(out)
    click.echo(f"To show anything it needs the network: it loads Facets from {' and '.join(statistics_view.HOSTS)}.")
    if open_it:
        webbrowser.open(out.resolve().as_uri())


def _last_report(paths: Paths) -> Path:
    from pipeline import history

    page = history.last_report(paths, PAGE_FILE)
    if page is None:
        raise MarqueeError(f"{paths.reports}: no report in it yet: `marquee run` makes one; or say --out FILE.")
    return page.parent


def _print(*shown: "RenderableType") -> None:
    from pipeline import progress

    progress.console.print(*shown, sep="\n")
