"""Settings: one frozen tree of dataclasses, read from TOML, overridden by dotted keys, checked once."""

import dataclasses
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.stack import tomllib
from transform.errors import MarqueeError

LARGEST_SEED = 2**31 - 1  # numpy takes 32 bits, and each member of a committee has one of its own


@dataclass(frozen=True, kw_only=True)
class Data:
    root: str = ""  # folder that holds the spans; empty: <work>/sample
    pattern: str = "span-{SPAN}"  # of a span's folder below root, in TFX's notation
    span: int | None = None  # none: the latest
    window: int = 1  # spans that are trained on: this one, and those of the numbers before it
    layout: Literal["auto", "coursework", "mm-imdb"] = "auto"


@dataclass(frozen=True, kw_only=True)
class Sample:
    films: int = 600
    seed: int = 7


@dataclass(frozen=True, kw_only=True)
class Schema:
    file: str = "schema/schema.pbtxt"  # used where it exists, else the schema is inferred
    on_anomaly: Literal["stop", "warn"] = "stop"


@dataclass(frozen=True, kw_only=True)
class Balance:
    min_train: int = 10  # films of a genre in train; below it the genre is rare
    min_test: int = 3
    on_rare: Literal["warn", "merge", "leave_out"] = "warn"
    merge_into: str = "Other"
    beta: float = 0.999  # of the effective number of films, Cui et al. 2019
    repeat_threshold: float = 0.1  # share of films from which on a genre is not oversampled


@dataclass(frozen=True, kw_only=True)
class Drift:
    on_drift: Literal["warn", "stop"] = "warn"


@dataclass(frozen=True, kw_only=True)
class Transform:
    image_size: int = 64  # pixels, square
    vocabulary_size: int = 10_000  # padding and unknown included
    max_words: int = 128  # of one overview
    ngram_buckets: int = 1_048_576  # that n-grams of words and of letters are hashed into, half each


@dataclass(frozen=True, kw_only=True)
class Training:
    variant: Literal["default", "reference"] = "default"
    epochs: int | None = None  # none: the variant's own number
    batch_size: int = 64
    learning_rate: float | None = None  # none: the variant's own
    folds: int | None = None  # parts of train, each left out by one network; none: the variant's own number
    patience: int = 8  # epochs without a better cross-entropy on eval before training stops
    seed: int = 7
    warm_start: bool = False  # begin with the weights of the last blessed model of an earlier span
    tuner: bool = False  # search learning rate, weight decay, dropout and width beforehand
    tuner_trials: int = 10  # networks that the search trains, one after the other
    class_balance: Literal["auto", "none", "weights", "oversample", "focal", "asymmetric"] = "auto"  # the variant's own
    class_weights: Literal["effective_number", "inverse_frequency"] = "effective_number"  # for "weights"
    focal_gamma: float = 2.0  # for "focal"
    asymmetric_gamma_negative: float = 4.0  # for "asymmetric", Ridnik et al. 2021
    asymmetric_gamma_positive: float = 1.0
    asymmetric_margin: float = 0.05
    embeddings: str = ""  # file of word vectors in GloVe's text format that the default lstm starts from; empty: none
    backbone: str = ""  # Keras file or SavedModel folder of a network whose features the default cnn learns on
    backbone_scale: Literal["0..255", "0..1", "-1..1"] = "0..255"  # what the backbone takes pixels as


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    max_map_drop: float = 0.01  # mean average precision that may be lost against the last blessed model
    accept_baseline_reset: bool = False  # bless without that comparison, and record it


@dataclass(frozen=True, kw_only=True)
class Serving:
    check: Literal["local", "docker", "none"] = "local"  # by marquee's server, TFX's InfraValidator, or not at all
    max_latency_ms: float = 500.0  # that the median request of one film may take, in the local check
    keep_versions: int = 5  # newest versions of a model that stay, beside those that a label names


@dataclass(frozen=True, kw_only=True)
class Beam:
    engine: Literal["direct", "portable", "flink", "spark", "dataflow"] = "direct"
    workers: int = 1  # direct: processes, 1 is this one; elsewhere: how many work at once
    threads: int = 1  # direct: that work at once, in this process
    address: str = ""  # host:port of a job server (portable) or of Flink's job manager, or spark://host:port
    environment: Literal["LOOPBACK", "PROCESS", "EXTERNAL", "DOCKER"] = "LOOPBACK"  # of workers; LOOPBACK: here
    environment_config: str = ""  # what Beam's --environment_config takes for it
    options: tuple[str, ...] = ()  # more of Beam's arguments, as "--region=europe-west4"


@dataclass(frozen=True, kw_only=True)
class Kubeflow:
    image: str = ""  # that holds Marquee and its locked stack; needed by `marquee compile --to kubeflow`


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides how the pipeline runs."""

    name: str = "marquee"
    work: str = "work"
    models: tuple[str, ...] = ("cnn", "lstm", "fusion")
    data: Data = field(default_factory=Data)
    sample: Sample = field(default_factory=Sample)
    schema: Schema = field(default_factory=Schema)
    balance: Balance = field(default_factory=Balance)
    drift: Drift = field(default_factory=Drift)
    transform: Transform = field(default_factory=Transform)
    cnn: Training = field(default_factory=Training)
    lstm: Training = field(default_factory=Training)
    evaluation: Evaluation = field(default_factory=Evaluation)
    serving: Serving = field(default_factory=Serving)
    beam: Beam = field(default_factory=Beam)
    kubeflow: Kubeflow = field(default_factory=Kubeflow)

    def training(self, model: str) -> Training:
        return getattr(self, model)


PARTS = tuple(name for name, kind in typing.get_type_hints(Settings).items() if kind is Training)
FILES = ("embeddings", "backbone")  # settings of a Training that name files of the user's
FUSION = "fusion"  # of all the others, and without settings of its own
MODELS = (*PARTS, FUSION)


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings from a TOML file and overrides on top.

    Args:
        path: a TOML file, or None for the defaults alone.
        overrides: dotted key ("cnn.epochs") to value; a string is read as TOML where the key is no string.

    Raises:
        MarqueeError: unreadable file, unknown key, value of the wrong type or out of range; the message
            names the key, the value and what is allowed.
    """
    table: dict[str, Any] = {}
    origin = "the command line"
    if path is not None:
        origin = str(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise MarqueeError(f"{path}: cannot be read ({error.strerror}).") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise MarqueeError(f"{path}: not valid TOML: {error}.") from error
    for key, value in (overrides or {}).items():
        *parents, leaf = key.split(".")
        level = table
        for parent in parents:
            level = level.setdefault(parent, {})
            if not isinstance(level, dict):
                raise MarqueeError(f"{key} = {value!r}: {parent} is not a table of settings.")
        level[leaf] = value
        origin = f"{origin} or the command line" if path is not None else origin
    settings = _build(Settings, table, "", origin)
    _check_ranges(settings)
    return settings


def as_json(settings: Settings) -> str:
    """The whole tree, for a child process: `from_json` undoes it."""
    return json.dumps(dataclasses.asdict(settings))


def from_json(text: str) -> Settings:
    return _build(Settings, json.loads(text), "", "MARQUEE_SETTINGS")


def _build(cls: type, table: Mapping[str, Any], prefix: str, origin: str) -> Any:
    hints = typing.get_type_hints(cls)
    values = {}
    for key, value in table.items():
        dotted = prefix + key
        if key not in hints:
            allowed = ", ".join(prefix + name for name in hints)
            raise MarqueeError(f"{dotted} = {value!r}: no such setting in {origin}. Allowed here: {allowed}.")
        kind = hints[key]
        if dataclasses.is_dataclass(kind):
            if not isinstance(value, Mapping):
                raise MarqueeError(f"{dotted} = {value!r}: is a table of settings, such as [{dotted}].")
            values[key] = _build(typing.cast(type, kind), value, f"{dotted}.", origin)
        else:
            values[key] = _value(dotted, value, kind)
    return cls(**values)


def _value(key: str, value: Any, kind: Any) -> Any:
    options = typing.get_args(kind)
    if typing.get_origin(kind) is Literal:
        if value in options:
            return value
        raise MarqueeError(f"{key} = {value!r}: allowed are {', '.join(map(repr, options))}.")
    if typing.get_origin(kind) is tuple:
        items = value.replace(",", " ").split() if isinstance(value, str) else value
        if isinstance(items, (list, tuple)) and all(isinstance(item, str) for item in items):
            return tuple(items)
        raise MarqueeError(f"{key} = {value!r}: allowed is a list of strings.")
    allowed = options if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, str) and str not in allowed:
        value = _parse(key, value, allowed)
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) in allowed:  # not isinstance: True is an int
        return value
    raise MarqueeError(f"{key} = {value!r}: allowed is {_names(allowed)}.")


def _parse(key: str, text: str, allowed: tuple[type, ...]) -> Any:
    if text == "" and type(None) in allowed:
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise MarqueeError(f"{key} = {text!r}: allowed is {_names(allowed)}.") from None


def _names(kinds: tuple[type, ...]) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}
    named = " or ".join(words[kind] for kind in kinds if kind is not type(None))
    return named + (" (leave the key out for the default)" if type(None) in kinds else "")


def _check_ranges(settings: Settings) -> None:
    unknown = [name for name in settings.models if name not in MODELS]
    if unknown or not settings.models or len(set(settings.models)) < len(settings.models):
        raise MarqueeError(f"models = {list(settings.models)!r}: allowed is any of {', '.join(MODELS)}, each once.")
    if not settings.name.isidentifier():
        raise MarqueeError(f"name = {settings.name!r}: allowed are letters, digits and underscores.")
    least: dict[str, tuple[float | None, float]] = {
        "data.span": (settings.data.span, 0),
        "data.window": (settings.data.window, 1),
        "sample.films": (settings.sample.films, 20),
        "sample.seed": (settings.sample.seed, 0),
        "balance.min_train": (settings.balance.min_train, 0),
        "balance.min_test": (settings.balance.min_test, 0),
        "balance.repeat_threshold": (settings.balance.repeat_threshold, 0),
        "transform.image_size": (settings.transform.image_size, 16),
        "transform.vocabulary_size": (settings.transform.vocabulary_size, 3),
        "transform.ngram_buckets": (settings.transform.ngram_buckets, 2),
        "transform.max_words": (settings.transform.max_words, 1),
        "evaluation.max_map_drop": (settings.evaluation.max_map_drop, 0),
        "serving.max_latency_ms": (settings.serving.max_latency_ms, 0),
        "serving.keep_versions": (settings.serving.keep_versions, 1),
        "beam.workers": (settings.beam.workers, 1),
        "beam.threads": (settings.beam.threads, 1),
    }
    for name in PARTS:
        training = settings.training(name)
        least |= {
            f"{name}.epochs": (training.epochs, 1),
            f"{name}.batch_size": (training.batch_size, 1),
            f"{name}.learning_rate": (training.learning_rate, 1e-9),
            f"{name}.patience": (training.patience, 1),
            f"{name}.folds": (training.folds, 1),
            f"{name}.tuner_trials": (training.tuner_trials, 1),
            f"{name}.seed": (training.seed, 0),
            f"{name}.focal_gamma": (training.focal_gamma, 0),
            f"{name}.asymmetric_gamma_negative": (training.asymmetric_gamma_negative, 0),
            f"{name}.asymmetric_gamma_positive": (training.asymmetric_gamma_positive, 0),
            f"{name}.asymmetric_margin": (training.asymmetric_margin, 0),
        }
    for key, (value, minimum) in least.items():
        if value is not None and not value >= minimum:
            raise MarqueeError(f"{key} = {value!r}: allowed is {minimum} or more.")
    for name in PARTS:
        if settings.training(name).seed > LARGEST_SEED:
            raise MarqueeError(f"{name}.seed = {settings.training(name).seed}: allowed is {LARGEST_SEED} or less.")
    if not 0 <= settings.balance.beta < 1:
        raise MarqueeError(f"balance.beta = {settings.balance.beta!r}: allowed is 0 or more, less than 1.")
    for name in PARTS:
        if settings.training(name).embeddings and (name, settings.training(name).variant) != ("lstm", "default"):
            raise MarqueeError(f"{name}.embeddings: only the default variant of lstm starts from word vectors.")
        if settings.training(name).backbone and (name, settings.training(name).variant) != ("cnn", "default"):
            raise MarqueeError(f"{name}.backbone: only the default variant of cnn learns on a backbone.")
        if settings.training(name).tuner and settings.training(name).variant != "default":
            raise MarqueeError(f"{name}.tuner: only the default variant is searched; the reference is what it is.")
    _check_beam(settings.beam)
    if not settings.work:
        raise MarqueeError("work = '': allowed is the path of a folder.")


def _check_beam(beam: Beam) -> None:
    if beam.threads > 1 and (beam.engine != "direct" or beam.workers > 1):
        raise MarqueeError(
            f"beam.threads = {beam.threads}: only engine 'direct' has threads, and in place of several workers."
        )
    if beam.engine in ("portable", "flink") and not re.fullmatch(r"[^\s:/]+:\d+", beam.address):
        raise MarqueeError(
            f"beam.address = {beam.address!r}: engine {beam.engine!r} needs the host:port of its server."
        )
    if beam.engine == "spark" and not beam.address:
        raise MarqueeError("beam.address = '': engine 'spark' needs its master, as spark://host:7077.")
    for option in beam.options:
        if not option.startswith("--"):
            raise MarqueeError(f"beam.options: {option!r} is no argument of Beam's, as --region=europe-west4.")
    if beam.engine == "dataflow":
        given = {option.partition("=")[0] for option in beam.options}
        missing = [name for name in ("--project", "--region", "--temp_location") if name not in given]
        if missing:
            raise MarqueeError(f"beam.options: engine 'dataflow' needs {', '.join(missing)}.")
