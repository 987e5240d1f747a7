"""Runs TFX's Trainer, which learns of the balance of labels, and of trained models, by its custom_config."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.trainer import executor
from tfx.types.standard_component_specs import BASE_MODEL_KEY

from components import label_balance_input

PARTS_KEY = "parts"
BASE_RUN_KEY = "base_run"


class Executor(executor.GenericExecutor):
    """TFX's Trainer executor with more inputs: `label_balance`, `parts` and `base_run`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Calls `run_fn` with the content of the LabelBalance as `custom_config["label_balance"]`.

        For a model made of others, also with their folders, by name, as `custom_config["parts"]`; where there is one to
        start from, with the id of that Model and the folder of its ModelRun, `{"model", "run"}`, as
        `custom_config["base"]`.
        """
        given: dict[str, Any] = {"label_balance": label_balance_input.read(input_dict)}
        if input_dict.get(PARTS_KEY):
            given[PARTS_KEY] = _folders(input_dict[PARTS_KEY])
        if input_dict.get(BASE_RUN_KEY):
            [model], [run] = input_dict[BASE_MODEL_KEY], input_dict[BASE_RUN_KEY]
            given["base"] = {"model": model.id, "run": run.uri}
        super().Do(input_dict, output_dict, label_balance_input.configured(exec_properties, **given))


def _folders(runs: Sequence[types.Artifact]) -> dict[str, str]:
    """The folder of each ModelRun, by the name of its model."""
    return {json.loads((Path(run.uri) / "training.json").read_text(encoding="utf-8"))["name"]: run.uri for run in runs}
