"""Figures of the films: words and sizes, and what changed between two sets of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from pipeline.report.figures import SERIES, Figure, finished, height_of, percent, rows, share_axis, text

# Feature -> title and unit of its histogram.
HISTOGRAMS = {
    "overview_words": ("Words in an overview", "words"),
    "poster_luma": ("Brightness of a poster", "mean luma, 0 black to 1 white"),
    "poster_width": ("Width of a poster", "pixels"),
    "poster_height": ("Height of a poster", "pixels"),
}


def histograms(features: Mapping[str, Any]) -> list[tuple[str, str, Figure | None]]:
    """Title, a sentence and the histogram of each number that films have; no histogram where all are alike.

    Args:
        features: one split of `pipeline.report.tfdv.statistics`.
    """
    return [
        (title, _sentence(features[name], unit), _histogram(name, title, unit, features[name]["histogram"]))
        for name, (title, unit) in HISTOGRAMS.items()
        if name in features
    ]


def _sentence(feature: Mapping[str, Any], unit: str) -> str:
    if not feature["films"]:
        return "No film has one."
    missing = f"; {feature['missing']:,} without" if feature["missing"] else ""
    if not feature["std"]:
        return f"All {feature['films']:,}: {feature['mean']:,.4g} {unit}{missing}."
    return f"Mean {feature['mean']:,.3g}, standard deviation {feature['std']:,.3g}{missing}."


def _histogram(name: str, title: str, unit: str, buckets: Sequence[Sequence[float]]) -> Figure | None:
    if not buckets or buckets[0][0] == buckets[-1][1]:
        return None
    figure = go.Figure(
        go.Bar(
            x=[(low + high) / 2 for low, high, _ in buckets],
            width=[high - low for low, high, _ in buckets],
            y=[films for _, _, films in buckets],
            hovertext=[f"{low:,.3g} to {high:,.3g}: {films:,} films" for low, high, films in buckets],
            hovertemplate="%{hovertext}<extra></extra>",
            marker={"color": SERIES[0], "line": {"color": "var(--card)", "width": 1}},
        )
    )
    return finished(
        name.replace("_", "-"),
        f"Histogram: {title[0].lower()}{title[1:]}, over the train split",
        figure,
        plot_height=190,
        xaxis={"title": {"text": unit}, "showgrid": False, "nticks": 6},
        yaxis={"title": {"text": "films"}, "nticks": 5},
    )


def changes(name: str, comparison: Mapping[str, Any], before: str, after: str) -> Figure | None:
    """The share of each genre before and after, joined by a line; None where there is nothing to compare.

    Args:
        name: of the figure.
        comparison: drift.json or skew.json.
        before: what the first set of films is called.
        after: what the second is called.
    """
    genres = [row for row in comparison["genres"] if row["before"] is not None]
    if not genres:
        return None
    names = [row["genre"] for row in genres]
    words = [
        f"<b>{text(row['genre'])}</b>: {percent(row['before'])} → {percent(row['after'])}, "
        f"{100 * row['change']:+.1f} points"
        for row in genres
    ]
    figure = go.Figure(
        go.Scatter(
            mode="lines",
            y=[place for name in names for place in (name, name, None)],
            x=[place for row in genres for place in (row["before"], row["after"], None)],
            line={"color": "var(--faint)", "width": 2},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    looks = (("before", before, SERIES[0], "circle-open"), ("after", after, SERIES[1], "circle"))
    for key, title, colour, symbol in looks:
        figure.add_scatter(
            name=text(title),
            mode="markers",
            y=names,
            x=[row[key] for row in genres],
            hovertext=words,
            hovertemplate="%{hovertext}<extra></extra>",
            cliponaxis=False,
            marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2.5, "color": colour}},
        )
    return finished(
        name,
        f"Dot chart: the share of each of {len(names)} genres in {before} and in {after}, the largest change first",
        figure,
        plot_height=height_of(len(names)),
        yaxis=rows(names) | {"showgrid": True},
        xaxis=share_axis("share of films"),
    )
