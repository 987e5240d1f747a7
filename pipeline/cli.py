"""The `marquee` command. Heavy imports stay inside the commands that need them."""

import functools
import os
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline import environment
from pipeline import settings as settings_module
from pipeline.paths import Paths
from pipeline.settings import Settings
from transform.errors import MarqueeError


class _Commands(click.Group):
    """Prints a MarqueeError as one line and exits with 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MarqueeError as error:
            click.echo(f"marquee: {error}", err=True)
            ctx.exit(2)


@click.group(cls=_Commands)
@click.version_option(package_name="marquee-tfx")
def main() -> None:
    """Tags films with genres from their posters and overviews: a TFX pipeline and its tools."""


def _settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that make a Settings, given to the command as its first argument."""

    @click.option("--config", metavar="FILE", help="Settings file.  [default: marquee.toml, if it is there]")
    @click.option("--data", metavar="DIR", help="Folder that holds span-1, span-2, ...  [default: the sample]")
    @click.option("--work", metavar="DIR", help="Folder for everything that a run makes.  [default: work]")
    @click.option("--span", metavar="N", help="Span to read.  [default: the latest]")
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
        models: str | None,
        epochs: str | None,
        accept_baseline_reset: bool,
        pairs: tuple[str, ...],
        **rest: Any,
    ) -> None:
        given: dict[str, Any] = {"data.root": data, "work": work, "data.span": span, "models": models}
        given |= {f"{model}.epochs": epochs for model in settings_module.MODELS}
        given["evaluation.accept_baseline_reset"] = accept_baseline_reset or None
        overrides = {key: value for key, value in given.items() if value is not None}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals:
                raise MarqueeError(f"--set {pair}: allowed is KEY=VALUE, as cnn.variant=reference.")
            overrides[key] = value
        command(settings_module.load(environment.settings_file(config), overrides), **rest)

    return with_settings


@main.command()
@_settings_options
def run(settings: Settings) -> None:
    """Runs the pipeline with `tfx run create`; draws the sample first where no data is given."""
    paths = Paths.bind(settings)
    if not settings.data.root:
        _draw_sample(settings.sample.films, settings.sample.seed, paths.data)
    env = os.environ | environment.variables(settings)
    tfx = [str(Path(sys.executable).with_name("tfx"))]
    if not environment.registered(settings):
        known = (paths.tfx_home / settings.name).exists()
        subcommand = "update" if known else "create"
        _quietly([*tfx, "pipeline", subcommand, "--engine=local", f"--pipeline_path={environment.RUNNER}"], env)
    done = subprocess.run([*tfx, "run", "create", "--engine=local", f"--pipeline_name={settings.name}"], env=env)
    sys.exit(done.returncode)


def _quietly(command: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        click.echo(done.stdout, err=True)
        sys.exit(done.returncode)


def _draw_sample(films: int, seed: int, out: Path) -> None:
    from pipeline import sample

    sample.draw(out, films=films, seed=seed)


@main.command("sample")
@click.option("--films", default=Settings().sample.films, show_default=True, help="Films of span 1.")
@click.option("--seed", default=Settings().sample.seed, show_default=True, help="Same seed, same bytes.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to draw into.")
def sample_command(films: int, seed: int, out: Path) -> None:
    """Draws films that need no licence: posters, overviews and genres, in two spans."""
    _draw_sample(films, seed, out)
    click.echo(out)


@main.command()
@_settings_options
def env(settings: Settings) -> None:
    """Prints the exports for typing `tfx` commands by hand: eval "$(marquee env)"."""
    import shlex

    for name, value in environment.variables(settings).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command()
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
@_settings_options
def report(settings: Settings, open_it: bool) -> None:
    """Prints the path of the last run's report."""
    pages = sorted(Paths.bind(settings).reports.glob("*/index.html"))
    if not pages:
        raise MarqueeError(f"{Paths.bind(settings).reports}: no report in it yet: `marquee run` makes one.")
    click.echo(pages[-1])
    if open_it:
        webbrowser.open(pages[-1].as_uri())


@main.command()
@_settings_options
def runs(settings: Settings) -> None:
    """Lists the runs of a work folder (TFX's local engine has no `tfx run list`)."""
    from pipeline.report import record

    for run_id, nodes in record.runs(Paths.bind(settings)):
        states = [node.state for node in nodes]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        click.echo(f"{run_id}  {sum(node.seconds for node in nodes):6.0f} s  {counts}")


@main.group()
def schema() -> None:
    """The schema that films are validated against."""


@schema.command("save")
@_settings_options
def schema_save(settings: Settings) -> None:
    """Copies the last inferred schema to the schema file, to be edited and committed."""
    inferred = sorted(Paths.bind(settings).artifacts.glob("SchemaGen/schema/*/schema.pbtxt"), key=os.path.getmtime)
    if not inferred:
        raise MarqueeError(f"{Paths.bind(settings).artifacts}: no inferred schema in it yet: `marquee run` makes one.")
    file = Path(settings.schema.file)
    if file.exists():
        raise MarqueeError(f"{file}: is there already. Move it away to take the inferred schema anew.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(inferred[-1].read_bytes())
    click.echo(file)
