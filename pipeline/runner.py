"""The local runner: one run at a time in a work folder, progress while it works, a report at its end."""

import errno
import functools
import os
import re
import sys
import time
from pathlib import Path

from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto.orchestration import pipeline_pb2

from pipeline import beam, commit, engine, history, progress, run_lock, span_window
from pipeline.environment import DRIFTED, EXIT_CODE_FILE, MISTAKEN
from pipeline.paths import Paths, require_writable
from pipeline.report import record, table, write
from pipeline.settings import Settings
from transform.errors import DriftStop, MarqueeError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL_SAID = re.compile(  # by TensorFlow or Python, or by SQLite, which names no file
    r"(?:(?P<tensorflow>/\S+); )?(?:No space left on device|Disk quota exceeded)(?:: '(?P<python>.+?)')?"
    r"|database or disk is full"
)


class MarqueeDagRunner(LocalDagRunner):
    """TFX's LocalDagRunner with progress, a plain message for the user's mistakes, and a report.

    `run` is left alone: TFX's command line patches it.
    """

    def __init__(self, settings: Settings, paths: Paths):
        super().__init__()
        self._settings = settings
        self._paths = paths

    def run_with_ir(self, pipeline: pipeline_pb2.Pipeline, run_options: pipeline_pb2.RunOptions | None = None) -> None:
        """Runs the compiled pipeline.

        Exits with 2 where the user's input is at fault, with 3 where drift stopped the run; raises what is our own.
        """
        log = self._paths.logs / time.strftime("%Y%m%dT%H%M%S.log")
        try:
            require_writable(self._paths.work)
            with run_lock.held(self._paths.work, self._paths.lock):
                beam.require_server(self._settings.beam)
                runs_before = record.number_of_runs(self._paths)  # the first to read the store: tells of a broken one
                span_window.require(self._settings, self._paths)
                try:
                    why = functools.partial(history.of_last, self._paths.metadata)
                    with progress.shown(log, why), engine.executors_get(beam.pipeline_args(self._settings.beam)):
                        super().run_with_ir(pipeline, run_options)
                except Exception as error:
                    if record.number_of_runs(self._paths) > runs_before:
                        self._report(_outcome(error))
                    raise
                history.note_commit(self._paths.metadata, commit.of_checkout())
                self._report(record.FINISHED)
        except Exception as error:
            message = users_mistake(error)
            if message is None:
                progress.console.print(f"[bold red]failed:[/] {type(error).__name__}. The log is {log}", soft_wrap=True)
                raise
            progress.console.print(f"[bold red]error:[/] {progress.escape(message)}", soft_wrap=True)
            code = DRIFTED if isinstance(error, DriftStop) else MISTAKEN
            if file := os.environ.get(EXIT_CODE_FILE):
                Path(file).write_text(str(code), encoding="ascii")
            sys.exit(code)

    def _report(self, outcome: record.Outcome) -> None:
        run = record.of_last_run(self._paths, outcome)
        page = write(run, self._paths.reports)
        progress.console.print(table.of(run), soft_wrap=True)
        progress.console.print(f"Report: {page}", soft_wrap=True)


def _outcome(error: Exception) -> record.Outcome:
    message = users_mistake(error)
    if message is None:
        return record.Outcome(state="failed", message=f"{type(error).__name__}: {error}")
    return record.Outcome(state="stopped", message=message)


def users_mistake(error: BaseException) -> str | None:
    """The message of the MarqueeError behind an exception, or of a full disk; None for any other.

    Beam raises what a worker raised as a RuntimeError that holds the worker's traceback as text.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MarqueeError):
            return re.sub(r" \[while running '.*'\]$", "", str(seen))
        if isinstance(seen, OSError) and seen.errno in _DISK_FULL:
            return f"{seen.filename or 'the work folder'}: no space left on the disk. Free some, and run again."
        if full := _DISK_FULL_SAID.search(str(seen)):  # as TensorFlow and ML Metadata say it, or Beam of a worker
            file = full["tensorflow"] or full["python"] or "the work folder"
            return f"{file}: no space left on the disk. Free some, and run again."
        seen = seen.__cause__ or seen.__context__
    found = re.findall(r"MarqueeError: (.*?)(?: \[while running|\n|$)", str(error))
    return found[-1] if found else None
