"""What artifacts were made of, by ML Metadata."""

from collections.abc import Sequence

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.types.standard_component_specs import INPUT_BASE_KEY

from components.film_example_gen.component import PATTERN_KEY

PLACE = (INPUT_BASE_KEY, PATTERN_KEY)  # properties of a FilmExampleGen


def made_of(store: mlmd.MetadataStore, artifact: int, kind: str) -> list[metadata_store_pb2.Artifact]:
    """The artifacts of a type that whatever made this one was given, each once."""
    return _with(store, artifact, metadata_store_pb2.Event.INPUT, kind)


def made_with(store: mlmd.MetadataStore, artifact: int, kind: str) -> list[metadata_store_pb2.Artifact]:
    """The artifacts of a type that whatever made this one made beside it, each once."""
    return _with(store, artifact, metadata_store_pb2.Event.OUTPUT, kind)


def place(store: mlmd.MetadataStore, examples: Sequence[int]) -> set[tuple[str, ...]]:
    """Folder and pattern of the spans that the FilmExampleGen has read that made these examples.

    A set with one member, however often the examples came from the cache.
    """
    readers = store.get_executions_by_id(_makers(store, examples))
    return {tuple(reader.custom_properties[key].string_value for key in PLACE) for reader in readers}


def is_live(artifact: metadata_store_pb2.Artifact) -> bool:
    return artifact.state == metadata_store_pb2.Artifact.LIVE


def _with(store: mlmd.MetadataStore, artifact: int, direction: int, kind: str) -> list[metadata_store_pb2.Artifact]:
    events = store.get_events_by_execution_ids(_makers(store, [artifact]))
    found = store.get_artifacts_by_id(sorted({event.artifact_id for event in events if event.type == direction}))
    return [each for each in found if each.type == kind]


def _makers(store: mlmd.MetadataStore, artifacts: Sequence[int]) -> list[int]:
    events = store.get_events_by_artifact_ids(artifacts)
    return sorted({event.execution_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT})
