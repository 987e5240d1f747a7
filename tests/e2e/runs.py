"""Runs of the whole pipeline in processes of their own, and what ML Metadata says of them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path

from pipeline import environment, settings
from pipeline.paths import Paths
from pipeline.report import record


class Pipeline:
    """One work folder, run with small settings."""

    def __init__(self, work: Path, data: Path, **overrides):
        quick = {
            "cnn.epochs": 2,
            "cnn.folds": 1,
            "lstm.epochs": 2,
            "lstm.folds": 2,
            "serving.max_latency_ms": 60_000.0,  # on a machine of any speed
            "work": str(work),
            "data.root": str(data),
        }
        self._given = quick | overrides
        self.settings = settings.load(None, self._given)
        self.paths = Paths.bind(self.settings)

    def run(self, *within: str, by_hand: bool = False) -> subprocess.CompletedProcess:
        """What `tfx run create` starts, to its end; by the command `within`, where one is given.

        `by_hand`: `marquee run`, as a user types it beside the work folder.
        """
        return subprocess.run(
            [*within, *(self._by_hand if by_hand else self._command)],
            capture_output=True,
            text=True,
            env=self._env,
            cwd=self.paths.work.parent if by_hand else None,
        )

    @contextlib.contextmanager
    def started(self, by_hand: bool = False) -> Iterator[subprocess.Popen]:
        """The same, at work in a session of its own, which is killed at the end of the block; it says all in stdout.

        `by_hand`: `marquee run`, as a user types it beside the work folder.
        """
        process = subprocess.Popen(
            self._by_hand if by_hand else self._command,
            env=self._env,
            cwd=self.paths.work.parent if by_hand else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill_in(self, component: str) -> None:
        """Starts a run and kills it with SIGKILL in the component's work: once it has written something, or ended.

        Those that are done within some hundredths of a second may have ended; `states` says it.
        """
        folder = self.paths.artifacts / component
        written = _files(folder)
        logs = set(self.paths.logs.glob("*.log"))
        with self.started() as process:
            while process.poll() is None:
                said = self._said(besides=logs)
                if f"Component {component} is running." in said and (
                    f"Component {component} is finished." in said or _files(folder) - written
                ):
                    return
                time.sleep(0.02)
            raise AssertionError(f"{component} was never seen running:\n{process.communicate()[0][-3000:]}")

    def wait_for(self, component: str, process: subprocess.Popen) -> None:
        """Until a component of the work folder's first run has begun, or the run has ended."""
        while process.poll() is None and f"Component {component} is running." not in self._said():
            time.sleep(0.02)

    def states(self) -> dict[str, str]:
        """The state of each component of the last run: ran, cached, failed or unfinished."""
        _, nodes = record.runs(self.paths)[-1]
        return {node.id: node.state for node in nodes}

    def executions(self) -> Counter:
        """How many times each component was executed, over all runs of the work folder."""
        return Counter(node.id for _, nodes in record.runs(self.paths) for node in nodes if node.state == "ran")

    def _said(self, besides: Set[Path] = frozenset()) -> str:
        return "".join(log.read_text() for log in set(self.paths.logs.glob("*.log")) - besides)

    @property
    def _command(self) -> list[str]:
        return [sys.executable, str(environment.RUNNER)]

    @property
    def _by_hand(self) -> list[str]:
        given = [argument for key, value in self._given.items() for argument in ("--set", f"{key}={value}")]
        return [str(Path(sys.executable).with_name("marquee")), "run", *given]

    @property
    def _env(self) -> dict[str, str]:
        return environment.of_process(self.settings)


def _files(folder: Path) -> set[str]:
    """All files below a folder, where others come and go meanwhile."""
    return {os.path.join(root, name) for root, _, names in os.walk(folder) for name in names}
