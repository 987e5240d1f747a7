"""What changed between two sets of films: measures worked out by hand, words, and spans that no one would wish for."""

import dataclasses
import json
import math

import numpy as np
import pytest

from components.drift_report.compare import compare
from components.film_schema_gen.schema import schema_of
from tests.statistics import statistics_of
from transform.errors import MarqueeError

GENRES = ("Comedy", "Drama", "Thriller", "War")
SCHEMA = schema_of(GENRES)
RNG = np.random.default_rng(5)
WORDS, LUMA, WIDTH = RNG.normal(50, 10, 1000), RNG.uniform(0, 1, 1000), np.full(1000, 182.0)


def films(count=1000, genres=None, **numbers):
    shares = genres or {"Drama": 500, "Comedy": 300, "Thriller": 200}
    given = {"overview_words": WORDS, "poster_luma": LUMA, "poster_width": WIDTH} | numbers
    return statistics_of(count, shares, given)


def rows_of(comparison):
    json.dumps(dataclasses.asdict(comparison), allow_nan=False)
    return {(row.feature, row.metric): row for row in comparison.comparisons}


def drifted(comparison):
    return {row.feature for row in comparison.comparisons if row.drifted}


def test_the_same_films_have_not_drifted():
    same = compare(films(), films(), SCHEMA)
    assert same.verdict == "ok"
    assert same.sentences == []
    rows = rows_of(same)
    assert {(feature, metric) for feature, metric in rows} == {
        ("genres", "l_infinity"),
        ("genres", "jensen_shannon"),
        ("overview_words", "jensen_shannon"),
        ("poster_luma", "jensen_shannon"),
        ("poster_width", "jensen_shannon"),
        ("overview", "presence"),
        ("poster", "presence"),
        ("films", "films"),
    }
    assert all(row.threshold is not None for row in rows.values())
    assert {row.value for key, row in rows.items() if key[0] != "films"} == {0}


def test_genres_are_measured_as_worked_out_by_hand():
    after = films(genres={"Drama": 400, "Comedy": 280, "Thriller": 320})
    found = compare(films(), after, SCHEMA)
    rows = rows_of(found)
    assert rows["genres", "l_infinity"].value == pytest.approx(0.12)
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.28, 0.32])
    m = (p + q) / 2
    divergence = sum(0.5 * a * math.log2(a / c) + 0.5 * b * math.log2(b / c) for a, b, c in zip(p, q, m, strict=True))
    assert rows["genres", "jensen_shannon"].value == pytest.approx(divergence, abs=1e-5)
    assert found.verdict == "drift"
    assert found.sentences == ["genres: Thriller 20.0 % -> 32.0 %, Drama 50.0 % -> 40.0 %, Comedy 30.0 % -> 28.0 %"]
    assert found.genres[0] == {
        "genre": "Thriller",
        "before": 0.2,
        "after": 0.32,
        "change": pytest.approx(0.12),
    }


@pytest.mark.parametrize(
    ("numbers", "feature", "words"),
    [
        ({"overview_words": WORDS + 40}, "overview_words", "mean 50.02 -> 90.02"),
        ({"poster_luma": LUMA * 0.3}, "poster_luma", "mean 0.4"),
        ({"poster_width": WIDTH * 3}, "poster_width", "mean 182 -> 546, median 182 -> 546"),
        ({"overview_words": WORDS[:800]}, "overview", "100.0 % -> 80.0 % of the films have an overview"),
        ({"poster_width": WIDTH[:800]}, "poster", "100.0 % -> 80.0 % of the films have a poster"),
    ],
)
@pytest.mark.parametrize("kind", ["drift", "skew"])
def test_each_feature_drifts_alone_and_is_named(numbers, feature, words, kind):
    found = compare(films(), films(**numbers), SCHEMA, kind)
    assert drifted(found) == {feature}
    assert found.sentences[0].startswith(f"{feature}: ")
    assert words.split(" ->")[0].split(" 50.02")[0] in found.sentences[0]


def test_no_baseline_is_not_ok():
    found = compare(None, films(), SCHEMA)
    assert found.verdict == "no baseline"
    assert found.comparisons == found.sentences == []
    assert found.films == {"before": None, "after": 1000}
    assert {row["before"] for row in found.genres} == {None}
    json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_an_empty_baseline_is_none_and_an_empty_span_drifts():
    empty = statistics_of(0, {})
    assert compare(empty, films(), SCHEMA).verdict == "no baseline"
    assert compare(empty, films(), SCHEMA).sentences == ["The split to compare with holds no films."]
    found = compare(films(), empty, SCHEMA)
    assert found.verdict == "drift"
    assert rows_of(found)["films", "films"].words == "1,000 -> 0 films, 0 times as many"


def test_disjoint_genres_are_all_listed():
    found = compare(films(), films(genres={"War": 600, "Western": 400}), SCHEMA)
    rows = rows_of(found)
    assert rows["genres", "jensen_shannon"].value == pytest.approx(1, abs=1e-6)
    words = rows["genres", "jensen_shannon"].words
    assert words == "gone: Drama (50.0 %), Comedy (30.0 %), Thriller (20.0 %); new: War (60.0 %), Western (40.0 %)"
    assert {row["genre"] for row in found.genres} == {"Drama", "Comedy", "Thriller", "War", "Western"}


def test_a_span_of_one_genre_drifts():
    found = compare(films(), films(genres={"Drama": 1000}), SCHEMA)
    assert drifted(found) == {"genres"}
    assert "Drama 50.0 % -> 100.0 %" in found.sentences[0]


def test_overviews_all_missing_are_a_change_of_presence():
    found = compare(films(), films(overview_words=[]), SCHEMA)
    assert drifted(found) == {"overview"}
    assert found.sentences == ["overview: 100.0 % -> 0.0 % of the films have an overview"]
    assert found.features["overview_words"]["after"] is None


def test_a_span_a_hundred_times_larger_drifts_by_its_size():
    many = films(100_000, {"Drama": 50_000, "Comedy": 30_000, "Thriller": 20_000})
    for feature in many.features:  # as present as before
        stats = feature.num_stats if feature.HasField("num_stats") else feature.string_stats
        stats.common_stats.num_non_missing = 100_000
    found = compare(films(), many, SCHEMA)
    assert drifted(found) == {"films"}
    assert found.sentences == ["films: 1,000 -> 100,000 films, 100 times as many"]
    assert compare(films(), many, SCHEMA, "skew").verdict == "ok"


def test_a_feature_missing_on_both_sides_is_not_compared():
    found = compare(films(poster_width=[], poster_luma=[]), films(poster_width=[], poster_luma=[]), SCHEMA)
    assert found.verdict == "ok"
    assert not {("poster_width", "jensen_shannon"), ("poster_luma", "jensen_shannon")} & set(rows_of(found))


def test_the_user_can_raise_every_threshold():
    schema = schema_of(GENRES)
    for feature in schema.feature:
        for comparator in (feature.drift_comparator, feature.skew_comparator):
            for metric in ("infinity_norm", "jensen_shannon_divergence"):
                if comparator.HasField(metric):
                    getattr(comparator, metric).threshold = 1
        del feature.annotation.tag[:]
    after = films(genres={"Drama": 1000}, overview_words=WORDS[:500] + 60, poster_luma=LUMA * 0.1)
    found = compare(films(), after, schema)
    assert found.verdict == "ok"
    assert rows_of(found)["overview", "presence"].threshold is None


def test_a_threshold_that_is_no_number_names_feature_and_tag():
    schema = schema_of(GENRES)
    [overview] = [feature for feature in schema.feature if feature.name == "overview"]
    overview.annotation.tag[0] = "presence_drift_threshold=much"
    with pytest.raises(MarqueeError, match=r"'overview' has the tag 'presence_drift_threshold=much'"):
        compare(films(), films(), schema)
