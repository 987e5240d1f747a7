"""What LabelBalance works out from label sets: measures, decisions and weights, most of them by hand."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils.class_weight import compute_class_weight
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.label_balance import agreement, weights
from components.label_balance.balance import balance_of
from components.label_balance.decisions import Rules, relabelled
from components.label_balance.measures import cooccurrence, imbalance_ratios, measures, scumble
from transform import features
from transform.errors import MarqueeError

# Drama 3, Comedy 2 and War 1 of 4 films.
FOUR = {("Drama",): 2, ("Comedy", "Drama"): 1, ("Comedy", "War"): 1}


def balance(train, test=None, evaluation=None, **changes):
    """The content for these label sets; by default no genre is rare that train has."""
    rules = {"min_train": 0, "min_test": 0, "on_rare": "warn", "merge_into": "Other"}
    numbers = {"beta": 0.99, "repeat_threshold": 0.5}
    for key, value in changes.items():
        (rules if key in rules else numbers)[key] = value
    sets = {"train": train, "eval": {} if evaluation is None else evaluation, "test": train if test is None else test}
    return balance_of(sets, Rules(**rules), **numbers)


def of(content, genre):
    [found] = [row for row in content["genres"] if row["genre"] == genre]
    return found


def is_strict_json(content):
    return json.loads(json.dumps(content, allow_nan=False)) == content


# Measures


def test_imbalance_ratios_are_the_commonest_over_each():
    assert imbalance_ratios(FOUR) == {"Drama": 3 / 3, "Comedy": 3 / 2, "War": 3 / 1}


def test_measures_by_hand():
    found = measures(FOUR, genres=3)
    mean = (1 + 1.5 + 3) / 3
    assert found["mean_ir"] == pytest.approx(mean)
    assert found["max_ir"] == 3
    deviation = math.sqrt(((1 - mean) ** 2 + (1.5 - mean) ** 2 + (3 - mean) ** 2) / 2)
    assert found["cv_ir"] == pytest.approx(deviation / mean)
    assert found["cv_ir"] == pytest.approx(0.567727, abs=1e-6)
    assert found["cardinality"] == 6 / 4
    assert found["density"] == 6 / 4 / 3
    assert found["label_sets"] == 3
    assert found["films"] == 4


def test_scumble_by_hand():
    comedy_drama = 1 - math.sqrt(1.5 * 1) / 1.25
    comedy_war = 1 - math.sqrt(1.5 * 3) / 2.25
    assert scumble(FOUR) == pytest.approx((2 * 0 + comedy_drama + comedy_war) / 4)
    assert scumble(FOUR) == pytest.approx(0.0193488, abs=1e-7)


def test_scumble_is_zero_where_every_genre_of_a_film_is_as_common():
    assert scumble({("A", "B", "C"): 7}) == 0
    assert scumble({("A",): 90, ("B",): 1}) == 0


def test_scumble_nears_one_where_rare_genres_come_with_common_ones_only():
    sets = {("Common",): 10**9, **{("Common", f"Rare{number}"): 1 for number in range(10)}}
    film = 1 - math.sqrt(10**9 + 10) / ((10**9 + 10 + 1) / 2)
    assert scumble(sets) == pytest.approx(10 * film / (10**9 + 10))
    assert film > 0.9999


def test_a_genre_that_a_split_lacks_is_left_out_of_its_ratios_but_not_of_its_density():
    found = measures({("Drama",): 2, ("Comedy",): 1}, genres=4)
    assert (found["mean_ir"], found["max_ir"]) == (1.5, 2)
    assert found["density"] == 1 / 4


def test_one_genre_has_no_variation():
    found = measures({("Drama",): 5}, genres=1)
    assert found["mean_ir"] == found["max_ir"] == found["cardinality"] == found["density"] == 1
    assert found["cv_ir"] is None
    assert found["scumble"] == 0


def test_no_films_have_no_measures():
    nothing = dict.fromkeys(("mean_ir", "max_ir", "cv_ir", "scumble", "cardinality", "density"))
    assert measures({}, genres=3) == {**nothing, "label_sets": 0, "films": 0}


def test_cooccurrence_by_hand():
    assert cooccurrence(FOUR) == {
        "genres": ["Drama", "Comedy", "War"],
        "films": [[3, 1, 0], [1, 2, 1], [0, 1, 1]],
        "lift": [[None, 1 * 4 / (3 * 2), 0], [1 * 4 / (3 * 2), None, 1 * 4 / (2 * 1)], [0, 2, None]],
    }


def test_cooccurrence_and_cardinality_agree_with_sklearns_indicator_matrix():
    rng = np.random.default_rng(5)
    names = ["A", "B", "C", "D", "E"]
    films = [tuple(name for name in names if rng.random() < 0.4) or ("A",) for _ in range(200)]
    binarizer = MultiLabelBinarizer()
    matrix = binarizer.fit_transform(films)
    sets = Counter(films)

    found = cooccurrence(sets)
    order = [list(binarizer.classes_).index(genre) for genre in found["genres"]]
    together = (matrix.T @ matrix)[np.ix_(order, order)]
    np.testing.assert_array_equal(found["films"], together)
    shares = matrix.mean(axis=0)[order]
    lift = together / len(films) / np.outer(shares, shares)
    off_diagonal = ~np.eye(len(names), dtype=bool)
    np.testing.assert_allclose(np.array(found["lift"], float)[off_diagonal], lift[off_diagonal])
    assert measures(sets, genres=5)["cardinality"] == pytest.approx(matrix.sum(axis=1).mean())
    assert measures(sets, genres=5)["label_sets"] == len(np.unique(matrix, axis=0))


# Weights


@pytest.mark.parametrize(("absent", "present"), [(1, 1), (3, 1), (997, 3), (0, 5), (5, 0)])
def test_inverse_frequency_is_sklearns_balanced(absent, present):
    labels = [0] * absent + [1] * present
    classes = np.unique(labels)
    expected = dict(zip(classes, compute_class_weight("balanced", classes=classes, y=labels), strict=True))
    found = weights.inverse_frequency(absent, present)
    assert found == pytest.approx([expected.get(0, 1), expected.get(1, 1)])


def test_effective_number_by_hand():
    # beta .9: E_3 = 1 + .9 + .81 = 2.71, E_1 = 1; 1/E = .369, 1; mean over the films (3 x .369 + 1 x 1) / 4 = .5267527
    negative, positive = weights.effective_number(3, 1, 0.9)
    assert negative == pytest.approx((1 / 2.71) / ((3 / 2.71 + 1) / 4))
    assert positive == pytest.approx(1 / 0.5267527, rel=1e-6)
    assert 3 * negative + positive == pytest.approx(4)


def test_effective_number_lies_between_no_weights_and_inverse_frequency():
    assert weights.effective_number(990, 10, 0) == [1, 1]
    assert weights.effective_number(990, 10, 1 - 1e-9) == pytest.approx(weights.inverse_frequency(990, 10), rel=1e-3)
    assert weights.effective_number(0, 7, 0.999) == weights.effective_number(7, 0, 0.999) == [1, 1]


def test_repeat_factor_by_hand():
    assert weights.repeat_factor(share=0.04, threshold=0.16) == 2
    assert weights.repeat_factor(share=0.16, threshold=0.16) == 1
    assert weights.repeat_factor(share=0.5, threshold=0.16) == 1
    assert weights.repeat_factor(share=1e-6, threshold=0.16) == 10
    assert weights.repeat_factor(share=0.5, threshold=0) == 1


# Decisions


def test_balanced_genres_are_kept_without_a_word():
    content = balance(FOUR, min_train=1, min_test=1)
    assert content["labels"] == ["Drama", "Comedy", "War"]
    assert (content["relabel"], content["warnings"]) == ({}, [])
    assert of(content, "Comedy") == {
        "genre": "Comedy",
        "films": 4,
        "share": 4 / 8,
        "splits": {"train": 2, "eval": 0, "test": 2},
        "irlbl": 1.5,
        "below": [],
        "decision": "keep",
        "because": "",
    }
    assert content["weights"]["War"] == {
        "positives": 1,
        "inverse_frequency": [4 / (2 * 3), 4 / (2 * 1)],
        "effective_number": weights.effective_number(3, 1, 0.99),
        "repeat_factor": math.sqrt(0.5 / 0.25),
    }
    assert is_strict_json(content)


def test_a_rare_genre_is_named_with_split_count_and_minimum():
    content = balance(FOUR, test={("Comedy", "Drama"): 5}, min_train=2, min_test=1)
    assert of(content, "War")["decision"] == "warn"
    assert of(content, "War")["below"] == ["train", "test"]
    assert content["warnings"] == [
        "War: 1 film in train, fewer than balance.min_train = 2 and "
        "0 films in test, fewer than balance.min_test = 1: kept."
    ]
    assert "War" in content["labels"]


def test_rare_genres_are_left_out_and_films_that_lose_all_are_counted():
    train = {("Drama",): 4, ("Short",): 2, ("Drama", "Short"): 1, ("Short", "War"): 1}
    content = balance(train, test={("Drama",): 5, ("War",): 1}, on_rare="leave_out", min_train=5)
    assert content["labels"] == ["Drama"]
    assert content["relabel"] == {"Short": "", "War": ""}
    assert content["unlabelled"] == {"train": 3, "eval": 0, "test": 1}
    assert content["warnings"][-1] == "Films that have no label left: 3 in train, 1 in test."
    assert content["weights"]["Drama"]["positives"] == 5
    # The films without a label are still films of train.
    assert content["weights"]["Drama"]["inverse_frequency"] == [8 / (2 * 3), 8 / (2 * 5)]


def test_rare_genres_are_merged_and_a_film_that_has_several_counts_once():
    train = {("Drama",): 9, ("Short", "War"): 2, ("Drama", "Short"): 1, ("Music",): 1}
    content = balance(train, on_rare="merge", min_train=5)
    assert content["labels"] == ["Drama", "Other"]
    assert content["relabel"] == {"Short": "Other", "War": "Other", "Music": "Other"}
    assert content["weights"]["Other"]["positives"] == 4
    assert content["unlabelled"] == {"train": 0, "eval": 0, "test": 0}
    assert "Short: 3 films in train, fewer than balance.min_train = 5: merged into Other." in content["warnings"]
    assert content["warnings"][-1] == (
        "Other, the merged genres together: 4 films in train, fewer than balance.min_train = 5: kept."
    )


def test_all_genres_may_be_merged_into_one_that_is_said_to_be_on_every_film():
    content = balance(FOUR, on_rare="merge", min_train=100)
    assert content["labels"] == ["Other"]
    assert content["weights"]["Other"] == {
        "positives": 4, "inverse_frequency": [1, 1], "effective_number": [1, 1], "repeat_factor": 1,
    }  # fmt: skip
    assert "Other is on every film of train (4): there is nothing to learn about it." in content["warnings"]
    assert is_strict_json(content)


def test_rare_genres_may_be_merged_into_one_that_exists():
    content = balance(FOUR, on_rare="merge", min_train=2, merge_into="Drama")
    assert content["relabel"] == {"War": "Drama"}
    assert content["labels"] == ["Drama", "Comedy"]
    assert content["weights"]["Drama"]["positives"] == 4
    assert of(content, "Drama")["decision"] == "keep"


def test_a_rare_genre_may_have_the_name_of_the_merged_ones():
    content = balance({("Drama",): 9, ("Other",): 1, ("War",): 1}, on_rare="merge", min_train=2)
    assert content["relabel"] == {"War": "Other"}
    assert of(content, "Other")["decision"] == "merge"
    assert content["weights"]["Other"]["positives"] == 2


def test_a_genre_that_train_lacks_keeps_its_label_where_others_are_merged_under_its_name():
    train, test = {("Drama",): 9, ("War",): 1}, {("Other",): 3}
    merged = balance(train, test=test, on_rare="merge", min_train=2)
    assert merged["relabel"] == {"War": "Other"}
    assert merged["unlabelled"]["test"] == 0
    alone = balance(train, test=test, on_rare="merge")
    assert alone["relabel"] == {"Other": ""}
    assert alone["unlabelled"]["test"] == 3


@pytest.mark.parametrize("on_rare", ["warn", "merge", "leave_out"])
def test_a_genre_only_in_test_is_left_out_and_named_whatever_the_rules(on_rare):
    content = balance(FOUR, test={("Silent",): 6, ("Drama", "Silent"): 1}, on_rare=on_rare)
    silent = of(content, "Silent")
    assert (silent["decision"], silent["below"], silent["irlbl"]) == ("leave_out", ["train"], None)
    assert content["relabel"] == {"Silent": ""}
    assert content["unlabelled"]["test"] == 6
    assert "Silent: 0 films in train, so that nothing can learn it: left out." in content["warnings"]
    assert content["measures"]["all"]["mean_ir"] == pytest.approx((7 / 7 + 7 / 4 + 7 / 2 + 7 / 1) / 4)
    assert is_strict_json(content)


def test_no_label_left_is_an_error_that_names_the_minimum_and_its_key():
    with pytest.raises(MarqueeError, match=r"balance\.min_train = 50.*Drama, the commonest, has 3 and 3") as error:
        balance(FOUR, on_rare="leave_out", min_train=50)
    assert "balance.on_rare" in str(error.value)


def test_no_genre_in_train_is_an_error():
    with pytest.raises(MarqueeError, match="No film of train has a genre"):
        balance({}, test=FOUR)


def test_one_genre_gives_plain_figures_and_a_warning():
    content = balance({("Drama",): 40}, test={("Drama",): 5}, evaluation={("Drama",): 5})
    assert is_strict_json(content)
    assert of(content, "Drama")["irlbl"] == 1
    assert content["weights"]["Drama"]["effective_number"] == [1, 1]
    assert content["cooccurrence"] == {"genres": ["Drama"], "films": [[50]], "lift": [[None]]}
    assert content["warnings"] == ["Drama is on every film of train (40): there is nothing to learn about it."]


def test_ties_are_broken_by_name_and_the_order_of_counting_does_not_matter():
    films = [(("B", "C"), 2), (("A",), 2), (("A", "D"), 3), (("D",), 1), (("C", "E"), 1)]
    content = balance(dict(films), min_train=2, min_test=9, on_rare="merge")
    assert json.dumps(content) == json.dumps(balance(dict(reversed(films)), min_train=2, min_test=9, on_rare="merge"))
    assert balance(dict(films))["labels"] == ["A", "D", "C", "B", "E"]


def test_relabelling_may_leave_films_without_labels():
    assert relabelled({("A", "B"): 2, ("B",): 3, ("C",): 1}, {"A": "C", "B": ""}) == {("C",): 3, (): 3}


# Agreement with the statistics


def statistics(films, genres, unique=None):
    found = statistics_pb2.DatasetFeatureStatistics(num_examples=films)
    feature = found.features.add()
    feature.path.step.append(features.GENRES)
    feature.string_stats.unique = unique or len(genres)
    for genre, count in genres.items():
        feature.string_stats.rank_histogram.buckets.add(label=genre, sample_count=count)
    return found


def test_statistics_of_these_films_agree():
    agreement.check(
        {"train": FOUR, "eval": {}},
        [
            {
                "train": statistics(4, {"Drama": 3, "Comedy": 2, "War": 1}),
                "eval": statistics_pb2.DatasetFeatureStatistics(),
            }
        ],
    )


def test_statistics_of_several_spans_are_added_up():
    spans = [{"train": statistics(3, {"Drama": 2, "War": 1})}, {"train": statistics(1, {"Drama": 1, "Comedy": 2})}]
    agreement.check({"train": FOUR}, spans)
    with pytest.raises(MarqueeError) as error:
        agreement.check({"train": FOUR}, spans[:1])
    assert str(error.value).splitlines()[1:-1] == [
        "  train: 4 films, 3 by the statistics",
        "  train, Comedy: 2 films, 0 by the statistics",
        "  train, Drama: 3 films, 2 by the statistics",
    ]


def test_a_genre_that_one_span_may_have_and_does_not_list_is_not_compared():
    cut = {"train": statistics(3, {"Drama": 2}, unique=3)}
    agreement.check({"train": FOUR}, [cut, {"train": statistics(1, {"Drama": 1, "Comedy": 1})}])
    with pytest.raises(MarqueeError, match="train, Drama: 3 films, 4 by the statistics"):
        agreement.check({"train": FOUR}, [cut, {"train": statistics(1, {"Drama": 2})}])


def test_statistics_that_list_the_commonest_genres_alone_are_compared_as_far_as_they_go():
    agreement.check({"train": FOUR}, [{"train": statistics(4, {"Drama": 3, "Comedy": 2}, unique=3)}])
    with pytest.raises(MarqueeError, match="train, Comedy: 2 films, 1 by the statistics"):
        agreement.check({"train": FOUR}, [{"train": statistics(4, {"Drama": 3, "Comedy": 1}, unique=3)}])


def test_statistics_of_other_films_are_refused_by_the_figures_that_differ():
    with pytest.raises(MarqueeError) as error:
        agreement.check(
            {"train": FOUR, "test": {("Épopée",): 1}}, [{"train": statistics(5, {"Drama": 3, "Comedy": 2, "Music": 2})}]
        )
    assert str(error.value).splitlines()[1:-1] == [
        "  train: 4 films, 5 by the statistics",
        "  train, Music: 0 films, 2 by the statistics",
        "  train, War: 1 films, 0 by the statistics",
        "  test: 1 films, 0 by the statistics",
        "  test, Épopée: 1 films, 0 by the statistics",
    ]
