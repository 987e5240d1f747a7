"""Evidence of several models, put together film by film."""

import numpy as np
import pytest

from trainer import evidence
from trainer.evidence import Evidence
from transform.errors import MarqueeError


def told(films: list[bytes], flag: str, heads: list[str], on_eval: list[bool]) -> Evidence:
    rng = np.random.default_rng(len(heads))
    return Evidence(
        films=np.array(films), on_eval=np.array(on_eval), labels=np.array([[film == b"c"] for film in films]),
        flags=[flag], present=np.array([[film != b"a"] for film in films]), heads=heads,
        looks_at=np.zeros(len(heads), np.int64), logits=rng.normal(size=(len(heads), len(films), 1)).astype(np.float32),
    )  # fmt: skip


def test_saved_and_loaded(tmp_path):
    given = told([b"a", b"c"], "has_poster", ["poster"], [False, True])
    given.save(tmp_path)
    found = evidence.load(tmp_path)
    assert (found.flags, found.heads) == (["has_poster"], ["poster"])
    for name in ("films", "on_eval", "labels", "present", "looks_at", "logits"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name))


def test_films_that_both_tell_of_are_joined_whatever_their_order():
    posters = told([b"a", b"b", b"c"], "has_poster", ["poster"], [False, False, True])
    words = told([b"c", b"a"], "has_overview", ["ngrams", "lstm"], [True, False])
    both = evidence.join([posters, words])
    assert both.films.tolist() == [b"a", b"b", b"c"]
    assert both.told.tolist() == [[True, True, True], [True, False, True], [True, False, True]]
    assert (both.flags, both.heads) == (["has_poster", "has_overview"], ["poster", "ngrams", "lstm"])
    assert both.looks_at.tolist() == [0, 1, 1]
    assert both.on_eval.tolist() == [False, False, True]
    assert both.labels.tolist() == [[False], [False], [True]]
    assert both.present.tolist() == [[False, False], [True, False], [True, True]]
    np.testing.assert_array_equal(both.logits[:, 2, 0], [posters.logits[0, 2, 0], *words.logits[:, 0, 0]])


def test_a_film_of_two_spans_is_joined_twice_and_alike():
    posters = told([b"a", b"c", b"a"], "has_poster", ["poster"], [False, True, False])
    words = told([b"a", b"c", b"a"], "has_overview", ["ngrams"], [False, True, False])
    both = evidence.join([posters, words])
    assert both.films.tolist() == [b"a", b"a", b"c"]
    for row, place in enumerate((0, 2, 1)):
        np.testing.assert_array_equal(both.logits[:, row, 0], [posters.logits[0, place, 0], words.logits[0, place, 0]])


def test_models_of_different_films_cannot_be_joined():
    with pytest.raises(MarqueeError, match="different films"):
        evidence.join([told([b"a"], "has_poster", ["p"], [True]), told([b"c"], "has_overview", ["w"], [True])])
