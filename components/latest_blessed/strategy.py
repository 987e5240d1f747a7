"""Chooses the model that a candidate is compared with."""

from collections.abc import Iterator, Mapping, Sequence

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver

from components import lineage

MODEL_KEY = "model"
BLESSING_KEY = "model_blessing"
CANDIDATE_KEY = "candidate"

Artifacts = dict[str, list[types.Artifact]]


class LatestOtherBlessedStrategy(resolver.ResolverStrategy):
    """The most recently blessed model that isn't the candidate itself.

    TFX's LatestBlessedModelStrategy would, when an unchanged pipeline runs again, resolve the very model that
    the first run blessed; the Evaluator would then have a new input, and run again to compare the model with
    itself. Left out here, the candidate of an unchanged run has the baseline it had before, and the
    Evaluator's result comes from the cache.

    A model whose files a user has deleted to save space doesn't count.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Keeps one model and its blessing, or none of either.

        Args:
            store: not used.
            input_dict: `model` and `model_blessing`, the history; `candidate`, the Model of this run.

        Returns:
            The same keys, each with one artifact or none.
        """
        del store
        candidates = {artifact.id for artifact in input_dict[CANDIDATE_KEY]}
        models = {
            model.id: model
            for model in input_dict[MODEL_KEY]
            if model.id not in candidates and lineage.is_there(model.mlmd_artifact)
        }
        for model, blessing in blessed(models, input_dict[BLESSING_KEY]):
            return {**input_dict, MODEL_KEY: [model], BLESSING_KEY: [blessing]}
        return {**input_dict, MODEL_KEY: [], BLESSING_KEY: []}


def blessed(
    models: Mapping[int, types.Artifact], blessings: Sequence[types.Artifact]
) -> Iterator[tuple[types.Artifact, types.Artifact]]:
    """The models, by id, that were blessed, each with its blessing, the last blessing first."""
    for blessing in sorted(blessings, key=lambda artifact: artifact.id, reverse=True):
        model = models.get(blessing.get_int_custom_property("current_model_id"))
        if model is not None and blessing.get_int_custom_property("blessed") == 1:
            yield model, blessing
