"""The node of the DAG that finds what Transform's analyzers start from."""

from tfx import types
from tfx.dsl.components.common import resolver
from tfx.types import standard_artifacts

from components.analyzer_cache.strategy import CACHE_KEY, EXAMPLES_KEY, EarlierCacheStrategy


def analyzer_cache_resolver(transform_id: str, examples: types.BaseChannel) -> resolver.Resolver:
    """Makes the node; its `outputs["analyzer_cache"]` is one TransformCache, or empty.

    Args:
        transform_id: the id of the Transform whose caches count.
        examples: the raw Examples that this run transforms.
    """
    history = types.Channel(type=standard_artifacts.TransformCache, producer_component_id=transform_id)
    return resolver.Resolver(strategy_class=EarlierCacheStrategy, **{CACHE_KEY: history, EXAMPLES_KEY: examples})
