"""Custom TFX components, one folder each."""

import importlib
from typing import Any

# Kubeflow finds an artifact's type by one word behind the package's name.
ARTIFACTS = {
    "ComparisonReport": "components.comparison_report.artifact",
    "DriftReport": "components.drift_report.artifact",
    "LabelBalance": "components.label_balance.artifact",
}


def __getattr__(name: str) -> Any:
    if name in ARTIFACTS:
        return getattr(importlib.import_module(ARTIFACTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
