"""Chooses the model that a training starts from."""

from collections.abc import Sequence

import ml_metadata as mlmd
from tfx.dsl.components.common import resolver
from tfx.types import standard_artifacts

from components import lineage
from components.latest_blessed.strategy import BLESSING_KEY, MODEL_KEY, Artifacts, blessed

RUN_KEY = "model_run"
EXAMPLES_KEY = "examples"

EXAMPLES = standard_artifacts.Examples.TYPE_NAME
MODEL_RUN = standard_artifacts.ModelRun.TYPE_NAME


class EarlierBlessedStrategy(resolver.ResolverStrategy):
    """The last blessed model of the nearest span below the current one, of films from the same place.

    Of a window of spans the newest counts, here and there.

    A model of the current span never counts: a training that started from what was trained on the very same films
    would not be that of an unchanged run, which has to come from the cache, and would learn nothing new of them.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Keeps one model, its blessing and its ModelRun, or none of all three.

        Args:
            store: to find what the models were trained on.
            input_dict: `model`, `model_blessing` and `model_run`, the history; `examples`, the transformed Examples
                of this run, one for each span.

        Returns:
            The same keys, each but `examples` with one artifact or none.
        """
        span, place = _origin(store, [examples.id for examples in input_dict[EXAMPLES_KEY]])
        runs = {run.id: run for run in input_dict[RUN_KEY]}
        nearest = -1
        found: Artifacts = {MODEL_KEY: [], BLESSING_KEY: [], RUN_KEY: []}
        for model, blessing in blessed({model.id: model for model in input_dict[MODEL_KEY]}, input_dict[BLESSING_KEY]):
            made = [runs[each.id] for each in lineage.made_with(store, model.id, MODEL_RUN) if each.id in runs]
            trained_on = lineage.made_of(store, model.id, EXAMPLES)
            if not trained_on or not made:
                continue
            if not all(lineage.is_there(each.mlmd_artifact) for each in (model, made[-1])):
                continue
            its_span, its_place = _origin(store, [each.id for each in trained_on])
            if nearest < its_span < span and its_place == place:
                nearest, found = its_span, {MODEL_KEY: [model], BLESSING_KEY: [blessing], RUN_KEY: [made[-1]]}
        return {**input_dict, **found}


def _origin(store: mlmd.MetadataStore, transformed: Sequence[int]) -> tuple[int, set[tuple[str, ...]]]:
    """The newest span of transformed Examples, whatever the order in which they were read, and the place of all."""
    raw = {each.id: each for one in transformed for each in lineage.made_of(store, one, EXAMPLES)}
    return max(map(lineage.span, raw.values())), lineage.place(store, list(raw))
