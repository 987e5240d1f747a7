"""What statistics change in a schema, told in words and written into its file."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.film_schema_gen.schema import schema_of
from pipeline import schema_changes
from transform.errors import MarqueeError


def statistics(films, genres, words=(5, 60), without_overview=0):
    """Of a split with so many films, by genre, and the range of its overviews' lengths."""
    found = statistics_pb2.DatasetFeatureStatistics(num_examples=films)
    ids = found.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
    ids.path.step.append("id")
    ids.string_stats.common_stats.num_non_missing = films
    ids.string_stats.common_stats.min_num_values = ids.string_stats.common_stats.max_num_values = 1
    labels = found.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
    labels.path.step.append("genres")
    common = statistics_pb2.CommonStatistics(
        num_non_missing=films, min_num_values=1, max_num_values=3, tot_num_values=sum(genres.values())
    )
    labels.string_stats.common_stats.CopyFrom(common)
    labels.string_stats.unique = len(genres)
    for genre, count in genres.items():
        labels.string_stats.rank_histogram.buckets.add(label=genre, sample_count=count)
    lengths = found.features.add(type=statistics_pb2.FeatureNameStatistics.INT)
    lengths.path.step.append("overview_words")
    numbers = lengths.num_stats
    numbers.common_stats.num_non_missing = films - without_overview
    numbers.common_stats.num_missing = without_overview
    numbers.common_stats.min_num_values = numbers.common_stats.max_num_values = 1
    numbers.min, numbers.max = words
    return found


def feature(schema, name):
    [found] = [feature for feature in schema.feature if feature.name == name]
    return found


def curated(genres=("Drama", "Comedy")):
    """A schema with what a user adds to it."""
    schema = schema_of(genres)
    feature(schema, "genres").drift_comparator.infinity_norm.threshold = 0.05
    feature(schema, "genres").skew_comparator.jensen_shannon_divergence.threshold = 0.1
    feature(schema, "overview_words").drift_comparator.jensen_shannon_divergence.threshold = 0.1
    feature(schema, "overview").annotation.tag.append("presence_drift_threshold=0.05")
    schema.dataset_constraints.num_examples_drift_comparator.max_fraction_threshold = 10
    return schema


def changes(schema, splits):
    after = schema_changes.updated(schema, splits)
    return after, schema_changes.sentences(schema, after, splits)


def test_films_that_fit_change_nothing():
    schema = curated()
    after, said = changes(schema, {"train": statistics(80, {"Drama": 50, "Comedy": 40})})
    assert after == schema
    assert said == []


def test_disjoint_genres_are_each_named_with_their_films_of_all_splits_and_the_old_stay():
    splits = {
        "train": statistics(30, {"Horror": 20, "Western": 11}),
        "test": statistics(3, {"Horror": 2, "Sci-Fi": 1}),
    }
    schema = curated()
    after, said = changes(schema, splits)
    assert sorted(said) == [
        'new genre "Horror" in genres (22 films)',
        'new genre "Sci-Fi" in genres (1 film)',
        'new genre "Western" in genres (11 films)',
    ]
    assert set(after.string_domain[0].value) == {"Drama", "Comedy", "Horror", "Western", "Sci-Fi"}
    del after.string_domain[0].value[:]
    del schema.string_domain[0].value[:]
    assert after == schema, "comparators, tags and all else stay"


def test_genres_listed_in_the_feature_itself():
    schema = curated()
    feature(schema, "genres").string_domain.value.extend(["Drama"])
    after, said = changes(schema, {"train": statistics(5, {"Drama": 5, "Horror": 1})})
    assert said == ['new genre "Horror" in genres (1 film)']
    assert list(feature(after, "genres").string_domain.value) == ["Drama", "Horror"]


def test_more_genres_than_tfdv_takes_for_a_list_stay_a_list():
    genres = {f"Genre {number}": 1 for number in range(300)}
    after, said = changes(curated(), {"train": statistics(300, genres)})
    assert len(after.string_domain[0].value) == 302
    assert len(said) == 300


def test_relaxed_presence_and_ranges_are_told_with_both_values():
    schema = curated()
    words = feature(schema, "overview_words")
    words.presence.min_fraction = 1
    words.int_domain.min, words.int_domain.max = 10, 50
    _, said = changes(schema, {"train": statistics(100, {"Drama": 100}, words=(4, 70), without_overview=10)})
    assert said == [
        "overview_words: smallest value allowed 10 -> 4",
        "overview_words: largest value allowed 50 -> 70",
        "overview_words: presence relaxed: films that have it, at least 100 % -> 90 %",
    ]


def test_a_feature_that_the_schema_lacks_and_one_that_the_films_lack():
    schema = curated()
    schema.feature.remove(feature(schema, "overview_words"))
    feature(schema, "poster_luma").presence.min_count = 1
    after, said = changes(schema, {"train": statistics(9, {"Drama": 9})})
    assert said == [
        "poster_luma: no longer validated (deprecated): the films lack it, or it has another type",
        "overview_words: new feature, of type INT",
    ]
    assert feature(after, "poster_luma").lifecycle_stage == schema_pb2.DEPRECATED


COMMENTED = """\
# Curated by the library.

feature {
  name: "genres"
  value_count {
    min: 1
  }
  type: BYTES
  # Stays a list.
  domain: "genres"
}
# Sorted by age.
string_domain {
  name: "genres"
  value: "Drama"
}
# The end.
"""


def test_an_edited_file_keeps_its_comments():
    before = schema_changes.parse(COMMENTED, "x")
    after = schema_pb2.Schema()
    after.CopyFrom(before)
    after.string_domain[0].value.append("Kö\u2028ln")
    after.feature[0].value_count.min = 0
    text = schema_changes.edited(COMMENTED, before, after)
    expected = COMMENTED.replace("min: 1", "min: 0").replace('"Drama"\n', '"Drama"\n  value: "Kö\u2028ln"\n')
    assert text == expected


def test_a_file_in_another_form_is_written_as_protobuf_prints_it():
    text = 'string_domain { name: "genres" value: "Drama" }  # one line'
    before = schema_changes.parse(text, "x")
    after = schema_pb2.Schema()
    after.CopyFrom(before)
    after.string_domain[0].value.append("Comedy")
    assert text_format.Parse(schema_changes.edited(text, before, after), schema_pb2.Schema()) == after


def test_whatever_is_edited_reads_as_the_new_schema():
    schema = curated()
    words = feature(schema, "overview_words")
    words.presence.min_fraction = 1
    feature(schema, "poster_luma").presence.min_count = 1
    schema.feature.remove(feature(schema, "id"))
    text = text_format.MessageToString(schema, as_utf8=True)
    text = "".join(f"# above {line.strip()}\n{line}" for line in text.splitlines(keepends=True))
    after, _ = changes(schema, {"train": statistics(50, {"Horror": 50}, words=(0, 5), without_overview=1)})
    edited = schema_changes.edited(text, schema, after)
    assert schema_changes.parse(edited, "x") == after
    assert set(text.splitlines()) & {line for line in text.splitlines() if "#" in line} <= set(edited.splitlines())


def test_a_file_that_is_no_schema_is_named_with_the_line():
    with pytest.raises(MarqueeError, match=r"schema.pbtxt: not a schema: 2:3"):
        schema_changes.parse('feature {\n  nme: "genres"\n}\n', "schema.pbtxt")
