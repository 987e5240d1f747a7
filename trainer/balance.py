"""The balance of the labels, as LabelBalance worked it out, in the order of the network's outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transform.errors import MarqueeError


@dataclass(frozen=True, kw_only=True)
class Balance:
    """By genre, G of each.

    Attributes:
        positives: films of the train split with the genre.
        weights: of its absent and of its present labels, [G, 2].
        repeat_factors: how often a film of the genre is to be seen in an epoch, 1 or more.
    """

    positives: Sequence[int]
    weights: Sequence[Sequence[float]]
    repeat_factors: Sequence[float]


def balance_of(content: Mapping[str, Any], genres: Sequence[str], class_weights: str) -> Balance:
    """Reads label_balance.json.

    Args:
        content: of the file.
        genres: the vocabulary of the transform graph.
        class_weights: which weights, "effective_number" or "inverse_frequency".

    Raises:
        MarqueeError: the file and the graph have different genres.
    """
    weights = content["weights"]
    if set(weights) != set(genres):
        balance, graph = (
            ", ".join(sorted(only)) or "none" for only in (set(weights) - set(genres), set(genres) - set(weights))
        )
        raise MarqueeError(
            f"label_balance.json and the transform graph have different genres (only the file: {balance}; only the "
            f"graph: {graph}). They come from different runs: run LabelBalance and Transform again."
        )
    return Balance(
        positives=[weights[genre]["positives"] for genre in genres],
        weights=[weights[genre][class_weights] for genre in genres],
        repeat_factors=[weights[genre]["repeat_factor"] for genre in genres],
    )
