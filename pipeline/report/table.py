"""The short tables that a run ends with."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.report.record import RunRecord


def of(run: RunRecord) -> Group:
    """Films and rejects by reason, each model beside the best constant predictor, and why it was blessed or not.

    A run that was stopped shows as much as it came to.
    """
    parts: list[RenderableType] = []
    if run.ingest:
        parts += [_films(run), ""]
    if any(model.evaluation for model in run.models.values()):
        parts += [_models(run), "", *_verdicts(run)]
    return Group(*parts)


def _films(run: RunRecord) -> Table:
    table = Table(title="Films", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    splits = ", ".join(f"{name} {films}" for name, films in run.ingest.get("splits", {}).items())
    table.add_row("films", str(run.ingest.get("films", 0)), splits)
    if run.window:
        films = sum(each["films"] for each in run.window)
        table.add_row("trained on", str(films), "spans " + ", ".join(str(each["span"]) for each in run.window))
    for reason, rows in sorted(run.ingest.get("rejects", {}).items()):
        kept = run.ingest.get("kept", {}).get(reason, 0)
        films = f" (films kept without it: {kept})" if kept else ""
        table.add_row("rejected", str(rows), reason.replace("_", " ") + films)
    return table


def _models(run: RunRecord) -> Table:
    table = Table(title="Models, on the test split", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("model")  # the one that may wrap: a constant answer can be many genres
    for column in ("micro-F1", "macro-F1", "mAP"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("blessed", no_wrap=True)
    evaluations = {name: model.evaluation for name, model in run.models.items() if model.evaluation}
    for name, summary in evaluations.items():
        metrics = summary["metrics"]
        table.add_row(
            name,
            _figure(metrics["micro_f1"]),
            _figure(metrics["macro_f1"]),
            _figure(metrics["mean_average_precision"]),
            Text("yes", "green") if summary["blessed"] else Text("no", "red"),
        )
    constant = next(iter(evaluations.values()))["constant"]  # of the same rows for all
    answer = Text("always " + ", ".join(constant["genres"]))
    table.add_row(answer, _figure(constant["micro_f1"]), _figure(constant["macro_f1"]), "", "")
    return table


def _verdicts(run: RunRecord) -> Iterator[Text]:
    for name, model in run.models.items():
        if model.evaluation:
            verdict = "blessed" if model.evaluation["blessed"] else "not blessed"
            where = f" Pushed to {model.pushed}" if model.pushed else " Not pushed."
            yield Text(f"{name}: {verdict}: {'; '.join(model.evaluation['reasons'])}.{where}")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
