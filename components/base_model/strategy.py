"""Chooses the model that a training starts from."""

from pathlib import Path

import ml_metadata as mlmd
from tfx import types
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

    A model of the current span never counts: a training that started from what was trained on the very same films
    would not be that of an unchanged run, which has to come from the cache, and would learn nothing new of them.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Keeps one model, its blessing and its ModelRun, or none of all three.

        Args:
            store: to find what the models were trained on.
            input_dict: `model`, `model_blessing` and `model_run`, the history; `examples`, the transformed Examples
                of this run.

        Returns:
            The same keys, each but `examples` with one artifact or none.
        """
        [examples] = input_dict[EXAMPLES_KEY]
        span, place = _origin(store, examples.id)
        runs = {run.id: run for run in input_dict[RUN_KEY]}
        nearest = -1
        found: Artifacts = {MODEL_KEY: [], BLESSING_KEY: [], RUN_KEY: []}
        for model, blessing in blessed({model.id: model for model in input_dict[MODEL_KEY]}, input_dict[BLESSING_KEY]):
            made = [runs[each.id] for each in lineage.made_with(store, model.id, MODEL_RUN) if each.id in runs]
            trained_on = lineage.made_of(store, model.id, EXAMPLES)
            if not trained_on or not made or not all(map(_is_there, (model, made[-1]))):
                continue
            its_span, its_place = _origin(store, trained_on[-1].id)
            if nearest < its_span < span and its_place == place:
                nearest, found = its_span, {MODEL_KEY: [model], BLESSING_KEY: [blessing], RUN_KEY: [made[-1]]}
        return {**input_dict, **found}


def _origin(store: mlmd.MetadataStore, transformed: int) -> tuple[int, set[tuple[str, ...]]]:
    """The span of transformed Examples, and the place of its films."""
    raw = lineage.made_of(store, transformed, EXAMPLES)
    return raw[-1].properties["span"].int_value, lineage.place(store, [each.id for each in raw])


def _is_there(artifact: types.Artifact) -> bool:
    """Whether its files are; MLMD still knows of what a user has deleted to save space."""
    folder = Path(artifact.uri)
    return lineage.is_live(artifact.mlmd_artifact) and folder.is_dir() and any(folder.iterdir())
