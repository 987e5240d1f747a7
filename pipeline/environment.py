"""Environment variables that TFX's command line and the local runner are started with."""

import logging
import os
import sys
import warnings
from pathlib import Path

from pipeline import settings as settings_module
from pipeline.paths import ROOT, Paths
from pipeline.settings import Settings

# What the runner exits with. `tfx run create` makes 1 of any of them, so the runner also writes its code into the
# file that this variable names.
MISTAKEN, DRIFTED = 2, 3
EXIT_CODE_FILE = "MARQUEE_EXIT_CODE_FILE"

RUNNER = ROOT / "pipeline" / "local_runner.py"


def variables(settings: Settings) -> dict[str, str]:
    """LOCAL_HOME puts the state of TFX's command line into the work folder, the rest quietens TensorFlow."""
    return {
        "LOCAL_HOME": str(Paths.bind(settings).tfx_home),
        "MARQUEE_SETTINGS": settings_module.as_json(settings),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
    }


def of_process(settings: Settings) -> dict[str, str]:
    """The whole environment of a process of TFX's command line, which runs `pip` by its name: ours comes first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return os.environ | variables(settings) | {"PATH": path}


def registered(settings: Settings) -> bool:
    """Whether `tfx pipeline create` has been run for this work folder and this checkout."""
    file = Paths.bind(settings).tfx_home / settings.name / "pipeline_args.json"
    return file.is_file() and str(RUNNER) in file.read_text(encoding="utf-8")


def settings_file(given: str | None) -> Path | None:
    """The settings file to read: the one given, else marquee.toml in this folder, else none."""
    if given:
        return Path(given)
    here = Path("marquee.toml")
    return here if here.is_file() else None


def quieten() -> None:
    """Before TensorFlow and Google's clients are imported: they say much that no user of a command needs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    for name in ("tensorflow", "apache_beam"):
        logging.getLogger(name).setLevel(logging.ERROR)
