"""FilmSchemaGen: the first schema, for the user to curate."""

from tfx import types
from tfx.components.schema_gen import component
from tfx.dsl.components.base import executor_spec

from components.film_schema_gen import executor


class FilmSchemaGen(component.SchemaGen):
    """TFX's SchemaGen, stating the contract of films instead of guessing at it from one span."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, statistics: types.BaseChannel):
        """Makes the component; the genres of all splits of `statistics` go into the schema."""
        super().__init__(statistics=statistics, infer_feature_shape=False)
