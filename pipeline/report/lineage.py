"""The page of where served versions come from, with the look of the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.page import ENVIRONMENT


def page(lineages: Sequence[Mapping[str, Any]]) -> str:
    """One page for them all, each as `pipeline.lineage.as_dict` makes it."""
    return ENVIRONMENT.get_template("lineage.html").render(lineages=lineages)
