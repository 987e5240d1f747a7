"""Two sets of films compared by their statistics: TFDV measures, the schema has the thresholds, words say it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.drift_report import words
from components.film_schema_gen.schema import PRESENCE_TAG
from transform import features
from transform.errors import MarqueeError

DRIFT, OK, NO_BASELINE = "drift", "ok", "no baseline"
METRICS = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "l_infinity",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "jensen_shannon",
    anomalies_pb2.DriftSkewInfo.Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalized_absolute_difference",
}
# The statistics leave the posters' bytes out; a poster is there where it has a width.
PRESENT_BY = {features.OVERVIEW: features.OVERVIEW_WORDS, features.POSTER: features.POSTER_WIDTH}

Kind = Literal["drift", "skew"]
Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatistics


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure of one feature.

    Attributes:
        feature: its name, or "films" for how many there are.
        metric: "jensen_shannon" (bits, 0..1), "l_infinity" (largest difference of one value's share of all values,
            0..1), "presence" (difference of the shares of films that have the feature, 0..1), or "films" (ratio).
        value: what was measured.
        threshold: the schema's; None where it has none, and then nothing drifts.
        drifted: whether the value is beyond it.
        words: what changed.
    """

    feature: str
    metric: str
    value: float
    threshold: float | None
    drifted: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What changed between two sets of films.

    Attributes:
        verdict: "drift", "ok", or "no baseline".
        sentences: what drifted, in words; why there is no baseline.
        comparisons: every measure.
        genres: `genre`, `before` and `after` (shares of the films), `change`; the largest change first.
        features: of each number its `before` and `after`: `mean`, `std`, `median`, `present` (share of the films);
            None where no film has it.
        films: `before` and `after`.
    """

    verdict: str
    sentences: list[str]
    comparisons: list[Row]
    genres: list[dict[str, Any]]
    features: dict[str, dict[str, Any]]
    films: dict[str, int | None]


def compare(
    before: Statistics | None, after: Statistics, schema: schema_pb2.Schema, kind: Kind = "drift"
) -> Comparison:
    """Compares films with those before them ("drift"), or requests with the films that were trained on ("skew").

    The Jensen-Shannon divergence and the L-infinity distance are TFDV's, with the thresholds of the schema's
    `drift_comparator` and `skew_comparator`. Presence and the number of films are compared here.

    Args:
        before: statistics of one split; None where there is nothing to compare with.
        after: the same of the new films, or of requests, which may lack features.
        schema: of both.
        kind: which thresholds apply; the number of films is compared for "drift" alone.

    Raises:
        MarqueeError: the schema's threshold of presence is no share.
    """
    judged = kind == "drift" or _count(_by_name(after).get(features.GENRES))  # requests have no genres
    table, shown = _genres(before, after) if judged else [], _features(before, after)
    films = {"before": int(before.num_examples) if before is not None else None, "after": int(after.num_examples)}
    if before is None or not before.num_examples:
        why = [] if before is None else ["The split to compare with holds no films."]
        return Comparison(verdict=NO_BASELINE, sentences=why, comparisons=[], genres=table, features=shown, films=films)
    rows = [*_measured(before, after, schema, kind, table, shown), *_presence(before, after, schema)]
    if kind == "drift":
        rows.append(_films(before, after, schema))
    drifted = [row for row in rows if row.drifted]
    return Comparison(
        verdict=DRIFT if drifted else OK,
        # One feature may drift by two metrics: what changed is said once.
        sentences=list(dict.fromkeys(f"{row.feature}: {row.words}" for row in drifted)),
        comparisons=rows,
        genres=table,
        features=shown,
        films=films,
    )


def validate(before: Statistics, after: Statistics, schema: schema_pb2.Schema, kind: Kind) -> anomalies_pb2.Anomalies:
    """TFDV's own verdict on the same question.

    Its `drift_skew_info` has what it measured: also of genres and numbers for which the schema has no comparator,
    against an infinite threshold.
    """
    one, two = (statistics_pb2.DatasetFeatureStatisticsList(datasets=[films]) for films in (before, after))
    measuring = _with_comparators(schema, kind)
    if kind == "skew":
        return tfdv.validate_statistics(one, measuring, serving_statistics=two)
    return tfdv.validate_statistics(two, measuring, previous_statistics=one)


def _with_comparators(schema: schema_pb2.Schema, kind: Kind) -> schema_pb2.Schema:
    filled = schema_pb2.Schema()
    filled.CopyFrom(schema)
    for feature in filled.feature:
        comparator = feature.skew_comparator if kind == "skew" else feature.drift_comparator
        metrics = []
        if feature.name == features.GENRES:
            metrics = [comparator.jensen_shannon_divergence, comparator.infinity_norm]
        elif feature.type in (schema_pb2.INT, schema_pb2.FLOAT):
            metrics = [comparator.jensen_shannon_divergence]
        for metric in metrics:
            if not metric.HasField("threshold"):
                metric.threshold = math.inf
    return filled


def _measured(
    before: Statistics,
    after: Statistics,
    schema: schema_pb2.Schema,
    kind: Kind,
    table: list[dict[str, Any]],
    shown: dict[str, dict[str, Any]],
) -> Iterator[Row]:
    old, new = _by_name(before), _by_name(after)
    for info in validate(before, after, schema, kind).drift_skew_info:
        name = ".".join(info.path.step)
        if not _count(old.get(name)) or not _count(new.get(name)):
            continue  # wholly missing on a side: its presence tells
        if name == features.GENRES:
            said = words.genres(table)
        elif name in shown:
            said = words.number(**shown[name])
        else:
            said = words.values(old[name].string_stats.unique, new[name].string_stats.unique)
        for measurement in info.skew_measurements if kind == "skew" else info.drift_measurements:
            threshold = _finite(measurement.threshold)
            yield Row(
                feature=name,
                metric=METRICS[measurement.type],
                value=round(measurement.value, 6),
                threshold=threshold,
                drifted=threshold is not None and measurement.value > threshold,
                words=said,
            )


def _finite(threshold: float) -> float | None:
    return threshold if math.isfinite(threshold) else None


def _presence(before: Statistics, after: Statistics, schema: schema_pb2.Schema) -> Iterator[Row]:
    one, two = _by_name(before), _by_name(after)
    for feature in schema.feature:
        seen_by = PRESENT_BY.get(feature.name)
        # Requests to a model that takes no poster have no such column, as films without any poster have an empty one.
        if seen_by is None or (seen_by not in one and seen_by not in two):
            continue
        shares = _share(one.get(seen_by), before), _share(two.get(seen_by), after)
        value, threshold = abs(shares[1] - shares[0]), _presence_threshold(feature)
        yield Row(
            feature=feature.name,
            metric="presence",
            value=round(value, 6),
            threshold=threshold,
            drifted=threshold is not None and value > threshold,
            words=words.presence(feature.name, *shares),
        )


def _presence_threshold(feature: schema_pb2.Feature) -> float | None:
    for tag in feature.annotation.tag:
        key, _, value = tag.partition("=")
        if key.strip() == PRESENCE_TAG:
            try:
                threshold = float(value)
            except ValueError:
                threshold = math.nan
            if not 0 <= threshold <= 1:
                raise MarqueeError(
                    f"The schema's feature {feature.name!r} has the tag {tag!r}: allowed is a share of the films, "
                    f"0 to 1, as {PRESENCE_TAG}=0.05."
                )
            return threshold
    return None


def _films(before: Statistics, after: Statistics, schema: schema_pb2.Schema) -> Row:
    ratio = after.num_examples / before.num_examples
    bounds = schema.dataset_constraints.num_examples_drift_comparator
    least = _finite(bounds.min_fraction_threshold) if bounds.HasField("min_fraction_threshold") else None
    most = _finite(bounds.max_fraction_threshold) if bounds.HasField("max_fraction_threshold") else None
    threshold = least if ratio < 1 else most
    return Row(
        feature="films",
        metric="films",
        value=round(ratio, 6),
        threshold=threshold,
        drifted=threshold is not None and (ratio < threshold if ratio < 1 else ratio > threshold),
        words=words.films(int(before.num_examples), int(after.num_examples)),
    )


def _genres(before: Statistics | None, after: Statistics) -> list[dict[str, Any]]:
    old, new = (_genre_shares(films) if films is not None else None for films in (before, after))
    rows = []
    for genre in sorted({*(old or ()), *(new or ())}):
        share = (new or {}).get(genre, 0.0)
        was = old.get(genre, 0.0) if old is not None else None
        rows.append({"genre": genre, "before": was, "after": share, "change": share - was if was is not None else None})
    return sorted(rows, key=lambda row: (-abs(row["change"] or 0.0), -row["after"], row["genre"]))


def _genre_shares(films: Statistics) -> dict[str, float]:
    found = _by_name(films).get(features.GENRES)
    if found is None or not films.num_examples:
        return {}
    buckets = found.string_stats.rank_histogram.buckets
    return {bucket.label: bucket.sample_count / films.num_examples for bucket in buckets}


def _features(before: Statistics | None, after: Statistics) -> dict[str, dict[str, Any]]:
    one = _by_name(before) if before is not None else {}
    two = _by_name(after)
    names = sorted(name for name in {*one, *two} if any(_is_number(side.get(name)) for side in (one, two)))
    return {
        name: {
            "before": _number(one[name], before) if before is not None and name in one else None,
            "after": _number(two[name], after) if name in two else None,
        }
        for name in names
    }


def _number(feature: statistics_pb2.FeatureNameStatistics, films: Statistics) -> dict[str, float] | None:
    if not _is_number(feature):
        return None
    stats = feature.num_stats
    figures = {"mean": stats.mean, "std": stats.std_dev, "median": stats.median, "present": _share(feature, films)}
    return {key: round(value, 6) for key, value in figures.items()}


def _is_number(feature: statistics_pb2.FeatureNameStatistics | None) -> bool:
    # TFDV takes a column without any value for one of strings.
    return feature is not None and feature.HasField("num_stats") and bool(_count(feature))


def _count(feature: statistics_pb2.FeatureNameStatistics | None) -> int:
    """Films that have the feature."""
    if feature is None or feature.WhichOneof("stats") is None:
        return 0
    return int(getattr(feature, feature.WhichOneof("stats")).common_stats.num_non_missing)


def _share(feature: statistics_pb2.FeatureNameStatistics | None, films: Statistics) -> float:
    return _count(feature) / films.num_examples if films.num_examples else 0.0


def _by_name(films: Statistics) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    return {".".join(feature.path.step): feature for feature in films.features}
