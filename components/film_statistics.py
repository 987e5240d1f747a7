"""Which features StatisticsGen looks at."""

import tensorflow_data_validation as tfdv

from transform import features

# `id` stays in: it must be there once a film, and the validator calls a feature that it demands and cannot see
# a dropped column. `poster` is optional, so leaving it out goes unremarked.
STATISTICS_FEATURES = (
    features.ID,
    features.GENRES,
    features.OVERVIEW,
    features.OVERVIEW_WORDS,
    features.POSTER_WIDTH,
    features.POSTER_HEIGHT,
    features.POSTER_LUMA,
)


def film_stats_options() -> tfdv.StatsOptions:
    """Options for `StatisticsGen(stats_options=...)`: everything but the posters' bytes.

    To TFDV those are strings: it would count distinct ones and keep examples of them in the statistics. What
    there is to know of posters is in `poster_width`, `poster_height` and `poster_luma`, and how many films have
    one is their presence.
    """
    return tfdv.StatsOptions(feature_allowlist=list(STATISTICS_FEATURES))
