"""A run's record from MLMD and artifacts, as JSON, as a table and as a page."""

import json
from pathlib import Path
from typing import Any

from pipeline.paths import PAGE_FILE, RUN_FILE
from pipeline.report import card, page
from pipeline.report.record import RunRecord, as_dict
from transform.errors import MarqueeError

SKEW_FILE = "skew.json"


def write(run: RunRecord, reports: Path) -> Path:
    """Writes reports/<run>/run.json, index.html and the cards of the models evaluated beside it; the page's path."""
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
    _complete(content)
    skew = folder / SKEW_FILE
    if skew.is_file():
        content["skew"] = json.loads(skew.read_text(encoding="utf-8"))
    return _write(content, folder)


def _complete(content: dict[str, Any]) -> None:
    """Adds what reports from before there was any do not have."""
    content.setdefault("rejected", sum(content["ingest"].get("rejects", {}).values()))
    if not (found := content.setdefault("comparison", None)) or "calibration_error" in found:
        return
    from components.comparison_report import measures  # with scikit-learn, which nothing else here needs

    found["calibration_error"] = {name: measures.calibration_error(bins) for name, bins in found["calibration"].items()}
    found["confusion_shares"] = {name: measures.shares(table) for name, table in found["confusion"].items()}
    for counted in found["race"].values():
        for model in counted["models"].values():
            model["share"] = round(model["found"] / max(counted["possible"], 1), 4)


def _write(content: dict[str, Any], folder: Path) -> Path:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / RUN_FILE).write_text(text, encoding="utf-8")
    html = folder / PAGE_FILE
    html.write_text(page.render(content), encoding="utf-8")
    for name, model in content["models"].items():
        if model["evaluation"] and model["training"]:
            written = card.markdown(content, name)
            (folder / card.file_name(name, "md")).write_text(written, encoding="utf-8")
            whole = card.page(written, f"Model card: {name}")
            (folder / card.file_name(name, "html")).write_text(whole, encoding="utf-8")
    return html
