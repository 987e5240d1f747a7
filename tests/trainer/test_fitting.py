"""What fitting does around a network, with a network that fits in a moment."""

import json
import logging
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tfx.components.trainer.fn_args_utils import FnArgs

from tests.trainer.conftest import CONFIG
from trainer import cnn, fitting
from trainer.recipe import Recipe
from transform import features
from transform.errors import MarqueeError

pytestmark = pytest.mark.slow

SIZE = CONFIG["image_size"]
GENRES = (("Drama",), ("Drama",), ("Drama", "War"), ("Drama", "War"), ("War",))
SETTINGS = {
    **CONFIG, "name": "toy", "variant": "default", "epochs": 4, "batch_size": 8, "learning_rate": 0.05,
    "patience": 8, "seed": 5,
}  # fmt: skip


def network(task) -> keras.Model:
    pixels = layers.Input((SIZE, SIZE, features.CHANNELS), dtype="uint8", name=features.PIXELS)
    mean = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(pixels))
    return keras.Model({features.PIXELS: pixels}, fitting.output_layer(task)(mean))


def recipe(**changes) -> dict[str, Recipe]:
    given = {"build": network, "epochs": 4, "learning_rate": 0.05, "schedule": lambda epoch, epochs: 1.0, **changes}
    return {"default": Recipe(**given)}


def write(folder, films: int, seed: int) -> str:
    """Bright posters are War, dark ones Drama; labels in the order Drama, War."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    with tf.io.TFRecordWriter(str(folder / "a.gz"), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for grey in rng.integers(0, 256, films):
            feature = (example := tf.train.Example()).features.feature
            feature[features.PIXELS].bytes_list.value.append(bytes([grey]) * SIZE * SIZE * 3)
            feature[features.LABELS].int64_list.value.extend([grey < 128, grey >= 128])
            for flag in (features.HAS_POSTER, features.HAS_OVERVIEW):
                feature[flag].int64_list.value.append(1)
            writer.write(example.SerializeToString())
    return str(folder / "*")


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("splits")
    return {"train": write(folder / "Split-train", 40, 1), "eval": write(folder / "Split-eval", 20, 2)}


@pytest.fixture
def run(splits, transform_graph, tmp_path):
    """Fits; returns the network and what the artifacts hold."""

    def run(recipes, **changes):
        arguments = FnArgs(
            train_files=[splits["train"]],
            eval_files=[changes.pop("eval_files", splits["eval"])],
            transform_graph_path=transform_graph(*GENRES).transform_savedmodel_dir.rsplit("/", 1)[0],
            serving_model_dir=str(tmp_path / "model"),
            model_run_dir=str(tmp_path / "run"),
            custom_config={**SETTINGS, **changes},
        )
        network = fitting.run(arguments, recipes)
        read = [json.loads((tmp_path / "run" / f"{name}.json").read_text()) for name in ("history", "training")]
        about = json.loads((tmp_path / "model" / "assets.extra" / "marquee.json").read_text())
        return SimpleNamespace(network=network, history=read[0], training=read[1], about=about, folder=tmp_path)

    return run


def test_a_fit_writes_what_it_did(run, caplog):
    with caplog.at_level(logging.INFO, "marquee.trainer"):
        fit = run(recipe())
    training = {key: fit.training[key] for key in ("name", "variant", "seed", "films", "parameters", "epochs")}
    assert training == {"name": "toy", "variant": "default", "seed": 5, "films": 40, "parameters": 8, "epochs": 4}
    assert fit.training["versions"] == {"tensorflow": tf.__version__, "keras": keras.__version__}
    assert fit.training["seconds_per_epoch"] > 0
    assert {len(values) for values in fit.history.values()} == {4}
    assert {"loss", "precision", "recall", "f1", "val_loss", "val_precision", "val_recall", "val_f1"} <= set(
        fit.history
    )
    assert fit.history["loss"][-1] < fit.history["loss"][0]
    assert (fit.about["genres"], fit.about["seed"], len(fit.about["thresholds"])) == (["Drama", "War"], 5, 2)
    first, *epochs = [record.getMessage() for record in caplog.records if record.name == "marquee.trainer"]
    assert all(said in first for said in ("toy default", "8 parameters", "40 films", "seed 5", tf.__version__))
    assert [line.split("  ")[0] for line in epochs] == [f"toy epoch {epoch}/4" for epoch in (1, 2, 3, 4)]
    assert list((fit.folder / "run").glob("**/events.out.tfevents.*"))


def test_the_output_starts_from_the_share_of_each_genre(run):
    fit = run(recipe(schedule=lambda epoch, epochs: 0.0), epochs=1)
    # Transform counted Drama on 4 films and War on 3, the train split here has 40.
    expected = np.log([(4 + 1) / (40 - 4 + 1), (3 + 1) / (40 - 3 + 1)])
    np.testing.assert_allclose(fit.network.get_layer("Output").bias.numpy(), expected, rtol=1e-5)


def test_the_weights_that_are_best_on_eval_are_exported(run):
    """From the third epoch on the weights go uphill."""
    fit = run(recipe(schedule=lambda epoch, epochs: 1.0 if epoch < 2 else -20.0))
    best = min(fit.history["val_loss"])
    assert fit.history["val_loss"].index(best) == 1
    assert fit.history["val_loss"][-1] > 2 * best
    pixels = np.arange(0, 256, 5, dtype=np.uint8)[:, None, None, None] * np.ones((1, SIZE, SIZE, 3), np.uint8)
    scores = fit.network.predict({features.PIXELS: pixels}, verbose=0)
    restored = network(SimpleNamespace(genres=2, log_odds=np.zeros(2, np.float32)))
    restored.load_weights(fit.folder / "run" / "best.weights.h5")
    np.testing.assert_allclose(scores, restored.predict({features.PIXELS: pixels}, verbose=0), atol=1e-6)


def test_fitting_stops_after_so_many_epochs_without_progress(run):
    fit = run(recipe(schedule=lambda epoch, epochs: 0.0), epochs=20, patience=3)
    assert len(fit.history["loss"]) == fit.training["epochs"] == 4


def test_augmentation_is_no_part_of_the_exported_network(run):
    fit = run(recipe(augment=cnn.augment))
    assert "Augment" not in [layer.name for layer in fit.network.layers]
    assert [tensor.name for tensor in fit.network.inputs] == [features.PIXELS]
    assert fit.history["val_loss"][-1] < fit.history["val_loss"][0]


def test_an_empty_eval_split_is_the_users_mistake(run, tmp_path):
    with pytest.raises(MarqueeError, match="The eval split has no film"):
        run(recipe(), eval_files=write(tmp_path / "Split-eval", 0, 0))
