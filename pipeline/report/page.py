"""The run's page: one HTML file that needs no network, light and dark, readable on a phone."""

from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from pipeline.report import comparison_figures, data_figures, label_figures, model_figures
from pipeline.report.figures import percent
from pipeline.report.words import (
    MEASURES,
    METRICS,
    OUTCOMES,
    SLICES,
    WHY_ABSENT,
    beginnings,
    bound_pairs,
    glance,
    looked_at,
    tint,
)

ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("pipeline.report"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
# A percentage stays on one line.
ENVIRONMENT.filters["tight"] = lambda words: words.replace(" %", "\u00a0%")
AVERAGES = (
    ("micro_f1", "micro-F1"),
    ("macro_f1", "macro-F1"),
    ("weighted_f1", "weighted F1"),
    ("samples_f1", "samples F1"),
    ("mean_average_precision", "mAP"),
)


def render(run: Mapping[str, Any]) -> str:
    """The page of a run, given as `pipeline.report.record.as_dict` makes it."""
    balance, statistics = run["balance"], run["statistics"]
    return ENVIRONMENT.get_template("page.html").render(
        run=run,
        glance=glance(run),
        state=OUTCOMES[run["outcome"]["state"]],
        absence=_absence(run),
        figures=_figures(run),
        histograms=data_figures.histograms(statistics["train"]) if statistics and "train" in statistics else [],
        pairs=bound_pairs(balance["cooccurrence"]) if balance else [],
        averages=AVERAGES,
        slices=SLICES,
        beginnings=beginnings,
        tint=tint,
        looked_at=looked_at,
        measures=MEASURES,
        metrics=METRICS,
        figure=figure,
        percent=percent,
        plotlyjs=get_plotlyjs(),
    )


def _figures(run: Mapping[str, Any]) -> dict[str, Any]:
    balance, drift, skew = run["balance"], run["drift"], run["skew"]
    figures: dict[str, Any] = {
        "per_genre": model_figures.per_genre(run["models"], run["comparison"]),
        "curves": model_figures.curves(run["models"]),
    }
    compared = run["comparison"]
    if compared:
        figures |= {
            "precision_recall": comparison_figures.precision_recall(compared),
            "calibration": comparison_figures.calibration(compared),
            "race": comparison_figures.race(compared),
            "confusion": {name: comparison_figures.confusion(compared, name) for name in compared["confusion"]},
        }
    if balance:
        figures |= {
            "genres": label_figures.genres(balance),
            "splits": label_figures.splits(balance),
            "cooccurrence": label_figures.cooccurrence(balance),
        }
    if drift and drift["baseline"]:
        before, after = f"span {drift['baseline']['span']}", f"span {drift['span']}"
        figures["drift"] = data_figures.changes("drift", drift, before, after)
    if skew:
        figures["skew"] = data_figures.changes("skew", skew, f"span {skew['baseline']['span']}", "requests")
    return figures


def _absence(run: Mapping[str, Any]) -> Callable[[str], str]:
    """What to say of a component whose output is not there."""
    states = {node["id"]: node["state"] for node in run["nodes"]}
    return lambda node: f"Nothing to show: {node} {WHY_ABSENT.get(states.get(node, ''), 'did not run')} in this run."


def figure(value: float | None, digits: int = 3) -> str:
    """A figure as the page and the cards write it."""
    return "–" if value is None else f"{value:,.{digits}f}"
