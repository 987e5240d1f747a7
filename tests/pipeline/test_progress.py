"""What a run shows and logs where the disk is full, or a reason cannot be had."""

import logging
from pathlib import Path

import pytest

from pipeline import progress

LOGGER = logging.getLogger("tfx")
NODE = "Trainer.lstm"


def finished() -> None:
    LOGGER.info(progress.RUNNING, NODE)
    LOGGER.info(progress.FINISHED, NODE)


def test_a_component_that_finished_is_shown_with_its_reason(tmp_path, capsys):
    log = tmp_path / "logs" / "a.log"
    with progress.shown(log, lambda node: f"ran: {node} for the first time"):
        finished()
    assert f"s  {NODE}  ran: {NODE} for the first time" in capsys.readouterr().out
    assert f"Component {NODE} is finished." in log.read_text(encoding="utf-8")


def test_a_reason_that_cannot_be_had_costs_no_component_its_line(tmp_path, capsys):
    def why(node: str) -> str:
        raise ValueError("no reason at all")

    log = tmp_path / "a.log"
    with progress.shown(log, why):
        finished()

    said = capsys.readouterr()
    [line] = [line for line in said.out.splitlines() if "✓" in line]
    assert line.strip().endswith(f"s  {NODE}")
    assert "no reason" not in said.out + said.err
    logged = log.read_text(encoding="utf-8")
    assert f"Why {NODE} ran cannot be said." in logged
    assert logged.count("ValueError: no reason at all") == 1


def test_a_log_on_a_full_disk_is_cut_off_in_silence(capsys):
    with progress.shown(Path("/dev/full"), str):
        finished()
        LOGGER.warning("more than a buffer holds %s", "." * 100_000)
    said = capsys.readouterr()
    assert NODE in said.out
    assert said.err == ""


def test_what_stops_the_block_is_not_hidden_by_a_log_on_a_full_disk():
    def run() -> None:
        with progress.shown(Path("/dev/full"), str):
            LOGGER.info("a record")
            raise ValueError("the run's own")

    with pytest.raises(ValueError, match="the run's own"):
        run()


def test_a_record_that_is_wrong_is_still_told(tmp_path, capsys):
    with progress.shown(tmp_path / "a.log", str):
        LOGGER.info("%d films", "many")
    assert "Logging error" in capsys.readouterr().err
