"""The search: where it looks, where it begins, and what a bad trial does."""

import math
from types import SimpleNamespace

import keras
import keras_tuner
import pytest

from tests.training import RECIPES
from trainer import cnn, fitting, lstm, tuning
from trainer.recipe import Task, tuned
from transform.errors import MarqueeError

TASK = Task(positives=[3, 4], films=9, image_size=16, vocabulary_size=10, ngram_buckets=64)
RECIPE = lstm.RECIPES["default"]


def test_keras_tuner_is_on_keras_3():
    """Although fitting imports TFT, after which the Keras of TensorFlow is Keras 2."""
    from keras_tuner.src import backend

    assert backend.keras.Model is keras.Model
    assert keras.__version__.startswith("3.")


@pytest.mark.parametrize("recipe", [RECIPE, cnn.RECIPES["default"]])
def test_the_space_lies_around_the_recipe(recipe):
    space = tuning.space(recipe)
    values = {"learning_rate": recipe.learning_rate, "weight_decay": recipe.weight_decay, "dropout": 1.0, "width": 1.0}
    assert space.values == values
    assert {each.name for each in space.space} == set(values)
    assert "weight_decay" not in tuning.space(lstm.RECIPES["reference"]).values


@pytest.mark.parametrize("name", RECIPES)
def test_what_was_found_makes_the_network(name):
    recipe = RECIPES[name]["default"]
    found = {"learning_rate": 0.5, "weight_decay": 0.25, "width": 2.0, "dropout": 1.5}
    changed = tuned(recipe, found)
    assert (changed.learning_rate, changed.weight_decay, changed.epochs) == (0.5, 0.25, recipe.epochs)
    before, after = recipe.build(TASK), changed.build(TASK)
    assert after.count_params() > 1.5 * (before.count_params() - TASK.vocabulary_size * lstm.EMBEDDING)
    assert after.get_layer("Drop").rate == pytest.approx(1.5 * before.get_layer("Drop").rate)
    same = tuned(recipe, {})
    assert (same.learning_rate, same.weight_decay) == (recipe.learning_rate, recipe.weight_decay)
    assert same.build(TASK).count_params() == before.count_params()


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Searches where a network's cross-entropies are told by a function of its recipe."""

    def run(learn, trials=6):
        monkeypatch.setattr(
            fitting, "learn_one", lambda job, recipe, title: {"val_cross_entropy": learn(recipe, title)}
        )
        job = SimpleNamespace(settings={"name": "toy", "seed": 3, "tuner_trials": trials}, folder=tmp_path)
        made = tuning.Search(job, RECIPE)
        made.search(verbose=0)
        return made

    return run


def test_the_recipe_is_tried_first_and_the_best_is_found(search, capsys):
    tried = []

    def learn(recipe, title):
        tried.append((title, recipe.learning_rate))
        return [1.0, abs(math.log(recipe.learning_rate / 1e-3)), 1.0]

    [best] = search(learn).get_best_hyperparameters()
    assert tried[0] == ("toy trial 1/6", RECIPE.learning_rate)
    assert len({rate for _, rate in tried}) == 6
    assert best.values["learning_rate"] == min((rate for _, rate in tried), key=lambda rate: abs(math.log(rate / 1e-3)))
    assert capsys.readouterr().out == ""
    first, tried[:] = list(tried), []
    search(learn)
    assert tried == first  # of one seed


def test_where_nothing_is_better_the_recipe_stays(search):
    default = RECIPE.learning_rate
    [best] = search(lambda recipe, _: [0.1 if recipe.learning_rate == default else 0.2]).get_best_hyperparameters()
    assert best.values == tuning.space(RECIPE).values


def test_a_trial_that_learns_nothing_is_left_behind(search):
    default = RECIPE.learning_rate
    made = search(lambda recipe, _: [math.nan] if recipe.learning_rate == default else [0.2])
    assert len(made.oracle.trials) == 6
    [best] = made.get_best_hyperparameters()
    assert best.values["learning_rate"] != default


def test_a_users_mistake_ends_the_search(search):
    def learn(recipe, title):
        raise MarqueeError("No film of the train split has an overview.")

    with pytest.raises(keras_tuner.errors.FatalError) as error:
        search(learn)
    assert isinstance(error.value.__cause__, MarqueeError)
