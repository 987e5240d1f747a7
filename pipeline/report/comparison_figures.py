"""Figures of the models side by side: curves, calibration, who finds more, what is taken for what."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from pipeline.report.figures import SERIES, SYMBOLS, Figure, columns, finished, height_of, percent, rows, text

SPLITS = (("films", "the films below"), ("split", "the whole test split"))


def precision_recall(found: Mapping[str, Any]) -> Figure:
    """Precision over recall, all genres together, a line a model."""
    figure = go.Figure()
    for (name, points), colour in zip(found["precision_recall"].items(), SERIES, strict=False):
        yardstick = found["models"][name]["yardstick"]
        figure.add_scatter(
            name=text(name),
            mode="lines",
            x=[point[0] for point in points],
            y=[point[1] for point in points],
            hovertemplate=f"{text(name)}: precision %{{y:.2f}} at recall %{{x:.2f}}<extra></extra>",
            line={"color": colour, "width": 2, "dash": "dot" if yardstick else "solid"},
        )
    return finished(
        "precision-recall",
        f"Line chart: precision over recall of {', '.join(found['precision_recall'])}",
        figure,
        plot_height=320,
        showlegend=True,
        xaxis={"title": {"text": "recall"}, "range": [0, 1], "nticks": 6, "showgrid": False},
        yaxis={"title": {"text": "precision"}, "range": [0, 1.02], "nticks": 6},
    )


def calibration(found: Mapping[str, Any]) -> Figure:
    """Share of hits over the mean score, a dot a bin; on the diagonal a score says how probable a genre is."""
    figure = go.Figure()
    figure.add_scatter(
        name="as said", mode="lines", x=[0, 1], y=[0, 1], hoverinfo="skip",
        line={"color": "var(--faint)", "width": 1, "dash": "dash"},
    )  # fmt: skip
    for (name, bins), colour, symbol in zip(found["calibration"].items(), SERIES, SYMBOLS, strict=False):
        figure.add_scatter(
            name=text(name),
            mode="lines+markers",
            x=[each["score"] for each in bins],
            y=[each["share"] for each in bins],
            hovertext=[
                f"{text(name)}: of {each['count']:,} scores near {each['score']:.2f}, {percent(each['share'])} right"
                for each in bins
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            line={"color": colour, "width": 1},
            marker={"symbol": symbol, "size": 9},
        )
    return finished(
        "calibration",
        f"Line chart: share of hits by score, of {', '.join(found['calibration'])}",
        figure,
        plot_height=320,
        showlegend=True,
        xaxis={"title": {"text": "score"}, "range": [0, 1], "nticks": 6, "showgrid": False},
        yaxis={"title": {"text": "share that was right"}, "range": [0, 1.02], "nticks": 6, "tickformat": ".0%"},
    )


def race(found: Mapping[str, Any]) -> Figure:
    """Share of the films' genres that are among a model's top three: for the films shown, and for all."""
    names = list(found["race"]["split"]["models"])
    figure = go.Figure()
    for (key, label), colour in zip(SPLITS, SERIES, strict=False):
        counted = found["race"][key]
        figure.add_bar(
            name=label,
            orientation="h",
            y=names,
            x=[counted["models"][name]["share"] for name in names],
            hovertext=[
                f"{text(name)}, {label}: {counted['models'][name]['found']:,} of {counted['possible']:,}; "
                f"more than any other for {counted['models'][name]['ahead']:,} films"
                for name in names
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            marker={"color": colour},
        )
    return finished(
        "race",
        f"Bar chart: share of the films' genres among the top three of {', '.join(names)}",
        figure,
        plot_height=2 * height_of(len(names)),
        showlegend=True,
        barmode="group",
        yaxis=rows(names),
        xaxis={"range": [0, 1], "tickformat": ".0%", "nticks": 5, "tickangle": 0},
    )


def confusion(found: Mapping[str, Any], name: str) -> Figure:
    """Of the films with a genre, the share that was given another instead, and on the diagonal that genre."""
    genres, table = found["genres"], found["confusion"][name]
    figure = go.Figure()
    figure.add_heatmap(
        z=found["confusion_shares"][name],
        x=genres,
        y=genres,
        zmin=0,
        zmax=1,
        hovertext=[[_pair(genres[y], genres[x], table[y][x]) for x in range(len(genres))] for y in range(len(genres))],
        hovertemplate="%{hovertext}<extra></extra>",
        colorscale=[[0, "var(--middle)"], [1, "var(--low)"]],
        showscale=False,
        xgap=1,
        ygap=1,
    )
    return finished(
        f"confusion-{name}",
        f"Heat map: which of {len(genres)} genres {name} gave instead of which",
        figure,
        plot_height=height_of(len(genres)),
        min_width=30 * len(genres) + 160,
        yaxis=rows(genres),
        xaxis=columns(genres) | {"tickangle": -60, "showgrid": False},
    )


def _pair(true: str, said: str, films: int) -> str:
    if true == said:
        return f"<b>{text(true)}</b>: right for {films:,} films"
    return f"<b>{text(true)}</b> missed and {text(said)} said: {films:,} films"
