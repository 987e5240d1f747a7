"""The command line: what it makes of options, and how it refuses."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import cli, environment, settings
from pipeline.paths import ROOT


def call(*arguments: str):
    return CliRunner().invoke(cli.main, arguments)


def test_env_is_what_a_shell_evaluates(tmp_path):
    printed = call("env", "--work", str(tmp_path / "it's here"), "--epochs", "3", "--set", "cnn.seed=9").output
    shell = f'{printed}\nprintf "%s\\n%s" "$LOCAL_HOME" "$MARQUEE_SETTINGS"'
    home, settings = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout.split("\n")
    assert home == str(tmp_path / "it's here" / "tfx")
    read = json.loads(settings)
    assert (read["cnn"]["epochs"], read["lstm"]["epochs"], read["cnn"]["seed"]) == (3, 3, 9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["env", "--set", "cnn.epochs"], "--set cnn.epochs: allowed is KEY=VALUE"),
        (["env", "--epochs", "x"], "cnn.epochs = 'x'"),
        (["env", "--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["report", "--work", "nowhere"], "nowhere/reports: no report in it yet"),
        (["runs", "--work", "nowhere"], "nowhere/metadata.sqlite: no such file"),
        (["schema", "save", "--work", "nowhere"], "nowhere/artifacts: no inferred schema in it yet"),
    ],
)
def test_refusals_are_one_line_and_exit_2(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert done.output.startswith("marquee: ")
    assert done.output.count("\n") == 1


def inferred_schema(folder: Path) -> None:
    inferred = folder / "work" / "artifacts" / "SchemaGen" / "schema" / "3" / "schema.pbtxt"
    inferred.parent.mkdir(parents=True)
    inferred.write_text("# inferred\n")


def test_schema_save_knows_the_home_folder_and_says_what_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    inferred_schema(tmp_path)
    assert call("schema", "save", "--set", "schema.file=~/films.pbtxt").exit_code == 0
    assert (tmp_path / "home" / "films.pbtxt").read_text() == "# inferred\n"
    (tmp_path / "file").touch()
    done = call("schema", "save", "--set", "schema.file=file/deep/films.pbtxt")
    assert (done.exit_code, done.output) == (
        2,
        "marquee: file/deep/films.pbtxt: cannot be written (Not a directory).\n",
    )


def test_what_only_a_component_refuses_is_one_line_and_exit_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.local_runner"],
        cwd=ROOT,
        env=os.environ
        | {"MARQUEE_SETTINGS": json.dumps({"work": str(tmp_path / "work"), "balance": {"repeat_threshold": 2}})}
        | {environment.EXIT_CODE_FILE: str(tmp_path / "code")},
        capture_output=True,
        text=True,
    )
    assert (tmp_path / "code").read_text() == str(environment.MISTAKEN)
    assert re.search(r"^marquee: .*repeat_threshold", done.stderr, re.MULTILINE), done.stderr


def test_schema_save_keeps_what_the_user_edited(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inferred_schema(tmp_path)
    assert call("schema", "save").exit_code == 0
    saved = tmp_path / "schema" / "schema.pbtxt"
    assert saved.read_text() == "# inferred\n"
    saved.write_text("# edited\n")
    assert call("schema", "save").exit_code == 2
    assert saved.read_text() == "# edited\n"


def test_sample_is_drawn_where_asked(tmp_path):
    done = call("sample", "--films", "20", "--seed", "1", "--out", str(tmp_path / "films"))
    assert done.exit_code == 0
    assert len(list((tmp_path / "films" / "span-1" / "Images").iterdir())) >= 15


def test_tfx_finds_our_pip_where_there_is_none_on_the_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    path = environment.of_process(settings.Settings())["PATH"].split(os.pathsep)
    assert path == [str(Path(sys.executable).parent), "/nowhere"]


# In place of TFX's command line: notes what it is told; registers no sooner than it may; runs nothing.
TFX = """#!/bin/sh
echo "$1 $2" >> "$LOCAL_HOME.calls"
[ "$1" = pipeline ] || exit 0
[ "$2" = create ] && mkdir -p "$LOCAL_HOME" && mkdir "$LOCAL_HOME/marquee" || { echo "already exists" && exit 1; }
while [ ! -e "$LOCAL_HOME.go" ]; do sleep 0.02; done
echo "$4" > "$LOCAL_HOME/marquee/pipeline_args.json"
"""
WITH_THAT_TFX = "import sys; from pipeline import cli; sys.executable = sys.argv.pop(1); cli.main()"


def run_with(tfx: str, folder: Path) -> list[str]:
    """`marquee run` in folder/work, with a script in place of TFX's command line."""
    script = folder / "bin" / "tfx"
    script.parent.mkdir()
    script.write_text(tfx)
    script.chmod(0o755)
    python = [sys.executable, "-c", WITH_THAT_TFX, str(script.with_name("python"))]
    return [*python, "run", "--work", str(folder / "work"), "--data", str(folder)]


def test_what_the_runner_refuses_as_it_is_registered_is_one_line_and_exit_2(tmp_path):
    refusing = "#!/bin/sh\necho CLI; echo 'marquee: no such thing.' >&2; exit 1\n"
    done = subprocess.run(run_with(refusing, tmp_path), cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "marquee: no such thing.\n")


def test_the_second_of_two_first_runs_at_once_is_refused(tmp_path):
    work, calls, go = (tmp_path / "work", tmp_path / "work" / "tfx.calls", tmp_path / "work" / "tfx.go")
    run = run_with(TFX, tmp_path)
    with subprocess.Popen(run, cwd=ROOT) as first:
        try:
            while not calls.exists():
                assert first.poll() is None
                time.sleep(0.02)
            second = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
        finally:
            go.touch()
    assert second.returncode == 2, second.stdout + second.stderr
    assert second.stderr == (
        f"marquee: work folder {work}: another run is at work in it. Wait, or set WORK to another.\n"
    )
    assert first.returncode == 0
    assert calls.read_text().splitlines() == ["pipeline create", "run create"]
    assert subprocess.run(run, cwd=ROOT).returncode == 0
    assert calls.read_text().splitlines() == ["pipeline create", "run create", "run create"]
