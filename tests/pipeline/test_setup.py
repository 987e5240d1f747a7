"""scripts/setup, with commands of ours in place of uv's, Python's and the machine's."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.paths import ROOT

TOOLS = ("awk", "cat", "chmod", "cut", "dirname", "flock", "head", "mkdir", "rm", "sh", "sha256sum", "sleep", "sort")
UV = """#!/bin/sh
echo "uv $*" >> "$LOG"
case "$*" in
  "python find --system 3.12") echo "$BIN/bare" ;;
  "python find --managed-python 3.13") echo "$BIN/fetched" ;;
  "python install"*) exit "$OFFLINE" ;;
  "python find"*) exit 2 ;;
  "venv"*) mkdir -p .venv/bin; echo "#!/bin/sh" > .venv/bin/python; chmod +x .venv/bin/python ;;
esac
"""


class Machine:
    """A checkout with the locks and the script, and a PATH with what is given alone."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._bin = folder / "bin"
        for name in ("scripts/setup", "requirements/tfx-1.21.lock", "setup.py"):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        self._bin.mkdir()
        for tool in TOOLS:
            (self._bin / tool).symlink_to(shutil.which(tool))
        self.has("getconf", "#!/bin/sh\necho glibc 2.39\n")
        self.has("uname", "#!/bin/sh\necho x86_64\n")
        self.has("uv", UV)
        self.has("c++", "#!/bin/sh\n")
        self.has("bare", "#!/bin/sh\ncase $* in *Python.h*) exit 1 ;; esac\n")
        self.has("fetched", "#!/bin/sh\n")

    def has(self, command: str, text: str) -> None:
        (self._bin / command).write_text(text)
        (self._bin / command).chmod(0o755)

    def start(self, offline: bool = False) -> subprocess.Popen:
        env = {"PATH": str(self._bin), "BIN": str(self._bin), "LOG": str(self.folder / "log"), "HOME": "/nowhere",
               "OFFLINE": str(int(offline))}  # fmt: skip
        return subprocess.Popen(
            [self._bin / "sh", "scripts/setup"],
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def asked_of_uv(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def test_a_python_without_headers_is_passed_over_for_one_that_uv_fetches(machine):
    process = machine.start()
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert f"venv -q --clear --python {machine.folder}/bin/fetched .venv" in machine.asked_of_uv()


def test_where_none_can_be_fetched_the_headers_are_asked_for(machine):
    process = machine.start(offline=True)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "bin/bare comes without the headers" in said
    assert "apt install python3-dev" in said


def test_other_processors_are_refused(machine):
    machine.has("uname", "#!/bin/sh\necho aarch64\n")
    process = machine.start()
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "x86-64 only, and this machine is aarch64" in said


def test_two_at_once_install_once(machine):
    machine.has("uv", UV.replace('"venv"*) ', '"venv"*) sleep 2; '))
    first = machine.start()
    while not (machine.folder / "log").exists():
        time.sleep(0.02)
    second = machine.start()
    (said_first, _), (said_second, _) = first.communicate(timeout=60), second.communicate(timeout=60)

    assert (first.returncode, second.returncode) == (0, 0), said_first + said_second
    assert "waiting for another" in said_second
    assert machine.asked_of_uv().count("pip sync") == 1
