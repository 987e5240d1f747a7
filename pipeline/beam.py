"""Beam's arguments for each engine.

Whoever starts a Beam job asks `pipeline_args(settings.beam)`, or `pipeline_options`. The DAG is given those of the
default engine whatever the settings say: Beam arguments are part of every component's cache key, and the engine does
not change what comes out. Executors get the engine's own as they start (`pipeline/engine.py`).
"""

import socket
from collections.abc import Callable

import google_crc32c
from apache_beam.io import tfrecordio
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import worker_handlers

from pipeline import record_reader
from pipeline.paths import ROOT
from pipeline.settings import Beam
from serving.server import heaps
from transform.errors import MarqueeError

# What records are checked by. Beam 2.77 finds this function itself; 2.60 takes crcmod's, which is half of what its own
# reader spends on a film.
tfrecordio._default_crc32c_fn.fn = google_crc32c.value
record_reader.install()

# Films come and go in batches. Of the heaps that glibc gives threads, each keeps the room that its largest took.
heaps.bound()

# Every second the direct runner would send on what its workers have written, from a thread of its own: in the midst of
# an element, or copying first and clearing later what has been added since. Films would be lost, or bytes be read as
# what they are not, for ever. At 0 it sends after elements alone, once 10 MB are full, and at the end.
worker_handlers.DATA_BUFFER_TIME_LIMIT_MS = 0

_A_MONTH = 30 * 24 * 3600

# By itself the direct runner of Beam 2.77 fetches Prism, a job server in Go, from the internet, and has it run the job;
# where it cannot, that has cost two packings of our code. It does not where triggers may be unsafe. We have none.
_NOT_PRISM = "--allow_unsafe_triggers"


def pipeline_args(settings: Beam | None = None) -> list[str]:
    """Beam's arguments for an engine; for the default one where no settings are given.

    The set-up file is how workers elsewhere get our code. Named, it also keeps TFX from copying and packing its
    whole installation for every component, which takes a second and leaves 42 MB in the folder for temporary files.
    """
    chosen = Beam() if settings is None else settings
    return [*_ENGINES[chosen.engine](chosen), f"--setup_file={ROOT / 'setup.py'}", *chosen.options]


def pipeline_options(settings: Beam | None = None) -> PipelineOptions:
    """The same, parsed, for a `beam.Pipeline` of one's own."""
    return PipelineOptions(pipeline_args(settings))


def require_server(settings: Beam) -> None:
    """Asks whether something listens at the engine's address, where it has one.

    Raises:
        MarqueeError: nothing does.
    """
    host, separator, port = settings.address.removeprefix("spark://").rpartition(":")
    if settings.engine not in ("portable", "flink", "spark") or not separator or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise MarqueeError(
            f"beam.address = {settings.address!r}: no server of engine {settings.engine!r} answers there ({error})."
        ) from error


def _direct(settings: Beam) -> list[str]:
    """On this machine: in one thread of this process, in several, or in several worker processes.

    Most of what a film costs is TensorFlow, Arrow and zlib, which let other threads run. To start threads costs more
    than two save below some 25,000 films, processes below some 60,000.
    """
    runner = ["--runner=DirectRunner", _NOT_PRISM]
    if settings.threads > 1:
        return [*runner, "--direct_running_mode=multi_threading", f"--direct_num_workers={settings.threads}"]
    if settings.workers > 1:
        return [*runner, "--direct_running_mode=multi_processing", f"--direct_num_workers={settings.workers}"]
    return [*runner, "--direct_running_mode=in_memory"]


def _portable(settings: Beam) -> list[str]:
    """Any job server that speaks Beam's job API, at host:port."""
    return [
        "--runner=PortableRunner",
        f"--job_endpoint={settings.address}",
        f"--sdk_worker_parallelism={settings.workers}",
        *_portability(settings),
    ]


def _flink(settings: Beam) -> list[str]:
    """A Flink cluster, whose job manager answers REST at host:port; Beam starts its Flink job server, in Java."""
    return [
        "--runner=FlinkRunner",
        f"--flink_master={settings.address}",
        f"--parallelism={settings.workers}",
        *_portability(settings),
    ]


def _spark(settings: Beam) -> list[str]:
    """A Spark cluster, at spark://host:port; Beam starts its Spark job server, in Java."""
    return [
        "--runner=SparkRunner",
        f"--spark_master_url={settings.address}",
        f"--sdk_worker_parallelism={settings.workers}",
        *_portability(settings),
    ]


def _dataflow(settings: Beam) -> list[str]:
    """Google's service; project, region and temp_location are among the settings' options."""
    return ["--runner=DataflowRunner", f"--num_workers={settings.workers}"]


def _portability(settings: Beam) -> list[str]:
    """Where workers are, and how long a job may take, in seconds: by default Beam gives it up after 60."""
    config = [f"--environment_config={settings.environment_config}"] if settings.environment_config else []
    return [f"--environment_type={settings.environment}", *config, f"--job_server_timeout={_A_MONTH}"]


_ENGINES: dict[str, Callable[[Beam], list[str]]] = {
    "direct": _direct,
    "portable": _portable,
    "flink": _flink,
    "spark": _spark,
    "dataflow": _dataflow,
}
