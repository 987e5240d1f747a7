"""What made a served version, on an ML Metadata store made by hand."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.atomic_pusher import models_config
from pipeline import cli, history, lineage
from pipeline.lineage import Relative
from pipeline.metadata import connection_config
from pipeline.paths import Paths
from pipeline.settings import Settings
from transform.errors import MarqueeError


class Runs:
    """Executions in a store, each with the artifacts that it was given and made."""

    def __init__(self, root: Path):
        self.paths = Paths.bind(Settings(work=str(root)))
        self.store = MetadataStore(connection_config(self.paths.metadata))
        self.run = "run-1"

    def execute(self, node: str, outputs: dict[str, str], inputs: dict[str, list[int]], **parameters) -> dict[str, int]:
        """Adds an execution; the ids of its outputs by name.

        Args:
            node: the component's id.
            outputs: name -> artifact type.
            inputs: name -> ids.
            parameters: execution properties.
        """
        keys: dict[int, list[str]] = {}
        for key, ids in inputs.items():
            for each in ids:
                keys.setdefault(each, []).append(key)
        artifacts = self.store.get_artifacts_by_id(sorted(keys))
        given = [(artifact, event(mlmd.Event.INPUT, *keys[artifact.id])) for artifact in artifacts]
        made = []
        for key, kind in outputs.items():
            artifact = mlmd.Artifact(
                type_id=self.store.put_artifact_type(mlmd.ArtifactType(name=kind)),
                uri=str(self.paths.work / node / key),
            )
            artifact.custom_properties["tfx_version"].string_value = "1.16.0"
            made.append((artifact, event(mlmd.Event.OUTPUT, key)))
        contexts = [
            mlmd.Context(type_id=self.store.put_context_type(mlmd.ContextType(name=kind)), name=name)
            for kind, name in (("node", f"marquee.{node}"), ("pipeline_run", self.run))
        ]
        execution = mlmd.Execution(
            type_id=self.store.put_execution_type(mlmd.ExecutionType(name=node)),
            last_known_state=mlmd.Execution.COMPLETE,
        )
        for key, value in parameters.items():
            if isinstance(value, int):
                execution.custom_properties[key].int_value = value
            else:
                execution.custom_properties[key].string_value = value
        _, artifacts, _ = self.store.put_execution(
            execution, [*given, *made], contexts, reuse_context_if_already_exist=True
        )
        return dict(zip(outputs, artifacts[len(given) :], strict=True))

    def mark(self, artifact: int, **properties: str) -> None:
        [found] = self.store.get_artifacts_by_id([artifact])
        for key, value in properties.items():
            found.custom_properties[key].string_value = value
        self.store.put_artifacts([found])

    def ingest(self, span: int) -> int:
        """Examples of a span."""
        return self.execute(
            "FilmExampleGen",
            {"examples": "Examples"},
            {},
            input_base="/films",
            pattern="span-{SPAN}",
            layout="auto",
            span=span,
            input_fingerprint=f"fingerprint-{span}",
        )["examples"]

    def train(
        self, name: str, examples: int, version: int | None, epochs: int = 3, **inputs: list[int]
    ) -> dict[str, int]:
        """A model, pushed where it has a version."""
        transformed = self.execute(
            "Transform",
            {"transformed_examples": "Examples"},
            {"examples": [examples]},
            preprocessing_fn="transform.preprocessing.preprocessing_fn",
            custom_config=json.dumps({"image_size": 64, "source": "t" * 16}),
        )["transformed_examples"]
        more = inputs.pop("more", [])
        baseline = {"baseline_model": inputs.pop("baseline_model")} if "baseline_model" in inputs else {}
        trained = self.execute(
            f"Trainer.{name}",
            {"model": "Model", "model_run": "ModelRun"},
            {"examples": [transformed, *more], **inputs},
            run_fn=f"trainer.{name}.run_fn",
            train_args="{}",
            custom_config=json.dumps({"epochs": epochs, "image_size": 64, "source": "r" * 16}),
        )
        evaluated = {"model": [trained["model"]], "examples": [examples], **baseline}
        blessing = self.execute(f"Evaluator.{name}", {"blessing": "ModelBlessing"}, evaluated)["blessing"]
        self.mark(blessing, reason=f"{name} is good")
        if version:
            given = {"model": [trained["model"]], "model_blessing": [blessing]}
            pushed = self.execute(f"Pusher.{name}", {"pushed_model": "PushedModel"}, given)["pushed_model"]
            folder = self.paths.serving / name / str(version)
            folder.mkdir(parents=True)
            (folder / "saved_model.pb").write_bytes(b"")
            self.mark(pushed, pushed_destination=str(folder), pushed_version=str(version))
        return trained


def event(kind: int, *keys: str) -> mlmd.Event:
    """Of an artifact that is one of the inputs or outputs `keys`, all in one event, as TFX writes it."""
    steps = [step for key in keys for step in (mlmd.Event.Path.Step(key=key), mlmd.Event.Path.Step(index=0))]
    return mlmd.Event(type=kind, path=mlmd.Event.Path(steps=steps))


@pytest.fixture
def runs(tmp_path) -> Runs:
    return Runs(tmp_path)


def test_a_version_is_followed_back_to_its_films(runs):
    examples = runs.ingest(1)
    ingest = runs.paths.work / "FilmExampleGen" / "examples" / "ingest.json"
    ingest.parent.mkdir(parents=True)
    ingest.write_text('{"films": 66}')
    runs.train("lstm", examples, version=100)
    history.note_commit(runs.paths.metadata, "c" * 40)

    [found] = lineage.of(runs.paths)

    assert found.commits == {"run-1": "c" * 40}
    assert (found.model, found.version, found.run, found.tfx, found.there) == ("lstm", 100, "run-1", "1.16.0", True)
    [span] = found.spans
    assert (span.number, span.folder, span.fingerprint, span.films) == (1, "/films", "fingerprint-1", 66)
    assert found.blessed == "lstm is good"
    assert found.relatives == []
    assert found.code == {"transform.preprocessing.preprocessing_fn": "t" * 16, "trainer.lstm.run_fn": "r" * 16}
    settings = found.settings()
    assert settings["lstm"] == {"epochs": 3}
    assert settings["transform"] == {"image_size": 64}
    assert settings["data"]["span"] == 1
    nodes = [step.node for step in found.steps]
    assert nodes == ["FilmExampleGen", "Transform", "Trainer.lstm", "Evaluator.lstm", "Pusher.lstm"]
    assert found.steps[1].inputs == {"examples": ["FilmExampleGen"]}
    assert found.steps[2].others == {"run_fn": "trainer.lstm.run_fn", "source": "r" * 16, "train_args": "{}"}


def test_only_the_last_run_is_said_to_be_of_a_commit(runs):
    examples = runs.ingest(1)
    runs.run = "run-2"
    runs.train("lstm", examples, version=100)
    history.note_commit(runs.paths.metadata, "c" * 40)
    assert lineage.of(runs.paths)[0].commits == {"run-2": "c" * 40}


def test_a_window_is_all_its_spans_and_no_more(runs):
    one, three, two = runs.ingest(1), runs.ingest(3), runs.ingest(2)
    before = runs.execute("Transform", {"updated_analyzer_cache": "TransformCache"}, {"examples": [one, two]})
    transformed = runs.execute(
        "Transform",
        {"transformed_examples": "Examples"},
        {"examples": [two, three], "analyzer_cache": [before["updated_analyzer_cache"]]},
    )["transformed_examples"]
    runs.train("lstm", three, version=100, more=[transformed])

    [found] = lineage.of(runs.paths)

    assert [span.number for span in found.spans] == [2, 3]
    assert found.settings()["data"]["span"] == 3
    printed = CliRunner().invoke(cli.main, ["lineage", "lstm", "--work", str(runs.paths.work)])
    assert "trained on these 2 spans together" in printed.output


def test_an_artifact_that_is_two_inputs_is_told_of_both(runs):
    one, two = runs.ingest(1), runs.ingest(2)
    runs.execute("ComparisonReport", {}, {"examples": [two], "learnt_examples": [one, two]})
    [execution] = runs.store.get_executions_by_type("ComparisonReport")
    assert history.inputs(runs.store, execution.id) == {"examples": (two,), "learnt_examples": (one, two)}


def test_the_models_before_a_version_end_its_lineage(runs):
    first = runs.train("lstm", runs.ingest(1), version=100)
    runs.run = "run-2"
    runs.train("lstm", runs.ingest(2), version=200, base_model=[first["model"]], baseline_model=[first["model"]])

    [found] = lineage.of(runs.paths, "lstm")

    assert [span.number for span in found.spans] == [2]
    assert found.relatives == [
        Relative(role="started from", name="lstm", version=100, run="run-1"),
        Relative(role="compared with", name="lstm", version=100, run="run-1"),
    ]
    assert {step.run for step in found.steps} == {"run-2"}
    [earlier] = lineage.of(runs.paths, "lstm", 100)
    assert [span.number for span in earlier.spans] == [1]


def test_a_model_made_of_others_has_their_steps(runs):
    examples = runs.ingest(1)
    parts = [runs.train(name, examples, version) for name, version in (("cnn", None), ("lstm", 100))]
    runs.train("fusion", examples, version=300, parts=[part["model_run"] for part in parts])

    [found] = lineage.of(runs.paths, "fusion")

    assert [(each.role, each.name, each.version) for each in found.relatives] == [
        ("made of", "cnn", None),
        ("made of", "lstm", 100),
    ]
    assert {"Trainer.cnn", "Trainer.lstm", "Trainer.fusion"} <= {step.node for step in found.steps}
    assert set(found.settings()) >= {"cnn", "lstm", "transform"}


def test_without_a_model_the_newest_version_of_each(runs):
    examples = runs.ingest(1)
    for name, version in (("lstm", 9), ("lstm", 100), ("cnn", 50)):
        runs.train(name, examples, version)
    assert [(each.model, each.version) for each in lineage.of(runs.paths)] == [("cnn", 50), ("lstm", 100)]


def test_labels_and_folders_that_are_gone(runs):
    runs.train("lstm", runs.ingest(1), version=100)
    models_config.promote(runs.paths.serving, "lstm", 100)
    assert lineage.of(runs.paths)[0].labels == ["stable"]
    shutil.rmtree(runs.paths.serving / "lstm" / "100")
    assert not lineage.of(runs.paths)[0].there


def test_a_version_that_no_run_has_recorded_is_told_of(runs):
    runs.train("lstm", runs.ingest(1), version=100)
    (runs.paths.serving / "lstm" / "101").mkdir()
    with pytest.raises(MarqueeError, match=r"lstm/101: is there, but the run that pushed it was killed.* are: 100"):
        lineage.of(runs.paths, "lstm", 101)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("cnn",), "cnn: no version of it has been pushed. Models that have: lstm."),
        (("lstm", 5), "lstm 5: no such version has been pushed. Those that have: 100."),
    ],
)
def test_what_was_not_pushed_is_refused(runs, asked, said):
    runs.train("lstm", runs.ingest(1), version=100)
    with pytest.raises(MarqueeError, match=said):
        lineage.of(runs.paths, *asked)


def test_nothing_pushed_and_nothing_run(runs, tmp_path):
    runs.ingest(1)
    with pytest.raises(MarqueeError, match="no model has been pushed yet"):
        lineage.of(runs.paths)
    with pytest.raises(MarqueeError, match="Nothing has run"):
        lineage.of(Paths.bind(Settings(work=str(tmp_path / "nowhere"))))


def test_the_command_prints_or_writes_a_page(runs, tmp_path):
    runs.train("lstm", runs.ingest(1), version=100, epochs=7)
    work = ["--work", str(runs.paths.work)]
    printed = CliRunner().invoke(cli.main, ["lineage", "lstm", "100", *work])
    assert printed.exit_code == 0, printed.output
    for part in ("lstm 100", "fingerprint-1", "epochs = 7", "no other model", "trainer.lstm.run_fn rrrr"):
        assert part in printed.output
    page = tmp_path / "page.html"
    written = CliRunner().invoke(cli.main, ["lineage", "--html", "--out", str(page), *work])
    assert written.output.strip() == str(page)
    html = page.read_text(encoding="utf-8")
    for part in ("lstm 100", "fingerprint-1", "/films/span-1", "trainer.lstm.run_fn", "Evaluator.lstm"):
        assert part in html
    assert "://" not in html
    refused = CliRunner().invoke(cli.main, ["lineage", "lstm", "5", *work])
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert CliRunner().invoke(cli.main, ["lineage", "--out", "x", *work]).exit_code == 2
