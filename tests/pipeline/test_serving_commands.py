"""What marquee serve starts a server with."""

import sys

import pytest
from click.testing import CliRunner

from components.atomic_pusher import models_config
from pipeline import serving_commands
from pipeline.cli import main
from serving.server.flags import parse


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Calls marquee serve in a folder with a models config that was pushed; gives the flags of the server."""
    config = tmp_path / "serving_model" / models_config.FILE_NAME
    config.parent.mkdir()
    config.touch()
    commands = []
    monkeypatch.setattr(serving_commands.os, "execve", lambda _, command, __: commands.append(command))

    def call(*flags):
        result = CliRunner().invoke(main, ["serve", "--work", str(tmp_path), *flags])
        assert result.exit_code == 0, result.output
        command = commands.pop()
        assert command[:3] == [sys.executable, "-m", "serving.server"]
        return command[3:]

    call.pushed = str(config)
    return call


@pytest.mark.parametrize(
    "flags",
    [
        ["--port=0"],
        ["--model_config_file_poll_wait_seconds=5"],
        ["--model_config_file_poll_wait_seconds", "5"],
        ["--model_name=lstm"],
        ["--rest_api_port", "8501", "--enable_batching"],
    ],
    ids=" ".join,
)
def test_what_was_pushed_is_served_unless_a_flag_names_models(started, flags):
    served = parse(started(*flags))
    assert served.model_config_file == started.pushed
    given = any("poll_wait" in flag for flag in flags)
    assert served.model_config_file_poll_wait_seconds == (5 if given else serving_commands.POLL_SECONDS)


@pytest.mark.parametrize(
    "flags",
    [
        ["--model_base_path=/models/lstm"],
        ["--model_base_path", "/models/lstm"],
        ["--model_config_file=/my.config"],
        ["--model_config_file", "/my.config", "--model_config_file_poll_wait_seconds=5"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_flags_that_name_models_are_all_that_is_given(started, flags):
    assert started(*flags) == flags
