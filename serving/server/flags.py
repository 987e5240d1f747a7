"""The flags of tensorflow_model_server that this server takes, under their own names, and a few of its own."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


def _flag(default: object, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class Flags:
    """How a server is started. A REST port of 0 switches REST off, as in TensorFlow Serving; below 0, any free one."""

    port: int = _flag(8500, "Port of gRPC.")
    rest_api_port: int = _flag(0, "Port of REST; 0: none, -1: any free one.")
    rest_api_timeout_in_ms: int = _flag(30000, "After which a REST call is given up.")
    model_name: str = _flag("default", "Name of the model in model_base_path.")
    model_base_path: str = _flag("", "Folder of the model's versions.")
    model_config_file: str = _flag("", "ModelServerConfig in text form; the two above then count for nothing.")
    model_config_file_poll_wait_seconds: int = _flag(0, "Read that file anew so often; 0: never.")
    enable_batching: bool = _flag(False, "Merge requests.")
    batching_parameters_file: str = _flag("", "BatchingParameters in text form.")
    monitoring_config_file: str = _flag("", "MonitoringConfig in text form.")
    grpc_channel_arguments: str = _flag("", "Comma-separated KEY=VALUE of gRPC's server.")
    grpc_socket_path: str = _flag("", "Listen on this UNIX socket as well.")
    ssl_config_file: str = _flag("", "SSLConfig in text form.")
    file_system_poll_wait_seconds: float = _flag(1, "Look for new versions so often.")
    allow_version_labels_for_unavailable_models: bool = _flag(False, "Labels may name versions not loaded yet.")
    enable_grpc_healthcheck_service: bool = _flag(False, "Serve grpc.health.v1.")
    tensorflow_intra_op_parallelism: int = _flag(1, "Threads within one operation.")
    tensorflow_inter_op_parallelism: int = _flag(0, "Calls of TensorFlow at once; 0: as many as there are cores.")
    # Ours alone.
    host: str = _flag("127.0.0.1", "Address to listen on; TensorFlow Serving's is 0.0.0.0.")
    workers: int = _flag(1, "Processes that share the ports; above 1 no UNIX socket, metrics or reload by request.")
    max_message_bytes: int = _flag(64 << 20, "Largest request.")
    max_pending_bytes: int = _flag(512 << 20, "Of all requests waiting or at work; beyond it, UNAVAILABLE.")
    request_log_dir: str = _flag("", "Write sampled PredictionLogs here.")
    request_log_sampling: float = _flag(1.0, "Share of the requests that are logged.")


def parse(arguments: Sequence[str]) -> Flags:
    """Flags from a command line; a mistake prints one line and exits with 2, --help and --version with 0."""
    parser = argparse.ArgumentParser(
        prog="marquee serve",
        description="A model server that speaks TensorFlow Serving's protocols. For production, use its own image.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="Print the version and exit.")
    for one in dataclasses.fields(Flags):
        kind = type(one.default)
        if kind is bool:
            parser.add_argument(f"--{one.name}", type=_boolean, nargs="?", const=True, default=one.default,
                                metavar="BOOL", help=one.metadata["help"])  # fmt: skip
        else:
            kind = float if one.type in (float, "float") else kind
            parser.add_argument(f"--{one.name}", type=kind, default=one.default, help=one.metadata["help"])
    known, unknown = parser.parse_known_args(arguments)
    if unknown:
        _refuse(f"unknown flag {unknown[0]}")
    if known.version:
        _print_version()
    del known.version
    flags = Flags(**vars(known))
    _check(flags)
    return flags


def _check(flags: Flags) -> None:
    if not flags.model_base_path and not flags.model_config_file:
        _refuse("give one of --model_base_path and --model_config_file")
    for name, least in (("workers", 1), ("max_message_bytes", 1), ("max_pending_bytes", 1), ("port", 0)):
        if getattr(flags, name) < least:
            _refuse(f"--{name}={getattr(flags, name)}: allowed is {least} or more")
    if not 0 <= flags.request_log_sampling <= 1:
        _refuse(f"--request_log_sampling={flags.request_log_sampling}: allowed is a share, 0 to 1")
    if flags.workers > 1:
        _check_workers(flags)
    if flags.batching_parameters_file and not flags.enable_batching:
        _refuse("--batching_parameters_file needs --enable_batching")


def _check_workers(flags: Flags) -> None:
    """Refuses what several processes would each have of their own."""
    if flags.port == 0:
        _refuse("--workers needs a --port that they can share")
    if flags.rest_api_port < 0:
        _refuse(f"--workers needs a --rest_api_port that they can share, not {flags.rest_api_port}")
    if flags.port == flags.rest_api_port:
        # Ports that are shared can be had twice: each protocol would get calls of the other.
        _refuse(f"--port and --rest_api_port are both {flags.port}: each protocol needs a port of its own")
    if flags.grpc_socket_path:
        _refuse("--grpc_socket_path: only one process can listen there; leave it out, or take --workers=1")
    if flags.monitoring_config_file:
        _refuse(
            "--monitoring_config_file: each answer would have the metrics of one process alone; leave it out, or take "
            "--workers=1"
        )


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "t", "1", "yes"):
        return True
    if text.lower() in ("false", "f", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _print_version() -> None:
    import tensorflow as tf

    print(f"Marquee's model server, after TensorFlow Serving\nTensorFlow Library: {tf.__version__}")
    sys.exit(0)


def _refuse(message: str) -> None:
    print(f"marquee serve: {message}.", file=sys.stderr)
    sys.exit(2)
