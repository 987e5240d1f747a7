"""Statistics to look at: as tables, and as TFDV's own page."""

import base64
import html
import math
import re
from collections.abc import Mapping

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from tensorflow_data_validation.utils import display_util
from tensorflow_metadata.proto.v0 import statistics_pb2

# What TFDV's page loads: webcomponentsjs 1.3.3, and facets-jupyter.html of Facets' own repository. A page that needs
# neither is out of reach: npm has the first, but no package that is kept up has Facets (PyPI's facets-overview is
# Python alone; witwidget, of 2021, has it inside of another tool).
HOSTS = ("cdnjs.cloudflare.com", "raw.githubusercontent.com")
LONGEST = 30  # characters of a value in a table


def tables(data_sets: Mapping[str, statistics_pb2.DatasetFeatureStatistics]) -> Group:
    """A table of the numbers and one of the strings, a row for each feature of each data set."""
    numbers = _table("Numbers", "films", "missing", "mean", "std", "min", "median", "max")
    strings = _table("Strings", "films", "missing", "distinct", "mean length", "most frequent")
    for name in dict.fromkeys(_name(feature) for data in data_sets.values() for feature in data.features):
        for label, data in data_sets.items():
            for feature in data.features:
                if _name(feature) == name:
                    if feature.HasField("num_stats"):
                        numbers.add_row(name, label, *_number_cells(feature.num_stats))
                    else:
                        strings.add_row(name, label, *_string_cells(feature.string_stats))
    return Group(numbers, "", strings)


def facets_page(data_sets: Mapping[str, statistics_pb2.DatasetFeatureStatistics], title: str) -> str:
    """TFDV's Facets page as a whole HTML document; it needs HOSTS to show anything.

    TFDV takes one data set or two. Facets, to which it hands them as base64, takes any number.
    """
    named = statistics_pb2.DatasetFeatureStatisticsList()
    for name, data in data_sets.items():
        named.datasets.add().CopyFrom(data)
        named.datasets[-1].name = name
    first = statistics_pb2.DatasetFeatureStatisticsList(datasets=[next(iter(data_sets.values()))])
    encoded = base64.b64encode(named.SerializeToString()).decode("ascii")
    body, found = re.subn(r'proto-input="[^"]*"', f'proto-input="{encoded}"', display_util.get_statistics_html(first))
    if found != 1:
        raise RuntimeError("TFDV's page no longer has its statistics in one attribute proto-input.")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f"<h1>{html.escape(title)}</h1>\n<p>This view by Facets is loaded from {' and '.join(HOSTS)}: "
        f"without them it stays empty.</p>\n{body}\n</html>\n"
    )


def _table(title: str, *columns: str) -> Table:
    table = Table("feature", "data", title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="left" if column == "most frequent" else "right")
    return table


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return ".".join(feature.path.step)


def _number_cells(numbers: statistics_pb2.NumericStatistics) -> list[str]:
    common = numbers.common_stats
    figures = (numbers.mean, numbers.std_dev, numbers.min, numbers.median, numbers.max)
    shown = [f"{figure:.4g}" if common.num_non_missing and math.isfinite(figure) else "" for figure in figures]
    return [str(common.num_non_missing), str(common.num_missing), *shown]


def _string_cells(strings: statistics_pb2.StringStatistics) -> list[str]:
    common = strings.common_stats
    repeated = [top for top in strings.top_values[:3] if top.frequency > 1]
    return [
        str(common.num_non_missing),
        str(common.num_missing),
        str(strings.unique),
        f"{strings.avg_length:.4g}",
        ", ".join(f"{escape(_short(top.value))} {top.frequency:.0f}" for top in repeated),
    ]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
