"""The resolver in a small DAG, run for real by the LocalDagRunner with MLMD in SQLite."""

import shutil
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types.standard_artifacts import Model, ModelBlessing

from components.latest_blessed.resolver import latest_blessed_resolver
from components.latest_blessed.strategy import LatestOtherBlessedStrategy


@component
def FakeTrainer(model: OutputArtifact[Model], weights: Parameter[str]) -> None:
    Path(model.uri, "weights").write_text(weights)


@component
def FakeEvaluator(
    model: InputArtifact[Model],
    blessing: OutputArtifact[ModelBlessing],
    baseline: InputArtifact[Model] = None,  # type: ignore[assignment] - how TFX spells an optional input
) -> None:
    weights = Path(model.uri, "weights").read_text()
    blessing.set_int_custom_property("blessed", int("good" in weights))
    blessing.set_int_custom_property("current_model_id", model.id)
    before = Path(baseline.uri, "weights").read_text() if baseline else "nothing"
    Path(blessing.uri, "compared").write_text(f"{weights} with {before}")


class Dag:
    """Two models ("cnn", "lstm"), each a Trainer, a resolver and an Evaluator, in one pipeline."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = str(folder / "metadata.sqlite")
        self._evaluated = 0

    def run(self, **weights: str) -> list[str]:
        """Runs with these weights by model; returns what the Evaluators that were not cached compared."""
        nodes = []
        for name, value in weights.items():
            trainer = FakeTrainer(weights=value).with_id(f"Trainer.{name}")
            resolver = latest_blessed_resolver(name, f"Trainer.{name}", f"Evaluator.{name}", trainer.outputs["model"])
            evaluator = FakeEvaluator(model=trainer.outputs["model"], baseline=resolver.outputs["model"]).with_id(
                f"Evaluator.{name}"
            )
            nodes += [trainer, resolver, evaluator]
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="blessings",
                pipeline_root=str(self._folder / "artifacts"),
                components=nodes,
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(self._database),
            )
        )
        return self._new_comparisons()

    def executed(self) -> int:
        """Executions so far, of any node, that really ran."""
        return sum(
            execution.last_known_state == metadata_store_pb2.Execution.COMPLETE
            and not execution.type.endswith("Resolver")
            for execution in self._store().get_executions()
        )

    def newest_model(self, name: str) -> Path:
        return max(
            (self._folder / "artifacts" / f"Trainer.{name}" / "model").iterdir(), key=lambda each: int(each.name)
        )

    def _new_comparisons(self) -> list[str]:
        blessings = self._store().get_artifacts_by_type("ModelBlessing")[self._evaluated :]
        self._evaluated += len(blessings)
        return [Path(blessing.uri, "compared").read_text() for blessing in blessings]

    def _store(self) -> MetadataStore:
        return MetadataStore(metadata.sqlite_metadata_connection_config(self._database))


@pytest.fixture
def dag(tmp_path: Path) -> Dag:
    return Dag(tmp_path)


def test_an_unchanged_run_is_cached_and_a_changed_one_meets_the_former_blessed_model(dag: Dag) -> None:
    assert dag.run(cnn="good 1") == ["good 1 with nothing"]
    ran = dag.executed()
    assert ran == 2
    assert dag.run(cnn="good 1") == []
    assert dag.executed() == ran  # nothing of the second run but the resolver
    assert dag.run(cnn="good 2") == ["good 2 with good 1"]
    assert dag.run(cnn="good 2") == []


def test_only_blessed_models_of_the_same_name_are_picked(dag: Dag) -> None:
    assert dag.run(cnn="bad 1", lstm="good 1") == ["bad 1 with nothing", "good 1 with nothing"]
    assert dag.run(cnn="good 2", lstm="bad 2") == ["good 2 with nothing", "bad 2 with good 1"]
    assert dag.run(cnn="bad 3", lstm="bad 3") == ["bad 3 with good 2", "bad 3 with good 1"]
    assert dag.run(cnn="good 4", lstm="good 4") == ["good 4 with good 2", "good 4 with good 1"]


def test_going_back_to_an_older_model_compares_it_with_the_newer(dag: Dag) -> None:
    dag.run(cnn="good 1")
    dag.run(cnn="good 2")
    assert dag.run(cnn="good 1") == ["good 1 with good 2"]
    assert dag.run(cnn="good 1") == []
    assert dag.run(cnn="good 3") == ["good 3 with good 1"]  # the last to be blessed, not the last trained


def test_a_model_whose_files_were_deleted_is_no_baseline(dag: Dag) -> None:
    dag.run(cnn="good 1")
    dag.run(cnn="good 2")
    shutil.rmtree(dag.newest_model("cnn"))
    assert dag.run(cnn="good 3") == ["good 3 with good 1"]


def artifact(kind: type, identity: int, **properties: int):
    made = kind()
    made.id = identity
    for name, value in properties.items():
        made.set_int_custom_property(name, value)
    return made


def model(identity: int, folder: Path) -> Model:
    (folder / "weights").mkdir(parents=True, exist_ok=True)
    made = artifact(Model, identity)
    made.uri = str(folder)
    made.mlmd_artifact.state = metadata_store_pb2.Artifact.LIVE
    return made


@pytest.mark.parametrize(
    ("blessings", "expected"),
    [
        ([], []),
        ([(10, 1, 1), (11, 2, 0)], [1]),
        ([(10, 1, 1), (11, 2, 1), (12, 1, 0)], [2]),
        ([(12, 1, 1), (11, 2, 1)], [1]),
        ([(10, 3, 1)], []),  # the candidate's own
        ([(10, 9, 1)], []),  # of a model that is gone
    ],
)
def test_choice(blessings: list[tuple[int, int, int]], expected: list[int], tmp_path: Path) -> None:
    chosen = LatestOtherBlessedStrategy().resolve_artifacts(
        MetadataStore(metadata_store_pb2.ConnectionConfig(fake_database={})),
        {
            "model": [model(identity, tmp_path / str(identity)) for identity in (1, 2, 3)],
            "model_blessing": [
                artifact(ModelBlessing, identity, current_model_id=model, blessed=blessed)
                for identity, model, blessed in blessings
            ],
            "candidate": [model(3, tmp_path / "3")],
        },
    )
    assert [model.id for model in chosen["model"]] == expected
    assert len(chosen["model_blessing"]) == len(expected)
    assert [model.id for model in chosen["candidate"]] == [3]
