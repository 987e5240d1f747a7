"""Runs TFX's Trainer, which learns of the balance of labels, and of trained models, by its custom_config."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.trainer import executor

from components import label_balance_input

PARTS_KEY = "parts"


class Executor(executor.GenericExecutor):
    """TFX's Trainer executor with two more inputs, `label_balance` and `parts`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Calls `run_fn` with the content of the LabelBalance as `custom_config["label_balance"]`.

        For a model made of others, also with their folders, by name, as `custom_config["parts"]`.
        """
        given: dict[str, Any] = {"label_balance": label_balance_input.read(input_dict)}
        if input_dict.get(PARTS_KEY):
            given[PARTS_KEY] = _folders(input_dict[PARTS_KEY])
        super().Do(input_dict, output_dict, label_balance_input.configured(exec_properties, **given))


def _folders(runs: Sequence[types.Artifact]) -> dict[str, str]:
    """The folder of each ModelRun, by the name of its model."""
    return {json.loads((Path(run.uri) / "training.json").read_text(encoding="utf-8"))["name"]: run.uri for run in runs}
