"""Whether the statistics are those of the films that were counted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

from components.label_balance.measures import LabelSets, positives
from transform import features
from transform.errors import MarqueeError


def check(sets: Mapping[str, LabelSets], statistics: Sequence[Mapping[str, DatasetFeatureStatistics]]) -> None:
    """Compares films and films of each genre, split by split.

    Args:
        sets: by split, films by sorted tuple of genres, of all spans together.
        statistics: of each span, by split, as StatisticsGen makes them; a split that is not there has no films.

    Raises:
        MarqueeError: they disagree; the message names each figure that does.
    """
    found = [
        difference
        for split, of_split in sets.items()
        for difference in _differences(
            split, of_split, [span.get(split, DatasetFeatureStatistics()) for span in statistics]
        )
    ]
    if found:
        raise MarqueeError(
            "The statistics are not those of the films:\n  "
            + "\n  ".join(found)
            + "\nRun StatisticsGen again on these films."
        )


def _differences(split: str, sets: LabelSets, statistics: Sequence[DatasetFeatureStatistics]) -> Iterator[str]:
    films, described = sum(sets.values()), sum(span.num_examples for span in statistics)
    if films != described:
        yield f"{split}: {films} films, {described} by the statistics"
    counted = positives(sets)
    spans = [_genres(span) for span in statistics]
    listed = sum((Counter(genres) for genres, _ in spans), Counter())
    for genre in sorted(counted.keys() | listed.keys()):
        known = all(complete or genre in genres for genres, complete in spans)
        if known and counted[genre] != listed[genre]:
            yield f"{split}, {genre}: {counted[genre]} films, {listed[genre]} by the statistics"


def _genres(statistics: DatasetFeatureStatistics) -> tuple[dict[str, int], bool]:
    """Films by genre, and whether those are all genres: TFDV lists the commonest 1,000 values alone."""
    for feature in statistics.features:
        if list(feature.path.step) == [features.GENRES]:
            strings = feature.string_stats
            listed = {bucket.label: round(bucket.sample_count) for bucket in strings.rank_histogram.buckets}
            return listed, strings.unique <= len(listed)
    return {}, True
