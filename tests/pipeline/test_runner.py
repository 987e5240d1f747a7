"""What a failing run says."""

import errno

import pytest

from pipeline.runner import users_mistake
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
        (ValueError("a bug"), None),
        (OSError(errno.EIO, "broken"), None),
    ],
)
def test_the_users_mistake_is_told_from_ours(error, message):
    assert users_mistake(error) == message
