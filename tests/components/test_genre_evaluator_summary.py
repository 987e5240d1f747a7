"""Verdicts and summaries from figures alone: no TensorFlow here."""

import json
from typing import Any

import pytest

from components.genre_evaluator.summary import Baseline, Card, Results, Verdict, judge, summarize

AGAINST = "mean average precision 0.500 against 0.550 of the last blessed model (12)"
CARD = Card("cnn", ("Drama", "Comedy"), (0.4, 0.3))


def results(**figures: float) -> Results:
    """100 films, 60 of them dramas and 20 comedies: always answering Drama gives 2 * 60 / (100 + 80)."""
    overall = {
        "films": 100.0,
        "micro_f1": 0.8,
        "mean_average_precision": 0.5,
        "unusable_films": 0.0,
        "score_range": 0.9,
        "all_genres_micro_f1": 0.57,
        "all_genres_macro_f1": 0.54,
        **figures,
    }
    genres = {column: {"f1": 0.7, "support": support} for column, support in enumerate((60.0, 20.0))}
    return Results({"": overall, "has_poster=no": overall | {"films": 9.0}}, genres)


def baseline(genres: tuple[str, ...] = CARD.genres, evaluated: bool = True) -> Baseline:
    card = Card("cnn", genres, (0.5,) * len(genres))
    return Baseline(12, "/models/12", card, results(mean_average_precision=0.55) if evaluated else None)


def verdict(figures: Results, before: Baseline | None, *failed: str, reset: bool = False) -> Verdict:
    return judge(CARD, figures, before, failed, max_map_drop=0.01, baseline_reset=reset)


BEATS = "micro-F1 0.800 beats the best constant predictor's 0.667 (Drama)"
ALONE = "no blessed model to compare with"


@pytest.mark.parametrize(
    ("got", "blessed", "reasons"),
    [
        (verdict(results(), None), True, [BEATS, ALONE]),
        (
            verdict(results(micro_f1=0.6), None, "micro_f1_margin"),
            False,
            ["micro-F1 0.600 does not beat the best constant predictor's 0.667 (Drama)", ALONE],
        ),
        (
            verdict(results(), baseline()),
            True,
            [BEATS, f"{AGAINST}: not fallen by over 0.01"],
        ),
        (
            verdict(results(), baseline(), "mean_average_precision"),
            False,
            [BEATS, f"{AGAINST}: fallen by over 0.01"],
        ),
        (
            verdict(results(), baseline(), reset=True),
            True,
            [BEATS, "the comparison with the last blessed model (12) was left out: --accept-baseline-reset"],
        ),
        (
            verdict(results(), baseline(("Drama", "War"), evaluated=False)),
            False,
            [
                BEATS,
                "cannot be compared with the last blessed model (12), whose genres differ (new: Comedy; gone: War); "
                "if that is meant, run again with --accept-baseline-reset",
            ],
        ),
        (
            verdict(results(unusable_films=3), None, "unusable_films"),
            False,
            [BEATS, "3 of 100 films got a score that is not a number", ALONE],
        ),
        (verdict(results(score_range=0), None), True, [BEATS, "every film got the same scores", ALONE]),
    ],
)
def test_verdict(got: Verdict, blessed: bool, reasons: list[str]) -> None:
    assert got == Verdict(blessed, tuple(reasons))


def test_summary_is_json_in_which_undefined_figures_are_null() -> None:
    figures = results(mean_average_precision=float("nan"))
    judged = Verdict(True, ("because",))
    summary: dict[str, Any] = summarize(CARD, figures, baseline(), judged, baseline_reset=True)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["metrics"]["mean_average_precision"] is None
    assert summary["constant"] == {
        "micro_f1": pytest.approx(120 / 180),
        "macro_f1": pytest.approx(0.5 * 120 / 160),
        "genres": ["Drama"],
    }
    assert summary["per_genre"][1] == {"genre": "Comedy", "f1": 0.7, "support": 20, "threshold": 0.3}
    assert list(summary["slices"]) == ["has_poster=no"]
    assert summary["slices"]["has_poster=no"]["films"] == 9
    assert summary["baseline"]["model_id"] == 12
    assert (summary["baseline_reset"], summary["blessed"], summary["reasons"]) == (True, True, ["because"])
