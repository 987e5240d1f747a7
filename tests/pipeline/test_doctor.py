"""What the doctor makes of machines and installations, good and bad."""

import contextlib
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import cli, demo_command, doctor
from pipeline.doctor import FAIL, OK, WARN, Check
from pipeline.paths import ROOT
from pipeline.stack import STACKS, of_tfx
from serving.server.flags import Flags

LOCK = """\
# made by uv
TensorFlow==2.16.2 \\
    --hash=sha256:00
rich==13.0 ; python_full_version >= '3.10'
tomli==2.0 ; python_full_version < '3'
ruamel-yaml==0.18 \\
    --hash=sha256:00
"""


@pytest.mark.parametrize(
    ("glibc", "stack", "verdict"),
    [
        ("2.36", "1.16", OK),
        ("2.39", "1.21", OK),
        ("2.41", "1.16", WARN),
        ("2.36", "1.21", FAIL),
        ("", "1.16", FAIL),
    ],
)
def test_glibc(glibc, stack, verdict):
    check = doctor.check_glibc(glibc, stack)
    assert check.verdict == verdict
    assert bool(check.advice) == (verdict != OK)


@pytest.mark.parametrize(
    ("python", "stack", "verdict"),
    [((3, 10), "1.16", OK), ((3, 11), "1.16", FAIL), ((3, 13), "1.21", OK), ((3, 14), "1.21", FAIL), ((3, 9), "", OK)],
)
def test_python(python, stack, verdict):
    assert doctor.check_python(python, stack).verdict == verdict


@pytest.mark.parametrize(("tfx", "stack"), [("1.16.0", "1.16"), ("1.21.0", "1.21"), ("1.160.0", ""), ("", "")])
def test_the_stack_is_that_of_tfx(tfx, stack):
    assert of_tfx(tfx) == stack
    assert doctor.check_stack(tfx, stack).verdict == (OK if stack else FAIL)


def test_versions_are_compared_with_the_lock_by_canonical_name():
    installed = {"tensorflow": "2.16.2", "rich": "13.0", "ruamel.yaml": "0.18", "beside": "1"}
    assert doctor.locked(LOCK) == {"tensorflow": "2.16.2", "rich": "13.0", "ruamel-yaml": "0.18"}
    assert doctor.check_versions(installed, LOCK, "a.lock").verdict == OK
    other = doctor.check_versions({**installed, "rich": "14.0"}, LOCK, "a.lock")
    assert (other.verdict, other.found) == (WARN, "a.lock: other than locked: rich 14.0 for 13.0")
    missing = doctor.check_versions({"rich": "13.0", "ruamel-yaml": "0.18"}, LOCK, "a.lock")
    assert (missing.verdict, missing.found) == (FAIL, "a.lock: missing: tensorflow 2.16.2")
    assert doctor.check_versions(installed, None, "a.lock").verdict == WARN


def test_many_differences_are_counted():
    lock = "\n".join(f"p{number}==1" for number in range(9))
    assert doctor.check_versions({}, lock, "a.lock").found.endswith("p4 1 and 4 more")


@pytest.mark.parametrize("stack", STACKS)
def test_our_own_locks_are_understood(stack):
    lock = (ROOT / "requirements" / f"tfx-{stack}.lock").read_text(encoding="utf-8")
    assert doctor.locked(lock)["tfx"].startswith(stack)
    assert len(doctor.locked(lock)) > 100


def test_disk_and_folder(tmp_path):
    assert doctor.check_disk(tmp_path, 50 * doctor.GIB).verdict == OK
    assert doctor.check_disk(tmp_path, 2 * doctor.GIB).verdict == WARN
    assert doctor.check_disk(tmp_path, 100).verdict == FAIL
    assert doctor.nearest(tmp_path / "not" / "yet") == tmp_path
    assert doctor.check_work_folder(tmp_path / "work").verdict == OK
    file = tmp_path / "file"
    file.touch()
    assert doctor.check_work_folder(file).verdict == FAIL


@contextlib.contextmanager
def nobody():
    """Within it, this process may do no more than any user."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_work_folder_below_one_that_cannot_be_read(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    tmp_path.chmod(0o755)
    with contextlib.ExitStack() as ends:
        for above in tmp_path.parents:  # pytest's are for its user alone
            mode = stat.S_IMODE(above.stat().st_mode)
            if mode & 0o055 != 0o055:
                ends.callback(above.chmod, mode)
                above.chmod(mode | 0o055)
        with nobody():
            check = doctor.check_work_folder(closed / "work")
            assert doctor.nearest(closed / "work") == closed
    assert (check.verdict, check.found) == (FAIL, f"{closed} cannot be read")
    assert check.advice


def test_a_port_that_somebody_listens_on_is_taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not doctor.is_free(port)
    assert doctor.is_free(port)


@pytest.mark.parametrize(
    ("port", "another"),
    [(8500, "marquee serve --port"), (8501, "marquee serve --rest_api_port"), (8502, "marquee demo --port")],
)
def test_what_takes_another_port_is_said(port, another):
    assert doctor.check_port(port, free=True).verdict == OK
    taken = doctor.check_port(port, free=False)
    assert taken.verdict == WARN
    assert another in taken.advice


def test_every_port_that_a_command_takes_by_default_is_asked_for():
    assert {Flags().port, demo_command.PORT} <= set(doctor.PORTS)


def test_components_that_came_out_none():
    whole = dict.fromkeys(doctor.USED, object())
    verdicts = {
        name: [check.verdict for check in doctor.check_components({"m": names})]
        for name, names in {
            "whole": whole,
            "unused": {**whole, "BulkInferrer": None},
            "used": {**whole, "Trainer": None},
            "lost": {"Trainer": object()},
            "broken": doctor.imported("no_such_module"),
        }.items()
    }
    assert verdicts == {"whole": [OK], "unused": [WARN], "used": [FAIL], "lost": [FAIL], "broken": [FAIL]}


@pytest.mark.parametrize(
    ("none", "advice"),
    [
        (["BulkInferrer"], "Marquee uses none of these."),
        (
            ["BulkInferrer", "InfraValidator"],
            'Marquee uses none of these but InfraValidator, where serving.check = "docker".',
        ),
    ],
)
def test_what_marquee_uses_of_those_that_came_out_none(none, advice):
    names = {**dict.fromkeys(doctor.USED, object()), **dict.fromkeys(none)}
    [check] = doctor.check_components({"m": names})
    assert (check.verdict, check.advice) == (WARN, advice)


def test_a_dag_that_cannot_be_imported():
    assert doctor.check_dag({}).verdict == OK
    assert doctor.check_dag("ImportError: no such thing").verdict == FAIL


@pytest.mark.parametrize(("verdicts", "worst"), [([], OK), ([OK, WARN], WARN), ([OK, FAIL, WARN], FAIL)])
def test_worst(verdicts, worst):
    assert doctor.worst(Check(name="", verdict=verdict, found="") for verdict in verdicts) == worst


@pytest.mark.parametrize(("verdict", "code"), [(WARN, 0), (FAIL, 1)])
def test_the_command_says_what_to_do_and_exits_by_the_worst(verdict, code, monkeypatch, tmp_path):
    given = []

    def examine(work: Path, requirements: Path):
        given.append(work)
        yield Check(name="disk", verdict=OK, found="room")
        yield Check(name="port 8500", verdict=verdict, found="taken", advice="Do this.")

    monkeypatch.setattr(doctor, "examine", examine)
    done = CliRunner().invoke(cli.main, ["doctor", "--work", str(tmp_path / "w")])
    assert done.exit_code == code
    assert "ok   disk: room" in done.output
    assert f"{verdict:<5}port 8500: taken\n     Do this." in done.output
    assert given == [tmp_path / "w"]


# The command, in a process that has some distributions no more: neither their metadata nor their modules.
HIDING = """
import sys
from importlib.machinery import PathFinder

hidden = sys.argv.pop(1).split(",")
distributions, spec = PathFinder.find_distributions, PathFinder.find_spec
PathFinder.find_distributions = lambda *given: (
    each for each in distributions(*given) if (each.metadata["Name"] or "").lower() not in hidden
)
PathFinder.find_spec = lambda name, *given: None if name.partition(".")[0] in hidden else spec(name, *given)

from pipeline.cli import main
main()
"""


@pytest.mark.parametrize("hidden", ["tensorflow", "tensorflow,tfx"])
def test_it_says_what_is_missing_where_tensorflow_and_tfx_are(hidden, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", HIDING, hidden, "doctor", "--work", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    [versions] = re.findall("^fail versions: .*missing: .*", done.stdout, re.MULTILINE)
    for name in hidden.split(","):
        assert re.search(rf"\b{name} \d", versions)
    assert ("fail stack: TFX is not installed" in done.stdout) == ("tfx" in hidden)


def test_every_line_about_this_machine_is_a_verdict_and_needs_no_tfx_import(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "imported", lambda module: dict.fromkeys(doctor.USED, module))
    checks = list(doctor.examine(tmp_path, ROOT / "requirements"))
    assert {check.verdict for check in checks} <= {OK, WARN, FAIL}
    assert {"glibc", "Python", "stack", "versions", "disk"} <= {each.name for each in checks}
    assert {f"port {port}" for port in doctor.PORTS} <= {each.name for each in checks}
    assert all(bool(check.advice) == (check.verdict != OK) for check in checks)


@pytest.mark.slow
def test_a_healthy_installation_has_no_failure(tmp_path):
    done = subprocess.run(
        [str(Path(sys.executable).with_name("marquee")), "doctor", "--work", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search("^fail", done.stdout, re.MULTILINE), done.stdout
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "ok   Marquee's components: can all be imported"
