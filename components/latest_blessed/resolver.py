"""The node of the DAG that finds a candidate's baseline."""

from tfx import types
from tfx.dsl.components.common import resolver
from tfx.types import standard_artifacts

from components.latest_blessed.strategy import (
    BLESSING_KEY,
    CANDIDATE_KEY,
    MODEL_KEY,
    LatestOtherBlessedStrategy,
)


def latest_blessed_resolver(
    name: str, trainer_id: str, evaluator_id: str, candidate: types.BaseChannel
) -> resolver.Resolver:
    """Makes the node `LatestBlessed.<name>`; its `outputs["model"]` is the baseline, or empty.

    The ids of the producers keep the models of one name apart from those of the others.

    Args:
        name: the model's name.
        trainer_id: the id of the Trainer whose models count.
        evaluator_id: the id of the Evaluator whose blessings count.
        candidate: the `model` output of that Trainer in this pipeline.
    """
    channels = {
        MODEL_KEY: types.Channel(type=standard_artifacts.Model, producer_component_id=trainer_id),
        BLESSING_KEY: types.Channel(type=standard_artifacts.ModelBlessing, producer_component_id=evaluator_id),
        CANDIDATE_KEY: candidate,
    }
    node = resolver.Resolver(strategy_class=LatestOtherBlessedStrategy, **channels)
    return node.with_id(f"LatestBlessed.{name}")
