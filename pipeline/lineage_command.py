"""The command that says what made a served version. Heavy imports stay inside."""

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline import environment
from pipeline.options import folder_options
from pipeline.paths import Paths
from transform.errors import MarqueeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from pipeline.lineage import Lineage


@click.command()
@click.argument("model", required=False)
@click.argument("version", type=int, required=False)
@click.option("--html", "as_html", is_flag=True, help="Write a page instead of printing.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="The page.  [default: in reports/]")
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")
@folder_options
def lineage(
    paths: Paths, model: str | None, version: int | None, as_html: bool, out: Path | None, open_it: bool
) -> None:
    """Says which data, settings, code and models a served version comes from.

    Without VERSION of the newest, without MODEL of the newest of each.
    """
    if not as_html and (out or open_it):
        raise click.UsageError("--out and --open go with --html.")
    environment.quieten()
    from pipeline import lineage as lineage_module
    from pipeline.progress import console

    found = lineage_module.of(paths, model, version)
    if not as_html:
        for each in found:
            console.print(_text(each))
        return
    from pipeline.report.lineage import page

    out = out or paths.reports / f"lineage-{'-'.join(f'{each.model}-{each.version}' for each in found)}.html"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page([lineage_module.as_dict(each) for each in found]), encoding="utf-8")
    except OSError as error:
        raise MarqueeError(f"{error.filename}: cannot be written ({error.strerror}).") from error
    click.echo(out)
    if open_it:
        webbrowser.open(out.resolve().as_uri())


def _text(lineage: "Lineage") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    title = f"{lineage.model} {lineage.version}"
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in _rows(lineage):
        table.add_row(name, Text(words))
    table.add_row("", "")
    return table


def _rows(lineage: "Lineage") -> "Iterator[tuple[str, str]]":
    gone = "" if lineage.there else " (no longer there)"
    labels = f", labelled {', '.join(lineage.labels)}" if lineage.labels else ""
    yield "pushed", f"by run {lineage.run} to {lineage.folder}{gone}{labels}"
    yield "blessed", lineage.blessed or "by no Evaluator"
    for span in lineage.spans:
        films = f"{span.films:,} films, " if span.films is not None else ""
        yield "data", f"span {span.number} of {span.folder} ({span.pattern}): {films}{span.fingerprint}"
    if len(lineage.spans) > 1:
        yield "window", f"trained on these {len(lineage.spans)} spans together, evaluated on the last"
    for relative in lineage.relatives:
        version = relative.version if relative.version is not None else "(not pushed)"
        yield relative.role, f"{relative.name} {version}, trained by run {relative.run}"
    if not any(relative.role == "started from" for relative in lineage.relatives):
        yield "started from", "no other model"
    for function, fingerprint in lineage.code.items():
        yield "code", f"{function} {fingerprint}"
    for run, commit in lineage.commits.items():
        yield "commit", f"{commit} in run {run}"
    yield "TFX", lineage.tfx
    for name, settings in lineage.settings().items():
        yield name, ", ".join(f"{key} = {_value(value)}" if key else _value(value) for key, value in settings.items())
    for run in sorted({step.run for step in lineage.steps}):
        yield f"run {run}", ", ".join(step.node for step in lineage.steps if step.run == run)


def _value(value: Any) -> str:
    return "none" if value is None or value == "" else str(value)
