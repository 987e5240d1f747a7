"""Writes the schema of the films that the statistics describe."""

import os
from typing import Any

from google.protobuf import text_format
from tfx import types
from tfx.components.schema_gen import executor
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components.film_schema_gen.schema import genres_in, schema_of


class Executor(base_executor.BaseExecutor):
    """Writes `schema.pbtxt`, the same bytes for the same statistics."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the component.

        Raises:
            MarqueeError: the statistics do not tell the genres.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        statistics = artifact_utils.get_single_instance(input_dict[standard_component_specs.STATISTICS_KEY])
        genres: set[str] = set()
        for split in artifact_utils.decode_split_names(statistics.split_names):
            genres |= genres_in(stats_artifact_utils.load_statistics(statistics, split).proto())
        uri = artifact_utils.get_single_uri(output_dict[standard_component_specs.SCHEMA_KEY])
        text = text_format.MessageToString(schema_of(genres), as_utf8=True)  # genres stay readable in any language
        io_utils.write_string_file(os.path.join(uri, executor.DEFAULT_FILE_NAME), text)
