"""The pipeline as a pure function of settings: nothing here touches a disk or the environment."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types

# Not from tfx.v1: it imports the clients of Google Cloud, which takes seven seconds.
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.dsl.components.base import base_node
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import infra_validator_pb2, pusher_pb2, trainer_pb2
from tfx.types import channel_utils

from components.analyzer_cache.resolver import analyzer_cache_resolver
from components.atomic_pusher.component import AtomicPusher
from components.base_model.resolver import base_model_resolver
from components.comparison_report.component import ComparisonReport
from components.drift_report.component import DriftReport
from components.drift_report.gate import DriftGate
from components.drift_report.previous_span import previous_span_resolver
from components.film_example_gen.component import FilmExampleGen
from components.film_example_validator.component import FilmExampleValidator
from components.film_schema_gen.component import FilmSchemaGen
from components.film_statistics import film_stats_options
from components.film_trainer.component import FilmTrainer
from components.film_transform.component import FilmTransform
from components.film_tuner.component import FilmTuner
from components.genre_evaluator.component import GenreEvaluator
from components.label_balance.component import LabelBalance
from components.latest_blessed.resolver import latest_blessed_resolver
from components.serving_check.component import ServingCheck
from components.span_window.resolver import span_window_resolver
from pipeline import beam
from pipeline.metadata import connection_config
from pipeline.paths import Paths
from pipeline.settings import FUSION, MODELS, PARTS, Settings
from pipeline.span_window import named_work
from pipeline.stack import TENSORFLOW_SERVING

PREPROCESSING, EXPLAIN = "transform.preprocessing", "trainer.explain"
TRAINERS = {name: f"trainer.{name}" for name in MODELS}
CODE = (PREPROCESSING, *TRAINERS.values(), EXPLAIN)  # modules whose functions components are given by import path


def create_pipeline(settings: Settings, paths: Paths, sources: Mapping[str, str]) -> Pipeline:
    """The DAG.

    Args:
        settings: what to run.
        paths: where the data is and where everything goes.
        sources: fingerprints: of the code that goes by import path, by module (`CODE`), and by the name of a model of
            the files that its settings name.
    """
    examples = FilmExampleGen(
        input_base=str(paths.data),
        pattern=settings.data.pattern,
        span=settings.data.span,
        layout=settings.data.layout,
    ).with_id("FilmExampleGen")
    statistics = StatisticsGen(examples=examples.outputs["examples"], stats_options=film_stats_options()).with_id(
        "StatisticsGen"
    )
    if paths.schema is None:
        schema = FilmSchemaGen(statistics=statistics.outputs["statistics"]).with_id("SchemaGen")
    else:
        schema = ImportSchemaGen(schema_file=str(paths.schema)).with_id("ImportSchemaGen")
    validator = FilmExampleValidator(
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        on_anomaly=settings.schema.on_anomaly,
    ).with_id("ExampleValidator")
    previous = previous_span_resolver("StatisticsGen", current=statistics.outputs["statistics"]).with_id("PreviousSpan")
    drift = DriftReport(
        statistics=statistics.outputs["statistics"],
        baseline_statistics=previous.outputs["statistics"],
        schema=schema.outputs["schema"],
    ).with_id("DriftReport")
    gate = DriftGate(drift_report=drift.outputs["drift_report"], on_drift=settings.drift.on_drift).with_id("DriftGate")
    # What is trained on; all else looks at this span alone.
    window = _window(settings, paths, examples, statistics)
    films, described = examples.outputs["examples"], statistics.outputs["statistics"]
    cache = None
    if window:
        films, described = window.outputs["examples"], window.outputs["statistics"]
        cache = analyzer_cache_resolver("Transform", examples=films).with_id("AnalyzerCache")
    balance = LabelBalance(
        examples=films,
        statistics=described,
        **dataclasses.asdict(settings.balance),
    ).with_id("LabelBalance")
    transform = FilmTransform(
        examples=films,
        schema=schema.outputs["schema"],
        label_balance=balance.outputs["label_balance"],
        preprocessing_fn=f"{PREPROCESSING}.preprocessing_fn",
        custom_config={**dataclasses.asdict(settings.transform), "source": sources[PREPROCESSING]},
        analyzer_cache=cache.outputs["analyzer_cache"] if cache else None,
    ).with_id("Transform")
    transform.add_upstream_nodes([validator, gate])

    nodes = [examples, statistics, schema, validator, previous, drift, gate]
    nodes += [node for node in (window, balance, cache, transform) if node]
    trainers: dict[str, FilmTrainer] = {}
    for name in MODELS:  # what another is made of comes before it
        if name in settings.models or FUSION in settings.models:
            parts = [trainers[part] for part in PARTS] if name == FUSION else []
            base = _base_model(name, settings, transform)
            given = _given(name, settings, sources, schema, balance, transform)
            search = _search(name, settings, given)
            trainers[name] = _trainer(name, given, parts, base, search)
            nodes += [node for node in (base, search, trainers[name]) if node]
        if name in settings.models:
            nodes += _model_nodes(name, settings, paths, examples, trainers[name].outputs["model"])
    nodes.append(_comparison(settings, sources, examples, window, transform, trainers, nodes))
    return Pipeline(
        pipeline_name=settings.name,
        pipeline_root=str(paths.artifacts),
        components=nodes,
        enable_cache=True,
        metadata_connection_config=connection_config(paths.metadata),
        beam_pipeline_args=beam.pipeline_args(),
    )


def _window(
    settings: Settings, paths: Paths, examples: FilmExampleGen, statistics: base_node.BaseNode
) -> base_node.BaseNode | None:
    if settings.data.window == 1:
        return None
    return span_window_resolver(
        "FilmExampleGen",
        "StatisticsGen",
        settings.data.window,
        named_work(settings, paths),
        current=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
    ).with_id("Window")


def _base_model(name: str, settings: Settings, transform: FilmTransform) -> base_node.BaseNode | None:
    if name not in PARTS or not settings.training(name).warm_start:
        return None
    return base_model_resolver(
        name,
        trainer_id=f"Trainer.{name}",
        evaluator_id=f"Evaluator.{name}",
        examples=transform.outputs["transformed_examples"],
    )


def _given(
    name: str,
    settings: Settings,
    sources: Mapping[str, str],
    schema: base_node.BaseNode,
    balance: LabelBalance,
    transform: FilmTransform,
) -> dict[str, Any]:
    """What Tuner and Trainer of a model are given alike."""
    return {
        "examples": transform.outputs["transformed_examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "schema": schema.outputs["schema"],
        "label_balance": balance.outputs["label_balance"],
        "train_args": trainer_pb2.TrainArgs(splits=["train"]),
        "eval_args": trainer_pb2.EvalArgs(splits=["eval"]),
        "custom_config": {
            "name": name,
            **(dataclasses.asdict(settings.training(name)) if name in PARTS else {}),
            **dataclasses.asdict(settings.transform),
            "source": sources[TRAINERS[name]] + sources.get(name, ""),
        },
    }


def _search(name: str, settings: Settings, given: Mapping[str, Any]) -> FilmTuner | None:
    if name not in PARTS or not settings.training(name).tuner:
        return None
    return FilmTuner(tuner_fn=f"{TRAINERS[name]}.tuner_fn", **given).with_id(f"Tuner.{name}")


def _trainer(
    name: str,
    given: Mapping[str, Any],
    parts: Sequence[FilmTrainer],
    base: base_node.BaseNode | None,
    search: FilmTuner | None,
) -> FilmTrainer:
    return FilmTrainer(
        run_fn=f"{TRAINERS[name]}.run_fn",
        **given,
        base_model=base.outputs["model"] if base else None,
        base_run=base.outputs["model_run"] if base else None,
        hyperparameters=search.outputs["best_hyperparameters"] if search else None,
        parts=channel_utils.union([part.outputs["model_run"] for part in parts]) if parts else None,
    ).with_id(f"Trainer.{name}")


def _model_nodes(
    name: str, settings: Settings, paths: Paths, examples: FilmExampleGen, model: types.BaseChannel
) -> list[base_node.BaseNode]:
    blessed = latest_blessed_resolver(
        name, trainer_id=f"Trainer.{name}", evaluator_id=f"Evaluator.{name}", candidate=model
    )
    evaluator = GenreEvaluator(
        examples=examples.outputs["examples"],
        model=model,
        baseline_model=blessed.outputs["model"],
        **dataclasses.asdict(settings.evaluation),
    ).with_id(f"Evaluator.{name}")
    check = _serving_check(settings, examples, model)
    pusher = AtomicPusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=check.outputs["blessing"] if check else None,
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(paths.serving / name))
        ),
        custom_config={"keep_versions": settings.serving.keep_versions},
    ).with_id(f"Pusher.{name}")
    checked = [check.with_id(f"ServingCheck.{name}")] if check else []
    return [blessed, evaluator, *checked, pusher]


def _comparison(
    settings: Settings,
    sources: Mapping[str, str],
    examples: FilmExampleGen,
    window: base_node.BaseNode | None,
    transform: FilmTransform,
    trainers: Mapping[str, FilmTrainer],
    nodes: Sequence[base_node.BaseNode],
) -> ComparisonReport:
    compared = [trainers[name] for name in settings.models]
    comparison = ComparisonReport(
        examples=examples.outputs["examples"],
        transformed_examples=transform.outputs["transformed_examples"],
        model=channel_utils.union([trainer.outputs["model"] for trainer in compared]),
        model_run=channel_utils.union([trainer.outputs["model_run"] for trainer in compared]),
        explain_fn=f"{EXPLAIN}.explain_fn",
        max_words=settings.transform.max_words,
        source=sources[EXPLAIN],
        learnt_examples=window.outputs["examples"] if window else None,
    ).with_id("ComparisonReport")
    comparison.add_upstream_nodes([node for node in nodes if isinstance(node, GenreEvaluator)])
    return comparison


def _serving_check(settings: Settings, examples: FilmExampleGen, model: types.BaseChannel) -> base_node.BaseNode | None:
    if settings.serving.check == "local":
        return ServingCheck(
            examples=examples.outputs["examples"], model=model, max_latency_ms=settings.serving.max_latency_ms
        )
    if settings.serving.check == "docker":
        # Needs Docker's client, and a Docker that runs.
        from tfx.components.infra_validator.component import InfraValidator

        specs = infra_validator_pb2
        return InfraValidator(
            model=model,
            examples=examples.outputs["examples"],
            serving_spec=specs.ServingSpec(
                tensorflow_serving=specs.TensorFlowServing(tags=[TENSORFLOW_SERVING]),
                local_docker=specs.LocalDockerConfig(),
            ),
            request_spec=specs.RequestSpec(
                tensorflow_serving=specs.TensorFlowServingRequestSpec(signature_names=["serving_examples"]),
                split_name="test",
                num_examples=10,
            ),
        )
    return None
