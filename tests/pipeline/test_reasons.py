"""Why a component ran, from two of its executions."""

import collections
import json
from pathlib import Path

import pytest

from pipeline import reasons
from pipeline.dag import create_pipeline
from pipeline.paths import Paths
from pipeline.reasons import Execution
from pipeline.settings import load

MAKERS = {1: "FilmExampleGen", 2: "FilmExampleGen", 3: "SchemaGen", 4: "Transform", 5: "Transform", 6: "Trainer.cnn"}


def trainer(inputs=None, **config) -> Execution:
    settings = {"epochs": 3, "image_size": 64, "source": "a" * 16, **config}
    return Execution(
        node="Trainer.cnn",
        parameters={"run_fn": "trainer.cnn.run_fn", "custom_config": json.dumps(settings)},
        inputs=inputs or {"examples": (4,)},
    )


def example_gen(span: int = 1, fingerprint: str = "one", **parameters) -> Execution:
    given = {
        "input_base": "/films",
        "range_config": f"span {span}",
        "span": span,
        "input_fingerprint": f"{fingerprint} of {span}",
        "input_config": f"span-{span}/*",
    }
    return Execution(node="FilmExampleGen", parameters=given | parameters, inputs={})


def why(now: Execution, before: Execution | None, **other) -> str:
    return reasons.why(now, before, MAKERS, **other)


def test_the_cache_the_first_time_and_a_resolver():
    cached = Execution(node="Transform", cached=True, parameters={}, inputs={})
    resolver = Execution(node="PreviousSpan", resolver=True, parameters={}, inputs={})
    assert why(cached, cached) == "cache: same inputs and settings"
    assert why(trainer(), None) == "ran: first time"
    assert why(resolver, resolver) == "ran: looks anew in every run"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"epochs": 5}, "settings changed (cnn.epochs 3 -> 5)"),
        ({"epochs": None}, "settings changed (cnn.epochs 3 -> none)"),
        ({"epochs": 5, "image_size": 48}, "settings changed (cnn.epochs 3 -> 5, transform.image_size 64 -> 48)"),
        ({"new": "x" * 99}, f"settings changed (Trainer.cnn's new none -> {'x' * 40}…)"),
        ({"source": "b" * 16}, "code of trainer/ changed"),
        ({"source": "a" * 16 + "f"}, "files that its settings name changed"),
        ({"inputs": {"examples": (5,)}}, "new examples from Transform"),
        ({"inputs": {"examples": (5,), "schema": (3,)}}, "new schema from SchemaGen; new examples from Transform"),
        ({"inputs": {"examples": (4,), "base_model": (6,)}}, "new base model from Trainer.cnn"),
        (
            {"epochs": 5, "inputs": {"examples": (5,)}},
            "settings changed (cnn.epochs 3 -> 5); new examples from Transform",
        ),
    ],
)
def test_what_changed_is_named(changed, said):
    found = why(trainer(**changed), trainer())
    assert sorted(found.removeprefix("ran: ").split("; ")) == sorted(said.split("; "))


def test_a_boolean_is_the_same_however_tfx_records_it():
    def evaluator(model: int, **parameters) -> Execution:
        return Execution(node="Evaluator.cnn", parameters=parameters, inputs={"model": (model,)})

    cached, again = evaluator(4, accept_baseline_reset="false"), evaluator(5, accept_baseline_reset=0)
    assert why(again, cached) == "ran: new model from Transform"
    said = why(evaluator(4, accept_baseline_reset=1), cached)
    assert said == "ran: settings changed (evaluation.accept_baseline_reset 0 -> 1)"


def test_an_input_that_is_gone_is_named():
    before = trainer(inputs={"examples": (4,), "base_model": (6,)})
    assert why(trainer(), before) == "ran: without base model that it had"


def test_what_our_own_code_writes_is_told_only_where_nothing_else_is():
    one, derived, both = (
        Execution(node="Evaluator.cnn", parameters={"eval_config": config, "max_map_drop": drop}, inputs={})
        for config, drop in (("one", 0.1), ("other", 0.1), ("other", 0.2))
    )
    assert why(derived, one) == "ran: eval_config changed"
    assert why(both, one) == "ran: settings changed (evaluation.max_map_drop 0.1 -> 0.2)"


def test_many_settings_are_counted():
    changed = trainer(epochs=4, image_size=48, seed=8, folds=2, patience=1)
    assert why(changed, trainer()).endswith(", 2 more)")


def test_another_span_is_not_told_as_its_consequences():
    assert why(example_gen(2), example_gen(1)) == "ran: settings changed (data.span 1 -> 2)"
    latest = [example_gen(span, range_config=None) for span in (1, 2)]
    assert why(latest[1], latest[0]) == "ran: span 1 -> 2"
    assert why(latest[0], example_gen(1)) == "ran: settings changed (data.span 1 -> latest)"
    assert why(example_gen(fingerprint="two"), example_gen()) == "ran: the files of span 1 changed"
    moved = example_gen(fingerprint="two", input_base="/other")
    assert why(moved, example_gen()) == "ran: settings changed (data.root /films -> /other)"


def test_nothing_that_changed():
    assert why(trainer(), trainer(), interrupted=True) == "ran: the last attempt did not finish"
    assert why(trainer(), trainer()).startswith("ran: same inputs and settings, but")


def test_a_custom_config_that_is_not_json_is_compared_as_text():
    one, other = (Execution(node="X", parameters={"custom_config": text}, inputs={}) for text in ("{", "[1]"))
    assert why(one, other) == "ran: settings changed (X's custom_config [1] -> {)"


def test_every_setting_that_reaches_a_component_is_told_by_its_own_name():
    paths = Paths(data=Path("/d"), work=Path("/w"), schema=None)
    keys = {
        "data.layout": "mm-imdb",
        "data.pattern": "films/{SPAN}",
        "schema.on_anomaly": "warn",
        "balance.min_train": 3,
        "drift.on_drift": "stop",
        "transform.max_words": 9,
        "cnn.learning_rate": 0.5,
        "lstm.folds": 2,
        "evaluation.max_map_drop": 0.5,
        "serving.max_latency_ms": 9.0,
        "serving.keep_versions": 2,
    }
    for key, value in keys.items():
        one, other = (
            create_pipeline(load(None, overrides), paths, collections.defaultdict(str))
            for overrides in ({}, {key: value})
        )
        told = [
            why(*(Execution(node=each.id, parameters=each.exec_properties, inputs={}) for each in (after, before)))
            for before, after in zip(one.components, other.components, strict=True)
            if before.exec_properties != after.exec_properties
        ]
        assert told
        assert all(f"({key} " in each for each in told), told
