"""The node of the DAG that finds what a training starts from."""

from tfx import types
from tfx.dsl.components.common import resolver
from tfx.types import standard_artifacts

from components.base_model.strategy import (
    BLESSING_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    RUN_KEY,
    EarlierBlessedStrategy,
)


def base_model_resolver(
    name: str, trainer_id: str, evaluator_id: str, examples: types.BaseChannel
) -> resolver.Resolver:
    """Makes the node `BaseModel.<name>`; its `outputs["model"]` and `outputs["model_run"]` are of one model, or empty.

    The ids of the producers keep the models of one name apart from those of the others.

    Args:
        name: the model's name.
        trainer_id: the id of the Trainer whose models count.
        evaluator_id: the id of the Evaluator whose blessings count.
        examples: the transformed Examples that this run trains on.
    """
    channels = {
        MODEL_KEY: types.Channel(type=standard_artifacts.Model, producer_component_id=trainer_id),
        BLESSING_KEY: types.Channel(type=standard_artifacts.ModelBlessing, producer_component_id=evaluator_id),
        RUN_KEY: types.Channel(type=standard_artifacts.ModelRun, producer_component_id=trainer_id),
        EXAMPLES_KEY: examples,
    }
    node = resolver.Resolver(strategy_class=EarlierBlessedStrategy, **channels)
    return node.with_id(f"BaseModel.{name}")
