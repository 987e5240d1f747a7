"""Measures of multi-label imbalance, of label sets alone.

Definitions: IRLbl, MeanIR and CVIR of Charte, Rivera, del Jesus, Herrera 2015, "Addressing imbalance in multilabel
classification: Measures and random resampling algorithms", Neurocomputing 163, 3-16; SCUMBLE of the same authors 2014,
"Concurrence among imbalanced labels and its influence on multilabel resampling algorithms" (HAIS 2014), and 2019,
"Dealing with difficult minority labels in imbalanced mutilabel data sets", Neurocomputing 326-327, 39-53;
cardinality and density of Tsoumakas, Katakis 2007, "Multi-label classification: An overview".

Throughout, `sets` says how many films have which genres, by the genres' sorted tuple.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

LabelSet = tuple[str, ...]
LabelSets = Mapping[LabelSet, int]


def positives(sets: LabelSets) -> Counter[str]:
    """How many films have each genre."""
    found: Counter[str] = Counter()
    for genres, films in sets.items():
        for genre in genres:
            found[genre] += films
    return found


def imbalance_ratios(sets: LabelSets) -> dict[str, float]:
    """IRLbl of each genre that occurs: films of the commonest genre over films of this one, 1 or more."""
    found = positives(sets)
    most = max(found.values(), default=0)
    return {genre: most / films for genre, films in found.items()}


def measures(sets: LabelSets, genres: int) -> dict[str, Any]:
    """The measures of one split; None where one is not defined.

    Args:
        sets: the label sets of the split.
        genres: how many genres the data have, in any split.

    Returns:
        mean_ir: the mean of IRLbl. Genres that the split does not have are left out here and below: their IRLbl
            would be infinite.
        max_ir: the greatest IRLbl.
        cv_ir: the standard deviation of IRLbl (with n - 1) over its mean; None for fewer than two genres.
        scumble: see `scumble`.
        cardinality: genres of a film, on average.
        density: cardinality over `genres`.
        label_sets: how many different label sets there are.
        films: how many films.
    """
    films = sum(sets.values())
    ratios = imbalance_ratios(sets)
    mean = math.fsum(ratios.values()) / len(ratios) if ratios else None
    cardinality = sum(positives(sets).values()) / films if films else None
    return {
        "mean_ir": mean,
        "max_ir": max(ratios.values(), default=None),
        "cv_ir": _deviation(list(ratios.values()), mean) / mean if mean and len(ratios) > 1 else None,
        "scumble": scumble(sets),
        "cardinality": cardinality,
        "density": cardinality / genres if cardinality is not None and genres else None,
        "label_sets": len(sets),
        "films": films,
    }


def scumble(sets: LabelSets) -> float | None:
    """How much rare genres come together with common ones in the same films: 0 never, towards 1 always.

    The mean over films of 1 - (geometric mean of IRLbl) / (arithmetic mean of IRLbl), both over the film's own
    genres; 0 for a film without genres. None without films.
    """
    films = sum(sets.values())
    if not films:
        return None
    ratios = imbalance_ratios(sets)
    return math.fsum(_concurrence([ratios[genre] for genre in genres]) * n for genres, n in sets.items()) / films


def cooccurrence(sets: LabelSets) -> dict[str, Any]:
    """How many films have both of two genres, and how much that is beside chance.

    Returns:
        genres: by falling number of films, then by name; G of them.
        films: int [G, G], symmetric; on the diagonal the films of the genre.
        lift: float [G, G], symmetric: the share of films that have both over the product of the shares of films
            that have either; 1 is chance. None on the diagonal.
    """
    everything = sum(sets.values())
    found = positives(sets)
    genres = by_falling(found)
    together: Counter[LabelSet] = Counter()
    for label_set, films in sets.items():
        for pair in combinations(label_set, 2):
            together[pair] += films
            together[pair[::-1]] += films
    return {
        "genres": genres,
        "films": [[found[one] if one == other else together[one, other] for other in genres] for one in genres],
        "lift": [
            [
                None if one == other else together[one, other] * everything / (found[one] * found[other])
                for other in genres
            ]
            for one in genres
        ],
    }


def by_falling(films: Mapping[str, int]) -> list[str]:
    """Genres or labels by falling number of films, then by name."""
    return sorted(films, key=lambda name: (-films[name], name))


def _deviation(values: Sequence[float], mean: float) -> float:
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _concurrence(ratios: Sequence[float]) -> float:
    if not ratios:
        return 0.0
    arithmetic = math.fsum(ratios) / len(ratios)
    geometric = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
    return max(0.0, 1 - geometric / arithmetic)  # rounding can take equal ones below 0
