"""Commands around what has been pushed: list it, and choose what the labels `stable` and `canary` name."""

import datetime
import json

import click

from components.atomic_pusher import models_config, publish
from pipeline.options import folder_options
from pipeline.paths import Paths
from transform.errors import MarqueeError

RELOADED = "A server that polls its models config follows; others must be started anew."


@click.command()
@click.argument("model", required=False)
@folder_options
def versions(paths: Paths, model: str | None) -> None:
    """Lists the versions of a model, or of all."""
    from rich.console import Console
    from rich.table import Table

    serving = paths.serving
    config = models_config.read(serving)
    bases = [base for base in sorted(serving.glob("*")) if base.is_dir() and model in (None, base.name)]
    rows = [(base, version) for base in bases for version in reversed(publish.versions(base))]
    if not rows:
        raise MarqueeError(f"{serving}: no version{f' of {model!r}' if model else ''} in it. `marquee run` pushes one.")
    table = Table("Model", "Version", "Pushed (UTC)", "Variant", "MiB", "Labels")
    for base, version in rows:
        folder = base / str(version)
        card = folder / "assets.extra" / "marquee.json"
        variant = json.loads(card.read_text(encoding="utf-8")).get("variant", "") if card.is_file() else ""
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / (1 << 20)
        labels = sorted(label for label, of in models_config.labels(config, base.name).items() if of == version)
        if version == publish.versions(base)[-1]:
            labels.append("(newest)")
        table.add_row(base.name, str(version), _pushed(version), variant, f"{size:.1f}", ", ".join(labels))
    Console().print(table)


@click.command()
@click.argument("model")
@click.argument("version", type=int, required=False)
@click.option("--label", type=click.Choice([models_config.STABLE, models_config.CANARY]), default=models_config.STABLE,
              show_default=True)  # fmt: skip
@folder_options
def promote(paths: Paths, model: str, version: int | None, label: str) -> None:
    """Lets a label name a version, the newest where none is given."""
    named = models_config.promote(paths.serving, model, version, label)
    click.echo(f"{model}: {label} is version {named}. {RELOADED}")


@click.command()
@click.argument("model")
@folder_options
def rollback(paths: Paths, model: str) -> None:
    """Lets `stable` name the version that it named before; a second time undoes it."""
    before, now = models_config.rollback(paths.serving, model)
    click.echo(f"{model}: stable is version {now}, no longer {before}. {RELOADED}")


def _pushed(version: int) -> str:
    """When the Pusher made the version, which it numbers by the time; empty where the number is none of its."""
    try:
        return f"{datetime.datetime.fromtimestamp(version, datetime.timezone.utc):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):  # beyond the year 9999, or beyond what the platform's clock counts
        return ""
