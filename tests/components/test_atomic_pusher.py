"""A version folder appears whole or not at all. No TensorFlow here."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from components.atomic_pusher import publish
from serving.server import source
from transform.errors import MarqueeError

FILES = {"saved_model.pb": 40_000, "variables/variables.data": 300_000, "assets/words": 1_000}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "Format-Serving"
    for name, size in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * size)
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "serving_model" / "cnn"


def sizes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def test_the_version_is_the_time_and_holds_the_model(model: Path, base: Path) -> None:
    before = int(time.time())
    destination = publish.publish(model, base)
    assert before <= int(destination.name) <= time.time()
    assert destination.parent == base
    assert sizes(destination) == FILES
    assert os.listdir(base) == [destination.name]


def test_versions_rise_within_a_second_and_when_the_clock_jumps_back(
    model: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = []
    for now in (1000.2, 1000.9, 400.0, 2000.0):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        pushed.append(int(publish.publish(model, base).name))
    assert pushed == [1000, 1001, 1002, 2000]
    assert publish.versions(base) == pushed


def test_a_number_that_no_server_takes_for_a_version_is_passed_over(model: Path, base: Path) -> None:
    (base / "20261125150210123456").mkdir(parents=True)
    destination = publish.publish(model, base)
    assert int(destination.name) <= time.time()
    assert publish.versions(base) == [int(destination.name)]


def test_versions_are_what_a_server_takes_for_whole(model: Path, base: Path) -> None:
    for name in ("1", "2", "3"):
        (base / name).mkdir(parents=True)
    (base / "2" / "saved_model.pbtxt").touch()
    (base / "3" / "saved_model.pb").mkdir()
    (base / "9000000000").touch()
    assert publish.versions(base) == list(source.versions_in(base).whole) == [2]
    assert publish.publish(model, base).name == "9000000001"  # whatever has the name
    assert publish.MODEL_FILES == source.MODEL_FILES


def test_other_files_in_the_folder_are_left_alone(model: Path, base: Path) -> None:
    base.mkdir(parents=True)
    (base / "models.config").write_text("kept")
    (base / "²").mkdir()  # a digit to str.isdigit, not to int
    publish.publish(model, base)
    assert (base / "models.config").read_text() == "kept"


def test_a_watcher_never_sees_an_incomplete_version(model: Path, base: Path) -> None:
    base.mkdir(parents=True)
    seen: set[int] = set()
    incomplete: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set() or len(seen) < 50:
            for version in publish.versions(base):
                if version not in seen:
                    seen.add(version)
                    if sizes(base / str(version)) != FILES:
                        incomplete.append(version)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(50):
        publish.publish(model, base)
    done.set()
    watcher.join(timeout=30)
    assert len(seen) == 50
    assert incomplete == []


def test_a_killed_push_leaves_no_version_and_the_next_one_cleans_up(model: Path, base: Path) -> None:
    program = """
import shutil, sys, time
from pathlib import Path
from components.atomic_pusher import publish

def stuck(source, target):
    target.mkdir()
    shutil.copy2(source / "saved_model.pb", target)
    print("half", flush=True)
    time.sleep(60)

shutil.copytree = stuck
publish.publish(Path(sys.argv[1]), Path(sys.argv[2]))
"""
    root = Path(__file__).parents[2]
    push = subprocess.Popen(
        [sys.executable, "-c", program, str(model), str(base)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert push.stdout is not None
    assert push.stdout.readline() == "half\n"
    push.send_signal(signal.SIGKILL)
    push.communicate(timeout=10)
    (leftover,) = os.listdir(base)
    assert leftover.startswith(".")
    assert leftover.endswith(".pushing")
    assert publish.versions(base) == []

    destination = publish.publish(model, base)
    assert os.listdir(base) == [destination.name]
    assert sizes(destination) == FILES


def test_a_full_disk_leaves_no_version_and_names_the_folder(
    model: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish.publish(model, base)
    copy = shutil.copyfile

    def full(source, target, **options):
        if os.fspath(source).endswith("variables.data"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return copy(source, target, **options)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(MarqueeError, match="No space left on device") as error:
        publish.publish(model, base)
    assert str(base) in str(error.value)
    assert os.listdir(base) == [first.name]
    with pytest.raises(MarqueeError, match="No space left on device"):
        publish.archive(model, base.parent / "archive")


def test_a_destination_that_is_a_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MarqueeError, match="file/cnn"):
        publish.publish(model, tmp_path / "file" / "cnn")
