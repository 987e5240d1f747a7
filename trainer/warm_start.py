"""Warm start: a committee that begins with the weights of the last blessed model of an earlier span.

A new span has vocabularies of its own, in an order of its own: what a network knows of words and genres goes by name,
all else as it is. Member k goes on from member k, which has left the same fold of films out: folds go by a hash of the
id and a film never changes split, so what a member is asked about as unseen, it has not seen in any span.
"""

import json
import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from trainer import backbone, heads
from trainer.recipe import Recipe, Task
from transform import features

log = logging.getLogger("marquee.trainer")

WORDS, GENRES = "words", "genres"  # kinds of axes that go by name
# Of training.json, what has to be the same, and why.
SAME = {
    "variant": "its network is another",
    "seed": "its members have left other films out",
    "folds": "its members have left other films out",
}

Names = Mapping[str, Sequence[Hashable]]  # by kind of axis, of each place along it
Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Start:
    """What the members of a committee begin with.

    Attributes:
        about: what training.json says of it; None: there was nothing to start from.
        weights: of each member of the base, in the order of a network's weights; empty: all are drawn anew.
        kinds: by weight, the axes that go by name, with their kinds.
        places: by kind, places along the axis of those names that both know: here, and in the base.
    """

    about: Mapping[str, Any] | None = None
    weights: Sequence[Sequence[np.ndarray]] = ()
    kinds: Sequence[Mapping[int, str]] = ()
    places: Mapping[str, tuple[list[int], list[int]]] = field(default_factory=dict)

    def give(self, network: keras.Model, member: int) -> None:
        """Puts the base's weights into a network that has just been built, the `member`th of the committee from 0."""
        if self.weights:
            for weight, base, kinds in zip(_weights(network), self.weights[member], self.kinds, strict=True):
                weight.assign(self._carried(weight.numpy(), base, kinds))

    def _carried(self, fresh: np.ndarray, base: np.ndarray, kinds: Mapping[int, str]) -> np.ndarray:
        here, there = [], []
        for axis, length in enumerate(fresh.shape):
            both = self.places[kinds[axis]] if axis in kinds else (range(length), range(length))
            here.append(both[0])
            there.append(both[1])
        carried = fresh.copy()
        carried[np.ix_(*here)] = base[np.ix_(*there)]
        return carried


def token_names(words: Sequence[str], vocabulary_size: int) -> list[Hashable]:
    """The name of each token id: the reserved ones are called by their numbers, which no word is."""
    return [*range(features.RESERVED_TOKENS), *words][:vocabulary_size]


def start(
    model: str | None, base: Mapping[str, Any] | None, recipe: Recipe, task: Task, names: Names, now: Mapping[str, Any]
) -> Start:
    """Looks at what there is to start from, and tells of it in one line.

    A model that cannot be started from stops nothing: the weights are drawn anew, and training.json says why.

    Args:
        model: the base's SavedModel, as TFX's Trainer gives it; None: none.
        base: `model`, the id of its artifact, and `run`, the folder of its ModelRun.
        recipe: of the networks that are to be trained.
        task: of theirs.
        names: of words and genres, by kind.
        now: as training.json will have it: name, variant, seed, folds, and the fingerprints of the films by split.
    """
    if not model or not base:
        return Start()
    source = {"model": base["model"], "run": base["run"]}
    title = f"{now['name']}: warm start from model {base['model']}"
    try:
        begun = _start(Path(model), Path(base["run"]), recipe, task, names, now)
    except _Refused as reason:
        log.warning("%s is not possible, weights are drawn anew: %s", title, reason)
        return Start(about={**source, "refused": str(reason)})
    carried, new = _split(names[GENRES], begun.places[GENRES][0])
    about = {**source, GENRES: {"carried": carried, "new": new}}
    said = f"{len(carried)} of {len(names[GENRES])} genres"
    if WORDS in begun.places:
        counts = [sum(isinstance(name, str) for name in part) for part in _split(names[WORDS], begun.places[WORDS][0])]
        about[WORDS] = dict(zip(("carried", "new"), counts, strict=True))
        said += f", {counts[0]:,} of {sum(counts):,} words"
    log.info("%s: %s", title, said)
    return replace(begun, about=about)


class _Refused(Exception):
    """Why a base cannot be started from."""


def _start(model: Path, run: Path, recipe: Recipe, task: Task, names: Names, now: Mapping[str, Any]) -> Start:
    card, before = (
        json.loads(_text(path)) for path in (model / "assets.extra" / "marquee.json", run / "training.json")
    )
    for key, why in SAME.items():
        if before.get(key) != now[key]:
            raise _Refused(f"{key} was {before.get(key)!r} and is {now[key]!r}; {why}")
    if before["fingerprints"]["train"] == now["fingerprints"]["train"]:
        raise _Refused("it was trained on the very same films")
    plain = recipe.build(task)
    kinds = _kinds(recipe, task)
    known = {GENRES: card["genres"]}
    if any(WORDS in each.values() for each in kinds):
        words = _text(model / "assets" / features.WORDS_VOCABULARY).rstrip("\n").split("\n")
        known[WORDS] = token_names(words, len(words) + features.RESERVED_TOKENS)
    networks = _members(run / heads.NETWORK_FILE, recipe.head)
    if _backbones(plain) != _backbones(networks[0]):
        raise _Refused("its backbone is another")
    weights = [[weight.numpy() for weight in _weights(network)] for network in networks]
    shapes = [tuple(weight.shape) for weight in _weights(plain)]
    if _fixed(shapes, kinds) != _fixed([weight.shape for weight in weights[0]], kinds):
        raise _Refused("its network has other layers, or layers of other sizes")
    rows = {kind: _rows(weights[0], kinds, kind) for kind in known}
    places = {kind: _places(names[kind], list(known[kind])[: rows[kind]]) for kind in known}
    return Start(weights=weights, kinds=kinds, places=places)


def _kinds(recipe: Recipe, task: Task) -> list[dict[int, str]]:
    """Of each weight of a network the axes of words and of genres: those that grow with them."""

    def shapes(of: Task) -> list[Shape]:
        return [tuple(weight.shape) for weight in _weights(recipe.build(of))]

    plain = shapes(task)
    more = {
        GENRES: shapes(replace(task, positives=[*task.positives, 0], class_weights=None)),
        WORDS: shapes(replace(task, vocabulary_size=task.vocabulary_size + 1)),
    }
    return [
        {axis: kind for kind in more for axis in range(len(shape)) if more[kind][number][axis] != shape[axis]}
        for number, shape in enumerate(plain)
    ]


def _members(path: Path, head: str) -> list[keras.Model]:
    try:
        return heads.members(keras.saving.load_model(path, compile=False), head)
    except Exception as error:  # Keras raises whatever its layers do
        raise _Refused(f"it cannot be read ({(str(error).strip() or type(error).__name__).splitlines()[0]})") from error


def _weights(network: keras.Model) -> list[keras.Variable]:
    """Of a network, but for a frozen backbone's."""
    frozen = {id(weight) for layer in _frozen(network) for weight in layer.weights}
    return [weight for weight in network.weights if id(weight) not in frozen]


def _frozen(network: keras.Model) -> list[backbone.Backbone]:
    return [layer for layer in network.layers if isinstance(layer, backbone.Backbone)]


def _backbones(network: keras.Model) -> list[tuple[str, str]]:
    return [(layer.content, layer.scale) for layer in _frozen(network)]


def _fixed(shapes: Sequence[Shape], kinds: Sequence[Mapping[int, str]]) -> list[list[int | None]]:
    """Shapes, without the lengths that words and genres decide."""
    if len(shapes) != len(kinds):
        return []
    return [
        [None if axis in kind else length for axis, length in enumerate(shape)]
        for shape, kind in zip(shapes, kinds, strict=True)
    ]


def _rows(weights: Sequence[np.ndarray], kinds: Sequence[Mapping[int, str]], kind: str) -> int:
    """How long the axes of a kind are."""
    return next(
        weight.shape[axis] for weight, each in zip(weights, kinds, strict=True) for axis in each if each[axis] == kind
    )


def _places(here: Sequence[Hashable], there: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """Of the names in both, in the order of the first: their places in each."""
    place = {name: number for number, name in enumerate(there)}
    both = [(number, place[name]) for number, name in enumerate(here) if name in place]
    return [number for number, _ in both], [number for _, number in both]


def _split(names: Sequence[Hashable], carried: Sequence[int]) -> tuple[list[Hashable], list[Hashable]]:
    """Those in some of the places, and the others."""
    within = set(carried)
    places = range(len(names))
    return [names[place] for place in places if place in within], [
        names[place] for place in places if place not in within
    ]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()  # as it is: a word may hold what Python takes for the end of a line
    except OSError as error:
        raise _Refused(f"{path.name} cannot be read ({error.strerror})") from error
