"""Ends a Beam job one of whose worker processes has died.

Beam's direct runner waits for ever for a worker that died before it connected, or that has sent its output and died.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

from apache_beam.portability import python_urns
from apache_beam.runners.portability.fn_api_runner import worker_handlers

from transform.errors import MarqueeError

_LOGGER = logging.getLogger(__name__)


@contextlib.contextmanager
def watched_workers() -> Iterator[None]:
    """Within it, the direct runner's jobs fail when one of their worker processes dies.

    Raises:
        MarqueeError: where that is why the block failed.
    """
    died = threading.Event()

    class Worker(worker_handlers.SubprocessSdkWorkerHandler):
        def start_worker(self) -> None:
            self._closing = threading.Event()
            super().start_worker()
            threading.Thread(target=self._watch, name="watch_worker", daemon=True).start()

        def close(self) -> None:
            self._closing.set()
            # Beam tells only those to end that have connected by now, and then waits for all.
            self.control_conn.push(worker_handlers.BeamFnControlServicer._DONE_MARKER)
            super().close()

        def _watch(self) -> None:
            self.worker_thread.join()
            if not self._closing.is_set():
                self.data_conn.close()  # for who waits for its output
            while not self._closing.wait(0.5):  # again and again, for what is asked of it after its death
                with contextlib.suppress(RuntimeError):  # Beam does not lock what it goes through here
                    self.control_conn.abort(ChildProcessError("A worker process has died."))

    def log(thread: threading.ExceptHookArgs) -> None:
        """Keeps what a thread died of from the console: what comes of it is told there once."""
        if thread.thread is not None and thread.thread.name == "run_worker":  # Beam's; its process ended in failure
            died.set()
        _LOGGER.warning("A thread has died.", exc_info=thread.exc_value)

    environments = worker_handlers.WorkerHandler._registered_environments
    known = environments[python_urns.SUBPROCESS_SDK]
    worker_handlers.WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)(Worker)
    excepthook, threading.excepthook = threading.excepthook, log
    try:
        yield
    except Exception as error:
        if died.is_set():
            raise MarqueeError(
                "A worker process was killed or crashed; often memory has run out. "
                "Run again, with fewer beam.workers if so: what was finished comes from the cache."
            ) from error
        raise
    finally:
        threading.excepthook = excepthook
        environments[python_urns.SUBPROCESS_SDK] = known
