"""What a training starts from: chosen from what ML Metadata knows, and in a small DAG run for real."""

from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import standard_artifacts
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelRun

from components.base_model.resolver import base_model_resolver
from components.base_model.strategy import EarlierBlessedStrategy

KINDS = ("Examples", "Model", "ModelRun")


class Store:
    """MLMD in memory, with what FilmExampleGen, Transform, Trainer and Evaluator leave in it."""

    def __init__(self, folder: Path):
        self.mlmd = MetadataStore(mlmd.ConnectionConfig(fake_database=mlmd.FakeDatabaseConfig()))
        self._folder = folder
        span = {"span": mlmd.INT}
        self._kinds = {
            kind: self.mlmd.put_artifact_type(
                mlmd.ArtifactType(name=kind, properties=span if kind == "Examples" else {})
            )
            for kind in KINDS
        }
        self._makers = {
            name: self.mlmd.put_execution_type(mlmd.ExecutionType(name=name)) for name in ("Gen", "Transform", "Train")
        }
        self.history: dict[str, list[types.Artifact]] = {"model": [], "model_blessing": [], "model_run": []}

    def films(self, span: int, base: str = "/films") -> types.Artifact:
        """Transformed Examples of a span."""
        [examples] = self.window(span, base=base)
        return examples

    def window(self, *spans: int, base: str = "/films") -> list[types.Artifact]:
        """Transformed Examples of spans that are transformed together, in the order in which these are read."""
        place = {"input_base": base, "pattern": "span-{SPAN}"}
        raw = {str(span): self._made("Gen", {}, [("Examples", {"span": span})], place)[0] for span in spans}
        return self._made("Transform", raw, [("Examples", {})] * len(raw))

    def trained(
        self,
        *films: types.Artifact,
        base: types.Artifact | None = None,
        blessed: int = 1,
        there: bool = True,
    ) -> types.Artifact:
        """A model of these films; its blessing and its ModelRun are history, too."""
        given = {**{str(each.id): each for each in films}, **({"base_model": base} if base else {})}
        model, run = self._made("Train", given, [("Model", {}), ("ModelRun", {})])
        for artifact in (model, run):
            if there:
                Path(artifact.uri).mkdir()
                (Path(artifact.uri) / "file").touch()
        self.history["model"].append(model)
        self.history["model_run"].append(run)
        self.bless(model, blessed)
        return model

    def bless(self, model: types.Artifact, blessed: int = 1) -> None:
        blessing = standard_artifacts.ModelBlessing()
        blessing.id = len(self.history["model_blessing"]) + 1
        blessing.set_int_custom_property("current_model_id", model.id)
        blessing.set_int_custom_property("blessed", blessed)
        self.history["model_blessing"].append(blessing)

    def base_of(self, *films: types.Artifact) -> list[types.Artifact]:
        """The model that is chosen; its blessing and its ModelRun have to be its own."""
        chosen = EarlierBlessedStrategy().resolve_artifacts(self.mlmd, {**self.history, "examples": list(films)})
        assert chosen["examples"] == list(films)
        assert len({len(chosen[key]) for key in self.history}) == 1
        for model, blessing, run in zip(*(chosen[key] for key in self.history), strict=True):
            assert blessing.get_int_custom_property("current_model_id") == model.id
            assert run.id == model.id + 1
        return chosen["model"]

    def _made(self, maker, given, outputs, properties=None) -> list[types.Artifact]:
        execution = mlmd.Execution(type_id=self._makers[maker], last_known_state=mlmd.Execution.COMPLETE)
        for key, value in (properties or {}).items():
            execution.custom_properties[key].string_value = value
        [done] = self.mlmd.put_executions([execution])
        events = [mlmd.Event(artifact_id=each.id, execution_id=done, type=mlmd.Event.INPUT) for each in given.values()]
        made = []
        for kind, values in outputs:
            proto = mlmd.Artifact(type_id=self._kinds[kind], state=mlmd.Artifact.LIVE)
            for key, value in values.items():
                proto.properties[key].int_value = value
            artifact = getattr(standard_artifacts, kind)()
            [artifact.id] = self.mlmd.put_artifacts([proto])
            artifact.uri = str(self._folder / str(artifact.id))
            artifact.mlmd_artifact.state = mlmd.Artifact.LIVE
            events.append(mlmd.Event(artifact_id=artifact.id, execution_id=done, type=mlmd.Event.OUTPUT))
            made.append(artifact)
        self.mlmd.put_events(events)
        return made


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_the_first_span_and_its_second_run_start_from_nothing(store):
    films = store.films(1)
    assert store.base_of(films) == []
    store.trained(films)
    assert store.base_of(films) == []
    assert store.base_of(store.films(1)) == []  # transformed in another way


def test_a_new_span_starts_from_the_last_blessed_of_the_nearest_and_so_does_its_second_run(store):
    one, two, four = (store.films(span) for span in (1, 2, 4))
    old, new = store.trained(one), store.trained(one)
    assert store.base_of(two) == [new]
    store.bless(old)
    assert store.base_of(two) == [old]
    second = store.trained(two, base=old)
    assert store.base_of(two) == [old]
    store.trained(store.films(9))
    assert store.base_of(four) == [second]
    store.trained(one)  # span 1 again: later, and not nearer
    assert store.base_of(four) == [second]
    assert store.base_of(one) == []


def test_what_is_not_blessed_or_gone_does_not_count(store):
    blessed = store.trained(store.films(1))
    store.trained(store.films(2), blessed=0)
    store.trained(store.films(3), there=False)
    assert store.base_of(store.films(4)) == [blessed]


def test_of_a_window_the_newest_span_counts_whatever_the_order(store):
    base = store.trained(*store.window(2, 1))
    assert store.base_of(*store.window(2, 1)) == []
    assert store.base_of(store.films(2)) == []
    assert store.base_of(*store.window(3, 2)) == [base]
    assert store.base_of(*store.window(2, 3)) == [base]


def test_models_of_films_of_another_folder_do_not_count(store):
    sample = store.trained(store.films(1, "/sample"))
    assert store.base_of(store.films(2)) == []
    assert store.base_of(store.films(2, "/sample")) == [sample]


def test_the_node_gives_a_model_and_its_run():
    node = base_model_resolver("cnn", "Trainer.cnn", "Evaluator.cnn", types.Channel(type=standard_artifacts.Examples))
    assert node.id == "BaseModel.cnn"
    kinds = {key: node.outputs[key].type for key in ("model", "model_run")}
    assert kinds == {"model": standard_artifacts.Model, "model_run": standard_artifacts.ModelRun}


@component
def FakeExampleGen(
    examples: OutputArtifact[Examples], input_base: Parameter[str], pattern: Parameter[str], span: Parameter[int]
) -> None:
    examples.span = span


@component
def FakeTransform(examples: InputArtifact[Examples], transformed: OutputArtifact[Examples]) -> None:
    Path(transformed.uri, "films").touch()


@component
def FakeTrainer(
    examples: InputArtifact[Examples],
    model: OutputArtifact[Model],
    model_run: OutputArtifact[ModelRun],
    weights: Parameter[str],
    base_model: InputArtifact[Model] = None,  # type: ignore[assignment] - how TFX spells an optional input
    base_run: InputArtifact[ModelRun] = None,  # type: ignore[assignment]
) -> None:
    assert bool(base_model) == bool(base_run)
    before = Path(base_model.uri, "weights").read_text() if base_model else "nothing"
    if base_run:
        assert Path(base_run.uri, "weights").read_text() == before
    for made in (model, model_run):
        Path(made.uri, "weights").write_text(weights)
    Path(model_run.uri, "begun").write_text(f"{weights} from {before}")


@component
def FakeEvaluator(model: InputArtifact[Model], blessing: OutputArtifact[ModelBlessing]) -> None:
    weights = Path(model.uri, "weights").read_text()
    blessing.set_int_custom_property("blessed", int("good" in weights))
    blessing.set_int_custom_property("current_model_id", model.id)


class Dag:
    """Two models, each with what finds its base, a Trainer and an Evaluator, in one pipeline."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = str(folder / "metadata.sqlite")
        self._trained = 0

    def run(self, span: int, base: str = "/films", **weights: str) -> list[str]:
        """Runs over a span; returns what the Trainers that were not cached began with."""
        films = FakeExampleGen(input_base=base, pattern="span-{SPAN}", span=span).with_id("FilmExampleGen")
        transform = FakeTransform(examples=films.outputs["examples"]).with_id("Transform")
        transformed = transform.outputs["transformed"]
        nodes = [films, transform]
        for name, value in weights.items():
            found = base_model_resolver(name, f"Trainer.{name}", f"Evaluator.{name}", transformed)
            trainer = FakeTrainer(
                examples=transformed, weights=value, base_model=found.outputs["model"],
                base_run=found.outputs["model_run"],
            ).with_id(f"Trainer.{name}")  # fmt: skip
            evaluator = FakeEvaluator(model=trainer.outputs["model"]).with_id(f"Evaluator.{name}")
            nodes += [found, trainer, evaluator]
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="bases",
                pipeline_root=str(self._folder / "artifacts"),
                components=nodes,
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(self._database),
            )
        )
        store = MetadataStore(metadata.sqlite_metadata_connection_config(self._database))
        runs = store.get_artifacts_by_type("ModelRun")[self._trained :]
        self._trained += len(runs)
        return [Path(run.uri, "begun").read_text() for run in runs]


def test_a_new_span_is_trained_from_the_span_before_and_an_unchanged_run_comes_from_the_cache(tmp_path):
    dag = Dag(tmp_path)
    assert dag.run(1, cnn="good 1", lstm="bad 1") == ["good 1 from nothing", "bad 1 from nothing"]
    assert dag.run(1, cnn="good 1", lstm="bad 1") == []
    assert dag.run(2, cnn="good 2", lstm="good 2") == ["good 2 from good 1", "good 2 from nothing"]
    assert dag.run(2, cnn="good 2", lstm="good 2") == []
    assert dag.run(2, cnn="good 3", lstm="good 2") == ["good 3 from good 1"]  # of its own span none counts
    assert dag.run(1, cnn="good 1", lstm="bad 1") == []
    assert dag.run(3, cnn="good 4", lstm="good 4") == ["good 4 from good 3", "good 4 from good 2"]
    assert dag.run(4, "/other", cnn="good 5", lstm="good 5") == ["good 5 from nothing"] * 2
