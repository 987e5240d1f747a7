"""Whether the statistics are those of the films that were counted."""

from collections.abc import Iterator, Mapping

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

from components.label_balance.measures import LabelSets, positives
from transform import features
from transform.errors import MarqueeError


def check(sets: Mapping[str, LabelSets], statistics: Mapping[str, DatasetFeatureStatistics]) -> None:
    """Compares films and films of each genre, split by split.

    Args:
        sets: by split, films by sorted tuple of genres.
        statistics: by split, as StatisticsGen makes them; a split that is not there has no films.

    Raises:
        MarqueeError: they disagree; the message names each figure that does.
    """
    found = [
        difference
        for split, of_split in sets.items()
        for difference in _differences(split, of_split, statistics.get(split, DatasetFeatureStatistics()))
    ]
    if found:
        raise MarqueeError(
            "The statistics are not those of the films:\n  "
            + "\n  ".join(found)
            + "\nRun StatisticsGen again on these films."
        )


def _differences(split: str, sets: LabelSets, statistics: DatasetFeatureStatistics) -> Iterator[str]:
    films = sum(sets.values())
    if films != statistics.num_examples:
        yield f"{split}: {films} films, {statistics.num_examples} by the statistics"
    counted = positives(sets)
    listed, complete = _genres(statistics)
    for genre in sorted(counted.keys() | listed.keys() if complete else listed):
        if counted[genre] != listed.get(genre, 0):
            yield f"{split}, {genre}: {counted[genre]} films, {listed.get(genre, 0)} by the statistics"


def _genres(statistics: DatasetFeatureStatistics) -> tuple[dict[str, int], bool]:
    """Films by genre, and whether those are all genres: TFDV lists the commonest 1,000 values alone."""
    for feature in statistics.features:
        if list(feature.path.step) == [features.GENRES]:
            strings = feature.string_stats
            listed = {bucket.label: round(bucket.sample_count) for bucket in strings.rank_histogram.buckets}
            return listed, strings.unique <= len(listed)
    return {}, True
