"""What a run's page shows of TFDV's statistics and anomalies."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

STATISTICS_FILE = "FeatureStats.pb"
ANOMALIES_FILE = "SchemaDiff.pb"
DATA_SET = "the data set"  # stands for the feature where an anomaly is not of one


def statistics(folder: Path) -> dict[str, Any]:
    """Split -> feature -> its figures, of an ExampleStatistics artifact.

    A feature's figures: `films` that have it, `missing` those that do not, `mean` and `std` (None where it is not a
    number or no film has it), `histogram` as [low, high, films] for each bucket, empty where `mean` is None.
    """
    return {split: dict(_features(path)) for split, path in _splits(folder, STATISTICS_FILE)}


def anomalies(folder: Path) -> list[dict[str, str]]:
    """Split, feature, severity ("error", "warning") and description of each anomaly of an ExampleAnomalies artifact."""
    return [
        {
            "split": split,
            "feature": feature,
            "severity": anomalies_pb2.AnomalyInfo.Severity.Name(info.severity).lower(),
            "description": _description(info),
        }
        for split, path in _splits(folder, ANOMALIES_FILE)
        for feature, info in _infos(anomalies_pb2.Anomalies.FromString(path.read_bytes()))
    ]


def _splits(folder: Path, file: str) -> list[tuple[str, Path]]:
    """Each split and its file, train first."""
    paths = {path.parent.name.removeprefix("Split-"): path for path in folder.glob(f"Split-*/{file}")}
    return sorted(paths.items(), key=lambda item: (item[0] != "train", item[0]))


def _features(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for feature in statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets[0].features:
        numbers = feature.num_stats
        common = numbers.common_stats if feature.HasField("num_stats") else feature.string_stats.common_stats
        counted = feature.HasField("num_stats") and common.num_non_missing > 0 and math.isfinite(numbers.mean)
        yield (
            ".".join(feature.path.step),
            {
                "films": common.num_non_missing,
                "missing": common.num_missing,
                "mean": numbers.mean if counted else None,
                "std": numbers.std_dev if counted else None,
                "histogram": _histogram(numbers) if counted else [],
            },
        )


def _histogram(numbers: statistics_pb2.NumericStatistics) -> list[list[float]]:
    """TFDV's histogram of equal widths; its counts come from a sketch, and are fractions."""
    return [
        [bucket.low_value, bucket.high_value, round(bucket.sample_count)]
        for histogram in numbers.histograms
        if histogram.type == statistics_pb2.Histogram.STANDARD
        for bucket in histogram.buckets
    ]


def _infos(found: anomalies_pb2.Anomalies) -> list[tuple[str, anomalies_pb2.AnomalyInfo]]:
    infos = sorted(found.anomaly_info.items())
    if found.HasField("dataset_anomaly_info"):
        infos.append((DATA_SET, found.dataset_anomaly_info))
    return infos


def _description(info: anomalies_pb2.AnomalyInfo) -> str:
    reasons = (f"{reason.short_description}: {reason.description.strip()}" for reason in info.reason)
    return "; ".join(reasons) or info.description
