"""The options of the commands that work on a Settings."""

import functools
from collections.abc import Callable
from typing import Any

import click

from pipeline import environment
from pipeline import settings as settings_module
from pipeline.paths import Paths
from transform.errors import MarqueeError


def folder_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that find the folder of the runs, whose Paths are given to the command as `paths`."""

    @click.option("--config", metavar="FILE", help="Settings file.  [default: marquee.toml, if it is there]")
    @click.option("--work", metavar="DIR", help="Folder of the runs.  [default: work]")
    @functools.wraps(command)
    def with_paths(*args: Any, config: str | None, work: str | None, **rest: Any) -> None:
        overrides = {} if work is None else {"work": work}
        paths = Paths.bind(settings_module.load(environment.settings_file(config), overrides))
        command(*args, paths=paths, **rest)

    return with_paths


def job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of a job beside the runs: it is given the Settings of their folder as its first argument."""

    @click.option("--config", metavar="FILE", help="Settings file.  [default: marquee.toml, if it is there]")
    @click.option("--work", metavar="DIR", help="Folder of the runs.  [default: work]")
    @click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Any setting, as beam.workers=2.")
    @functools.wraps(command)
    def with_settings(config: str | None, work: str | None, pairs: tuple[str, ...], **rest: Any) -> None:
        overrides = ({} if work is None else {"work": work}) | _parsed(pairs)
        command(settings_module.load(environment.settings_file(config), overrides), **rest)

    return with_settings


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that make a Settings, given to the command as its first argument."""

    @click.option("--config", metavar="FILE", help="Settings file.  [default: marquee.toml, if it is there]")
    @click.option("--data", metavar="DIR", help="Folder that holds span-1, span-2, ...  [default: the sample]")
    @click.option("--work", metavar="DIR", help="Folder for everything that a run makes.  [default: work]")
    @click.option("--span", metavar="N", help="Span to read.  [default: the latest]")
    @click.option("--window", metavar="K", help="Spans to train on: that one and those before it.  [default: 1]")
    @click.option("--models", metavar="NAMES", help="Models to train, as cnn,lstm.")
    @click.option("--epochs", metavar="N", help="Epochs of every model.")
    @click.option("--accept-baseline-reset", is_flag=True, help="Bless without comparing with the last model.")
    @click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Any setting, as cnn.variant=reference.")
    @functools.wraps(command)
    def with_settings(
        config: str | None,
        data: str | None,
        work: str | None,
        span: str | None,
        window: str | None,
        models: str | None,
        epochs: str | None,
        accept_baseline_reset: bool,
        pairs: tuple[str, ...],
        **rest: Any,
    ) -> None:
        given: dict[str, Any] = {"data.root": data, "work": work, "data.span": span}
        given |= {"data.window": window, "models": models}
        given |= {f"{model}.epochs": epochs for model in settings_module.PARTS}
        given["evaluation.accept_baseline_reset"] = accept_baseline_reset or None
        overrides = {key: value for key, value in given.items() if value is not None}
        overrides |= _parsed(pairs)
        command(settings_module.load(environment.settings_file(config), overrides), **rest)

    return with_settings


def _parsed(pairs: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise MarqueeError(f"--set {pair}: allowed is KEY=VALUE, as cnn.variant=reference.")
        found[key] = value
    return found
