"""What artifacts were made of, by ML Metadata."""

from collections.abc import Sequence
from pathlib import Path

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.types.standard_component_specs import INPUT_BASE_KEY

from components.film_example_gen.component import PATTERN_KEY

SPAN = "span"  # property of Examples and of their statistics
PLACE = (INPUT_BASE_KEY, PATTERN_KEY)  # properties of a FilmExampleGen


def made_of(store: mlmd.MetadataStore, artifact: int, kind: str) -> list[metadata_store_pb2.Artifact]:
    """The artifacts of a type that whatever made this one was given, each once."""
    return _with(store, _makers(store, [artifact]), metadata_store_pb2.Event.INPUT, kind)


def made_from(store: mlmd.MetadataStore, artifact: int, kind: str) -> list[metadata_store_pb2.Artifact]:
    """The artifacts of a type that whatever was given this one made, each once."""
    events = store.get_events_by_artifact_ids([artifact])
    takers = sorted({event.execution_id for event in events if event.type == metadata_store_pb2.Event.INPUT})
    return _with(store, takers, metadata_store_pb2.Event.OUTPUT, kind)


def made_with(store: mlmd.MetadataStore, artifact: int, kind: str) -> list[metadata_store_pb2.Artifact]:
    """The artifacts of a type that whatever made this one made beside it, each once."""
    return _with(store, _makers(store, [artifact]), metadata_store_pb2.Event.OUTPUT, kind)


def place(store: mlmd.MetadataStore, examples: Sequence[int]) -> set[tuple[str, ...]]:
    """Folder and pattern of the spans that the FilmExampleGen has read that made these examples.

    A set with one member, however often the examples came from the cache.
    """
    readers = store.get_executions_by_id(_makers(store, examples))
    return {tuple(reader.custom_properties[key].string_value for key in PLACE) for reader in readers}


def span(artifact: metadata_store_pb2.Artifact) -> int:
    """The span of raw Examples, or of their statistics."""
    return artifact.properties[SPAN].int_value


def is_live(artifact: metadata_store_pb2.Artifact) -> bool:
    return artifact.state == metadata_store_pb2.Artifact.LIVE


def is_there(artifact: metadata_store_pb2.Artifact) -> bool:
    """Whether its files are; MLMD still knows of what a user has deleted to save space."""
    folder = Path(artifact.uri)
    return is_live(artifact) and folder.is_dir() and any(folder.iterdir())


def _with(
    store: mlmd.MetadataStore, executions: Sequence[int], direction: int, kind: str
) -> list[metadata_store_pb2.Artifact]:
    events = store.get_events_by_execution_ids(executions) if executions else []
    found = store.get_artifacts_by_id(sorted({event.artifact_id for event in events if event.type == direction}))
    return [each for each in found if each.type == kind]


def _makers(store: mlmd.MetadataStore, artifacts: Sequence[int]) -> list[int]:
    events = store.get_events_by_artifact_ids(artifacts)
    return sorted({event.execution_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT})
