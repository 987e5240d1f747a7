"""The commit of the code that runs."""

import subprocess
from pathlib import Path

from pipeline.paths import ROOT

_DESCRIBE = ("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def of_checkout(root: Path = ROOT) -> str:
    """The hash of the commit that a checkout is at, with `-dirty` behind it where files differ from it.

    Empty where the code is no checkout of its own, or git is not there to be asked.
    """
    if not (root / ".git").exists():  # else git would answer for a checkout that Marquee is installed in
        return ""
    try:
        asked = subprocess.run(_DESCRIBE, cwd=root, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
