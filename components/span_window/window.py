"""Which spans a window holds, and what ML Metadata has of them."""

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.components.example_gen.utils import FINGERPRINT_PROPERTY_NAME
from tfx.types import standard_artifacts

from components import lineage
from components.film_example_gen.driver import fingerprint, span_folder
from transform.errors import MarqueeError

EXAMPLES = standard_artifacts.Examples.TYPE_NAME
STATISTICS = standard_artifacts.ExampleStatistics.TYPE_NAME


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """A reading of a span.

    Attributes:
        examples: id of its Examples.
        statistics: id of their newest statistics.
        fingerprint: of the files that were read.
    """

    examples: int
    statistics: int
    fingerprint: str


def ingested(
    store: mlmd.MetadataStore, examples: Iterable[metadata_store_pb2.Artifact], place: tuple[str, ...]
) -> dict[int, list[Ingested]]:
    """The readings of the spans from a place, by number, oldest first: those whose Examples and statistics are there.

    Args:
        store: that has the artifacts.
        examples: Examples of any kind; those that no FilmExampleGen made do not count.
        place: as `lineage.place` gives it.
    """
    found: dict[int, list[Ingested]] = {}
    for artifact in sorted(examples, key=lambda each: each.id):
        if not lineage.is_there(artifact) or lineage.place(store, [artifact.id]) != {place}:
            continue
        statistics = [made.id for made in lineage.made_from(store, artifact.id, STATISTICS) if lineage.is_there(made)]
        if statistics:
            reading = Ingested(
                examples=artifact.id,
                statistics=max(statistics),
                fingerprint=artifact.custom_properties[FINGERPRINT_PROPERTY_NAME].string_value,
            )
            found.setdefault(lineage.span(artifact), []).append(reading)
    return found


def earlier(
    found: Mapping[int, Sequence[Ingested]], place: tuple[str, ...], span: int, size: int, work: str
) -> dict[int, Ingested]:
    """The spans of a window before its last, by number, rising: the newest reading of the files that are there now.

    Not simply the newest: files that are again what they once were come from the cache, with an older id. A number
    that there is no span of, neither in the folder nor read before, is left out: a window begins small. A span that
    has been read stays when its folder is gone, as it was read last.

    Args:
        found: as `ingested` gives it.
        place: folder and pattern of the spans.
        span: the last of the window.
        size: how many numbers the window has.
        work: the work folder, for the message; empty where it is the default one.

    Raises:
        MarqueeError: the folder has a span of the window that has not been read, or not as it is now.
    """
    folder, pattern = place
    chosen: dict[int, Ingested] = {}
    unread: list[int] = []
    changed: list[int] = []
    for number in range(max(0, span - size + 1), span):
        readings = found.get(number, [])
        files = span_folder(folder, pattern, number)
        if os.path.isdir(files):
            now = fingerprint(files) if readings else ""
            current = [each for each in readings if each.fingerprint == now]
            if not current:
                (changed if readings else unread).append(number)
            readings = current
        if readings:
            chosen[number] = readings[-1]
    if unread or changed:
        raise MarqueeError(_refusal(unread, changed, folder, span, size, work))
    return chosen


def _refusal(unread: Sequence[int], changed: Sequence[int], folder: str, span: int, size: int, work: str) -> str:
    reasons = {
        "which this work folder has not read": unread,
        "whose files have changed since this work folder read them": changed,
    }
    together = ", and ".join(f"{_named(numbers)}, {reason}" for reason, numbers in reasons.items() if numbers)
    missing = sorted([*unread, *changed])
    run = ["marquee", "run", "--data", folder, *(["--work", work] if work else [])]
    commands = "; ".join(shlex.join([*run, "--span", str(number)]) for number in missing)
    return (
        f"data.window = {size}: span {span} is to be trained on together with {together}. Run first, in this order: "
        f"{commands}; or set data.window to {span - max(missing)}."
    )


def _named(spans: Sequence[int]) -> str:
    return f"span{'s' if len(spans) > 1 else ''} {', '.join(map(str, spans))}"
