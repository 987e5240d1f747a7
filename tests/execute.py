"""Runs one component's executor on real files, without an orchestrator."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_beam_executor, base_component, base_executor
from tfx.types import Artifact

from pipeline import beam


def execute(
    component: base_component.BaseComponent,
    inputs: Mapping[str, Sequence[Artifact]],
    folder: Path,
    exec_properties: Mapping[str, Any] | None = None,
    beam_args: Sequence[str] | None = None,
) -> dict[str, list[Artifact]]:
    """Calls the executor's Do as a launcher would.

    Args:
        component: built with channels of any kind; only its spec and executor are used.
        inputs: artifacts by input name.
        folder: where the outputs go, one folder an output.
        exec_properties: on top of the component's own, as a driver would add them.
        beam_args: for its Beam jobs; the default engine's where None.

    Returns:
        Output artifacts by name.
    """
    outputs = {}
    for name, channel in component.outputs.items():
        artifact = channel.type()
        artifact.uri = str(folder / name)
        Path(artifact.uri).mkdir(parents=True)
        outputs[name] = [artifact]
    properties = {key: value for key, value in component.exec_properties.items() if value is not None}
    executor_class = component.executor_spec.executor_class
    scratch = {"tmp_dir": str(folder / "tmp"), "unique_id": "0"}
    if issubclass(executor_class, base_beam_executor.BaseBeamExecutor):
        args = beam.pipeline_args() if beam_args is None else list(beam_args)
        context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=args, **scratch)
    else:
        context = base_executor.BaseExecutor.Context(**scratch)
    executor_class(context).Do(dict(inputs), outputs, {**properties, **(exec_properties or {})})
    return outputs
