"""Chooses the films of a window of spans, and their statistics."""

import logging

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver

from components import lineage
from components.span_window import window

EXAMPLES_KEY, STATISTICS_KEY = "examples", "statistics"
CURRENT_KEY, CURRENT_STATISTICS_KEY = "current", "current_statistics"

Artifacts = dict[str, list[types.Artifact]]

# Records of loggers named so are shown while a pipeline runs.
_LOGGER = logging.getLogger("marquee.window")


class SpanWindowStrategy(resolver.ResolverStrategy):
    """The current span and those of the numbers before it, of films from the same place, each as its files are now.

    TFX's SpanRangeStrategy takes the newest spans of a pipeline whatever the current one is, every reading of them, of
    any folder, and where some are missing, fewer. Here the current span ends the window, and is that of this run, so
    that an unchanged run resolves what it did before.
    """

    def __init__(self, size: int, work: str) -> None:
        """Makes the strategy.

        Args:
            size: how many spans the window has, the current one among them.
            work: see `window.earlier`.
        """
        self._size = size
        self._work = work

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Keeps one of the Examples and one of the statistics a span, by rising span.

        Args:
            store: to find where films are from, and what statistics were made of.
            input_dict: `examples` and `statistics`, the history; `current` and `current_statistics`, of this run.

        Returns:
            The same keys, `examples` and `statistics` with an artifact a span.

        Raises:
            MarqueeError: see `window.earlier`. LocalDagRunner goes on after it, without the nodes that need these
                films; so the runner asks the same before it begins.
        """
        [current] = input_dict[CURRENT_KEY]
        [statistics] = input_dict[CURRENT_STATISTICS_KEY]
        [place] = lineage.place(store, [current.id])
        history = [artifact.mlmd_artifact for artifact in input_dict[EXAMPLES_KEY]]
        spans = window.earlier(window.ingested(store, history, place), place, current.span, self._size, self._work)
        _LOGGER.info("Training on span%s %s", "s" if spans else "", ", ".join(map(str, [*spans, current.span])))
        read = {artifact.id: artifact for key in (EXAMPLES_KEY, STATISTICS_KEY) for artifact in input_dict[key]}
        return {
            **input_dict,
            EXAMPLES_KEY: [*(read[each.examples] for each in spans.values()), current],
            STATISTICS_KEY: [*(read[each.statistics] for each in spans.values()), statistics],
        }
