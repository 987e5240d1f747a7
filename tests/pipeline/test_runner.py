"""What a failing run says."""

import errno

import pytest
from ml_metadata.errors import ResourceExhaustedError
from tfx.proto.orchestration import pipeline_pb2

from pipeline import environment
from pipeline.paths import Paths
from pipeline.runner import MarqueeDagRunner, users_mistake
from pipeline.settings import Data, Settings
from transform.errors import MarqueeError


def raised_from(cause: Exception) -> Exception:
    try:
        try:
            raise cause
        except Exception as error:
            raise RuntimeError("in Beam") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MarqueeError("films.csv: empty."), "films.csv: empty."),
        (raised_from(MarqueeError("films.csv: empty.")), "films.csv: empty."),
        (MarqueeError("films.csv: empty. [while running 'Read/Map']"), "films.csv: empty."),
        (
            RuntimeError("Traceback ...\ntransform.errors.MarqueeError: films.csv: empty. [while running 'Read']\n"),
            "films.csv: empty.",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "/full/x"),
            "/full/x: no space left on the disk. Free some, and run again.",
        ),
        (
            RuntimeError(
                "tensorflow...ResourceExhaustedError: /full/y.tmp1; No space left on device [while running 'A']"
            ),
            "/full/y.tmp1: no space left on the disk. Free some, and run again.",
        ),
        (
            RuntimeError("OSError: [Errno 28] No space left on device: '/full/z' [while running 'A']"),
            "/full/z: no space left on the disk. Free some, and run again.",
        ),
        (
            OSError(errno.EDQUOT, "Disk quota exceeded", "/full/x"),
            "/full/x: no space left on the disk. Free some, and run again.",
        ),
        (
            RuntimeError("tensorflow...ResourceExhaustedError: /full/y.tmp1; Disk quota exceeded [while running 'A']"),
            "/full/y.tmp1: no space left on the disk. Free some, and run again.",
        ),
        (
            RuntimeError("OSError: [Errno 122] Disk quota exceeded: '/full/z' [while running 'A']"),
            "/full/z: no space left on the disk. Free some, and run again.",
        ),
        (
            RuntimeError("Error when executing query: database or disk is full query: CREATE TABLE `Type`"),
            "the work folder: no space left on the disk. Free some, and run again.",
        ),
        (
            raised_from(ResourceExhaustedError("Error when executing query: database or disk is full")),
            "the work folder: no space left on the disk. Free some, and run again.",
        ),
        (ValueError("a bug"), None),
        (OSError(errno.EIO, "broken"), None),
    ],
)
def test_the_users_mistake_is_told_from_ours(error, message):
    assert users_mistake(error) == message


@pytest.mark.parametrize("window", [1, 2])
def test_a_store_that_is_no_database_stops_a_run_before_it_begins(tmp_path, capsys, window):
    settings = Settings(work=str(tmp_path), data=Data(window=window))
    paths = Paths.bind(settings)
    paths.metadata.write_bytes(b"no database at all")

    with pytest.raises(SystemExit) as stopped:
        MarqueeDagRunner(settings, paths).run_with_ir(pipeline_pb2.Pipeline())

    assert stopped.value.code == environment.MISTAKEN
    said = capsys.readouterr().out
    assert said.startswith(f"error: {paths.metadata}: cannot be read (file is not a database).")
    assert said.count("\n") == 1
