"""The `marquee` command. Heavy imports stay inside the commands that need them."""

import re
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

import click

from pipeline import environment, run_lock
from pipeline.compile_command import compile_command
from pipeline.data_commands import schema, skew, stats
from pipeline.demo_command import demo
from pipeline.doctor_command import doctor
from pipeline.lineage_command import lineage
from pipeline.options import settings_options
from pipeline.paths import PAGE_FILE, Paths, require_writable
from pipeline.serving_commands import predict, serve
from pipeline.settings import Settings
from pipeline.tag_command import tag
from pipeline.version_commands import promote, rollback, versions
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


@main.command()
@settings_options
def run(settings: Settings) -> None:
    """Runs the pipeline with `tfx run create`; draws the sample first where no data is given.

    Exits with 2 where data or settings are at fault, with 3 where drift stopped the run (drift.on_drift = "stop").
    """
    paths = Paths.bind(settings)
    require_writable(paths.work)  # before the sample and TFX's own state go there
    # The runner's own lock comes after registration, and the process that `tfx run create` starts takes it: so another.
    with run_lock.held(paths.work, paths.command_lock):
        if not settings.data.root:
            _draw_sample(settings.sample.films, settings.sample.seed, paths.data)
        sys.exit(_run_by_tfx(settings, paths))


def _run_by_tfx(settings: Settings, paths: Paths) -> int:
    """Registers the pipeline with TFX's command line where it is not, and runs it; the runner's exit code."""
    env = environment.of_process(settings)
    tfx = [str(Path(sys.executable).with_name("tfx"))]
    if not environment.registered(settings):
        known = (paths.tfx_home / settings.name).exists()
        subcommand = "update" if known else "create"
        _quietly([*tfx, "pipeline", subcommand, "--engine=local", f"--pipeline_path={environment.RUNNER}"], env)
    with tempfile.TemporaryDirectory() as folder:
        exit_code = Path(folder) / "exit_code"
        done = subprocess.run(
            [*tfx, "run", "create", "--engine=local", f"--pipeline_name={settings.name}"],
            env=env | {environment.EXIT_CODE_FILE: str(exit_code)},
        )
        return int(exit_code.read_text()) if done.returncode and exit_code.is_file() else done.returncode


def _quietly(command: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        if said := re.search(r"^marquee: (.*)", done.stdout, re.MULTILINE):  # our runner, of the settings
            raise MarqueeError(said[1])
        from pipeline.runner import users_mistake

        if message := users_mistake(RuntimeError(done.stdout)):  # a full disk
            raise MarqueeError(message)
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
@settings_options
def env(settings: Settings) -> None:
    """Prints the exports for typing `tfx` commands by hand: eval "$(marquee env)"."""
    import shlex

    for name, value in environment.variables(settings).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command()
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
@settings_options
def report(settings: Settings, open_it: bool) -> None:
    """Prints the path of the last run's report."""
    from pipeline import history

    paths = Paths.bind(settings)
    page = history.last_report(paths, PAGE_FILE)
    if page is None:
        raise MarqueeError(f"{paths.reports}: no report in it yet: `marquee run` makes one.")
    click.echo(page)
    if open_it:
        webbrowser.open(page.as_uri())


@main.command()
@settings_options
def runs(settings: Settings) -> None:
    """Lists the runs of a work folder (TFX's local engine has no `tfx run list`)."""
    from pipeline.report import record

    for run_id, nodes in record.runs(Paths.bind(settings)):
        states = [node.state for node in nodes]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        click.echo(f"{run_id}  {sum(node.seconds for node in nodes):6.0f} s  {counts}")


for command in (
    schema,
    skew,
    stats,
    serve,
    predict,
    tag,
    demo,
    versions,
    promote,
    rollback,
    lineage,
    doctor,
    compile_command,
):
    main.add_command(command)
