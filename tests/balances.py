"""A LabelBalance made by hand: what its consumers read of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.label_balance.artifact import FILE_NAME, LabelBalance


def balance_content(
    positives: Mapping[str, int], relabel: Mapping[str, str] | None = None, **weights: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of label_balance.json for labels with so many films of train each.

    Args:
        positives: films by label.
        relabel: the genres that change.
        **weights: by label, what is not 1 (`effective_number`, `inverse_frequency`, `repeat_factor`).
    """
    plain = {"inverse_frequency": [1.0, 1.0], "effective_number": [1.0, 1.0], "repeat_factor": 1.0}
    return {
        "labels": list(positives),
        "relabel": dict(relabel or {}),
        "weights": {
            label: {"positives": films, **plain, **weights.get(label, {})} for label, films in positives.items()
        },
    }


def balance_artifact(folder: Path, content: Mapping[str, Any]) -> LabelBalance:
    """Writes it into a new folder."""
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    artifact = LabelBalance()
    artifact.uri = str(folder)
    return artifact
