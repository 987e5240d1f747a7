"""What the components that take a LabelBalance do with it: read it, and hand it on in `custom_config`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY
from tfx.utils import json_utils

from components.label_balance import artifact

LABEL_BALANCE_KEY = "label_balance"


def read(input_dict: Mapping[str, Sequence[types.Artifact]]) -> dict[str, Any]:
    """The content of the `label_balance` among a component's inputs."""
    uri = artifact_utils.get_single_uri(list(input_dict[LABEL_BALANCE_KEY]))
    return json.loads((Path(uri) / artifact.FILE_NAME).read_text(encoding="utf-8"))


def configured(exec_properties: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    """The execution properties, with `values` added to `custom_config`."""
    given = json_utils.loads(exec_properties.get(CUSTOM_CONFIG_KEY) or "null") or {}
    return {**exec_properties, CUSTOM_CONFIG_KEY: json_utils.dumps({**given, **values})}
