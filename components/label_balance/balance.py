"""The content of label_balance.json, worked out from the label sets of each split."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from components.label_balance import weights
from components.label_balance.decisions import KEEP, LEAVE_OUT, MERGE, TEST, TRAIN, Decision, Rules, decide, relabelled
from components.label_balance.measures import (
    LabelSets,
    by_falling,
    cooccurrence,
    imbalance_ratios,
    measures,
    positives,
)
from transform.errors import MarqueeError


def balance_of(sets: Mapping[str, LabelSets], rules: Rules, *, beta: float, repeat_threshold: float) -> dict[str, Any]:
    """The balance of the labels, in an order that depends on the films alone; every number is finite.

    Args:
        sets: by split, films by sorted tuple of genres; "train" and "test" among the splits.
        rules: which genres are rare, and what becomes of them.
        beta: of `weights.effective_number`.
        repeat_threshold: of `weights.repeat_factor`.

    Returns:
        films: by split.
        genres: of each, by falling films: genre, films, share (of all films), splits (films by split), irlbl (in
            train, None where train has none), below (the splits whose minimum it misses), decision, because (a
            phrase, empty where the decision is "keep").
        labels: what the models learn, by falling films of train, then by name.
        relabel: the genres that change, with their label; "" where they have none.
        unlabelled: by split, films that have no label.
        measures: as `measures.measures`, of all films and of each split, on genres as they are in the data.
        cooccurrence: as `measures.cooccurrence`, of all films.
        weights: by label: positives (films of train), inverse_frequency and effective_number (of the label's absence
            and of its presence), repeat_factor.
        warnings: sentences.

    Raises:
        MarqueeError: no label is left.
    """
    everything: Counter[tuple[str, ...]] = sum((Counter(of_split) for of_split in sets.values()), Counter())
    films = {split: sum(of_split.values()) for split, of_split in sets.items()}
    found = positives(everything)
    by_split = {split: positives(of_split) for split, of_split in sets.items()}
    counts = {genre: {split: by_split[split][genre] for split in sets} for genre in by_falling(found)}
    ratios = imbalance_ratios(sets[TRAIN])

    decisions = decide(counts, rules)
    relabel = {genre: decision.label for genre, decision in decisions.items() if decision.label != genre}
    label_sets = {split: relabelled(of_split, relabel) for split, of_split in sets.items()}
    learnt = positives(label_sets[TRAIN])
    if not learnt:
        raise MarqueeError(_nothing_left(counts, rules))
    unlabelled = {split: of_split[()] for split, of_split in label_sets.items()}
    return {
        "films": films,
        "genres": [
            {
                "genre": genre,
                "films": found[genre],
                "share": found[genre] / everything.total(),
                "splits": counts[genre],
                "irlbl": ratios.get(genre),
                "below": list(decision.shortages),
                "decision": decision.action,
                "because": decision.because,
            }
            for genre, decision in decisions.items()
        ],
        "labels": by_falling(learnt),
        "relabel": relabel,
        "unlabelled": unlabelled,
        "measures": {
            split: measures(of_split, genres=len(found)) for split, of_split in {"all": everything, **sets}.items()
        },
        "cooccurrence": cooccurrence(everything),
        "weights": {
            label: {
                "positives": learnt[label],
                "inverse_frequency": weights.inverse_frequency(films[TRAIN] - learnt[label], learnt[label]),
                "effective_number": weights.effective_number(films[TRAIN] - learnt[label], learnt[label], beta),
                "repeat_factor": weights.repeat_factor(learnt[label] / films[TRAIN], repeat_threshold),
            }
            for label in by_falling(learnt)
        },
        "warnings": [
            *_of_genres(decisions),
            *_of_the_merged(decisions, rules, learnt[rules.merge_into], positives(label_sets[TEST])[rules.merge_into]),
            *_of_labels_on_every_film(learnt, films[TRAIN]),
            *_of_unlabelled(unlabelled),
        ],
    }


def _of_genres(decisions: Mapping[str, Decision]) -> list[str]:
    return [
        f"{genre}: {decision.because}: {decision.fate}."
        for genre, decision in decisions.items()
        if decision.action != KEEP
    ]


def _of_the_merged(decisions: Mapping[str, Decision], rules: Rules, train: int, test: int) -> list[str]:
    if all(decision.action != MERGE for decision in decisions.values()):
        return []
    shortages = rules.shortages({TRAIN: train, TEST: test})
    if not shortages:
        return []
    return [f"{rules.merge_into}, the merged genres together: {' and '.join(shortages.values())}: kept."]


def _of_labels_on_every_film(learnt: Mapping[str, int], films: int) -> list[str]:
    return [
        f"{label} is on every film of {TRAIN} ({films}): there is nothing to learn about it."
        for label in by_falling(learnt)
        if learnt[label] == films
    ]


def _of_unlabelled(unlabelled: Mapping[str, int]) -> list[str]:
    counts = ", ".join(f"{films} in {split}" for split, films in unlabelled.items() if films)
    return [f"Films that have no label left: {counts}."] if counts else []


def _nothing_left(counts: Mapping[str, Mapping[str, int]], rules: Rules) -> str:
    if not any(splits[TRAIN] for splits in counts.values()):
        return f"No film of {TRAIN} has a genre, so that there is nothing to learn. Bring more films."
    commonest = by_falling({genre: splits[TRAIN] for genre, splits in counts.items()})[0]
    return (
        f"No label is left: balance.on_rare is {LEAVE_OUT}, and every genre has fewer films than "
        f"balance.min_train = {rules.min_train} in {TRAIN} or balance.min_test = {rules.min_test} in {TEST} "
        f"({commonest}, the commonest, has {counts[commonest][TRAIN]} and {counts[commonest][TEST]}). "
        f"Lower the minimums, or set balance.on_rare to warn or merge."
    )
