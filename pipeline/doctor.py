"""Whether this machine and this installation can run Marquee: checks, each with what to do about it."""

import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

from pipeline.stack import PYTHON, STACKS, chosen, of_tfx, takes

OK, WARN, FAIL = "ok", "warn", "fail"
# By port: what listens there, and what has it listen on another.
PORTS = {
    8500: ("gRPC", "marquee serve --port=N"),
    8501: ("REST", "marquee serve --rest_api_port=N"),
    8502: ("the demo's page", "marquee demo --port=N"),
}
GIB = 1 << 30
LITTLE, TOO_LITTLE = 5 * GIB, GIB  # of free disk space
DIFFERENCES = 5  # of versions that are named
# What is imported from TFX by name, and what of it Marquee uses.
MODULES = ("tfx.components", "tfx.v1.components")
USED = (
    "ExampleValidator",
    "Evaluator",
    "Pusher",
    "SchemaGen",
    "StatisticsGen",
    "Trainer",
    "Transform",
)
INFRA_VALIDATOR = "InfraValidator"  # used where serving.check = "docker", and nowhere else

DAG = "pipeline.dag"  # imports all that a run is made of


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was found.

    Attributes:
        name: of what was looked at.
        verdict: "ok", "warn" (something will not work, or not as it should) or "fail" (a run cannot succeed).
        found: in words.
        advice: what to do; empty where nothing has to be done.
    """

    name: str
    verdict: str
    found: str
    advice: str = ""


def examine(work: Path, requirements: Path) -> Iterator[Check]:
    """Every check, cheap ones first.

    Args:
        work: the folder of the runs; may not be there yet.
        requirements: folder of the locks.
    """
    glibc = platform.libc_ver()[1] if platform.libc_ver()[0] == "glibc" else ""
    installed = {each.name: each.version for each in importlib.metadata.distributions() if each.name}
    stack = of_tfx(version(installed, "tfx"))
    yield check_glibc(glibc, stack)
    yield check_python(PYTHON, stack)
    yield check_stack(version(installed, "tfx"), stack)
    lock = requirements / f"tfx-{stack or chosen(glibc or '0.0')}.lock"  # without TFX: what `make setup` installs
    yield check_versions(installed, lock.read_text(encoding="utf-8") if lock.is_file() else None, lock.name)
    yield check_work_folder(work)
    yield check_disk(work, shutil.disk_usage(nearest(work)).free)
    for port in PORTS:
        yield check_port(port, is_free(port))
    yield from check_components({name: imported(name) for name in MODULES})
    yield check_dag(imported(DAG))


def version(installed: Mapping[str, str], name: str) -> str | None:
    return next((version for each, version in installed.items() if canonical(each) == canonical(name)), None)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check_glibc(glibc: str, stack: str) -> Check:
    """Whether the C library takes the stack's wheels."""
    if not glibc:
        return Check(
            name="glibc",
            verdict=FAIL,
            found="none",
            advice="TFX has wheels for Linux with glibc only: use Debian 12, Ubuntu 22.04 or later, or a container.",
        )
    if stack and not takes(glibc, stack):
        return Check(name="glibc", verdict=FAIL, found=f"{glibc}, too old for TFX {stack}", advice="Run `make setup`.")
    if stack and stack != chosen(glibc):
        found = f"{glibc}, which takes TFX {chosen(glibc)}"
        return Check(name="glibc", verdict=WARN, found=found, advice="Run `make setup`.")
    return Check(name="glibc", verdict=OK, found=glibc)


def check_python(python: Sequence[int], stack: str) -> Check:
    """Whether the stack runs on this Python."""
    found = ".".join(map(str, python))
    if stack and tuple(python) not in STACKS[stack].pythons:
        allowed = ", ".join(".".join(map(str, each)) for each in STACKS[stack].pythons)
        advice = f"TFX {stack} needs Python {allowed}: run `make setup`, which finds or fetches one."
        return Check(name="Python", verdict=FAIL, found=found, advice=advice)
    return Check(name="Python", verdict=OK, found=found)


def check_stack(tfx: str | None, stack: str) -> Check:
    """Whether TFX is one of the two that Marquee is locked to."""
    if not tfx:
        return Check(name="stack", verdict=FAIL, found="TFX is not installed", advice="Run `make setup`.")
    if not stack:
        allowed = " or ".join(STACKS)
        return Check(
            name="stack", verdict=FAIL, found=f"TFX {tfx}", advice=f"Marquee runs on TFX {allowed}: `make setup`."
        )
    return Check(name="stack", verdict=OK, found=f"TFX {tfx}")


def check_versions(installed: Mapping[str, str], lock: str | None, name: str) -> Check:
    """Whether what is installed is what the lock says.

    Args:
        installed: version by distribution.
        lock: its text; None where there is none.
        name: of the lock's file.
    """
    if lock is None:
        found = f"{name} is not beside the code"
        return Check(name="versions", verdict=WARN, found=found, advice="Run from a checkout to compare with the lock.")
    have = {canonical(each): version for each, version in installed.items()}
    wanted = locked(lock)
    missing = [f"{each} {version}" for each, version in wanted.items() if each not in have]
    others = [
        f"{each} {have[each]} for {version}" for each, version in wanted.items() if have.get(each, version) != version
    ]
    if not missing and not others:
        return Check(name="versions", verdict=OK, found=f"{len(wanted)} packages as in {name}")
    kinds = {"missing": missing, "other than locked": others}
    told = "; ".join(f"{kind}: {_some(which)}" for kind, which in kinds.items() if which)
    verdict = FAIL if missing else WARN
    return Check(name="versions", verdict=verdict, found=f"{name}: {told}", advice="Run `make setup`.")


def _some(which: Sequence[str]) -> str:
    more = f" and {len(which) - DIFFERENCES} more" if len(which) > DIFFERENCES else ""
    return ", ".join(which[:DIFFERENCES]) + more


def locked(lock: str) -> dict[str, str]:
    """Version by canonical name of what a lock installs on this machine."""
    wanted = {}
    for line in lock.splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)(?: *; *([^\\]+))?", line):
            name, version, marker = match.groups()
            if not marker or Marker(marker.strip()).evaluate():
                wanted[canonical(name)] = version
    return wanted


def nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there, as far as can be seen."""
    # Not Path.exists, which raises PermissionError below a folder that cannot be read.
    return next(each for each in (folder, *folder.parents) if os.path.exists(each))


def check_work_folder(work: Path) -> Check:
    """Whether runs can write there."""
    there = nearest(work)
    if there.is_dir() and not os.access(there, os.X_OK):  # whatever is below it
        return Check(name="work folder", verdict=FAIL, found=f"{there} cannot be read", advice="Set WORK to another.")
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Check(
            name="work folder", verdict=FAIL, found=f"{there} cannot be written", advice="Set WORK to another."
        )
    return Check(name="work folder", verdict=OK, found=str(work))


def check_disk(work: Path, free: int) -> Check:
    """Whether there is room for a run; one on 5,843 films leaves some 0.2 GiB, and Beam needs as much meanwhile."""
    found = f"{free / GIB:.1f} GiB free for {work}"
    if free < LITTLE:
        verdict = FAIL if free < TOO_LITTLE else WARN
        return Check(name="disk", verdict=verdict, found=found, advice="Free some, or set WORK to a folder elsewhere.")
    return Check(name="disk", verdict=OK, found=found)


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of localhost."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do; a closed one lingers otherwise
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def check_port(port: int, free: bool) -> Check:
    """Whether `marquee serve` or `marquee demo` could take one of PORTS."""
    use, another = PORTS[port]
    if free:
        return Check(name=f"port {port}", verdict=OK, found=f"free for {use}")
    advice = f"A server is at work, or `{another}` takes another."
    return Check(name=f"port {port}", verdict=WARN, found=f"taken ({use})", advice=advice)


def imported(module: str) -> Mapping[str, object] | str:
    """The public names of a module; the reason where it cannot be imported."""
    try:
        names = vars(importlib.import_module(module))
    except Exception as error:  # whatever a broken installation raises
        return f"{type(error).__name__}: {error}"
    return {name: value for name, value in names.items() if not name.startswith("_")}


def check_components(modules: Mapping[str, Mapping[str, object] | str]) -> Iterator[Check]:
    """Whether TFX's components are there: it makes None of what it cannot import, and says nothing.

    Args:
        modules: of TFX, by name: their public names, or why they cannot be imported.
    """
    for module, names in modules.items():
        if isinstance(names, str):
            yield Check(name=module, verdict=FAIL, found=f"cannot be imported: {names}", advice="Run `make setup`.")
            continue
        none = sorted(name for name, value in names.items() if value is None)
        used = [name for name in none if name in USED]
        lost = [name for name in USED if name not in names]
        if used or lost:
            found = f"not there: {', '.join(used + lost)}"
            yield Check(
                name=module, verdict=FAIL, found=found, advice="Run `make setup`: a package that TFX needs is broken."
            )
        elif none:
            found = f"came out None: {', '.join(none)}"
            but = f' but {INFRA_VALIDATOR}, where serving.check = "docker"' if INFRA_VALIDATOR in none else ""
            yield Check(name=module, verdict=WARN, found=found, advice=f"Marquee uses none of these{but}.")
        else:
            yield Check(name=module, verdict=OK, found="all components are there")


def check_dag(names: Mapping[str, object] | str) -> Check:
    """Whether Marquee's own components can be imported."""
    if isinstance(names, str):
        found = f"cannot be imported: {names}"
        return Check(name="Marquee's components", verdict=FAIL, found=found, advice="Run `make setup`.")
    return Check(name="Marquee's components", verdict=OK, found="can all be imported")


def worst(checks: Iterable[Check]) -> str:
    """The worst verdict."""
    found = {check.verdict for check in checks}
    return next(verdict for verdict in (FAIL, WARN, OK) if verdict in found or verdict == OK)
