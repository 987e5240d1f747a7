"""Labels of a film: what LabelBalance left out, merged, and kept."""

import pytest
import tensorflow as tf

from transform import genres


def relabelled(films: list[list[str]], mapping: dict[str, str]) -> list[list[str]]:
    """What is left of each film, through a traced graph."""
    ragged = tf.ragged.constant(films, dtype=tf.string, ragged_rank=1)
    graph = tf.function(
        lambda values: genres.relabel(values, mapping), input_signature=[tf.SparseTensorSpec([None, None], tf.string)]
    )
    labels = graph(ragged.to_sparse())
    assert labels.dense_shape.numpy()[0] == len(films)
    rows: list[list[str]] = [[] for _ in films]
    for (row, _), value in zip(labels.indices.numpy(), labels.values.numpy(), strict=True):
        rows[row].append(value.decode())
    return rows


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({}, [["Drama", "Short"], ["Film-Noir", "Western"], ["Short"], []]),
        ({"Short": ""}, [["Drama"], ["Film-Noir", "Western"], [], []]),
        ({"Film-Noir": "Other"}, [["Drama", "Short"], ["Other", "Western"], ["Short"], []]),
        ({"Film-Noir": "Other", "Western": "Other", "Short": ""}, [["Drama"], ["Other"], [], []]),
        ({"Film-Noir": "Western"}, [["Drama", "Short"], ["Western"], ["Short"], []]),
        ({"Drama": "Short", "Short": "Drama"}, [["Short", "Drama"], ["Film-Noir", "Western"], ["Drama"], []]),
        ({"Documentary": "Other"}, [["Drama", "Short"], ["Film-Noir", "Western"], ["Short"], []]),
    ],
    ids=["none", "drop", "merge", "merge two of one film", "merge into a genre that is there", "swap", "unseen"],
)
def test_relabel(mapping, expected):
    assert relabelled([["Drama", "Short"], ["Film-Noir", "Western"], ["Short"], []], mapping) == expected


def test_names_beyond_ascii_and_of_several_words():
    films = [["Comédie dramatique", "西部片"], ["西部片", "Ужасы"]]
    mapping = {"西部片": "Прочее", "Ужасы": "Прочее"}
    assert relabelled(films, mapping) == [["Comédie dramatique", "Прочее"], ["Прочее"]]


def test_a_genre_said_twice_is_one_label_of_its_own_film_alone():
    assert relabelled([["War", "Drama", "War"], ["War"], ["Drama", "Drama"]], {}) == [
        ["War", "Drama"],
        ["War"],
        ["Drama"],
    ]


def test_a_batch_of_no_film_and_one_of_no_genre():
    assert relabelled([], {"Drama": ""}) == []
    assert relabelled([[], []], {"Drama": ""}) == [[], []]
