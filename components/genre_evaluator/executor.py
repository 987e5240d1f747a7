"""Runs TFX's Evaluator over the test split and tells what came of it, and why."""

import json
import logging
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import (
    BASELINE_MODEL_KEY,
    BLESSING_KEY,
    EVALUATION_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
)
from tfx.utils import io_utils, path_utils

from components.genre_evaluator import config
from components.genre_evaluator.summary import OVERALL, Baseline, Card, Results, judge, summarize
from transform.errors import MarqueeError

MAX_MAP_DROP_KEY = "max_map_drop"
ACCEPT_BASELINE_RESET_KEY = "accept_baseline_reset"

SUMMARY_FILE = "summary.json"
REASON_PROPERTY = "reason"
BASELINE_RESET_PROPERTY = "baseline_reset"

# Records of loggers named so are shown while a pipeline runs.
_LOGGER = logging.getLogger("marquee.evaluator")

Artifacts = dict[str, list[types.Artifact]]


class Executor(evaluator.Executor):
    """TFX's Evaluator executor; adds `summary.json`, the reasons, and the fate of incomparable models."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Evaluates, judges and records.

        Raises:
            MarqueeError: there is no film in the test split.
        """
        _require_films(input_dict[EXAMPLES_KEY])
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        card = _read_card(model)
        baseline_model = next(iter(input_dict.get(BASELINE_MODEL_KEY) or ()), None)
        baseline_card = None if baseline_model is None else _read_card(baseline_model)
        if baseline_card is not None and set(baseline_card.genres) != set(card.genres):
            input_dict = {**input_dict, BASELINE_MODEL_KEY: []}
        super().Do(input_dict, output_dict, exec_properties)

        evaluation_uri = artifact_utils.get_single_uri(output_dict[EVALUATION_KEY])
        by_model = _read_results(evaluation_uri)
        results = by_model.get(tfma.CANDIDATE_KEY) or by_model[""]
        baseline = None
        if baseline_model is not None and baseline_card is not None:
            evaluated = by_model.get(tfma.BASELINE_KEY)
            baseline = Baseline(baseline_model.id, baseline_model.uri, baseline_card, evaluated)
        reset = bool(exec_properties[ACCEPT_BASELINE_RESET_KEY])
        verdict = judge(
            card,
            results,
            baseline,
            _failed_thresholds(evaluation_uri),
            max_map_drop=exec_properties[MAX_MAP_DROP_KEY],
            baseline_reset=reset,
        )
        summary = summarize(card, results, baseline, verdict, baseline_reset=reset)
        io_utils.write_string_file(
            os.path.join(evaluation_uri, SUMMARY_FILE), json.dumps(summary, indent=2, allow_nan=False)
        )
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
        blessing.set_string_custom_property(REASON_PROPERTY, "; ".join(verdict.reasons))
        blessing.set_int_custom_property(BASELINE_RESET_PROPERTY, int(reset))
        _set_blessed(blessing, verdict.blessed)
        _LOGGER.info("%s: %s", card.name, "blessed" if verdict.blessed else "not blessed")
        for reason in verdict.reasons:
            _LOGGER.info("%s: %s", card.name, reason)


def _set_blessed(blessing: types.Artifact, blessed: bool) -> None:
    """Makes the blessing say `blessed`, whatever TFX's executor, which sees thresholds alone, wrote."""
    names = {True: constants.BLESSED_FILE_NAME, False: constants.NOT_BLESSED_FILE_NAME}
    stale = os.path.join(blessing.uri, names[not blessed])
    if fileio.exists(stale):
        fileio.remove(stale)
    io_utils.write_string_file(os.path.join(blessing.uri, names[blessed]), "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))


def _require_films(examples: list[types.Artifact]) -> None:
    for uri in artifact_utils.get_split_uris(examples, config.SPLIT):
        files = [os.path.join(uri, name) for name in fileio.listdir(uri)] if fileio.isdir(uri) else []
        compression = "GZIP" if all(name.endswith(".gz") for name in files) else ""
        if files and any(True for _ in tf.data.TFRecordDataset(files, compression).take(1)):
            return
    raise MarqueeError(
        f"The split '{config.SPLIT}' holds no film, so that no model can be evaluated; add films to the data "
        "(of every ten, one goes to this split)."
    )


def _read_card(model: types.Artifact) -> Card:
    folder = path_utils.serving_model_path(model.uri)
    card = json.loads(io_utils.read_string_file(os.path.join(folder, "assets.extra", "marquee.json")))
    return Card(card["name"], tuple(card["genres"]), tuple(card["thresholds"]))


def _read_results(evaluation_uri: str) -> Mapping[str, Results]:
    """Results by TFMA's name of the model ("" where there is only one)."""
    by_model: dict[str, Results] = {}
    for slice_metrics in tfma.load_metrics(evaluation_uri):
        keys = slice_metrics.slice_key.single_slice_keys
        slice_name = ",".join(f"{key.column}={key.bytes_value.decode()}" for key in keys)
        for entry in slice_metrics.metric_keys_and_values:
            if entry.key.is_diff:
                continue
            results = by_model.setdefault(entry.key.model_name, Results())
            if not entry.key.HasField("sub_key"):
                figures = results.slices.setdefault(slice_name, {})
            elif slice_name == OVERALL:
                figures = results.genres.setdefault(entry.key.sub_key.class_id.value, {})
            else:
                continue
            figures[entry.key.name] = entry.value.double_value.value
    return by_model


def _failed_thresholds(evaluation_uri: str) -> set[str]:
    validation = tfma.load_validation_result(evaluation_uri)
    return {
        failure.metric_key.name for of_slice in validation.metric_validations_per_slice for failure in of_slice.failures
    }
