"""Runs TFX's Trainer, which learns of the balance of labels by its custom_config."""

from typing import Any

from tfx import types
from tfx.components.trainer import executor

from components import label_balance_input


class Executor(executor.GenericExecutor):
    """TFX's Trainer executor with one more input, `label_balance`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Calls `run_fn` with the content of the LabelBalance as `custom_config["label_balance"]`."""
        balance = label_balance_input.read(input_dict)
        super().Do(input_dict, output_dict, label_balance_input.configured(exec_properties, label_balance=balance))
