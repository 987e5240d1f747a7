"""What the page's figures share: their look, and how they get into the page.

Colours are named as the page's CSS names them, `var(--ink)`: its script puts in what light or dark makes of them.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

FONT_SIZE = 14  # pixels: as small as text may get on a phone
ROW = 24  # pixels: height of a row with a label
SERIES = tuple(f"var(--series-{number})" for number in range(1, 7))
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")  # series differ in more than colour
SHAPES = ("", "/", ".", "x")  # of the patterns of bars, for the same reason
LONGEST_LABEL = 22  # characters
# Room for a mark at zero between the axis and its labels.
STANDOFF = {"ticks": "outside", "ticklen": 9, "tickcolor": "rgba(0,0,0,0)"}


@dataclass(frozen=True)
class Figure:
    """A figure of the page.

    Attributes:
        name: unique in the page; the id of its element is `figure-<name>`.
        label: what it shows, in words, for those who do not see it.
        json: Plotly's data and layout.
        min_width: pixels below which it is scrolled rather than squeezed.
    """

    name: str
    label: str
    json: str
    min_width: int = 0


def finished(
    name: str, label: str, figure: go.Figure, *, plot_height: int, min_width: int = 0, **layout: Any
) -> Figure:
    """A figure in the page's look; `layout` is Plotly's, over the page's own.

    The page's script adds to `plot_height`, in pixels, what legend and labels take.
    """
    figure.update_layout(
        template=None,
        meta={"plot_height": plot_height},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": FONT_SIZE, "color": "var(--ink)", "family": "var(--font)"},
        margin={"l": 8, "r": 12, "t": 12, "b": 50},
        legend={
            "orientation": "h",
            "traceorder": "normal",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "bottom",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        hoverlabel={
            "bgcolor": "var(--card)",
            "bordercolor": "var(--line)",
            "font": {"size": FONT_SIZE, "color": "var(--ink)"},
        },
        dragmode=False,  # a finger on a chart scrolls the page
        hovermode="closest",
    )
    axis = {
        "gridcolor": "var(--line)",
        "zeroline": False,
        "linecolor": "var(--line)",
        "fixedrange": True,
        "automargin": True,
        "title": {"font": {"size": FONT_SIZE, "color": "var(--faint)"}},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    figure.update_layout(**layout)
    text = figure.to_json().replace("<", "\\u003c")  # it goes into a script element
    return Figure(name, label, text, min_width)


def pattern(shape: str) -> dict[str, Any]:
    """What a bar is hatched with, "" for nothing."""
    return {"shape": shape, "fillmode": "overlay", "fgcolor": "var(--card)", "solidity": 0.25}


def rows(names: Sequence[str]) -> dict[str, Any]:
    """A vertical axis with a row for each name, the first on top."""
    return {**columns(names), "range": [len(names) - 0.5, -0.5], "showgrid": False, "layer": "below traces", **STANDOFF}


def columns(names: Sequence[str]) -> dict[str, Any]:
    """An axis with a place for each name, whatever it looks like, in the order given."""
    return {
        "type": "category",  # a genre that looks like a number or a date is none
        "categoryorder": "array",
        "categoryarray": list(names),
        "tickmode": "array",
        "tickvals": list(names),
        "ticktext": [text(shortened(name)) for name in names],
    }


def share_axis(title: str) -> dict[str, Any]:
    """A horizontal axis of shares of films, from nothing on."""
    return {"title": {"text": title}, "tickformat": ".0%", "rangemode": "tozero", "nticks": 5, "tickangle": 0}


def height_of(count: int) -> int:
    """Pixels of a plot with so many rows."""
    return ROW * max(count, 2)


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"


def text(words: str) -> str:
    """Text of the data as Plotly shows it: it takes tags for tags."""
    return html.escape(words, quote=False)


def percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"
