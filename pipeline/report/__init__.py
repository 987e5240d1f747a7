"""A run's record from MLMD and artifacts, as JSON, as a table and as a page."""

import json
from pathlib import Path

from pipeline.report import page
from pipeline.report.record import RunRecord, as_dict


def write(run: RunRecord, reports: Path) -> Path:
    """Writes reports/<run>/run.json and index.html beside it; the page's path."""
    folder = reports / run.folder
    folder.mkdir(parents=True, exist_ok=True)
    content = as_dict(run)
    (folder / "run.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    html = folder / "index.html"
    html.write_text(page.render(content), encoding="utf-8")
    return html
