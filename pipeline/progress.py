"""What a run says while it works: a line a component, a line an epoch; everything else goes to a log file."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from absl import logging as absl_logging
from rich.console import Console
from rich.markup import escape
from rich.status import Status

__all__ = ["console", "escape", "shown"]

console = Console(highlight=False)

# TFX says these of every component; its launcher has no other hook.
RUNNING = "Component %s is running."
FINISHED = "Component %s is finished."

_LOGGER = logging.getLogger(__name__)


class ProgressHandler(logging.Handler):
    """Turns TFX's and Marquee's own log records into progress lines.

    `why` says of a component that has finished why it ran or came from the cache.
    """

    def __init__(self, status: Status, why: Callable[[str], str]):
        super().__init__(logging.INFO)
        self._status = status
        self._why = why
        self._started = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == RUNNING:
            self._started = time.monotonic()
            self._status.update(f"{record.args[0]}")  # type: ignore[index]
        elif record.msg == FINISHED:
            seconds = f"{time.monotonic() - self._started:6.1f} s"
            node = str(record.args[0])  # type: ignore[index]
            console.print(f"[green]✓[/] {seconds}  {node}  [dim]{escape(self._reason(node))}[/]", soft_wrap=True)
        elif record.name.startswith("marquee"):
            console.print(f"             {escape(record.getMessage())}", style="dim", soft_wrap=True)

    def _reason(self, node: str) -> str:
        try:
            return self._why(node)
        except Exception:  # whatever it is, the component has succeeded, and TFX's call of the log must not fail
            _LOGGER.warning("Why %s ran cannot be said.", node, exc_info=True)  # to the file: `emit` passes it over
            return ""


class LogFile(logging.FileHandler):
    """A log file that a full disk cuts off in silence: of the disk, the run's own message tells, once."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # of what is left in the buffer
            super().close()


@contextlib.contextmanager
def shown(log: Path, why: Callable[[str], str]) -> Iterator[None]:
    """Shows progress on the console and writes every log record to a file while the block runs.

    Args:
        log: the file.
        why: why a component that has just finished ran or came from the cache, by its id.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logging.getLogger("tensorflow").handlers = []  # its own goes to stderr, past the root's
    file = LogFile(log, encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    absl_logging.set_verbosity(absl_logging.INFO)
    with console.status("starting") as status:
        root.handlers = [file, ProgressHandler(status, why)]
        root.setLevel(logging.INFO)
        try:
            yield
        finally:
            root.handlers = before
            root.setLevel(level)
            absl_logging.set_verbosity(absl_logging.WARNING)
            file.close()
