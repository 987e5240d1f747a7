"""Serves the candidate, asks it about films of the test split, and blesses it or not."""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import BLESSING_KEY, EXAMPLES_KEY, MODEL_KEY
from tfx.utils import io_utils, path_utils

from components.serving_check import checks, model_server
from components.serving_check.questions import BATCH, Questions
from transform import features
from transform.errors import MarqueeError

FILMS_KEY, MAX_LATENCY_KEY, TIMEOUT_KEY = "films", "max_latency_ms", "timeout_seconds"

SPLIT = "test"
REPORT_FILE, LOG_FILE = "serving_check.json", "server.log"
BLESSED = {True: "INFRA_BLESSED", False: "INFRA_NOT_BLESSED"}  # as TFX's InfraValidator calls them

# Records of loggers named so are shown while a pipeline runs.
_LOGGER = logging.getLogger("marquee.serving_check")

_ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Verdict:
    """What was checked and what was wrong with it."""

    wrong: dict[str, list[str]] = field(default_factory=dict)  # by check, in order; an empty list is a pass
    latency_ms: dict[str, float] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        return [f"{check}: {reason}" for check, reasons in self.wrong.items() for reason in reasons]


@dataclass(frozen=True)
class Card:
    """What the model says of itself in marquee.json, by which the Evaluator has judged it."""

    name: str
    genres: list[str]
    thresholds: list[float]
    thresholds_without: dict[str, list[float]]  # by the input that a film lacks, for a model of several

    def thresholds_of(self, inputs: Mapping[str, Sequence[bytes]]) -> np.ndarray:
        """float32 [N, G], of N films' values by input."""
        rows = []
        for film in zip(*inputs.values(), strict=True):
            missing = [name for name, value in zip(inputs, film, strict=True) if not value]
            alone = self.thresholds_without.get(missing[0]) if len(missing) == 1 else None
            rows.append(alone or self.thresholds)
        return np.array(rows, np.float32)


class Executor(base_executor.BaseExecutor):
    """Writes the InfraBlessing, with `serving_check.json` and the server's log in it."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the component; a model that fails a check is no error, and is not blessed.

        Raises:
            MarqueeError: there is no film in the test split.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        model = Path(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[MODEL_KEY])))
        films = _films(input_dict[EXAMPLES_KEY], exec_properties[FILMS_KEY])
        about = json.loads((model / "assets.extra" / "marquee.json").read_text(encoding="utf-8"))
        card = Card(about["name"], about["genres"], about["thresholds"], about.get("thresholds_without", {}))
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / LOG_FILE
            verdict = _verdict(model, card, films, log, exec_properties[TIMEOUT_KEY], exec_properties[MAX_LATENCY_KEY])
            shutil.copyfile(log, os.path.join(blessing.uri, LOG_FILE))
        _record(blessing, card, len(films), verdict)


def _verdict(
    model: Path, card: Card, films: Sequence[bytes], log: Path, timeout: float, max_latency_ms: float
) -> Verdict:
    verdict = Verdict()
    try:
        with ThreadPoolExecutor(1) as beside:
            # The server takes seconds to start, most of them imports.
            evaluated = beside.submit(_as_the_evaluator_sees, model, films, len(card.genres))
            with (
                model_server.serving(model, card.name, log, _ROOT, timeout) as endpoint,
                Questions(endpoint, card.name) as questions,
            ):
                _ask(questions, evaluated, card, films, timeout, max_latency_ms, verdict)
    except (TimeoutError, RuntimeError) as error:
        verdict.wrong["server"] = [str(error)]
    except grpc.RpcError as error:
        verdict.wrong["request"] = [f"{error.code().name}: {error.details()}"]
    return verdict


def _ask(
    questions: Questions,
    evaluated: "Future[tuple[np.ndarray, np.ndarray]]",
    card: Card,
    films: Sequence[bytes],
    timeout: float,
    max_latency_ms: float,
    verdict: Verdict,
) -> None:
    """Fills the verdict; what cannot be asked once something is wrong is left out."""
    refusal = questions.wait_until_loaded(timeout)
    verdict.wrong["status"] = [refusal] if refusal else []
    if refusal:
        return
    signatures = questions.signatures()
    verdict.wrong["metadata"] = checks.of_metadata(signatures)
    if verdict.reasons:
        return
    parsed = [tf.train.Example.FromString(film) for film in films]
    inputs = {name: [_value(film, name) for film in parsed] for name in signatures["serving_default"].inputs}
    plain = questions.predict("serving_default", inputs)
    from_examples = questions.predict("serving_examples", {"examples": films})
    for name, answer in (("serving_default", plain), ("serving_examples", from_examples)):
        verdict.wrong[name] = checks.of_answer(answer, len(films), card.genres, card.thresholds_of(inputs))
    if verdict.reasons:
        return
    verdict.wrong["signatures agree"] = checks.of_agreement(
        plain["scores"], from_examples["scores"], "serving_default and serving_examples"
    )
    try:
        scores, labels = evaluated.result()
    except (KeyError, IndexError, TypeError, ValueError, tf.errors.OpError) as error:
        verdict.wrong["Evaluator agrees"] = [f"evaluate and transform_labels cannot be called: {error}"]
        return
    verdict.wrong["Evaluator agrees"] = checks.of_agreement(plain["scores"], scores, "served and evaluated scores")
    own = [{value.decode() for value in film.features.feature[features.GENRES].bytes_list.value} for film in parsed]
    verdict.wrong["labels"] = checks.of_labels(labels, card.genres, own)
    seconds = questions.seconds_each("serving_default", inputs)
    verdict.latency_ms = {f"p{q}": round(1000 * float(np.percentile(seconds, q)), 2) for q in (50, 99)}
    verdict.wrong["latency"] = checks.of_latency(seconds, max_latency_ms)


def _as_the_evaluator_sees(model: Path, films: Sequence[bytes], genres: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels [N, G] of the two signatures that the Evaluator calls, called in this process as it does."""
    loaded = tf.saved_model.load(str(model))
    scores, labels = [], []
    for start in range(0, len(films), BATCH):
        batch = tf.constant(films[start : start + BATCH])
        scores.append(loaded.signatures["evaluate"](examples=batch)["evaluation"].numpy()[:, :genres])
        labels.append(loaded.signatures["transform_labels"](examples=batch)["labels"].numpy())
    return np.concatenate(scores), np.concatenate(labels)


def _films(examples: list[types.Artifact], count: int) -> list[bytes]:
    """The first serialized tf.Examples of the test split."""
    pattern = io_utils.all_files_pattern(artifact_utils.get_split_uri(examples, SPLIT))
    files = sorted(tf.io.gfile.glob(pattern))
    compression = "GZIP" if files and files[0].endswith(".gz") else ""
    films = list(tf.data.TFRecordDataset(files, compression).take(count).as_numpy_iterator()) if files else []
    if not films:
        raise MarqueeError(f"The split '{SPLIT}' holds no film that a served model could be asked about; add films.")
    return films


def _value(film: tf.train.Example, feature: str) -> bytes:
    values = film.features.feature[feature].bytes_list.value
    return values[0] if values else b""


def _record(blessing: types.Artifact, card: Card, films: int, verdict: Verdict) -> None:
    blessed = not verdict.reasons
    report: Mapping[str, Any] = {
        "model": card.name,
        "films": films,
        "blessed": blessed,
        "checks": [{"check": check, "wrong": wrong} for check, wrong in verdict.wrong.items()],
        "latency_ms": verdict.latency_ms,
    }
    io_utils.write_string_file(os.path.join(blessing.uri, REPORT_FILE), json.dumps(report, indent=1))
    io_utils.write_string_file(os.path.join(blessing.uri, BLESSED[blessed]), "")
    blessing.set_int_custom_property("blessed", int(blessed))
    blessing.set_string_custom_property("reason", "; ".join(verdict.reasons))
    if blessed:
        _LOGGER.info("%s: served and asked about %d films, %.1f ms each", card.name, films, verdict.latency_ms["p50"])
    for reason in verdict.reasons:
        _LOGGER.warning("%s: not to be served: %s", card.name, reason)
