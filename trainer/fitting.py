"""Trains one model as its recipe says: a committee of networks, decisions on what they have not seen, an export."""

import json
import logging
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import scipy
import sklearn
import tensorflow as tf
import tensorflow_transform as tft
from scipy.special import expit
from tfx import version
from tfx.components.trainer.fn_args_utils import FnArgs

from trainer import (
    backbone,
    data,
    decisions,
    embeddings,
    export,
    folds,
    heads,
    learning,
    likeness,
    linear,
    losses,
    metrics,
    warm_start,
)
from trainer.balance import Balance, balance_of
from trainer.evidence import Evidence
from trainer.recipe import Recipe, Task, choose, tuned
from transform import features
from transform.errors import MarqueeError

log = logging.getLogger("marquee.trainer")

# Settings that training.json repeats.
RECORDED = (
    "name", "variant", "seed", "batch_size", "image_size", "class_weights", "focal_gamma", "asymmetric_gamma_negative",
    "asymmetric_gamma_positive", "asymmetric_margin", "embeddings", "backbone", "backbone_scale",
)  # fmt: skip
VERSIONS = {
    "tfx": version.__version__,
    "tensorflow": tf.__version__,
    "keras": keras.__version__,
    "sklearn": sklearn.__version__,
    "scipy": scipy.__version__,
    "numpy": np.__version__,
    "python": platform.python_version(),
}
# What is solved leaves out half a fold at a time: to learn from nine tenths costs it seconds, and networks minutes.
PARTS_OF_FOLD = 2
WORDS = {features.HAS_POSTER: "a poster", features.HAS_OVERVIEW: "an overview"}  # what a presence flag tells


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a Trainer was given, read."""

    settings: Mapping[str, Any]
    files: Mapping[str, list[str]]  # patterns, by split
    surveys: Mapping[str, data.Survey]
    transformed: tft.TFTransformOutput
    genres: list[str]
    balance: Balance
    task: Task
    folder: Path  # of the ModelRun
    export: Path  # of the SavedModel

    @property
    def fingerprints(self) -> dict[str, str]:
        """Of the films, by split."""
        return {split: survey.fingerprint for split, survey in self.surveys.items()}

    def batches(self, split: str, **options: Any) -> tf.data.Dataset:
        """Batches of a split; options as `data.batches` takes them."""
        return data.batches(
            self.files[split], split, genres=len(self.genres), image_size=self.settings["image_size"],
            batch_size=self.settings["batch_size"], **options,
        )  # fmt: skip


def read(fn_args: FnArgs, recipe: Recipe | None = None) -> Job:
    """Reads what there is to know before any network is built.

    Args:
        fn_args: as `run` has them.
        recipe: of the networks that are to learn; None: none is.

    Raises:
        MarqueeError: the train or the eval split is empty, the label balance is of other genres than the transform
            graph, or word vectors or a backbone cannot be used.
    """
    settings: dict[str, Any] = fn_args.custom_config
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    genres = [name.decode() for name in transformed.vocabulary_by_name(features.GENRES_VOCABULARY)]
    balance = balance_of(settings["label_balance"], genres, settings.get("class_weights", "effective_number"))
    files = {"train": fn_args.train_files, "eval": fn_args.eval_files}
    surveys = {split: data.survey(patterns, split, len(genres)) for split, patterns in files.items()}
    folder = Path(fn_args.model_run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    task = Task(
        positives=balance.positives,
        films=len(surveys["train"].ids),
        image_size=settings["image_size"],
        vocabulary_size=settings["vocabulary_size"],
        ngram_buckets=settings["ngram_buckets"],
        vectors=_vectors(settings.get("embeddings"), transformed),
        backbone=_backbone(settings),
        class_weights=balance.weights if recipe and recipe.class_balance == "weights" else None,
    )
    return Job(
        settings=settings, files=files, surveys=surveys, transformed=transformed, genres=genres, balance=balance,
        task=task, folder=folder, export=Path(fn_args.serving_model_dir),
    )  # fmt: skip


def _vectors(path: str | None, transformed: tft.TFTransformOutput) -> dict[int, np.ndarray]:
    """Of the words of the vocabulary, by token id."""
    if not path:
        return {}
    words = [word.decode() for word in transformed.vocabulary_by_name(features.WORDS_VOCABULARY)]
    found = embeddings.read(Path(path), words)
    log.info("%s: %d of %d words have a vector", path, len(found), len(words))
    return {place + features.RESERVED_TOKENS: vector for place, vector in found.items()}


def _backbone(settings: Mapping[str, Any]) -> keras.Layer | None:
    path = settings.get("backbone")
    if not path:
        return None
    frozen = backbone.read(Path(path), settings["backbone_scale"], settings["image_size"])
    log.info("%s: backbone, %s x %s pixels to %d features", path, *frozen.side, frozen.size)
    return frozen


def run(fn_args: FnArgs, recipes: Mapping[str, Recipe]) -> keras.Model:
    """Trains on the train split, keeps the weights that are best on eval, and exports.

    Writes `history.json`, `training.json`, `evidence.npz`, `decisions.npz`, TensorBoard's logs and the network into the
    ModelRun artifact, the SavedModel into the Model artifact. Never reads the test split.

    Args:
        fn_args: TFX's; `custom_config` holds what RECORDED names, epochs, learning_rate, patience, folds, image_size,
            vocabulary_size, ngram_buckets, and `label_balance`, the content of label_balance.json. Where there are,
            also `base_model`, to start from, with `base` in `custom_config`, and the `hyperparameters` of a search.
        recipes: by variant.

    Returns:
        The model that was exported.

    Raises:
        MarqueeError: as `read`, no film of train has what the network learns from, or what it learnt is no number.
    """
    recipe = choose(recipes, fn_args.custom_config)
    found = (fn_args.hyperparameters or {}).get("values")
    if found is not None:
        recipe = tuned(recipe, found)
    job = read(fn_args, recipe)
    settings, survey = job.settings, job.surveys["train"]
    members, parts = _parted(survey, recipe, settings["seed"])
    fold, part = (folds.of_films(survey.ids, count, settings["seed"]) for count in (members, parts))
    start = _start(job, fn_args.base_model, recipe, members)
    networks: dict[str, keras.Model] = {}
    said: dict[str, list[np.ndarray]] = {}
    if recipe.ngrams:
        _check_flag(features.HAS_OVERVIEW, survey, settings["name"])
        networks[linear.HEAD], said[linear.HEAD] = _solved(job, part, parts)
    if recipe.likeness:
        _check_flag(features.HAS_POSTER, survey, settings["name"])
        networks[likeness.HEAD], said[likeness.HEAD] = _alike(job, part, parts)
    started = time.monotonic()
    networks[recipe.head], said[recipe.head], histories = _learnt(job, recipe, fold, members, start, settings["name"])
    _check_finite(histories, settings)
    history = _mean_history(histories)
    network = heads.side_by_side(networks, settings["name"])
    about = {
        **{key: settings[key] for key in RECORDED},
        "learning_rate": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "class_balance": recipe.class_balance,
        "hyperparameters": found,
        "folds": members,
        "warm_start": start.about,
        "epochs": len(history["loss"]),
        "seconds_per_epoch": round((time.monotonic() - started) / sum(len(each["loss"]) for each in histories), 2),
    }
    evidence = _evidence(job, {head: heads.presence(one) for head, one in networks.items()}, said, members)
    return finish(job, network, evidence, history, about)


def _parted(survey: data.Survey, recipe: Recipe, seed: int) -> tuple[int, int]:
    """How many folds networks leave out in turn, and how many parts heads that are solved do.

    One each, so that nothing is left out, where a fold or part holds all the films that a head could learn from.
    """
    members = folds.count(recipe.folds, len(survey.ids))
    if members == 1:
        return 1, 1
    parts = PARTS_OF_FOLD * members
    flags = [features.HAS_OVERVIEW] * recipe.ngrams + [features.HAS_POSTER] * recipe.likeness
    for films in [np.ones(len(survey.ids), bool), *(survey.present[flag] for flag in flags)]:
        for count in (members, parts):
            if films.any() and len(set(folds.of_films(survey.ids, count, seed)[films].tolist())) == 1:
                return 1, 1
    return members, parts


def _check_finite(histories: Sequence[Mapping[str, list[float]]], settings: Mapping[str, Any]) -> None:
    for member, history in enumerate(histories, start=1):
        for epoch, cost in enumerate(history["val_cross_entropy"], start=1):
            if not np.isfinite(cost):
                name = settings["name"]
                given = [key for key in ("learning_rate", "embeddings", "backbone") if settings.get(key)]
                asked = ", ".join(f"{name}.{key} = {settings[key]}" for key in given) or f"{name}.learning_rate"
                raise MarqueeError(
                    f"{name}: in epoch {epoch} of network {member} the cross-entropy on eval is no number: it "
                    f"diverged. Look at {asked}; a lower learning rate helps most."
                )


def finish(
    job: Job, network: keras.Model, evidence: Evidence, history: Mapping[str, list[float]], about: Mapping[str, Any]
) -> keras.Model:
    """Chooses the decisions, exports, and writes what a ModelRun holds.

    Args:
        job: what the Trainer was given.
        network: scores by head.
        evidence: of the same heads, on films that they have not learnt from.
        history: of learning.
        about: what else training.json says.

    Returns:
        The model that was exported: the network's inputs and presence flags -> `scores` and `thresholds`, [N, G] each.
    """
    plain = Task(**{**vars(job.task), "class_weights": None}).log_odds
    chosen = decisions.choose(evidence, plain)
    log.info(
        "%s: slopes of %s: %s", job.settings["name"], ", ".join(evidence.heads), np.round(chosen.slopes, 2).tolist()
    )
    inputs = {tensor.name: tensor for tensor in network.inputs}
    inputs |= {flag: keras.Input((), name=flag) for flag in evidence.flags}
    said = network({tensor.name: inputs[tensor.name] for tensor in network.inputs})
    scores, limits = decisions.Decide(chosen, name="Decide")(
        [said[head] for head in evidence.heads], [inputs[flag] for flag in evidence.flags]
    )
    model = keras.Model(inputs, {"scores": scores, "thresholds": limits}, name=job.settings["name"])
    export.save(model, job.transformed, _card(job, evidence, chosen), job.settings["image_size"], job.export)

    network.save(job.folder / heads.NETWORK_FILE)
    evidence.save(job.folder)
    chosen.save(job.folder)
    _write(job.folder / "history.json", history)
    before, after = expit(_mean_logits(evidence, plain)), decisions.scores_of(chosen, evidence)
    labels, on_eval = evidence.labels, evidence.on_eval
    training = {
        **about,
        "heads": list(evidence.heads),
        "films": job.task.films,
        "fingerprints": job.fingerprints,
        "parameters": network.count_params(),
        "slopes": {
            " and ".join(flag for flag, there in zip(evidence.flags, pattern, strict=True) if there): dict(
                zip(evidence.heads, np.round(slopes, 3).tolist(), strict=True)
            )
            for pattern, slopes in zip(chosen.patterns, chosen.slopes, strict=True)
            if pattern.any()
        },
        "calibration_error": {
            "before": metrics.expected_calibration_error(labels[on_eval], before[on_eval]),
            "after": metrics.expected_calibration_error(labels[on_eval], after[on_eval]),
        },
        "versions": VERSIONS,
    }
    _write(job.folder / "training.json", training)
    return model


def _mean_logits(evidence: Evidence, log_odds: np.ndarray) -> np.ndarray:
    """Of the heads that have what they look at, [N, G]; the log-odds of train where none has."""
    counts = (evidence.present[:, evidence.looks_at].T & evidence.told)[..., None]
    total = np.where(counts, evidence.logits, 0).sum(axis=0)
    return np.where(counts.any(axis=0), total / np.maximum(counts.sum(axis=0), 1), log_odds)


def made_of(job: Job) -> str:
    """What a training's result depends on beside seed and settings, for the log: films and versions."""
    films = [f"{split} {fingerprint}" for split, fingerprint in job.fingerprints.items()]
    return ", ".join([*films, *(f"{name} {version}" for name, version in VERSIONS.items())])


def learn_one(job: Job, recipe: Recipe, title: str) -> dict[str, list[float]]:
    """How a network learns from all of train, on its own: a trial of a search, of which nothing is kept.

    Returns:
        As `Learner.learn`.
    """
    fold = np.zeros(len(job.surveys["train"].ids), np.int64)
    _, _, [history] = _learnt(job, recipe, fold, 1, warm_start.Start(), title)
    return history


def _start(job: Job, model: str | None, recipe: Recipe, members: int) -> warm_start.Start:
    """What the committee begins with."""
    words = [word.decode() for word in job.transformed.vocabulary_by_name(features.WORDS_VOCABULARY)]
    names: warm_start.Names = {
        warm_start.WORDS: warm_start.token_names(words, job.task.vocabulary_size),
        warm_start.GENRES: job.genres,
    }
    now = {key: job.settings[key] for key in ("name", "variant", "seed")}
    now |= {"folds": members, "fingerprints": job.fingerprints}
    return warm_start.start(model, job.settings.get("base"), recipe, job.task, names, now)


def _learnt(
    job: Job, recipe: Recipe, fold: np.ndarray, members: int, start: warm_start.Start, title: str
) -> tuple[keras.Model, list[np.ndarray], list[dict]]:
    """A committee, what it says (of train where `members` is over 1, of eval), and how its members learnt.

    Progress is told under `title`.
    """
    learner = learner_of(job, recipe)
    networks, histories = [], []
    unseen = np.zeros((len(fold), len(job.genres)), np.float32)
    for member in range(members):
        network, said, history = learn_member(job, learner, fold, member, members, start, title)
        if said is not None:
            unseen[fold == member] = said
        networks.append(network)
        histories.append(history)
    committee = heads.committee(networks, recipe.head)
    on_train = [unseen] if members > 1 else []
    return committee, [*on_train, _said(committee, job.batches("eval"))], histories


def learner_of(job: Job, recipe: Recipe) -> learning.Learner:
    """What the members of a committee learn by."""
    return learning.Learner(
        recipe, job.task, losses.loss_of(recipe.class_balance, job.settings, job.balance.weights), job.settings
    )


def learn_member(
    job: Job,
    learner: learning.Learner,
    fold: np.ndarray,
    member: int,
    members: int,
    start: warm_start.Start,
    title: str,
) -> tuple[keras.Model, np.ndarray | None, dict[str, list[float]]]:
    """One network of a committee, which leaves its own fold out, unless it is the only one.

    Args:
        job: what the Trainer was given.
        learner: as `learner_of` makes it.
        fold: of each film of train, int64 [N].
        member: its number, from 0.
        members: how many there are.
        start: what the committee begins with.
        title: what progress is told under.

    Returns:
        The network, its logits of the films left out, [n, G], where there are any, and its history.
    """
    settings, survey = job.settings, job.surveys["train"]
    times = np.ones(len(fold), np.int64)
    if learner.recipe.class_balance == "oversample":
        times = data.repeats(survey, job.balance.repeat_factors, settings["seed"])
    keras.utils.set_random_seed(settings["seed"] + member)
    network = learner.recipe.build(job.task)
    start.give(network, member)
    if not member:
        _check_flag(heads.presence(network), survey, settings["name"])
        log.info(
            "%s %s: %s parameters, %d films, %d an epoch, %d folds, seed %d, %s",
            title, settings["variant"], f"{network.count_params():,}", len(fold), times.sum(), members,
            settings["seed"], made_of(job),
        )  # fmt: skip
    left_out = (fold == member) & (members > 1)
    films = job.batches(
        "train", shuffle=settings["seed"], repeated=times * ~left_out, by_length=learner.recipe.by_length
    )
    history = learner.learn(
        network, films, job.batches("eval"),
        job.folder / f"member-{member + 1}", title if members == 1 else f"{title} {member + 1}/{members}",
    )  # fmt: skip
    said = None
    if left_out.any():
        said = heads.logits_of(learner.scores(job.batches("train", repeated=left_out.astype(np.int64))))
    return network, said, history


def _solved(job: Job, part: np.ndarray, parts: int) -> tuple[keras.Model, list[np.ndarray]]:
    """The n-gram head, and what it says: of train where `parts` is over 1, of eval."""
    started = time.monotonic()
    ngrams = {split: data.ngram_matrix(files, job.task.ngram_buckets) for split, files in job.files.items()}
    used = linear.used(ngrams["train"])
    ngrams = {split: films[:, used] for split, films in ngrams.items()}
    kernel, bias, said = _in_turn(job, features.HAS_OVERVIEW, ngrams["train"], linear.solve, part, parts)
    log.info("%s: n-grams solved, %.0f s", job.settings["name"], time.monotonic() - started)
    return linear.network(job.task, used, kernel, bias), [*said, ngrams["eval"] @ kernel + bias]


def _alike(job: Job, part: np.ndarray, parts: int) -> tuple[keras.Model, list[np.ndarray]]:
    """The likeness head, and what it says, as `_solved`."""
    started = time.monotonic()
    survey, seed = job.surveys["train"], job.settings["seed"]
    landmarks = likeness.landmarks(survey.ids, survey.present[features.HAS_POSTER], seed)
    films = job.batches("train", repeated=landmarks.astype(np.int64))
    measure = likeness.measure(np.concatenate([inputs[features.PIXELS].numpy() for inputs, _ in films]), seed)
    like = {split: measure.predict(learning.inputs_of(measure, job.batches(split)), verbose=0) for split in job.surveys}

    def solve(learnt: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return likeness.solve(learnt, like["train"][landmarks], labels)

    kernel, bias, said = _in_turn(job, features.HAS_POSTER, like["train"], solve, part, parts)
    log.info("%s: likeness solved, %.0f s", job.settings["name"], time.monotonic() - started)
    return likeness.network(job.task, measure, kernel, bias), [*said, like["eval"] @ kernel + bias]


def _in_turn(
    job: Job, flag: str, films: Any, solve: Callable[..., tuple[np.ndarray, np.ndarray]], part: np.ndarray, parts: int
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Solves for the train split without each part in turn, or for all of it where there is one.

    Returns:
        The mean kernel [D, G] and bias [G], and, where there are several parts, what each film was told by those that
        had not learnt from it, [N, G].
    """
    survey = job.surveys["train"]
    kernels: Any = 0.0  # a sum, since one of n-grams takes 20 MB
    biases: Any = 0.0
    unseen = np.zeros((len(part), len(job.genres)), np.float32)
    for number in range(parts):
        left_out = (part == number) & (parts > 1)
        learnt = survey.present[flag] & ~left_out
        kernel, bias = solve(films[learnt], survey.labels[learnt])
        unseen[left_out] = films[left_out] @ kernel + bias
        kernels, biases = kernels + kernel, biases + bias
    return kernels / parts, biases / parts, [unseen] if parts > 1 else []


def _said(network: keras.Model, films: tf.data.Dataset) -> np.ndarray:
    return heads.logits_of(network.predict(learning.inputs_of(network, films), verbose=0))


def _evidence(job: Job, flags: Mapping[str, str], said: Mapping[str, list[np.ndarray]], members: int) -> Evidence:
    surveys = [job.surveys[split] for split in ("train", "eval")[members == 1 :]]
    names = sorted(set(flags.values()))
    return Evidence(
        films=np.concatenate([np.array(survey.ids) for survey in surveys]),
        on_eval=np.concatenate([np.full(len(survey.ids), survey is surveys[-1]) for survey in surveys]),
        labels=np.concatenate([survey.labels for survey in surveys]),
        flags=names,
        present=np.stack([np.concatenate([survey.present[flag] for survey in surveys]) for flag in names], axis=1),
        heads=list(said),
        looks_at=np.array([names.index(flags[head]) for head in said]),
        logits=np.stack([np.concatenate(parts) for parts in said.values()]).astype(np.float32),
    )


def _card(job: Job, evidence: Evidence, chosen: decisions.Decisions) -> dict[str, Any]:
    """What marquee.json says."""
    limits = chosen.thresholds
    missing = {}
    if len(evidence.flags) > 1:
        rows = {
            flag: chosen.rows(np.array([[other != flag for other in evidence.flags]]))[0] for flag in evidence.flags
        }
        missing = {export.RAW[flag]: limits[row].tolist() for flag, row in rows.items()}
    return {
        "name": job.settings["name"],
        "variant": job.settings.get("variant", "default"),
        "genres": job.genres,
        "thresholds": limits[-1].tolist(),
        "thresholds_without": missing,
        "seed": job.settings.get("seed"),
    }


def _check_flag(flag: str, survey: data.Survey, name: str) -> None:
    """Refuses a network of which no film of train has any input."""
    if not survey.present[flag].any():
        raise MarqueeError(
            f"No film of the train split has {WORDS[flag]}, and {name} learns from nothing else: leave {name} out of "
            "MODELS."
        )


def _mean_history(histories: list[dict[str, list[float]]]) -> dict[str, list[float]]:
    """By epoch, the mean over the members that still learnt."""
    longest = max(len(history["loss"]) for history in histories)
    return {
        name: [
            float(np.mean([history[name][epoch] for history in histories if epoch < len(history[name])]))
            for epoch in range(longest)
        ]
        for name in histories[0]
    }


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
