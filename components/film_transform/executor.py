"""Runs TFX's Transform, which learns of the label set by its custom_config."""

from typing import Any

from tfx import types
from tfx.components.transform import executor

from components import label_balance_input


class Executor(executor.Executor):
    """TFX's Transform executor with one more input, `label_balance`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs Transform with the LabelBalance's `relabel` in `custom_config`."""
        relabel = label_balance_input.read(input_dict)["relabel"]
        super().Do(input_dict, output_dict, label_balance_input.configured(exec_properties, relabel=relabel))
