"""The contract that `transform.features` gives, as a schema; the genres alone are read from statistics."""

from collections.abc import Iterable

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from transform import features
from transform.errors import MarqueeError

GENRE_DOMAIN = "genres"

# How far the films of one span may be from those of another, and requests from the films that were trained on.
# Measured by TFDV, train split against train split (BUILD.md, "Drift thresholds"). Those of the genres lie between
# chance, by which random parts of 300 films of one span differ (up to 0.011 and 0.026), and a real change of
# labelling (0.041 and 0.051); chance alone moves numbers by up to 0.056.
GENRES_JENSEN_SHANNON = 0.02
GENRES_L_INFINITY = 0.03
NUMBERS_JENSEN_SHANNON = 0.1
# Films, as a multiple of the span before: below a tenth, chance alone comes near the other thresholds.
FEWER_FILMS, MORE_FILMS = 0.1, 10.0

# TFDV has no comparator for how many films have a feature; drift_report reads the threshold from this tag.
PRESENCE_TAG = "presence_drift_threshold"
PRESENCE = 0.05  # share of the films


def schema_of(genres: Iterable[str]) -> schema_pb2.Schema:
    """The schema of films that have no genres but these.

    Only `id` has a shape. The rest is declared by value counts even where this data happens to have all of it,
    and so parses as VarLen: the next span may lack a poster. `poster` has no image domain, by which TFDV would
    decode it for its statistics.
    """
    presence = schema_pb2.Annotation(tag=[f"{PRESENCE_TAG}={PRESENCE}"])
    optional = {
        features.OVERVIEW: schema_pb2.Feature(type=schema_pb2.BYTES, annotation=presence),
        features.OVERVIEW_WORDS: _number(schema_pb2.Feature(int_domain=schema_pb2.IntDomain(min=1))),
        features.POSTER: schema_pb2.Feature(type=schema_pb2.BYTES, annotation=presence),
        features.POSTER_WIDTH: _number(schema_pb2.Feature(int_domain=schema_pb2.IntDomain(min=1))),
        features.POSTER_HEIGHT: _number(schema_pb2.Feature(int_domain=schema_pb2.IntDomain(min=1))),
        features.POSTER_LUMA: _number(schema_pb2.Feature(float_domain=schema_pb2.FloatDomain(min=0, max=1))),
    }
    for name, feature in optional.items():
        feature.name = name
        feature.value_count.CopyFrom(schema_pb2.ValueCount(min=0, max=1))
    always = schema_pb2.FeaturePresence(min_fraction=1, min_count=1)
    film_id = schema_pb2.Feature(
        name=features.ID,
        type=schema_pb2.BYTES,
        presence=always,
        shape=schema_pb2.FixedShape(dim=[schema_pb2.FixedShape.Dim(size=1)]),
    )
    labels = schema_pb2.Feature(
        name=features.GENRES,
        type=schema_pb2.BYTES,
        presence=always,
        value_count=schema_pb2.ValueCount(min=1),
        domain=GENRE_DOMAIN,
    )
    for comparator in (labels.drift_comparator, labels.skew_comparator):
        comparator.jensen_shannon_divergence.threshold = GENRES_JENSEN_SHANNON
        comparator.infinity_norm.threshold = GENRES_L_INFINITY
    films = schema_pb2.NumericValueComparator(min_fraction_threshold=FEWER_FILMS, max_fraction_threshold=MORE_FILMS)
    return schema_pb2.Schema(
        feature=[film_id, labels, *optional.values()],
        string_domain=[schema_pb2.StringDomain(name=GENRE_DOMAIN, value=sorted(set(genres)))],
        dataset_constraints=schema_pb2.DatasetConstraints(num_examples_drift_comparator=films),
    )


def _number(feature: schema_pb2.Feature) -> schema_pb2.Feature:
    """The feature with the type of its domain, and compared by the Jensen-Shannon divergence."""
    feature.type = schema_pb2.FLOAT if feature.HasField("float_domain") else schema_pb2.INT
    for comparator in (feature.drift_comparator, feature.skew_comparator):
        comparator.jensen_shannon_divergence.threshold = NUMBERS_JENSEN_SHANNON
    return feature


def genres_in(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> set[str]:
    """The genres of one split.

    Raises:
        MarqueeError: more genres than statistics list, or none.
    """
    for feature in statistics.datasets[0].features:
        if list(feature.path.step) == [features.GENRES]:
            strings = feature.string_stats
            genres = {bucket.label for bucket in strings.rank_histogram.buckets}
            if strings.unique > len(genres):
                raise MarqueeError(
                    f"{strings.unique} different genres, of which statistics list {len(genres)}. "
                    f"Is the data's genre column free text?"
                )
            return genres
    raise MarqueeError(f"The statistics have no feature {features.GENRES!r}. Use film_stats_options().")
