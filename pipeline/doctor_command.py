"""The command that looks at the machine and the installation."""

import sys

import click

from pipeline import environment
from pipeline.options import folder_options
from pipeline.paths import ROOT, Paths


@click.command()
@folder_options
def doctor(paths: Paths) -> None:
    """Checks whether this machine and installation can run Marquee, and says what to do.

    Exits with 1 where something fails, with 0 where there are warnings at most.
    """
    environment.quieten()
    from rich.text import Text

    from pipeline import doctor as doctor_module
    from pipeline.progress import console

    styles = {doctor_module.OK: "green", doctor_module.WARN: "yellow", doctor_module.FAIL: "bold red"}
    checks = []
    for check in doctor_module.examine(paths.work, ROOT / "requirements"):
        checks.append(check)
        line = Text.assemble((f"{check.verdict:<5}", styles[check.verdict]), f"{check.name}: {check.found}")
        console.print(line, soft_wrap=True)
        if check.advice:
            console.print(Text(f"     {check.advice}"), soft_wrap=True)
    if doctor_module.worst(checks) == doctor_module.FAIL:
        sys.exit(1)
