"""The run's page: one HTML file that needs no network, light and dark, readable on a phone."""

from typing import Any

import jinja2
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("pipeline.report"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
# Okabe and Ito's palette: told apart with any colour vision, on light and on dark.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
AVERAGES = (
    ("micro_f1", "micro-F1"),
    ("macro_f1", "macro-F1"),
    ("weighted_f1", "weighted F1"),
    ("samples_f1", "samples F1"),
    ("mean_average_precision", "mAP"),
)


def render(run: dict[str, Any]) -> str:
    """The page of a run, given as `pipeline.report.record.as_dict` makes it."""
    figures = {"genres": _genres(run["genres"])}
    if run["models"]:
        figures |= {"per_genre": _per_genre(run["models"]), "curves": _curves(run["models"])}
    template = ENVIRONMENT.get_template("page.html")
    return template.render(run=run, figures=figures, averages=AVERAGES, figure=_figure, plotlyjs=get_plotlyjs())


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _genres(counts: dict[str, int]) -> str:
    figure = go.Figure(go.Bar(x=list(counts), y=list(counts.values()), marker_color=COLOURS[0]))
    figure.update_layout(yaxis_title="films", xaxis_tickangle=-45)
    return _html(figure, "genres")


def _per_genre(models: dict[str, Any]) -> str:
    figure = go.Figure()
    for colour, (name, model) in zip(COLOURS, models.items(), strict=False):
        rows = model["evaluation"]["per_genre"]
        figure.add_bar(
            name=name,
            x=[row["genre"] for row in rows],
            y=[row["f1"] for row in rows],
            customdata=[[row["precision"], row["recall"], row["average_precision"], row["support"]] for row in rows],
            hovertemplate="%{x}: F1 %{y:.3f}<br>precision %{customdata[0]:.3f}, recall %{customdata[1]:.3f}<br>"
            "average precision %{customdata[2]:.3f}, %{customdata[3]} films",
            marker_color=colour,
        )
    figure.update_layout(yaxis_title="F1", barmode="group", xaxis_tickangle=-45)
    return _html(figure, "per-genre")


def _curves(models: dict[str, Any]) -> str:
    figure = go.Figure()
    for colour, (name, model) in zip(COLOURS, models.items(), strict=False):
        for metric, label, dash in (("loss", "train", "dot"), ("val_loss", "eval", "solid")):
            values = model["history"].get(metric, [])
            figure.add_scatter(
                name=f"{name}, {label}",
                x=list(range(1, len(values) + 1)),
                y=values,
                mode="lines",
                line={"color": colour, "dash": dash},
            )
    figure.update_layout(xaxis_title="epoch", yaxis_title="binary cross-entropy")
    return _html(figure, "curves")


def _html(figure: go.Figure, name: str) -> str:
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font_family="system-ui, sans-serif",
        margin={"l": 60, "r": 10, "t": 10, "b": 40},
        height=340,
        legend={"orientation": "h", "y": 1.12},
    )
    options = {"displayModeBar": False, "responsive": True}
    return figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"figure-{name}", config=options)
