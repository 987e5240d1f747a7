"""What an evaluation amounts to: `summary.json` and the reasons for the verdict. Pure functions."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.genre_evaluator import multilabel

OVERALL = ""


@dataclass(frozen=True)
class Card:
    """The part of a model's `marquee.json` that an evaluation needs."""

    name: str
    genres: tuple[str, ...]  # in the order of the labels' columns
    thresholds: tuple[float, ...]


@dataclass
class Results:
    """One model's figures by name: of each slice ("" is all films, else "feature=value"), of each genre."""

    slices: dict[str, dict[str, float]] = field(default_factory=dict)
    genres: dict[int, dict[str, float]] = field(default_factory=dict)  # by column, over all films

    @property
    def overall(self) -> dict[str, float]:
        return self.slices[OVERALL]


@dataclass(frozen=True)
class Baseline:
    """The last blessed model."""

    model_id: int
    uri: str
    card: Card
    results: Results | None  # None where it was not evaluated, its label set being another


@dataclass(frozen=True)
class Verdict:
    """Whether the model is blessed, and why."""

    blessed: bool
    reasons: tuple[str, ...]


def judge(
    card: Card,
    results: Results,
    baseline: Baseline | None,
    failed: Collection[str],
    *,
    max_map_drop: float,
    baseline_reset: bool,
) -> Verdict:
    """The verdict in words.

    Args:
        card: the candidate's.
        results: the candidate's.
        baseline: the last blessed model, if there is one.
        failed: names of the figures whose threshold TFMA found broken.
        max_map_drop: the allowed fall of the mean average precision.
        baseline_reset: the comparison was left out on purpose.
    """
    figures = results.overall
    films = int(figures["films"])
    micro_f1 = figures["micro_f1"]
    constant = _best_constant(card, results)
    named = ", ".join(constant["genres"])
    beats = "does not beat" if "micro_f1_margin" in failed else "beats"
    reasons = [f"micro-F1 {micro_f1:.3f} {beats} the best constant predictor's {constant['micro_f1']:.3f} ({named})"]
    if not any(genre["support"] for genre in results.genres.values()):
        reasons.append("no film of the test split has a genre that the model knows")
    if "unusable_films" in failed:
        reasons.append(f"{int(figures['unusable_films'])} of {films} films got a score that is not a number")
    if films > 1 and figures["score_range"] == 0:
        reasons.append("every film got the same scores")
    comparable = baseline is None or baseline_reset or baseline.results is not None
    reasons.append(
        _comparison(
            card,
            figures["mean_average_precision"],
            baseline,
            fell="mean_average_precision" in failed,
            max_map_drop=max_map_drop,
            baseline_reset=baseline_reset,
        )
    )
    return Verdict(comparable and not failed, tuple(reasons))


def _comparison(
    card: Card,
    mean_average_precision: float,
    baseline: Baseline | None,
    *,
    fell: bool,
    max_map_drop: float,
    baseline_reset: bool,
) -> str:
    if baseline is None:
        return "no blessed model to compare with"
    last = f"the last blessed model ({baseline.model_id})"
    if baseline_reset:
        return f"the comparison with {last} was left out: --accept-baseline-reset"
    if baseline.results is None:
        new = ", ".join(sorted(set(card.genres) - set(baseline.card.genres))) or "none"
        gone = ", ".join(sorted(set(baseline.card.genres) - set(card.genres))) or "none"
        return (
            f"cannot be compared with {last}, whose genres differ (new: {new}; gone: {gone}); "
            "if that is meant, run again with --accept-baseline-reset"
        )
    before = baseline.results.overall["mean_average_precision"]
    change = f"mean average precision {mean_average_precision:.3f} against {before:.3f} of {last}"
    return f"{change}: fallen by over {max_map_drop:g}" if fell else f"{change}: not fallen by over {max_map_drop:g}"


def summarize(
    card: Card, results: Results, baseline: Baseline | None, verdict: Verdict, *, baseline_reset: bool
) -> dict[str, Any]:
    """The content of `summary.json`; a figure that is undefined is None."""
    overall = results.overall
    return {
        "model": card.name,
        "films": int(overall["films"]),
        "genres": list(card.genres),
        "metrics": _metrics(overall),
        "constant": _best_constant(card, results),
        "all_genres": {
            "micro_f1": overall["all_genres_micro_f1"],
            "macro_f1": overall["all_genres_macro_f1"],
        },
        "per_genre": [
            {
                "genre": genre,
                **{name: _defined(value) for name, value in results.genres[column].items()},
                "support": int(results.genres[column]["support"]),
                "threshold": card.thresholds[column],
            }
            for column, genre in enumerate(card.genres)
        ],
        "slices": {
            name: {"films": int(figures["films"]), **_metrics(figures)}
            for name, figures in sorted(results.slices.items())
            if name != OVERALL
        },
        "baseline": None if baseline is None else _baseline(baseline),
        "baseline_reset": baseline_reset,
        "blessed": verdict.blessed,
        "reasons": list(verdict.reasons),
    }


def _baseline(baseline: Baseline) -> dict[str, Any]:
    return {
        "model_id": baseline.model_id,
        "uri": baseline.uri,
        "genres": list(baseline.card.genres),
        "metrics": None if baseline.results is None else _metrics(baseline.results.overall),
    }


def _best_constant(card: Card, results: Results) -> dict[str, Any]:
    support = np.array([results.genres[column]["support"] for column in range(len(card.genres))])
    best = multilabel.best_constant(support, int(results.overall["films"]))
    return {
        "micro_f1": best.micro_f1,
        "macro_f1": best.macro_f1,
        "genres": [card.genres[column] for column in best.genres],
    }


def _metrics(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _defined(value) for name, value in figures.items() if name != "films"}


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
