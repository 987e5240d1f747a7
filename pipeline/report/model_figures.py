"""Figures of the models: F1 of each genre, learning curves."""

import itertools
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from pipeline.report.figures import SERIES, SHAPES, Figure, finished, pattern, rows, text

BAR = 9  # pixels: height of a bar, and of the gap between two genres
# Metric of history.json -> its name.
CURVES = (
    ("loss", "loss"),
    ("cross_entropy", "cross-entropy"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
)


def per_genre(models: Mapping[str, Any], comparison: Mapping[str, Any] | None) -> Figure | None:
    """F1 of each genre on the test split, a bar a model and yardstick; None where no model was evaluated.

    Args:
        models: of a run.
        comparison: comparison.json, whose yardsticks are shown where their answers are not always the same.
    """
    evaluated = {name: model["evaluation"]["per_genre"] for name, model in models.items() if model["evaluation"]}
    if not evaluated:
        return None
    bars = {
        name: ([row["genre"] for row in rows], [row["f1"] for row in rows], [_genre(name, row) for row in rows])
        for name, rows in evaluated.items()
    }
    for name, yardstick in (comparison["models"] if comparison else {}).items():
        if yardstick["yardstick"] and yardstick["metrics"]["mean_average_precision"] is not None:
            hover = [f"<b>{text(genre)}</b>, {name}: F1 {f1:.3f}" for genre, f1 in yardstick["per_genre"].items()]
            bars[name] = (list(yardstick["per_genre"]), list(yardstick["per_genre"].values()), hover)
    names = list(dict.fromkeys(genre for genres, _, _ in bars.values() for genre in genres))
    figure = go.Figure()
    for (name, (genres, f1s, hover)), colour, shape in zip(bars.items(), SERIES, itertools.cycle(SHAPES), strict=False):
        figure.add_bar(
            name=name,
            orientation="h",
            y=genres,
            x=f1s,
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
            marker={"color": colour, "pattern": pattern(shape)},
        )
    return finished(
        "per-genre",
        f"Bar chart: F1 of each of {len(names)} genres by {' and '.join(bars)}",
        figure,
        plot_height=BAR * (len(bars) + 1) * max(len(names), 2),
        bargap=1 / (len(bars) + 1),
        showlegend=True,
        yaxis=rows(names),
        xaxis={"title": {"text": "F1 on the test split"}, "range": [0, 1], "nticks": 6, "tickangle": 0},
    )


def _genre(model: str, row: Mapping[str, Any]) -> str:
    figures = {"precision": row["precision"], "recall": row["recall"], "average precision": row["average_precision"]}
    known = ", ".join(f"{name} {value:.3f}" for name, value in figures.items() if value is not None)
    f1 = "undefined" if row["f1"] is None else f"{row['f1']:.3f}"
    return f"<b>{text(row['genre'])}</b>, {model}: F1 {f1}<br>{known}<br>{row['support']:,} films"


def curves(models: Mapping[str, Any]) -> list[Figure]:
    """What CURVES names by epoch, of each model that learns, on train and eval; none where none did."""
    trained = {name: model["history"] for name, model in models.items() if model["history"]}
    return [_curve(trained, metric, label) for metric, label in CURVES] if trained else []


def _curve(trained: Mapping[str, Mapping[str, list[float]]], metric: str, label: str) -> Figure:
    figure = go.Figure()
    for (name, history), colour in zip(trained.items(), SERIES, strict=False):
        for key, split, dash in ((metric, "train", "dot"), (f"val_{metric}", "eval", "solid")):
            values = history.get(key, [])
            figure.add_scatter(
                name=f"{name}, {split}",
                mode="lines+markers",
                x=list(range(1, len(values) + 1)),
                y=values,
                hovertemplate=f"{name}, {split}, epoch %{{x}}: %{{y:.4f}}<extra></extra>",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"size": 5},
            )
    return finished(
        f"curves-{metric}",
        f"Line chart: {label} by epoch of {' and '.join(trained)}, on train and on eval",
        figure,
        plot_height=240,
        showlegend=True,
        xaxis={"title": {"text": "epoch"}, "nticks": 8, "showgrid": False},
        yaxis={"title": {"text": label}, "nticks": 6, "tickangle": 0},
    )
