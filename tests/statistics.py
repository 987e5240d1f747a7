"""Statistics of films made by hand, as TFDV would make them."""

from collections.abc import Mapping, Sequence

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

FLOAT = statistics_pb2.FeatureNameStatistics.FLOAT
STRING = statistics_pb2.FeatureNameStatistics.STRING
BUCKETS = 10


def statistics_of(
    films: int, genres: Mapping[str, int], numbers: Mapping[str, Sequence[float]] | None = None
) -> statistics_pb2.DatasetFeatureStatistics:
    """Statistics of one split.

    Args:
        films: how many there are.
        genres: films of each genre.
        numbers: values of numeric features; as many films lack one as there are fewer values. Empty: TFDV's column
            of strings without any value.
    """
    result = statistics_pb2.DatasetFeatureStatistics(num_examples=films)
    feature = result.features.add(type=STRING)
    feature.path.step.append("genres")
    _common(feature.string_stats.common_stats, films, films, sum(genres.values()))
    feature.string_stats.unique = len(genres)
    for rank, (genre, count) in enumerate(sorted(genres.items(), key=lambda item: -item[1])):
        feature.string_stats.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=genre, sample_count=count)
    for name, values in (numbers or {}).items():
        feature = result.features.add(type=FLOAT if len(values) else STRING)
        feature.path.step.append(name)
        if not len(values):
            _common(feature.string_stats.common_stats, films, 0, 0)
            continue
        stats = feature.num_stats
        _common(stats.common_stats, films, len(values), len(values))
        stats.mean, stats.std_dev, stats.median = np.mean(values), np.std(values), np.median(values)
        stats.min, stats.max = min(values), max(values)
        histogram = stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
        counts, edges = np.histogram(values, BUCKETS)
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
            histogram.buckets.add(low_value=low, high_value=high, sample_count=count)
    return result


def _common(common: statistics_pb2.CommonStatistics, films: int, present: int, values: int) -> None:
    common.num_non_missing, common.num_missing, common.tot_num_values = present, films - present, values
    common.min_num_values, common.max_num_values = 1, 1
