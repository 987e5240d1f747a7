"""AtomicPusher's spec and executor, on real files."""

import os
from pathlib import Path

import pytest
from tfx import types
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts

from components.atomic_pusher.component import AtomicPusher
from tests.execute import execute
from transform.errors import MarqueeError


def push(tmp_path: Path, base: str, *, blessed: bool, reason: str = "") -> tuple[standard_artifacts.PushedModel, Path]:
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "model")
    served = tmp_path / "model" / "Format-Serving"
    served.mkdir(parents=True)
    (served / "saved_model.pb").write_bytes(b"graph")
    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = str(tmp_path / "blessing")
    blessing.set_int_custom_property("blessed", int(blessed))
    blessing.set_string_custom_property("reason", reason)
    pusher = AtomicPusher(
        model=types.Channel(type=standard_artifacts.Model),
        model_blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=base)
        ),
    )
    outputs = execute(pusher, {"model": [model], "model_blessing": [blessing]}, tmp_path / "out")
    (pushed,) = outputs["pushed_model"]
    return pushed, Path(pushed.uri)


def test_a_blessed_model_is_pushed_and_archived(tmp_path: Path) -> None:
    base = tmp_path / "serving_model" / "lstm"
    pushed, archive = push(tmp_path, str(base), blessed=True)
    (version,) = os.listdir(base)
    assert (base / version / "saved_model.pb").read_bytes() == b"graph"
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == version
    assert pushed.get_string_custom_property("pushed_destination") == str(base / version)
    assert (archive / "saved_model.pb").read_bytes() == b"graph"


def test_a_model_that_is_not_blessed_stays_where_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    base = tmp_path / "serving_model"
    with caplog.at_level("INFO", logger="marquee"):
        pushed, archive = push(tmp_path, str(base), blessed=False, reason="micro-F1 too low")
    assert not base.exists()
    assert pushed.get_int_custom_property("pushed") == 0
    assert list(archive.iterdir()) == []
    assert "not pushed: micro-F1 too low" in caplog.text


def test_a_destination_that_is_no_local_folder(tmp_path: Path) -> None:
    with pytest.raises(MarqueeError, match="gs://bucket/models"):
        push(tmp_path, "gs://bucket/models", blessed=True)
