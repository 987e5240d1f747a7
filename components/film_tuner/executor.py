"""Runs the search of TFX's Tuner, which learns of the balance of labels by its custom_config."""

from typing import Any

from tfx import types
from tfx.components.tuner import executor

from components import label_balance_input


class Executor(executor.Executor):
    """TFX's Tuner executor with one more input, `label_balance`, and without its tables on the console."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Calls `tuner_fn` with the content of the LabelBalance as `custom_config["label_balance"]`, and searches."""
        self._log_startup(input_dict, output_dict, exec_properties)
        given = label_balance_input.configured(exec_properties, label_balance=label_balance_input.read(input_dict))
        tuner = executor.search(input_dict, given, self._get_tmp_dir(), print_tuning_summary=False)
        executor.write_best_hyperparameters(tuner, output_dict)
