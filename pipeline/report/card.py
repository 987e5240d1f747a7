"""Model cards, after Mitchell et al. 2019: one a model, in Markdown and as a page, of what the run itself knows."""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt

from pipeline.report.figures import percent
from pipeline.report.page import AVERAGES, ENVIRONMENT, figure
from pipeline.report.words import MEASURES, SLICES, beginnings, confusions, versions

FEW = 10  # films of a genre in test: figures of fewer say little
# What each model is, by name and variant.
NETWORKS = {
    ("cnn", "default"): "convolutional networks, each of four convolutions, mean and peak over the poster, {likeness}",
    ("cnn", "reference"): "a convolutional network of seven convolutions and two dense layers",
    ("lstm", "default"): "bidirectional LSTMs with attention, and a linear model over n-grams of words and letters",
    ("lstm", "reference"): "two stacked bidirectional LSTMs",
    ("fusion", "default"): "the trained networks for posters and overviews, and a gate that weighs them film by film",
}
LIKENESS = "and a linear model over how alike a poster is to others, in colours, edges and patches"
INPUTS = {"cnn": "the poster", "lstm": "the overview", "fusion": "the poster, the overview, or both"}


def file_name(model: str, kind: str) -> str:
    return f"card-{model}.{kind}"


def markdown(run: Mapping[str, Any], name: str) -> str:
    """The card of a model that was evaluated.

    Args:
        run: as `pipeline.report.record.as_dict` makes it.
        name: of the model.
    """
    model, comparison, balance = run["models"][name], run["comparison"], run["balance"]
    training = {row["genre"]: row["splits"]["train"] for row in balance["genres"]} if balance else {}
    rows = model["evaluation"]["per_genre"]
    return _ENVIRONMENT.get_template("card.md").render(
        run=run,
        name=name,
        model=model,
        summary=model["evaluation"],
        training=model["training"],
        beginnings=beginnings(model["training"]),
        versions=versions(model["training"]),
        network=network(name, model["training"]),
        learnt_out_of_fold=any(
            told.get("folds", 1) > 1 for told in (model["training"], *model["training"].get("trained", {}).values())
        ),
        looks_at=INPUTS.get(name, "what its network takes"),
        table=comparison["models"] if comparison else {},
        error=comparison["calibration_error"][name] if comparison else None,
        confusions=confusions(comparison, name) if comparison else [],
        balance=balance,
        films_of=training,
        few=[row["genre"] for row in rows if row["support"] < FEW],
        never=[row["genre"] for row in rows if row["support"] and not row["f1"]],
        fewest=FEW,
        slices=SLICES,
        averages=AVERAGES,
        measures=MEASURES,
        figure=figure,
        percent=percent,
    )


def network(name: str, training: Mapping[str, Any]) -> str | None:
    """What a model is, in a few words; None: it is none of Marquee's.

    Args:
        name: of the model.
        training: training.json.
    """
    if backbone := training.get("backbone"):
        return f"linear models over the features of a frozen network, {Path(backbone).name}, {LIKENESS}"
    said = NETWORKS.get((name, training.get("variant", "default")))
    said = said and said.format(likeness=LIKENESS)
    if vectors := training.get("embeddings"):
        return f"{said}; words begin with the vectors of {Path(vectors).name}"
    return said


def page(text: str, title: str) -> str:
    """A card as an HTML page, with the look of the report."""
    content = MarkdownIt("commonmark").enable("table").render(text)
    return ENVIRONMENT.get_template("card.html").render(title=title, content=content)


def _plain(value: Any) -> Any:
    """Text of the data as Markdown that says just that: it takes characters for marks and tags."""
    if not isinstance(value, str):
        return value
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", html.escape(" ".join(value.split()), quote=False))


_ENVIRONMENT = jinja2.Environment(
    loader=ENVIRONMENT.loader,
    finalize=_plain,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
