"""ML Metadata in memory, with what FilmExampleGen, StatisticsGen and Transform leave in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.components.example_gen.utils import FINGERPRINT_PROPERTY_NAME
from tfx.types import Artifact, standard_artifacts

from components.film_example_gen.driver import fingerprint, span_folder

PATTERN = "span-{SPAN}"


class History:
    """Artifacts by the input that a resolver would get them by, and the store that knows how they were made."""

    def __init__(self, folder: Path):
        self.store = MetadataStore(mlmd.ConnectionConfig(fake_database=mlmd.FakeDatabaseConfig()))
        self._folder = folder
        self.examples: list[Artifact] = []
        self.statistics: list[Artifact] = []
        self.caches: list[Artifact] = []

    def ingest(self, span: int, base: Path, described: bool = True) -> tuple[Artifact, Artifact | None]:
        """A run's Examples of a span as its files are now, and their statistics."""
        place = {"input_base": str(base), "pattern": PATTERN}
        examples = self._made("FilmExampleGen", {}, standard_artifacts.Examples, place, span=span)
        folder = span_folder(str(base), PATTERN, span)
        if Path(folder).is_dir():
            examples.set_string_custom_property(FINGERPRINT_PROPERTY_NAME, fingerprint(folder))
            self.store.put_artifacts([examples.mlmd_artifact])
        self.examples.append(examples)
        if not described:
            return examples, None
        given = {"examples": [examples]}
        statistics = self._made("StatisticsGen", given, standard_artifacts.ExampleStatistics, {}, span=span)
        self.statistics.append(statistics)
        return examples, statistics

    def transform(self, examples: Sequence[Artifact], cache: Sequence[Artifact] = ()) -> Artifact:
        """The cache that a Transform of these Examples leaves, which was given another or none."""
        given = {"examples": examples, "analyzer_cache": cache}
        self.caches.append(self._made("Transform", given, standard_artifacts.TransformCache, {}))
        return self.caches[-1]

    def remove(self, artifact: Artifact) -> None:
        """Deletes its files, as a user who needs the space."""
        for path in Path(artifact.uri).iterdir():
            path.unlink()

    def _made(
        self,
        maker: str,
        given: Mapping[str, Sequence[Artifact]],
        kind: type[Artifact],
        properties: Mapping[str, str],
        **values: int,
    ) -> Artifact:
        execution = mlmd.Execution(
            type_id=self.store.put_execution_type(mlmd.ExecutionType(name=maker)),
            last_known_state=mlmd.Execution.COMPLETE,
        )
        for key, value in properties.items():
            execution.custom_properties[key].string_value = value
        artifact = kind()
        for key, value in values.items():
            setattr(artifact, key, value)
        artifact.mlmd_artifact.state = mlmd.Artifact.LIVE
        typed = {name: mlmd.INT if name == "span" else mlmd.STRING for name in (kind.PROPERTIES or {})}
        artifact.mlmd_artifact.type_id = self.store.put_artifact_type(
            mlmd.ArtifactType(name=kind.TYPE_NAME, properties=typed)
        )
        [artifact.id] = self.store.put_artifacts([artifact.mlmd_artifact])
        artifact.uri = str(self._folder / str(artifact.id))
        Path(artifact.uri).mkdir(parents=True)
        (Path(artifact.uri) / "file").touch()
        self.store.put_artifacts([artifact.mlmd_artifact])
        [done] = self.store.put_executions([execution])
        events = [
            mlmd.Event(artifact_id=each.id, execution_id=done, type=mlmd.Event.INPUT)
            for artifacts in given.values()
            for each in artifacts
        ]
        events.append(mlmd.Event(artifact_id=artifact.id, execution_id=done, type=mlmd.Event.OUTPUT))
        self.store.put_events(events)
        return artifact
