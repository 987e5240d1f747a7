"""The command that compiles the pipeline for another orchestrator. Heavy imports stay inside."""

import json
from pathlib import Path

import click

from pipeline import environment
from pipeline.options import settings_options
from pipeline.settings import Settings
from transform.errors import MarqueeError


@click.command("compile")
@click.option(
    "--to", "target", type=click.Choice(["kubeflow"]), required=True, help="Kubeflow Pipelines and Vertex AI."
)
@click.option("--out", type=click.Path(path_type=Path), default="pipeline.json", show_default=True,
              help="JSON for Vertex AI; YAML, for Kubeflow Pipelines, where it ends so.")  # fmt: skip
@settings_options
def compile_command(settings: Settings, target: str, out: Path) -> None:
    """Writes the pipeline for an orchestrator that is not this machine.

    Needs kubeflow.image, and --data and --work as buckets or as paths that every container mounts.
    """
    del target  # there is one
    environment.quieten()
    import yaml

    from pipeline.kubeflow_dag import compiled
    from pipeline.local_runner import sources_of

    found = compiled(settings, sources_of(settings))
    if out.suffix in (".yaml", ".yml"):
        text = yaml.safe_dump(found.job["pipelineSpec"], sort_keys=True)
    else:
        text = json.dumps(found.job, indent=1, sort_keys=True) + "\n"
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MarqueeError(f"{out}: cannot be written ({error.strerror}).") from error
    click.echo(out)
    if found.left_out:
        click.echo(f"Left out, since Kubeflow has no such resolvers: {', '.join(found.left_out)}.")
        click.echo("So models have no baseline there but the best constant answer, and drift none at all.")
