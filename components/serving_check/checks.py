"""What a served model must answer: each function takes what was seen and gives what is wrong, in words. Pure.

An answer is what a serving signature gave for N films, by output name: `scores` float32 [N, G], `genres` [N, G],
`predicted` int64 [N, G], `top_genres` [N, 3], `top_scores` float32 [N, 3]; strings as bytes.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

Answer = Mapping[str, np.ndarray]

SIGNATURES = {"serving_default": {"poster", "overview"}, "serving_examples": {"examples"}}  # inputs that they may have
FOR_THE_EVALUATOR = ("evaluate", "transform_labels")
OUTPUTS = {
    "scores": "DT_FLOAT",
    "genres": "DT_STRING",
    "predicted": "DT_INT64",
    "top_genres": "DT_STRING",
    "top_scores": "DT_FLOAT",
}
TOP = 3
TOLERANCE = 1e-4  # between scores that are the same but for the order of additions


def of_metadata(signatures: Mapping[str, Any]) -> list[str]:
    """Of SignatureDefs by name, as GetModelMetadata gives them; other signatures may be there."""
    wrong = []
    for name, allowed in SIGNATURES.items():
        if name not in signatures:
            wrong.append(f"no signature {name}")
            continue
        inputs = set(signatures[name].inputs)
        if not inputs or not inputs <= allowed:
            wrong.append(f"{name} takes {_listed(inputs)} instead of {_listed(allowed)}")
        there = {key: _dtype_name(info.dtype) for key, info in signatures[name].outputs.items()}
        if there != OUTPUTS:
            wrong.append(f"{name} gives {_listed(f'{key} {kind}' for key, kind in there.items())}")
    return wrong + [f"no signature {name}" for name in FOR_THE_EVALUATOR if name not in signatures]


def of_answer(answer: Answer, films: int, genres: Sequence[str], thresholds: np.ndarray) -> list[str]:
    """Of the shapes, the numbers and the names in an answer.

    Args:
        answer: of one signature.
        films: N.
        genres: [G], in the order in which the Evaluator has them.
        thresholds: float32 [N, G].
    """
    shapes = dict.fromkeys(("scores", "genres", "predicted"), (films, len(genres)))
    shapes |= dict.fromkeys(("top_genres", "top_scores"), (films, TOP))
    wrong = [
        f"{name} has the shape {list(answer[name].shape)} instead of {list(shape)}"
        for name, shape in shapes.items()
        if answer[name].shape != shape
    ]
    if wrong:
        return wrong
    scores = answer["scores"]
    unusable = int((~(np.isfinite(scores) & (scores >= 0) & (scores <= 1))).any(axis=1).sum())
    if unusable:
        return [f"{unusable} of {films} films got a score that is no number from 0 to 1"]
    if films and list(answer["genres"][0]) != [genre.encode() for genre in genres]:
        return [f"the genres are in the order {_row(answer['genres'][0])}, the Evaluator's is {', '.join(genres)}"]
    if (answer["genres"] != answer["genres"][:1]).any():
        wrong.append("the order of the genres differs from film to film")
    if (answer["predicted"] != (scores >= thresholds)).any():
        wrong.append("predicted is not what scores and thresholds give")
    best = -np.sort(-scores, axis=1)[:, :TOP]
    if not np.array_equal(answer["top_scores"][:, : best.shape[1]], best):
        wrong.append("top_scores are not the highest scores")
    elif not _are_named(answer["top_genres"][:, : best.shape[1]], best, scores, genres):
        wrong.append("top_genres are not the genres of the highest scores")
    return wrong


def of_agreement(first: np.ndarray, second: np.ndarray, between: str) -> list[str]:
    """Of two sets of scores [N, G] for the same films."""
    if first.shape != second.shape:
        return [f"{between}: shapes {list(first.shape)} and {list(second.shape)}"]
    apart = float(np.max(np.abs(first - second), initial=0.0))
    return [] if apart <= TOLERANCE else [f"{between}: up to {apart:.2g} apart"]


def of_labels(labels: np.ndarray, genres: Sequence[str], films: Sequence[Collection[str]]) -> list[str]:
    """Of the columns of the Evaluator's labels: each must be the genre whose name the answers give it.

    Args:
        labels: float32 [N, G], from the same model's `transform_labels`.
        genres: [G], names of the columns as served.
        films: the genres that each film has in the data. One whose genres are not all among `genres` may have got
            another label instead, where rare genres are merged.
    """
    if labels.shape != (len(films), len(genres)):
        return [f"transform_labels has the shape {list(labels.shape)} instead of {[len(films), len(genres)]}"]
    known, mistaken = set(genres), []
    for column, genre in enumerate(genres):
        for row, own in enumerate(films):
            labelled = bool(labels[row, column])
            if (genre in own and not labelled) or (labelled and genre not in own and set(own) <= known):
                mistaken.append(genre)
                break
    return [f"the columns of {', '.join(mistaken)} are other genres'"] if mistaken else []


def of_latency(seconds: Sequence[float], limit_ms: float) -> list[str]:
    """Of the times of single requests, one after the other; the median counts."""
    median = 1000 * float(np.median(seconds))
    return [] if median <= limit_ms else [f"a film takes {median:.0f} ms, allowed are {limit_ms:g}"]


def _are_named(names: np.ndarray, best: np.ndarray, scores: np.ndarray, genres: Sequence[str]) -> bool:
    """Whether each name [N, K] is that of a genre with the score `best` [N, K]; equal scores may stand in any order."""
    columns = {genre.encode(): column for column, genre in enumerate(genres)}
    for row, said in enumerate(names):
        if len({*said}) < len(said) or not columns.keys() >= {*said}:
            return False
        if not np.array_equal(scores[row, [columns[name] for name in said]], best[row]):
            return False
    return True


def _dtype_name(dtype: int) -> str:
    from tensorflow.core.framework import types_pb2

    return types_pb2.DataType.Name(dtype)


def _row(values: np.ndarray) -> str:
    return ", ".join(value.decode(errors="replace") for value in values)


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "nothing"
