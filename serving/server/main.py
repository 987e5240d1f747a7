"""Starts a server and ends it: models first, then ports; on SIGTERM ports first, then models."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from tensorflow_serving.config import model_server_config_pb2

from serving.server import configs, grpc_server, heaps, servable
from serving.server.batching import Batcher, BatchingParameters, Direct
from serving.server.errors import ServingError, invalid, unavailable
from serving.server.flags import Flags, parse
from serving.server.handlers import Handlers
from serving.server.manager import ServableManager
from serving.server.metrics import Metrics
from serving.server.request_log import RequestLog

GRACE = 30.0  # seconds that calls at work get to end
HIGHEST_PORT = 65535
WORKER = "MARQUEE_SERVING_WORKER"  # in a worker's environment: the end of a pipe that closes with its supervisor

log = logging.getLogger("marquee.serving")


@dataclass
class Server:
    """A running server: what `start` made, and how to end it."""

    manager: ServableManager
    grpc: grpc.aio.Server
    port: int
    rest_port: int
    _ending: asyncio.Event
    _end_rest: Callable[[float], Awaitable[None]] | None
    _ends: contextlib.AsyncExitStack

    async def stop(self, grace: float = GRACE) -> None:
        """Takes no more calls of either protocol, lets those at work end, unloads the models."""
        self._ending.set()
        ends = [self.grpc.stop(grace)]
        if self._end_rest is not None:
            ends.append(self._end_rest(grace))
        await asyncio.gather(*ends)
        await self._ends.aclose()


async def start(flags: Flags) -> Server:
    """Loads the models and opens the ports.

    Cancelled, it takes back what it has done; no further version is loaded.

    Raises:
        ServingError: a configuration cannot be used, or a port not be had.
    """
    for name in ("port", "rest_api_port"):
        if getattr(flags, name) > HIGHEST_PORT:
            raise invalid(f"--{name}={getattr(flags, name)}: allowed is at most {HIGHEST_PORT}")
    metrics = Metrics()
    threads = flags.tensorflow_inter_op_parallelism or os.cpu_count() or 1
    parallelism = servable.Parallelism(intra_op=flags.tensorflow_intra_op_parallelism, inter_op=threads)
    manager = ServableManager(
        servable.Loader(parallelism),
        labels_for_unavailable=flags.allow_version_labels_for_unavailable_models,
    )
    async with contextlib.AsyncExitStack() as ends:
        ends.push_async_callback(manager.shutdown)
        # What cannot be served is logged and looked at again: it keeps nothing else from being served.
        await manager.reload(_models(flags), strict=False)
        request_log = None
        if flags.request_log_dir:
            request_log = _request_log(flags, metrics)
            ends.callback(request_log.close)
        runner = _runner(flags, metrics, threads)
        ends.callback(runner.close)
        handlers = Handlers(manager, runner, metrics, request_log, alone=flags.workers == 1)
        ending = asyncio.Event()
        server = grpc_server.make_server(
            handlers,
            ending,
            max_message_bytes=flags.max_message_bytes,
            channel_arguments=grpc_server.channel_arguments(flags.grpc_channel_arguments),
            healthy=flags.enable_grpc_healthcheck_service,
            shares_port=flags.workers > 1,
        )
        port = _open(server, f"{flags.host}:{flags.port}", flags.ssl_config_file)
        if flags.grpc_socket_path:
            _open(server, f"unix:{flags.grpc_socket_path}", flags.ssl_config_file)
        await server.start()
        ends.push_async_callback(server.stop, 0)
        rest_port, end_rest = 0, None
        if flags.rest_api_port:
            from serving.server import rest

            rest_port, end_rest = await rest.start(flags, handlers, manager, metrics, ends)
        for watch in _watchers(flags, manager):
            ends.callback(asyncio.create_task(watch).cancel)
        return Server(manager, server, port, rest_port, ending, end_rest, ends.pop_all())
    raise AssertionError("unreachable")


def run(arguments: Sequence[str]) -> int:
    """A server's whole life; its exit code."""
    sys.setswitchinterval(0.0005)
    # What has been imported stays: looked through again and again for garbage, it took a third of the loop's time.
    gc.collect()
    gc.freeze()
    heaps.bound()
    flags = parse(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it deprecates how TF1 exports are loaded
    if flags.workers > 1 and WORKER not in os.environ:
        return _supervise(arguments, flags.workers)
    try:
        asyncio.run(_serve(flags))
    except ServingError as error:
        print(f"marquee serve: {error.message}", file=sys.stderr)
        return 2
    return 0


async def _serve(flags: Flags) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    if WORKER in os.environ:
        supervisor = int(os.environ[WORKER])

        def orphaned() -> None:
            loop.remove_reader(supervisor)
            ending.set()

        loop.add_reader(supervisor, orphaned)
    server = await started(flags, ending)
    if server is None:
        return
    rest = f", REST at http://{flags.host}:{server.rest_port}" if server.rest_port else ""
    line = f"Serving {', '.join(server.manager.names)}: gRPC at {flags.host}:{server.port}{rest}\n"
    print(line, end="", flush=True)  # in one write, also where Python is unbuffered: workers share a pipe
    await ending.wait()
    log.info("draining")
    await server.stop()


async def started(flags: Flags, ending: asyncio.Event) -> Server | None:
    """As `start`; None where the end comes first."""
    starting, ended = asyncio.create_task(start(flags)), asyncio.create_task(ending.wait())
    await asyncio.wait([starting, ended], return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if starting.done():
        return starting.result()
    log.info("ending before all models are loaded")
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    return None


def _supervise(arguments: Sequence[str], workers: int) -> int:
    """Runs the workers, passes signals on; one that ends by itself ends all, and so does the end of this process."""
    command = [sys.executable, "-m", "serving.server", *arguments]
    # Nothing is ever written to it: however this process ends, the kernel closes its end, and each worker reads that.
    watched, _held = os.pipe()
    env = os.environ | {WORKER: str(watched)}
    processes = [subprocess.Popen(command, env=env, pass_fds=[watched]) for _ in range(workers)]
    os.close(watched)
    told: list[int] = []

    def end(number: int = signal.SIGTERM, _: Any = None) -> None:
        if not told:  # a second signal would kill what is draining
            told.append(number)
            for process in processes:
                process.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while not told and all(process.poll() is None for process in processes):
        time.sleep(0.1)
    asked_to = bool(told)
    end()
    codes = [process.wait() for process in processes]
    return max(map(abs, codes)) or int(not asked_to)


def _models(flags: Flags) -> model_server_config_pb2.ModelServerConfig:
    if flags.model_config_file:
        return configs.model_server(flags.model_config_file)
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(
        name=flags.model_name, base_path=flags.model_base_path, model_platform="tensorflow"
    )
    return config


def _runner(flags: Flags, metrics: Metrics, threads: int) -> Batcher | Direct:
    if not flags.enable_batching:
        return Direct(metrics, threads, flags.max_pending_bytes)
    given = configs.batching(flags.batching_parameters_file or None)
    values: dict[str, Any] = {
        name: getattr(given, name).value
        for name in (
            "max_batch_size",
            "batch_timeout_micros",
            "max_enqueued_batches",
            "num_batch_threads",
            "max_execution_batch_size",
        )
        if given.HasField(name)
    }
    values["allowed_batch_sizes"] = tuple(given.allowed_batch_sizes)
    values["pad_variable_length_inputs"] = given.pad_variable_length_inputs
    values["enable_large_batch_splitting"] = given.enable_large_batch_splitting.value
    return Batcher(BatchingParameters(**values), metrics, flags.max_pending_bytes)


def _request_log(flags: Flags, metrics: Metrics) -> RequestLog:
    try:
        return RequestLog(Path(flags.request_log_dir), flags.request_log_sampling, metrics)
    except OSError as error:
        raise invalid(
            f"--request_log_dir={flags.request_log_dir}: no files can be written there ({error.strerror})"
        ) from error


def _open(server: grpc.aio.Server, address: str, ssl_config_file: str) -> int:
    try:
        if ssl_config_file:
            return server.add_secure_port(
                address, grpc_server.credentials(configs.ssl(ssl_config_file), ssl_config_file)
            )
        return server.add_insecure_port(address)
    except RuntimeError as error:
        raise unavailable(f"{address}: cannot be listened on ({error}). Is another server there?") from error


def _watchers(flags: Flags, manager: ServableManager) -> list[Any]:
    watchers: list[Any] = [heaps.trim_forever()]
    if flags.file_system_poll_wait_seconds > 0:
        watchers.append(manager.poll_forever(flags.file_system_poll_wait_seconds))
    if flags.model_config_file and flags.model_config_file_poll_wait_seconds > 0:
        watchers.append(_watch_config(flags, manager))
    return watchers


async def _watch_config(flags: Flags, manager: ServableManager) -> None:
    while True:
        await asyncio.sleep(flags.model_config_file_poll_wait_seconds)
        try:
            await manager.reload(configs.model_server(flags.model_config_file), strict=False)
        except ServingError as error:
            log.error("%s", error.message)
        except Exception:  # what went wrong once must not end all watching
            log.exception("%s could not be followed", flags.model_config_file)
