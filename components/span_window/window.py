"""Which spans a window holds, and what ML Metadata has of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.types import standard_artifacts

from components import lineage
from components.film_example_gen.driver import spans_in
from transform.errors import MarqueeError

EXAMPLES = standard_artifacts.Examples.TYPE_NAME
STATISTICS = standard_artifacts.ExampleStatistics.TYPE_NAME


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """A span that has been read.

    Attributes:
        examples: id of its newest Examples.
        statistics: id of their newest statistics.
    """

    examples: int
    statistics: int


def ingested(
    store: mlmd.MetadataStore, examples: Iterable[metadata_store_pb2.Artifact], place: tuple[str, ...]
) -> dict[int, Ingested]:
    """The spans from a place that have been read, by number: those whose Examples and their statistics are there.

    Args:
        store: that has the artifacts.
        examples: Examples of any kind; those that no FilmExampleGen made do not count.
        place: as `lineage.place` gives it.
    """
    newest: dict[int, int] = {}
    for artifact in sorted(examples, key=lambda each: each.id):
        if lineage.is_there(artifact) and lineage.place(store, [artifact.id]) == {place}:
            newest[lineage.span(artifact)] = artifact.id
    found = {}
    for span, each in newest.items():
        statistics = [made.id for made in lineage.made_from(store, each, STATISTICS) if lineage.is_there(made)]
        if statistics:
            found[span] = Ingested(examples=each, statistics=max(statistics))
    return found


def earlier(found: Mapping[int, Ingested], place: tuple[str, ...], span: int, size: int) -> dict[int, Ingested]:
    """The spans of a window before its last, by number, rising.

    A number that there is no span of, neither in the folder nor read before, is left out: a window begins small. A
    span that has been read stays when its folder is gone.

    Args:
        found: as `ingested` gives it.
        place: folder and pattern of the spans.
        span: the last of the window.
        size: how many numbers the window has.

    Raises:
        MarqueeError: the folder has a span of the window that has not been read.
    """
    numbers = range(max(0, span - size + 1), span)
    unread = [number for number in numbers if number not in found]
    missing = sorted(set(unread) & set(spans_in(*place))) if unread else []
    if missing:
        raise MarqueeError(_refusal(missing, place[0], span, size))
    return {number: found[number] for number in numbers if number in found}


def _refusal(missing: Sequence[int], folder: str, span: int, size: int) -> str:
    spans = f"span{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}"
    commands = "; ".join(f"marquee run --data {folder} --span {number}" for number in missing)
    return (
        f"data.window = {size}: span {span} is to be trained on together with {spans}, which this work folder has not "
        f"read. Run first, in this order: {commands}; or set data.window to {span - max(missing)}."
    )
