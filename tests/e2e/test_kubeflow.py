"""The compiled pipeline's containers, run one after the other as Kubeflow would, on a bucket that is a folder."""

import collections
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import kubeflow_dag, kubeflow_step, kubeflow_uris, sample
from pipeline.settings import load

pytestmark = pytest.mark.slow

BUCKET = "gs://bucket"
MODELS = ("cnn", "lstm", "fusion")
QUICK = {
    "lstm.epochs": 1, "lstm.folds": 2, "cnn.epochs": 1, "cnn.folds": 1, "kubeflow.image": "marquee:1",
    "transform.ngram_buckets": 1024, "transform.max_words": 16, "transform.image_size": 32,
}  # fmt: skip


class Kubeflow:
    """Fills in the placeholders of a compiled pipeline and runs its commands in this process."""

    def __init__(self, job: dict[str, Any]):
        self._spec = job["pipelineSpec"]
        self._root = job["runtimeConfig"]["gcsOutputDirectory"]
        self.outputs: dict[str, dict[str, Any]] = {}

    def run(self) -> list[str]:
        """Runs every task once those it depends on have; their names in that order."""
        tasks = dict(self._spec["root"]["dag"]["tasks"])
        order = []
        while tasks:
            name = next(name for name, task in tasks.items() if set(task.get("dependentTasks", [])) <= set(order))
            self._run(name, tasks.pop(name))
            order.append(name)
        return order

    def _run(self, name: str, task: dict[str, Any]) -> None:
        component = self._spec["components"][task["componentRef"]["name"]]
        container = self._spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        inputs = task.get("inputs", {})
        sources = {key: given["taskOutputArtifact"] for key, given in inputs.get("artifacts", {}).items()}
        made = {
            key: {"name": f"{name}/{key}", "uri": f"{self._root}/{name}/{key}", "type": each["artifactType"]}
            for key, each in component.get("outputDefinitions", {}).get("artifacts", {}).items()
        }
        file = f"{self._root}/{name}/output.json"
        invocation = {
            "inputs": {
                "parameterValues": {
                    key: given["runtimeValue"]["constant"] for key, given in inputs.get("parameters", {}).items()
                },
                "artifacts": {
                    key: {"artifacts": [self.outputs[source["producerTask"]][source["outputArtifactKey"]]]}
                    for key, source in sources.items()
                },
            },
            "outputs": {"artifacts": {key: {"artifacts": [each]} for key, each in made.items()}, "outputFile": file},
        }
        assert container["command"] == ["python", "-m", kubeflow_step.__name__]
        kubeflow_step.main([json.dumps(invocation) if each == "{{$}}" else each for each in container["args"]])
        told = json.loads(Path(kubeflow_uris.mounted(file)).read_text()).get("artifacts", {})
        self.outputs[name] = {key: made[key] | told[key]["artifacts"][0] for key in made}


def test_every_container_does_its_work_on_a_bucket(tmp_path, monkeypatch):
    monkeypatch.setitem(kubeflow_uris.MOUNTS, "gs://", f"{tmp_path}/gcs/")
    folder = Path(kubeflow_uris.mounted(BUCKET))
    sample.draw(folder / "films", films=150, seed=3)
    settings = load(None, {**QUICK, "data.root": f"{BUCKET}/films", "work": f"{BUCKET}/work"})
    # The set-up file of the image is not on this machine.
    monkeypatch.setattr(kubeflow_dag, "IMAGE_ROOT", kubeflow_dag.ROOT)
    kubeflow = Kubeflow(kubeflow_dag.compiled(settings, collections.defaultdict(str)).job)

    order = kubeflow.run()

    assert order[0] == "FilmExampleGen"
    assert order.index("DriftGate") < order.index("Transform") < order.index("Trainer-lstm")
    assert order.index("Trainer-lstm") < order.index("Trainer-fusion") < order.index("ComparisonReport")
    examples = kubeflow.outputs["FilmExampleGen"]["examples"]
    assert examples["uri"] == f"{BUCKET}/work/artifacts/FilmExampleGen/examples"
    assert examples["metadata"]["span"] == 2  # the latest
    drift = folder / "work" / "artifacts" / "DriftReport" / "drift_report" / "drift.json"
    assert json.loads(drift.read_text())["verdict"] == "no baseline"
    for name in MODELS:
        model = folder / "work" / "artifacts" / f"Trainer-{name}" / "model" / "Format-Serving" / "saved_model.pb"
        assert model.is_file()
        assert kubeflow.outputs[f"ServingCheck-{name}"]["blessing"]["metadata"]["blessed"]
        blessed = kubeflow.outputs[f"Evaluator-{name}"]["blessing"]["metadata"]["blessed"]
        pushed = list((folder / "work" / "serving_model" / name).glob("*/saved_model.pb"))
        assert len(pushed) == blessed
    comparison = folder / "work" / "artifacts" / "ComparisonReport" / "comparison" / "comparison.json"
    assert set(MODELS) < set(json.loads(comparison.read_text())["models"])
