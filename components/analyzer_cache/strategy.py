"""Chooses the cache that Transform's analyzers start from."""

from collections.abc import Collection

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver
from tfx.types import standard_artifacts

from components import lineage

CACHE_KEY = "analyzer_cache"
EXAMPLES_KEY = "examples"

EXAMPLES = standard_artifacts.Examples.TYPE_NAME
TRANSFORM_CACHE = standard_artifacts.TransformCache.TYPE_NAME

Artifacts = dict[str, list[types.Artifact]]


class EarlierCacheStrategy(resolver.ResolverStrategy):
    """The cache of an earlier window that knows most of the films of this one, of equals the newest.

    It changes how long Transform takes, not what comes out, but is an input, which decides whether a run comes from
    TFX's cache. So never what was written for these very films: an unchanged run would get what it wrote itself. And
    once these films have been transformed, what was given then is given again, whatever has been written since.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Keeps one cache, or none.

        Args:
            store: to find what caches were made of.
            input_dict: `analyzer_cache`, the history; `examples`, the raw Examples of this run.

        Returns:
            The same keys, `analyzer_cache` with one artifact or none.
        """
        window = {artifact.id: artifact.span for artifact in input_dict[EXAMPLES_KEY]}
        caches = sorted(input_dict[CACHE_KEY], key=lambda artifact: artifact.id, reverse=True)
        there = {cache.id: cache for cache in caches if lineage.is_there(cache.mlmd_artifact)}
        films = {cache.id: lineage.made_of(store, cache.id, EXAMPLES) for cache in caches}
        for cache in caches:
            if {each.id for each in films[cache.id]} == set(window):
                given = [each.id for each in lineage.made_of(store, cache.id, TRANSFORM_CACHE)]
                if not set(given) - set(there):
                    return {**input_dict, CACHE_KEY: [there[each] for each in given]}
                break
        newest = max(window.values())
        known = {
            cache: _overlap({each.id for each in films[cache]}, window)
            for cache in there
            if all(lineage.span(each) < newest for each in films[cache])
        }
        best = max(known, key=lambda cache: (known[cache], cache), default=None)
        return {**input_dict, CACHE_KEY: [there[best]] if best is not None and known[best] else []}


def _overlap(films: Collection[int], window: Collection[int]) -> int:
    return len(set(films) & set(window))
