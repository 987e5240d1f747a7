"""Why a component ran, or came from the cache: two of its executions compared, in a few words."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.settings import PARTS, Settings

CACHE = "cache: same inputs and settings"
FIRST = "ran: first time"
RESOLVED = "ran: looks anew in every run"
AGAIN = "ran: the last attempt did not finish"
UNKNOWN = "ran: same inputs and settings, but Beam's arguments or TFX changed, or its output was gone"

# Component, without its model -> tables of settings that its parameters are from.
TABLES = {
    "FilmExampleGen": ("data",),
    "ExampleValidator": ("schema",),
    "LabelBalance": ("balance",),
    "DriftGate": ("drift",),
    "Transform": ("transform",),
    "ComparisonReport": ("transform",),
    "Evaluator": ("evaluation",),
    "ServingCheck": ("serving",),
    "Pusher": ("serving",),
}
LEARNERS = ("Trainer", "Tuner")  # have the model's own table, too
RANGE = "range_config"
NAMES = {"input_base": "data.root", RANGE: "data.span", "schema_file": "schema.file"}
SOURCE = "source"  # fingerprint of the code that goes by import path; behind it, one of files that settings name
CODE_DIGITS = 16
FUNCTIONS = ("run_fn", "tuner_fn", "preprocessing_fn", "explain_fn")  # parameters with such a path
FINGERPRINT, SPAN = "input_fingerprint", "span"
FOLLOWS = ("input_config", SPAN)  # parameters of FilmExampleGen that its driver derives from others
DERIVED = ("eval_config", "stats_options_json")  # that our code derives from settings or from nothing but itself
BOOLEANS = {"false": 0, "true": 1}  # of an execution that came from the cache; TFX records others as numbers
LONGEST = 40  # characters of a value that are shown
MOST = 3  # settings that are named


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One execution of a component, as ML Metadata has it.

    Attributes:
        node: the component's id.
        cached: whether it came from the cache.
        resolver: whether it only looks artifacts up.
        parameters: execution properties by name.
        inputs: ids of the artifacts by name of the input.
    """

    node: str
    cached: bool = False
    resolver: bool = False
    parameters: Mapping[str, Any]
    inputs: Mapping[str, tuple[int, ...]]


def why(now: Execution, before: Execution | None, makers: Mapping[int, str], interrupted: bool = False) -> str:
    """What made a component run, as "ran: settings changed (cnn.epochs 3 -> 5)", or that nothing did.

    Args:
        now: the execution.
        before: the last one of the same component that finished; None where there was none.
        makers: artifact id to the id of the component that made it.
        interrupted: whether an attempt that did not finish lies between the two.
    """
    if now.cached:
        return CACHE
    if now.resolver:
        return RESOLVED
    if before is None:
        return FIRST
    changes = [*_code(now, before), *_settings(now, before), *_inputs(now, before, makers)]
    if changes:
        return f"ran: {'; '.join(changes)}"
    return AGAIN if interrupted else UNKNOWN


def flat(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with what is in `custom_config` among them."""
    flattened = {key: BOOLEANS.get(value, value) for key, value in parameters.items()}
    text = flattened.pop("custom_config", None)
    try:
        config = json.loads(text) if text else {}
    except ValueError:
        config = None
    return flattened | (config if isinstance(config, dict) else {"custom_config": text})


def setting(node: str, parameter: str) -> str | None:
    """The dotted key of the setting that a component's parameter comes from; None where it comes from none."""
    component, _, model = node.partition(".")
    if parameter in NAMES:
        return NAMES[parameter]
    tables: tuple[str, ...] = TABLES.get(component, ())
    if component in LEARNERS:
        tables = (model, "transform") if model in PARTS else ("transform",)
    for table in tables:
        if parameter in {field.name for field in dataclasses.fields(getattr(Settings(), table))}:
            return f"{table}.{parameter}"
    return None


def _code(now: Execution, before: Execution) -> Iterator[str]:
    new, old = flat(now.parameters), flat(before.parameters)
    is_, was = str(new.get(SOURCE, "")), str(old.get(SOURCE, ""))
    if is_[:CODE_DIGITS] != was[:CODE_DIGITS]:
        function = next((str(new[key]) for key in FUNCTIONS if new.get(key)), "")
        room = function.partition(".")[0]
        yield f"code of {room}/ changed" if room else "code changed"
    if is_[CODE_DIGITS:] != was[CODE_DIGITS:]:
        yield "files that its settings name changed"


def _settings(now: Execution, before: Execution) -> Iterator[str]:
    new, old = flat(now.parameters), flat(before.parameters)
    keys = sorted({*new, *old} - {SOURCE, FINGERPRINT, *FOLLOWS})
    changed = [key for key in keys if new.get(key) != old.get(key) and key not in DERIVED]
    if not changed:
        yield from (f"{key} changed" for key in DERIVED if new.get(key) != old.get(key))
    if changed:
        names = {key: setting(now.node, key) or f"{now.node}'s {key}" for key in changed[:MOST]}
        named = [f"{name} {_shown(key, old)} -> {_shown(key, new)}" for key, name in names.items()]
        more = [f"{len(changed) - MOST} more"] if len(changed) > MOST else []
        yield f"settings changed ({', '.join(named + more)})"
    if new.get(SPAN) != old.get(SPAN):
        if RANGE not in changed:
            yield f"span {old.get(SPAN)} -> {new.get(SPAN)}"
    elif new.get(FINGERPRINT) != old.get(FINGERPRINT) and "input_base" not in changed:
        yield f"the files of span {new.get(SPAN)} changed"


def _shown(key: str, parameters: Mapping[str, Any]) -> str:
    value = parameters.get(key)
    if key == RANGE:
        return str(parameters.get(SPAN)) if value else "latest"
    text = "none" if value in (None, "") else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _inputs(now: Execution, before: Execution, makers: Mapping[int, str]) -> Iterator[str]:
    new: dict[str, list[str]] = {}
    for key in sorted({*now.inputs, *before.inputs}):
        is_, was = set(now.inputs.get(key, ())), set(before.inputs.get(key, ()))
        if is_ - was:
            for maker in sorted({makers.get(artifact, "elsewhere") for artifact in is_ - was}):
                new.setdefault(maker, []).append(key.replace("_", " "))
        elif was - is_:
            yield f"without {key.replace('_', ' ')} that it had"
    for maker, keys in new.items():
        yield f"new {', '.join(keys)} from {maker}"
