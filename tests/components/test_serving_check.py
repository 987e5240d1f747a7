"""ServingCheck's spec, and its executor with a real server on models that are sound or wrong."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tfx import types
from tfx.types import standard_artifacts

from components.serving_check import checks
from components.serving_check.component import ServingCheck
from tests import servedmodels
from tests.execute import execute
from tests.savedmodels import Film, write_films
from transform.errors import MarqueeError

FILMS = [
    Film(f"tt{number}", genres)
    for number, genres in enumerate([("Drama",), ("Comedy", "War"), ("Thriller",), ("Drama", "War"), ("Silent",)])
]


def component(**parameters) -> ServingCheck:
    return ServingCheck(
        examples=types.Channel(type=standard_artifacts.Examples),
        model=types.Channel(type=standard_artifacts.Model),
        **parameters,
    )


def test_the_spec():
    check = component(films=7)
    assert check.outputs["blessing"].type is standard_artifacts.InfraBlessing
    assert check.exec_properties == {"films": 7, "max_latency_ms": 500.0, "timeout_seconds": 120.0}


class Checked:
    """What the component left of a model."""

    def __init__(self, folder: Path, films=FILMS, write=servedmodels.write, parameters=None, **model):
        examples, artifact = standard_artifacts.Examples(), standard_artifacts.Model()
        examples.uri, artifact.uri = str(folder / "examples"), str(folder / "model")
        examples.split_names = '["test"]'
        write_films(folder / "examples", "test", films)
        write(folder / "model", **model)
        of_any_speed = {"max_latency_ms": 60_000.0}
        node = component(**of_any_speed | (parameters or {}))
        outputs = execute(node, {"examples": [examples], "model": [artifact]}, folder / "out")
        [self.blessing] = outputs["blessing"]
        folder = Path(self.blessing.uri)
        self.files = set(os.listdir(folder))
        self.report = json.loads((folder / "serving_check.json").read_text())
        self.log = (folder / "server.log").read_text()
        self.reason = self.blessing.get_string_custom_property("reason")
        self.blessed = bool(self.blessing.get_int_custom_property("blessed"))


def test_a_sound_model_is_blessed(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="marquee"):
        checked = Checked(tmp_path)
    assert checked.blessed, checked.reason
    assert checked.files == {"INFRA_BLESSED", "serving_check.json", "server.log"}
    assert [check["wrong"] for check in checked.report["checks"]] == [[]] * 8
    assert checked.report["films"] == len(FILMS)
    assert 0 < checked.report["latency_ms"]["p50"] <= checked.report["latency_ms"]["p99"]
    assert "lstm version 1 is available" in checked.log
    assert "lstm: served and asked about 5 films" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"fault": servedmodels.nan_scores}, "1 of 5 films got a score that is no number from 0 to 1"),
        ({"fault": servedmodels.a_genre_too_many}, "scores has the shape [5, 5] instead of [5, 4]"),
        (
            {"fault": servedmodels.another_order},
            "serving_default: the genres are in the order War, Thriller, Comedy, Drama, the Evaluator's is Drama, "
            "Comedy, Thriller, War",
        ),
        (
            {"genres": ("Comedy", "Drama", "Thriller", "War")},
            "labels: the columns of Comedy, Drama are other genres'",
        ),
        ({"fault": servedmodels.other_decisions}, "predicted is not what scores and thresholds give"),
        ({"evaluates_with": 0.9}, "served and evaluated scores: up to 0.0"),
        ({"without": "serving_examples"}, "metadata: no signature serving_examples"),
        ({"without": "evaluate"}, "metadata: no signature evaluate"),
        ({"without": "transform_labels"}, "metadata: no signature transform_labels"),
        ({"evaluates_with": 0.0}, "Evaluator agrees: evaluate and transform_labels cannot be called: 'evaluation'"),
        ({"labels": 3}, "labels: transform_labels has the shape [5, 3] instead of [5, 4]"),
        ({"fault": servedmodels.other_names}, "top_genres are not the genres of the highest scores"),
        ({"fault": servedmodels.refusal}, "request: INVALID_ARGUMENT"),
    ],
)
def test_a_model_that_is_wrong_is_not_blessed(tmp_path, model, reason):
    checked = Checked(tmp_path, **model)
    assert not checked.blessed
    assert reason in checked.reason
    assert checked.files == {"INFRA_NOT_BLESSED", "serving_check.json", "server.log"}
    assert not checked.report["blessed"]


def test_names_of_equal_scores_may_stand_in_any_order():
    genres, scores = ["a", "b", "c", "d"], np.float32([[0.5, 0.9, 0.5, 0.1]])
    answer = {
        "scores": scores,
        "genres": np.array([[b"a", b"b", b"c", b"d"]], object),
        "predicted": np.int64([[1, 1, 1, 0]]),
        "top_scores": np.float32([[0.9, 0.5, 0.5]]),
    }
    thresholds = np.full((1, 4), 0.5, np.float32)

    def wrong(*names: bytes) -> list[str]:
        return checks.of_answer(answer | {"top_genres": np.array([names], object)}, 1, genres, thresholds)

    assert wrong(b"b", b"a", b"c") == wrong(b"b", b"c", b"a") == []
    for names in [(b"a", b"b", b"c"), (b"b", b"a", b"a"), (b"b", b"a", b"d"), (b"b", b"a", b"e")]:
        assert wrong(*names) == ["top_genres are not the genres of the highest scores"]


@pytest.mark.slow
def test_a_model_that_is_slow_is_not_blessed(tmp_path):
    checked = Checked(tmp_path, fault=servedmodels.slowness, parameters={"max_latency_ms": 50.0})
    assert re.fullmatch(r"latency: a film takes \d{3,} ms, allowed are 50", checked.reason)


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_is_not_blessed_and_the_log_says_why(tmp_path):
    def write(artifact: Path) -> None:
        servedmodels.write(artifact)
        (artifact / "Format-Serving" / "saved_model.pb").write_bytes(b"no model at all")

    checked = Checked(tmp_path, write=write)
    assert not checked.blessed
    assert checked.reason.startswith("status: ")
    assert "no model at all" in checked.log or "saved_model.pb" in checked.log


def test_a_server_that_is_not_ready_in_time(tmp_path):
    checked = Checked(tmp_path, parameters={"timeout_seconds": 0.05})
    assert checked.reason == "server: the model server was not ready after 0.05 s"


def test_a_test_split_without_films(tmp_path):
    with pytest.raises(MarqueeError, match="The split 'test' holds no film"):
        Checked(tmp_path, films=[])


@pytest.mark.slow
def test_the_server_ends_with_the_process_that_started_it(tmp_path):
    program = """
import sys, time
from pathlib import Path
from components.serving_check import model_server
with model_server.serving(Path(sys.argv[1]), "lstm", Path(sys.argv[2]), Path.cwd(), 600) as endpoint:
    print(endpoint, flush=True)
    time.sleep(600)
"""
    servedmodels.write(tmp_path)
    log = tmp_path / "log"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, str(tmp_path / "Format-Serving"), str(log)]
    asker = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    assert asker.stdout is not None
    assert asker.stdout.readline().startswith("127.0.0.1:")
    asker.send_signal(signal.SIGKILL)
    asker.communicate(timeout=60)
    end = time.monotonic() + 120
    while "version 1 is unloaded" not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
