"""The reference architectures, pinned layer by layer."""

import pytest

from trainer import cnn, lstm
from trainer.recipe import Task, choose

TASK = Task(positives=[10] * 25, films=100, image_size=64, vocabulary_size=10_000, ngram_buckets=64)
OWN = {"variant": "reference", "epochs": None, "learning_rate": None, "folds": None, "class_balance": "auto"}


def test_cnn():
    model = cnn.RECIPES["reference"].build(TASK)
    assert [layer.name for layer in model.layers[2:]] == [
        "Conv0", "Drop1", "Conv1", "Conv2", "Drop2", "Pool1", "Conv3", "Conv4", "Drop3", "Pool2", "Conv5", "Conv6",
        "Drop4", "Pool3", "Flat", "FC1", "Drop5", "FC2", "Drop6", "Output",
    ]  # fmt: skip
    assert model.count_params() == 3_464_601
    rates = {layer.name: layer.rate for layer in model.layers if layer.name.startswith("Drop")}
    assert rates == {"Drop1": 0.2, "Drop2": 0.2, "Drop3": 0.2, "Drop4": 0.2, "Drop5": 0.5, "Drop6": 0.5}


def test_lstm():
    model = lstm.RECIPES["reference"].build(TASK)
    names = [layer.name for layer in model.layers if layer.weights or layer.name.startswith("Drop")]
    assert names == ["Embed", "BiLSTM1", "BiLSTM2", "FC1", "Drop1", "Output"]
    embedding, dense, output = 10_000 * 256, 256 * 128 + 128, 128 * 25 + 25
    bilstm1, bilstm2 = (2 * 4 * units * (given + units + 1) for units, given in ((256, 256), (128, 512)))
    assert model.count_params() == embedding + bilstm1 + bilstm2 + dense + output
    for name in ("BiLSTM1", "BiLSTM2"):
        recurrent = model.get_layer(name).forward_layer
        assert (recurrent.dropout, recurrent.recurrent_dropout) == (0.5, 0.2)


@pytest.mark.parametrize(("recipes", "epochs"), [(cnn.RECIPES, 40), (lstm.RECIPES, 20)])
def test_recipe(recipes, epochs):
    recipe = choose(recipes, OWN)
    assert (recipe.epochs, recipe.learning_rate, recipe.weight_decay, recipe.augment) == (epochs, 1e-4, 0, None)
    assert recipe.class_balance == "none"
    shares = [recipe.schedule(epoch, epochs) for epoch in (0, 9, 10, 11)]
    assert shares == pytest.approx([1, 1, 0.99004983, 0.98019867])


def test_defaults_balance_as_measured():
    auto = {**OWN, "variant": "default"}
    assert choose(cnn.RECIPES, auto).class_balance == "none"
    assert choose(lstm.RECIPES, auto).class_balance == "weights"


def test_settings_win_over_the_recipe():
    chosen = choose(cnn.RECIPES, {**OWN, "epochs": 3, "learning_rate": 0.5, "folds": 2, "class_balance": "focal"})
    assert (chosen.epochs, chosen.learning_rate, chosen.folds, chosen.class_balance) == (3, 0.5, 2, "focal")
