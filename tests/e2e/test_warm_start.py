"""Two spans of one pipeline with `warm_start`: only the second starts from what the first has blessed."""

import json
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components import lineage
from pipeline import sample
from pipeline.metadata import connection_config
from tests.e2e.runs import Pipeline

pytestmark = pytest.mark.slow

# Anything is blessed: what is asked here is what is started from.
QUICK = {"models": "lstm", "lstm.epochs": 1, "lstm.warm_start": True, "serving.check": "none"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("warm")
    sample.draw(folder / "films", films=400, seed=7)
    return folder


def of_span(folder: Path, span: int) -> Pipeline:
    return Pipeline(folder / "work", folder / "films", **QUICK, **{"data.span": span})


def trained(pipeline: Pipeline) -> tuple[mlmd.Artifact, dict]:
    """The last Model, and its training.json."""
    store = MetadataStore(connection_config(pipeline.paths.metadata))
    model = max(store.get_artifacts_by_type("Model"), key=lambda artifact: artifact.id)
    [run] = lineage.made_with(store, model.id, "ModelRun")
    return model, json.loads((Path(run.uri) / "training.json").read_text())


def given_to(pipeline: Pipeline, model: mlmd.Artifact) -> list[int]:
    """The Models that the Trainer of a model was given."""
    store = MetadataStore(connection_config(pipeline.paths.metadata))
    return [artifact.id for artifact in lineage.made_of(store, model.id, "Model")]


def test_a_span_starts_from_what_an_earlier_one_has_blessed_and_comes_from_the_cache_again(folder):
    first = of_span(folder, 1)
    done = first.run()
    assert done.returncode == 0, done.stdout + done.stderr
    base, training = trained(first)
    assert training["warm_start"] is None
    assert given_to(first, base) == []
    assert "lstm" in {version.parent.name for version in first.paths.serving.glob("*/*")}  # it was blessed

    second = of_span(folder, 2)
    done = second.run()
    assert done.returncode == 0, done.stdout + done.stderr
    model, training = trained(second)
    assert model.id != base.id
    assert given_to(second, model) == [base.id]
    told = training["warm_start"]
    assert told["model"] == base.id
    assert "refused" not in told
    assert told["genres"]["carried"]
    assert told["words"]["carried"] > told["words"]["new"] >= 0
    assert f"warm start from model {base.id}" in done.stdout

    for span in (2, 1):  # unchanged: nothing is trained, whatever has been blessed since
        again = of_span(folder, span)
        done = again.run()
        assert done.returncode == 0, done.stdout + done.stderr
        states = again.states()
        assert {node for node, state in states.items() if state == "ran"} <= {
            "PreviousSpan", "BaseModel.lstm", "LatestBlessed.lstm", *(["Evaluator.lstm"] if span == 1 else []),
            *(["ComparisonReport", "Pusher.lstm"] if span == 1 else []),
        }  # fmt: skip
        assert states["Trainer.lstm"] == "cached"
