"""The command line of tensorflow_model_server, as far as we take it."""

import pytest

from serving.server.flags import parse

BASE = "--model_base_path=/models/cnn"
# tensorflow_model_server's own names, and how it reads what is given.
TAKEN = [
    ("port", "8501", 8501),
    ("rest_api_port", "8502", 8502),
    ("rest_api_timeout_in_ms", "100", 100),
    ("model_name", "lstm", "lstm"),
    ("model_base_path", "/models/lstm", "/models/lstm"),
    ("model_config_file", "/models.config", "/models.config"),
    ("model_config_file_poll_wait_seconds", "5", 5),
    ("enable_batching", "true", True),
    ("batching_parameters_file", "/batching", "/batching"),
    ("monitoring_config_file", "/monitoring", "/monitoring"),
    ("grpc_channel_arguments", "grpc.max_connection_age_ms=1000", "grpc.max_connection_age_ms=1000"),
    ("grpc_socket_path", "/socket", "/socket"),
    ("ssl_config_file", "/ssl", "/ssl"),
    ("file_system_poll_wait_seconds", "3", 3),
    ("allow_version_labels_for_unavailable_models", "true", True),
    ("enable_grpc_healthcheck_service", "true", True),
]


@pytest.mark.parametrize("separate", [False, True], ids=["--name=value", "--name value"])
@pytest.mark.parametrize(("name", "given", "value"), TAKEN, ids=[name for name, _, _ in TAKEN])
def test_every_flag_has_its_own_name_and_no_other(name, given, value, separate):
    base = [BASE, "--enable_batching"] if name == "batching_parameters_file" else [BASE]
    flags = vars(parse([*base, *([f"--{name}", given] if separate else [f"--{name}={given}"])]))
    assert flags[name] == value
    others = vars(parse(base))
    assert others[name] != value
    assert flags == others | {name: value}


def test_localhost_is_the_default():
    flags = parse([BASE])
    assert (flags.port, flags.rest_api_port, flags.host, flags.workers) == (8500, 0, "127.0.0.1", 1)
    assert not flags.enable_batching


@pytest.mark.parametrize(
    ("arguments", "value"),
    [(["--enable_batching"], True), (["--enable_batching=true"], True), (["--enable_batching=false"], False)],
)
def test_booleans_come_with_and_without_a_value(arguments, value):
    assert parse([BASE, *arguments]).enable_batching is value


def test_values_are_numbers_where_they_are():
    flags = parse([BASE, "--port=0", "--file_system_poll_wait_seconds", "0.25", "--model_name=lstm"])
    assert (flags.port, flags.file_system_poll_wait_seconds, flags.model_name) == (0, 0.25, "lstm")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([BASE, "--tpu_embedding=1"], "unknown flag --tpu_embedding=1"),
        ([BASE, "--prot=1"], "unknown flag --prot=1"),
        ([BASE, "--por=1"], "unknown flag --por=1"),
        ([BASE, "--port=many"], "--port"),
        ([BASE, "--enable_batching=perhaps"], "neither true nor false"),
        ([], "give one of --model_base_path and --model_config_file"),
        (["--model_name=lstm", "--model_config_file_poll_wait_seconds=5"], "give one of"),
        ([BASE, "--workers=0"], "--workers=0: allowed is 1 or more"),
        ([BASE, "--workers=2", "--port=0"], "--workers needs a --port"),
        ([BASE, "--workers=2", "--rest_api_port=-1"], "--workers needs a --rest_api_port"),
        ([BASE, "--workers=2", "--port=8501", "--rest_api_port=8501"], "--port and --rest_api_port are both 8501"),
        ([BASE, "--workers=2", "--rest_api_port=8500"], "--port and --rest_api_port are both 8500"),
        ([BASE, "--workers=2", "--grpc_socket_path=x"], "--grpc_socket_path: only one process can listen there"),
        ([BASE, "--workers=2", "--monitoring_config_file=x"], "the metrics of one process alone; leave it out"),
        ([BASE, "--request_log_sampling=2"], "allowed is a share"),
        ([BASE, "--batching_parameters_file=x"], "needs --enable_batching"),
    ],
)
def test_mistakes_are_named_and_exit_with_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_version_names_tensorflow(capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(["--version"])
    assert stopped.value.code == 0
    assert "TensorFlow Library: 2." in capsys.readouterr().out
