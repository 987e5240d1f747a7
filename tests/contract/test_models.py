"""One contract for every model and variant: train, save, reload in a fresh process, equal scores."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.datapath import IMAGE_SIZE
from tests.pictures import picture
from tests.training import RECIPES, VARIANTS, fit
from trainer import data, decisions, evidence
from transform import features

pytestmark = pytest.mark.slow

INPUTS = {
    "cnn": [features.POSTER],
    "lstm": [features.OVERVIEW],
    "fusion": [features.POSTER, features.OVERVIEW],
}
GENRES = 4

SCORE_ALONE = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
records = list(tf.data.TFRecordDataset(json.loads(sys.argv[2]), compression_type="GZIP").as_numpy_iterator())
out = {name: model.signatures[name](examples=tf.constant(records)) for name in ("serving_examples", "evaluate")}
examples = [tf.train.Example.FromString(record) for record in records]
inputs = {name: [(list(e.features.feature[name].bytes_list.value) or [b""])[0] for e in examples]
          for name in json.loads(sys.argv[3])}
out["serving_default"] = model.signatures["serving_default"](**{k: tf.constant(v) for k, v in inputs.items()})
print(json.dumps({
    "default": out["serving_default"]["scores"].numpy().tolist(),
    "examples": out["serving_examples"]["scores"].numpy().tolist(),
    "evaluate": out["evaluate"]["evaluation"].numpy().tolist(),
    "predicted": out["serving_default"]["predicted"].numpy().tolist(),
}))
"""


@pytest.fixture(scope="module", params=VARIANTS, ids="-".join)
def fitted(request, transformed, tmp_path_factory):
    return fit(transformed, tmp_path_factory.mktemp("-".join(request.param)), *request.param)


def inputs(name: str, films: int) -> dict[str, tf.Tensor]:
    values = {features.POSTER: picture(), features.OVERVIEW: "A sheriff laughs."}
    return {key: tf.constant([values[key]] * films, tf.string) for key in INPUTS[name]}


def test_learns(fitted):
    history = json.loads((fitted.run / "history.json").read_text())
    if fitted.name == "fusion":  # what it learns is solved
        assert not history
        return
    assert min(history["loss"]) < history["loss"][0]
    for metric in ("loss", "precision", "recall", "f1"):
        assert len(history[metric]) == len(history[f"val_{metric}"]) == len(history["loss"])


@pytest.mark.parametrize("films", [0, 1, 33])
def test_answers_any_number_of_films(fitted, films):
    answer = fitted.served["serving_default"](**inputs(fitted.name, films))

    kinds = {name: (tuple(values.shape), values.dtype) for name, values in answer.items()}
    assert kinds == {
        "scores": ((films, GENRES), tf.float32),
        "genres": ((films, GENRES), tf.string),
        "predicted": ((films, GENRES), tf.int64),
        "top_genres": ((films, 3), tf.string),
        "top_scores": ((films, 3), tf.float32),
    }
    scores = answer["scores"].numpy()
    assert ((scores > 0) & (scores < 1)).all()
    about = json.loads((fitted.model / "assets.extra" / "marquee.json").read_text())
    for row in range(films):
        assert [genre.decode() for genre in answer["genres"].numpy()[row]] == about["genres"]
        np.testing.assert_array_equal(answer["predicted"].numpy()[row], scores[row] >= np.float32(about["thresholds"]))
        best = np.argsort(-scores[row])[:3]
        assert [genre.decode() for genre in answer["top_genres"].numpy()[row]] == [about["genres"][i] for i in best]
        np.testing.assert_allclose(answer["top_scores"].numpy()[row], scores[row][best])


def test_scores_are_equal_however_they_are_asked_for(fitted, transformed):
    files = [str(file) for file in (transformed.examples / "Split-test").iterdir()]
    done = subprocess.run(
        [sys.executable, "-c", SCORE_ALONE, str(fitted.model), json.dumps(files), json.dumps(INPUTS[fitted.name])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    alone = {name: np.array(values) for name, values in json.loads(done.stdout.splitlines()[-1]).items()}
    patterns = [str(transformed.transformed / "Split-test" / "*")]
    films = data.batches(patterns, "test", genres=GENRES, image_size=IMAGE_SIZE, batch_size=7)
    names = [tensor.name for tensor in fitted.network.inputs]
    here = np.concatenate(
        [fitted.network({name: batch[name] for name in names}, training=False)["scores"].numpy() for batch, _ in films]
    )

    assert len(here) >= 5
    for name in ("default", "examples"):
        np.testing.assert_allclose(alone[name], here, atol=1e-5)
    np.testing.assert_allclose(alone["evaluate"][:, :GENRES], here, atol=1e-5)
    np.testing.assert_array_equal(alone["evaluate"][:, GENRES:], alone["predicted"])


def test_labels_and_slices_for_the_evaluator(fitted, transformed):
    about = json.loads((fitted.model / "assets.extra" / "marquee.json").read_text())
    records = transformed.raw("test")
    answer = fitted.served["transform_labels"](examples=tf.constant(records))

    for row, record in enumerate(records):
        raw = tf.train.Example.FromString(record).features.feature
        said = {genre for genre, label in zip(about["genres"], answer["labels"].numpy()[row], strict=True) if label}
        assert said == {genre.decode() for genre in raw[features.GENRES].bytes_list.value}
        for key, feature in ((features.HAS_POSTER, features.POSTER), (features.HAS_OVERVIEW, features.OVERVIEW)):
            there = b"yes" if raw[feature].bytes_list.value else b"no"
            assert answer[key].numpy()[row].tolist() == [there]


def test_a_missing_input_is_answered_as_a_missing_one(fitted):
    absent = fitted.served["serving_default"](**{name: tf.constant([""]) for name in INPUTS[fitted.name]})["scores"]
    example = tf.train.Example().SerializeToString()
    np.testing.assert_allclose(fitted.served["serving_examples"](examples=tf.constant([example]))["scores"], absent)


def test_a_film_with_one_of_two_gets_from_fusion_what_the_single_model_says(fitted, transformed):
    if fitted.name == "fusion":
        check_single_models(fitted, transformed)


def test_so_it_does_where_one_of_the_models_is_no_committee(transformed, tmp_path):
    """So that there is less evidence of what both say than of what one does."""
    check_single_models(fit(transformed, tmp_path, "fusion", "default", epochs=1, cnn={"folds": 1}), transformed)


def check_single_models(fusion, transformed) -> None:
    """Asks for films with both, with one, with the other, with nothing, in one batch, by both signatures."""
    raw = [tf.train.Example.FromString(record).features.feature for record in transformed.raw("test")]
    posters, overviews = (
        [feature[key].bytes_list.value[0] for feature in raw if feature[key].bytes_list.value]
        for key in (features.POSTER, features.OVERVIEW)
    )
    given = {features.POSTER: [*posters[:3], *posters[:3], *[b""] * 3, b""]}
    given[features.OVERVIEW] = [*overviews[:3], *[b""] * 3, *overviews[:3], b""]
    has = {"both": slice(0, 3), "cnn": slice(3, 6), "lstm": slice(6, 9), "nothing": slice(9, 10)}
    examples = []
    for row in zip(*given.values(), strict=True):
        feature = (example := tf.train.Example()).features.feature
        for name, value in zip(given, row, strict=True):
            if value:
                feature[name].bytes_list.value.append(value)
        examples.append(example.SerializeToString())
    by_name = fusion.served["serving_default"](**{name: tf.constant(values) for name, values in given.items()})
    by_example = fusion.served["serving_examples"](examples=tf.constant(examples))
    about = json.loads((fusion.model / "assets.extra" / "marquee.json").read_text())
    for said in (by_name, by_example):
        scores, predicted = (said[key].numpy() for key in ("scores", "predicted"))
        for part, missing in (("cnn", "overview"), ("lstm", "poster")):
            alone = tf.saved_model.load(str(fusion.model.parent / part / "model")).signatures["serving_default"]
            expected = alone(**{name: tf.constant(given[name][has[part]]) for name in INPUTS[part]})
            np.testing.assert_allclose(scores[has[part]], expected["scores"], atol=1e-6)
            np.testing.assert_array_equal(predicted[has[part]], expected["predicted"])
            limits = np.float32(about["thresholds_without"][missing])
            np.testing.assert_array_equal(predicted[has[part]], scores[has[part]] >= limits)
            assert (np.abs(scores[has["both"]] - scores[has[part]]).max(axis=1) > 1e-4).all()


def test_the_decisions_beside_the_run_are_those_of_the_exported_model(fitted, transformed):
    told, chosen = evidence.load(fitted.run), decisions.load(fitted.run)
    records = transformed.raw("eval")
    ids = [tf.train.Example.FromString(record).features.feature[features.ID].bytes_list.value[0] for record in records]
    places = [told.films.tolist().index(film) for film in ids]
    assert told.on_eval[places].all()
    expected = decisions.scores_of(chosen, told)[places]
    answer = fitted.served["serving_examples"](examples=tf.constant(records))
    np.testing.assert_allclose(answer["scores"], expected, atol=1e-3)  # of scores near 0 and 1 logits are cut
    rows = chosen.rows(told.present[places])
    np.testing.assert_array_equal(answer["predicted"], answer["scores"].numpy() >= np.float32(chosen.thresholds[rows]))


def test_a_poster_that_is_no_picture_names_its_row(fitted):
    if features.POSTER not in INPUTS[fitted.name]:
        return
    serve = fitted.served["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="poster in row 2 is neither a JPEG nor a PNG"):
        serve(**inputs(fitted.name, 3) | {"poster": tf.constant([picture(), b"", b"GIF89a and more"])})
    with pytest.raises(tf.errors.InvalidArgumentError):
        serve(**inputs(fitted.name, 1) | {"poster": tf.constant([picture()[:300]])})


def test_one_seed_gives_one_model(transformed, tmp_path):
    """A fusion, and the models that it is made of: their weights, and what is served."""
    fits = [
        fit(transformed, tmp_path / str(run), "fusion", "default", epochs=2, folds=2, seed=seed)
        for run, seed in enumerate((3, 3, 4))
    ]
    weights = [each.network.get_weights() for each in fits]
    for first, second in zip(weights[0], weights[1], strict=True):
        np.testing.assert_array_equal(first, second)
    assert any((first != other).any() for first, other in zip(weights[0], weights[2], strict=True))
    films = tf.constant(transformed.raw("test"))
    for part in ("", *RECIPES):
        models = [tf.saved_model.load(str(each.model.parent / part / "model")).signatures for each in fits]
        answers = [model["serving_examples"](examples=films) for model in models]
        for key in ("scores", "predicted"):
            np.testing.assert_array_equal(answers[0][key], answers[1][key])
        assert (answers[0]["scores"] != answers[2]["scores"]).numpy().any()


@pytest.mark.parametrize("class_balance", ["weights", "oversample", "focal", "asymmetric"])
@pytest.mark.parametrize("name", RECIPES)
def test_every_class_balance_trains(name, class_balance, transformed, tmp_path):
    balanced = fit(transformed, tmp_path, name, "default", epochs=1, folds=1, class_balance=class_balance)
    scores = balanced.served["serving_default"](**inputs(name, 3))["scores"].numpy()
    assert scores.shape == (3, GENRES)
    assert ((scores > 0) & (scores < 1)).all()
