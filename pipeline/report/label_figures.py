"""Figures of the labels: films of each genre, genres in each split, genres that go together."""

import math
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from pipeline.report.figures import (
    FONT_SIZE,
    SERIES,
    SYMBOLS,
    Figure,
    columns,
    finished,
    height_of,
    pattern,
    percent,
    rows,
    share_axis,
    text,
)

# Decision of LabelBalance -> name in the legend, colour, pattern, words beside the bar.
DECISIONS = {
    "keep": ("kept", SERIES[0], "", ""),
    "warn": ("rare, kept", SERIES[1], "", "rare"),
    "merge": ("rare, merged", SERIES[3], "/", "merged"),
    "leave_out": ("left out", SERIES[5], "x", "left out"),
}
HEAT_MAP_GENRES = 40  # the commonest: more are not legible
FEWEST = 5  # films that two genres share, or would by chance: their lift says nothing below
LIFT_LIMIT = 3  # doublings at which the heat map's colours end: an eighth and eight times
LIFTS = {-3: "⅛", -2: "¼", -1: "½", 0: "1", 1: "2", 2: "4", 3: "8"}


def genres(balance: Mapping[str, Any]) -> Figure:
    """Films of each genre as bars, those with a decision marked."""
    names = [row["genre"] for row in balance["genres"]]
    figure = go.Figure()
    for decision, (name, colour, shape, words) in DECISIONS.items():
        chosen = [row for row in balance["genres"] if row["decision"] == decision]
        if chosen:
            figure.add_bar(
                name=name,
                orientation="h",
                y=[row["genre"] for row in chosen],
                x=[row["films"] for row in chosen],
                text=[f"{row['films']:,}{', ' if words else ''}{words}" for row in chosen],
                hovertext=[_genre(row) for row in chosen],
                hovertemplate="%{hovertext}<extra></extra>",
                textposition="outside",
                constraintext="none",
                cliponaxis=False,
                marker={"color": colour, "pattern": pattern(shape)},
            )
    most = max((row["films"] for row in balance["genres"]), default=0)
    label = f"Bar chart: films of each of {len(names)} genres"
    if names:
        label += f", from {names[0]} with {balance['genres'][0]['films']} to {names[-1]} with "
        label += f"{balance['genres'][-1]['films']}"
    return finished(
        "genres",
        label,
        figure,
        plot_height=height_of(len(names)),
        barmode="stack",
        bargap=0.3,
        showlegend=True,
        yaxis=rows(names),
        xaxis={
            "title": {"text": "films, all splits"},
            "range": [0, max(1.28 * most, 1)],
            "nticks": 5,
            "tickformat": ",",
            "tickangle": 0,
        },
    )


def _genre(row: Mapping[str, Any]) -> str:
    splits = ", ".join(f"{split} {films:,}" for split, films in row["splits"].items())
    lines = [f"<b>{text(row['genre'])}</b>: {row['films']:,} films, {percent(row['share'])}", splits]
    return "<br>".join([*lines, text(row["because"])] if row["because"] else lines)


def splits(balance: Mapping[str, Any]) -> Figure:
    """The share of each genre in each split as dots."""
    names = [row["genre"] for row in balance["genres"]]
    figure = go.Figure()
    for (split, films), colour, symbol in zip(balance["films"].items(), SERIES, SYMBOLS, strict=False):
        shares = [row["splits"][split] / films if films else None for row in balance["genres"]]
        figure.add_scatter(
            name=f"{split}, {films:,} films",
            mode="markers",
            y=names,
            x=shares,
            hovertext=[
                f"<b>{text(row['genre'])}</b>, {split}: {row['splits'][split]:,} films"
                + (f", {percent(share)}" if share is not None else "")
                for row, share in zip(balance["genres"], shares, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            cliponaxis=False,
            marker={"color": colour, "symbol": symbol, "size": 10, "opacity": 0.85},
        )
    return finished(
        "splits",
        f"Dot chart: the share of each genre in {', '.join(balance['films'])}",
        figure,
        plot_height=height_of(len(names)),
        yaxis=rows(names) | {"showgrid": True},
        xaxis=share_axis("share of the split's films"),
    )


def cooccurrence(balance: Mapping[str, Any]) -> Figure:
    """How much oftener than by chance two genres meet: the base-2 logarithm of the lift, as a heat map.

    Pairs of which FEWEST films are neither there nor to be expected stay blank.
    """
    found, everything = balance["cooccurrence"], sum(balance["films"].values())
    names = found["genres"][:HEAT_MAP_GENRES]
    count = len(names)
    strengths: list[list[float | None]] = []
    words: list[list[str]] = []
    for y, films in enumerate(found["films"][:count]):
        expected = [films[y] * found["films"][x][x] / everything if everything else 0 for x in range(count)]
        told = [x != y and max(films[x], expected[x]) >= FEWEST for x in range(count)]
        strengths.append([_doublings(found["lift"][y][x]) if told[x] else None for x in range(count)])
        words.append([_pair(names[y], names[x], films[x], expected[x], x == y) for x in range(count)])
    figure = go.Figure(
        go.Heatmap(
            x=names,
            y=names,
            z=strengths,
            hovertext=words,
            hovertemplate="%{hovertext}<extra></extra>",
            zmin=-LIFT_LIMIT,
            zmax=LIFT_LIMIT,
            xgap=1,
            ygap=1,
            colorscale=[[0, "var(--low)"], [0.5, "var(--middle)"], [1, "var(--high)"]],
            colorbar={
                "title": {"text": "lift", "side": "top", "font": {"size": FONT_SIZE}},
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1,
                "yanchor": "bottom",
                "len": 0.6,
                "thickness": 12,
                "outlinewidth": 0,
                "tickvals": list(LIFTS),
                "ticktext": list(LIFTS.values()),
            },
        )
    )
    return finished(
        "cooccurrence",
        f"Heat map: how much oftener than by chance any two of {count} genres are given to one film",
        figure,
        plot_height=height_of(count),
        min_width=150 + height_of(count),
        margin={"l": 8, "r": 8, "t": 60, "b": 8},
        yaxis=rows(names),
        xaxis=columns(names) | {"tickangle": -90, "showgrid": False},
    )


def _doublings(lift: float | None) -> float | None:
    if lift is None:
        return None
    return max(-LIFT_LIMIT, min(LIFT_LIMIT, math.log2(lift))) if lift > 0 else -LIFT_LIMIT


def _pair(one: str, other: str, films: int, expected: float, same: bool) -> str:
    if same:
        return f"<b>{text(one)}</b>: {films:,} films"
    lift = f", lift {films / expected:.2f}" if expected else ""
    return f"<b>{text(one)}</b> and <b>{text(other)}</b>: {films:,} films{lift}<br>{expected:,.1f} expected by chance"
