"""A run's record from MLMD and artifacts, as JSON, as a table and as a page."""

import json
from pathlib import Path
from typing import Any

from pipeline.report import page
from pipeline.report.record import RunRecord, as_dict
from transform.errors import MarqueeError

RUN_FILE, SKEW_FILE, PAGE_FILE = "run.json", "skew.json", "index.html"


def write(run: RunRecord, reports: Path) -> Path:
    """Writes reports/<run>/run.json and index.html beside it; the page's path."""
    folder = reports / run.folder
    folder.mkdir(parents=True, exist_ok=True)
    return _write(as_dict(run), folder)


def rerender(folder: Path) -> Path:
    """Writes a report's page anew, with the serving skew of the skew.json beside it, if there is one; the page's path.

    Raises:
        MarqueeError: the folder holds no report.
    """
    try:
        content = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MarqueeError(f"{folder / RUN_FILE}: no such file. `marquee run` makes a report.") from None
    skew = folder / SKEW_FILE
    if skew.is_file():
        content["skew"] = json.loads(skew.read_text(encoding="utf-8"))
    return _write(content, folder)


def _write(content: dict[str, Any], folder: Path) -> Path:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / RUN_FILE).write_text(text, encoding="utf-8")
    html = folder / PAGE_FILE
    html.write_text(page.render(content), encoding="utf-8")
    return html
