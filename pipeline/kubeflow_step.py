"""What a container of the pipeline runs on Kubeflow or Vertex: TFX's own entry point, and what it lacks.

TFX's hands components the URIs of a bucket, where ours want files: they get the path under which it is mounted. Nor
does it run drivers: FilmExampleGen's span is found here.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfx.components.example_gen import utils
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types.standard_component_specs import INPUT_BASE_KEY, INPUT_CONFIG_KEY, RANGE_CONFIG_KEY
from tfx.utils import proto_utils

from components.film_example_gen import executor as film_example_gen
from components.film_example_gen.driver import SpanInputProcessor
from pipeline.kubeflow_uris import joined, mounted, unmounted

INVOCATION = "--json_serialized_invocation_args"


def main(arguments: Sequence[str]) -> None:
    """Runs one component.

    Args:
        arguments: as TFX's compiler writes them into the pipeline, placeholders filled in.
    """
    flags = list(arguments)
    place = flags.index(INVOCATION) + 1
    invocation = json.loads(flags[place])
    _with_paths(invocation, mounted)
    for artifacts in invocation["outputs"].get("artifacts", {}).values():
        for artifact in artifacts.get("artifacts", []):
            Path(artifact["uri"]).mkdir(parents=True, exist_ok=True)  # as TFX's own launcher leaves them
    inputs = invocation.setdefault("inputs", {})
    inputs["artifacts"] = joined(inputs.get("artifacts", {}))
    if f"{film_example_gen.Executor.__module__}.Executor" in flags:
        inputs["parameterValues"] |= spanned(inputs["parameterValues"])
    flags[place] = json.dumps(invocation)
    kubeflow_v2_run_executor.main(kubeflow_v2_run_executor._parse_flags(flags))
    written = Path(invocation["outputs"]["outputFile"])
    output = json.loads(written.read_text(encoding="utf-8"))
    _with_paths({"outputs": output}, unmounted)
    written.write_text(json.dumps(output), encoding="utf-8")


def spanned(parameters: dict[str, Any]) -> dict[str, Any]:
    """What the driver of a FilmExampleGen adds to its parameters.

    Raises:
        MarqueeError: the span is not there.
    """
    config, chosen = example_gen_pb2.Input(), None
    proto_utils.json_to_proto(parameters[INPUT_CONFIG_KEY], config)
    if parameters.get(RANGE_CONFIG_KEY):
        chosen = range_config_pb2.RangeConfig()
        proto_utils.json_to_proto(parameters[RANGE_CONFIG_KEY], chosen)
    processor = SpanInputProcessor(parameters[INPUT_BASE_KEY], config.splits, chosen)
    span, version = processor.resolve_span_and_version()
    for split in config.splits:
        split.pattern = processor.get_pattern_for_span_version(split.pattern, span, version)
    return {
        utils.SPAN_PROPERTY_NAME: span,
        utils.FINGERPRINT_PROPERTY_NAME: processor.get_input_fingerprint(span, version),
        INPUT_CONFIG_KEY: proto_utils.proto_to_json(config),
    }


def _with_paths(invocation: dict[str, Any], changed: Callable[[str], str]) -> None:
    """Changes the URIs of all artifacts, and where the outputs are to be told."""
    for side in ("inputs", "outputs"):
        for artifacts in invocation.get(side, {}).get("artifacts", {}).values():
            for artifact in artifacts.get("artifacts", []):
                artifact["uri"] = changed(artifact["uri"])
    outputs = invocation.get("outputs", {})
    if "outputFile" in outputs:
        outputs["outputFile"] = changed(outputs["outputFile"])


if __name__ == "__main__":
    main(sys.argv[1:])
