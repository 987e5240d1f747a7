"""What fitting does around a network, with a network that fits in a moment."""

import dataclasses
import json
import logging
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import scipy
import sklearn
import tensorflow as tf
from keras import layers
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.version import __version__ as tfx_version

from pipeline.settings import Training
from tests.balances import balance_content
from tests.trainer.conftest import CONFIG
from trainer import cnn, evidence, fitting, folds, heads, lstm
from trainer.recipe import Recipe
from transform import features
from transform.errors import MarqueeError

pytestmark = pytest.mark.slow

SIZE = CONFIG["image_size"]
GENRES = (("Drama",), ("Drama",), ("Drama", "War"), ("Drama", "War"), ("War",))
SETTINGS = {
    **CONFIG,
    **dataclasses.asdict(Training(epochs=4, batch_size=8, learning_rate=0.05, seed=5)),
    "name": "toy",
    "label_balance": balance_content({"Drama": 24, "War": 16}),
}


def network(task) -> keras.Model:
    pixels = layers.Input((SIZE, SIZE, features.CHANNELS), dtype="uint8", name=features.PIXELS)
    mean = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(pixels))
    return keras.Model({features.PIXELS: pixels}, heads.output_layer(task)(mean))


def recipe(**changes) -> dict[str, Recipe]:
    given = {
        "head": "poster",
        "build": network,
        "epochs": 4,
        "learning_rate": 0.05,
        "schedule": lambda epoch, epochs: 1.0,
        **changes,
    }
    return {"default": Recipe(**given)}


def write(folder, films: int, seed: int, genres: int = 2, poster: bool = True) -> str:
    """Bright posters are War, dark ones Drama; labels in the order Drama, War, or of Drama alone."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    with tf.io.TFRecordWriter(str(folder / "a.gz"), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for film, grey in enumerate(rng.integers(0, 256, films).tolist()):
            feature = (example := tf.train.Example()).features.feature
            feature[features.ID].bytes_list.value.append(b"tt%d" % film)
            feature[features.PIXELS].bytes_list.value.append(bytes([grey]) * SIZE * SIZE * 3)
            feature[features.LABELS].int64_list.value.extend([grey < 128, grey >= 128][:genres])
            feature[features.HAS_POSTER].int64_list.value.append(poster)
            feature[features.HAS_OVERVIEW].int64_list.value.append(False)
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
            train_files=[changes.pop("train_files", splits["train"])],
            eval_files=[changes.pop("eval_files", splits["eval"])],
            transform_graph_path=transform_graph(*changes.pop("films", GENRES)).transform_savedmodel_dir.rsplit("/", 1)[
                0
            ],
            serving_model_dir=str(tmp_path / "model"),
            model_run_dir=str(tmp_path / "run"),
            custom_config={**SETTINGS, **changes},
        )
        network = fitting.run(arguments, recipes)
        read = [json.loads((tmp_path / "run" / f"{name}.json").read_text()) for name in ("history", "training")]
        about = json.loads((tmp_path / "model" / "assets.extra" / "marquee.json").read_text())
        return SimpleNamespace(
            network=network,
            output=network.get_weights(),
            history=read[0],
            training=read[1],
            about=about,
            folder=tmp_path,
        )

    return run


def test_a_fit_writes_what_it_did(run, caplog):
    with caplog.at_level(logging.INFO, "marquee.trainer"):
        fit = run(recipe())
    training = {key: fit.training[key] for key in ("name", "variant", "seed", "films", "parameters", "epochs")}
    assert training == {"name": "toy", "variant": "default", "seed": 5, "films": 40, "parameters": 8, "epochs": 4}
    versions = {"tfx": tfx_version, "tensorflow": tf.__version__, "keras": keras.__version__}
    versions |= {"sklearn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    assert fit.training["versions"] == versions | {"python": sys.version.split()[0]}
    assert fit.training["heads"] == ["poster"]
    assert set(fit.training["calibration_error"]) == {"before", "after"}
    assert all(0 <= error < 1 for error in fit.training["calibration_error"].values())
    assert fit.training["seconds_per_epoch"] > 0
    assert len(set(fit.training["fingerprints"].values())) == 2
    films = ", ".join(f"{split} {print}" for split, print in fit.training["fingerprints"].items())
    assert f"40 films, 40 an epoch, 1 folds, seed 5, {films}, tfx {tfx_version}" in caplog.text
    assert {len(values) for values in fit.history.values()} == {4}
    assert {
        "loss",
        "cross_entropy",
        "val_cross_entropy",
        "precision",
        "recall",
        "f1",
        "val_loss",
        "val_precision",
        "val_recall",
        "val_f1",
    } <= set(fit.history)
    assert fit.history["loss"][-1] < fit.history["loss"][0]
    assert (fit.about["genres"], fit.about["seed"], len(fit.about["thresholds"])) == (["Drama", "War"], 5, 2)
    first, *epochs, _ = [record.getMessage() for record in caplog.records if record.name == "marquee.trainer"]
    assert all(said in first for said in ("toy default", "8 parameters", "40 films", "seed 5"))
    assert all(f"{name} {version}" in first for name, version in fit.training["versions"].items())
    assert [line.split("  ")[0] for line in epochs] == [f"toy epoch {epoch}/4" for epoch in (1, 2, 3, 4)]
    assert list((fit.folder / "run").glob("**/events.out.tfevents.*"))


def test_the_output_starts_from_the_share_of_each_genre(run):
    fit = run(recipe(schedule=lambda epoch, epochs: 0.0), epochs=1)
    expected = np.log([(24 + 1) / (40 - 24 + 1), (16 + 1) / (40 - 16 + 1)])
    np.testing.assert_allclose(fit.output[1], expected, rtol=1e-5)


def test_the_weights_that_are_best_on_eval_are_exported(run):
    """From the third epoch on the weights go uphill."""
    fit = run(recipe(schedule=lambda epoch, epochs: 1.0 if epoch < 2 else -20.0))
    best = min(fit.history["val_cross_entropy"])
    assert fit.history["val_cross_entropy"].index(best) == 1
    assert fit.history["val_cross_entropy"][-1] > 2 * best
    restored = keras.saving.load_model(fit.folder / "run" / heads.NETWORK_FILE)
    greys = np.random.default_rng(2).integers(0, 256, 20)  # of eval
    pixels = greys.astype(np.uint8)[:, None, None, None] * np.ones((1, SIZE, SIZE, 3), np.uint8)
    labels = np.stack([greys < 128, greys >= 128], axis=1).astype(np.float32)
    scores = restored.predict({features.PIXELS: pixels}, verbose=0)["poster"]
    assert keras.losses.binary_crossentropy(labels, scores).numpy().mean() == pytest.approx(best, rel=1e-4)
    for exported, kept in zip(fit.output, restored.get_weights(), strict=True):
        np.testing.assert_array_equal(exported, kept)


def test_each_member_of_a_committee_leaves_a_fold_out_and_speaks_for_it(run, caplog):
    with caplog.at_level(logging.INFO, "marquee.trainer"):
        fit = run(recipe(folds=3), epochs=2)
    assert "40 an epoch, 3 folds" in caplog.text
    assert [f"toy {member}/3 epoch 2/2" in caplog.text for member in (1, 2, 3)] == [True] * 3
    assert fit.training["folds"] == 3
    told = evidence.load(fit.folder / "run")
    assert (len(told.films), told.on_eval.sum(), told.heads) == (60, 20, ["poster"])
    # Members differ by what they have seen: what is said of train is not what the committee says.
    committee = keras.saving.load_model(fit.folder / "run" / heads.NETWORK_FILE).get_layer("poster")
    greys = np.random.default_rng(1).integers(0, 256, 40)
    fold = folds.of_films([b"tt%d" % film for film in range(40)], 3, seed=5)
    for member in range(3):
        kernel, bias = committee.get_layer(f"poster_{member + 1}").get_weights()
        logits = (greys / 255)[:, None] @ kernel.sum(axis=0, keepdims=True) + bias
        np.testing.assert_allclose(told.logits[0][:40][fold == member], logits[fold == member], atol=1e-4)


def test_fitting_stops_after_so_many_epochs_without_progress(run):
    fit = run(recipe(schedule=lambda epoch, epochs: 0.0), epochs=20, patience=3)
    assert len(fit.history["loss"]) == fit.training["epochs"] == 4


def test_augmentation_is_no_part_of_the_exported_network(run):
    fit = run(recipe(augment=cnn.augment))
    layers_of = [layer.name for layer in fit.network._flatten_layers()]
    assert "Output" in layers_of
    assert "Augment" not in layers_of
    assert {tensor.name for tensor in fit.network.inputs} == {features.PIXELS, features.HAS_POSTER}
    assert fit.history["val_loss"][-1] < fit.history["val_loss"][0]


def test_an_empty_eval_split_is_the_users_mistake(run, tmp_path):
    with pytest.raises(MarqueeError, match="The eval split has no film"):
        run(recipe(), eval_files=write(tmp_path / "Split-eval", 0, 0))


@pytest.mark.parametrize("class_balance", ["none", "weights", "oversample", "focal"])
def test_the_loss_is_that_of_the_setting_and_eval_stays_comparable(run, class_balance):
    """Without learning, what is measured is the loss alone: of scores that are the shares of the genres."""
    given = balance_content(
        {"Drama": 24, "War": 16}, War={"inverse_frequency": [3.0, 3.0], "repeat_factor": 2.0}
    )  # weights that leave the output's bias alone
    fit = run(
        recipe(schedule=lambda epoch, epochs: 0.0, build=constant), epochs=1, class_balance=class_balance,
        class_weights="inverse_frequency", focal_gamma=1.0, label_balance=given,
    )  # fmt: skip
    recorded = {key: fit.training[key] for key in ("class_balance", "class_weights", "focal_gamma", "films")}
    assert recorded == {
        "class_balance": class_balance, "class_weights": "inverse_frequency", "focal_gamma": 1.0, "films": 40,
    }  # fmt: skip
    drama, war = 25 / 42, 17 / 42
    films = np.random.default_rng(2).integers(0, 256, 20) < 128  # of eval: Drama, else War
    costs = np.where(films[:, None], [-np.log(drama), -np.log(1 - war)], [-np.log(1 - drama), -np.log(war)])
    assert fit.history["val_cross_entropy"] == pytest.approx([costs.mean()], rel=1e-4)
    focus = np.where(films[:, None], [1 - drama, war], [drama, 1 - war])
    expected = {"weights": costs * [1, 3], "focal": costs * focus}.get(class_balance, costs).mean()
    assert fit.history["val_loss"] == pytest.approx([expected], rel=1e-4)


def constant(task) -> keras.Model:
    """Whatever the poster, each genre's share."""
    network_of_task = network(task)
    kernel, bias = network_of_task.get_layer("Output").get_weights()
    network_of_task.get_layer("Output").set_weights([kernel * 0, bias])
    return network_of_task


def test_films_of_a_rare_genre_are_seen_more_often(run, caplog):
    given = balance_content({"Drama": 24, "War": 16}, War={"repeat_factor": 3.0})
    with caplog.at_level(logging.INFO, "marquee.trainer"):
        run(recipe(), epochs=1, class_balance="oversample", label_balance=given)
    war = int((np.random.default_rng(1).integers(0, 256, 40) >= 128).sum())
    assert f"40 films, {40 + 2 * war} an epoch" in caplog.text


@pytest.mark.parametrize("class_balance", ["none", "weights", "oversample", "focal"])
def test_one_genre(run, tmp_path, class_balance):
    fit = run(
        recipe(), epochs=1, films=(("Drama",),) * 3, class_balance=class_balance,
        train_files=write(tmp_path / "Split-train", 20, 1, genres=1),
        eval_files=write(tmp_path / "Split-eval", 9, 2, genres=1),
        label_balance=balance_content({"Drama": 12}, Drama={"effective_number": [0.7, 1.4]}),
    )  # fmt: skip
    assert fit.about["genres"] == ["Drama"]
    assert np.isfinite(fit.history["val_loss"]).all()
    served = tf.saved_model.load(str(fit.folder / "model")).signatures["serving_default"]
    assert served(poster=tf.constant([b""]))["scores"].shape == (1, 1)


def test_a_network_without_any_film_to_learn_from_is_named(run, tmp_path):
    with pytest.raises(MarqueeError, match=r"No film of the train split has an overview.*leave words out of MODELS"):
        run(lstm.RECIPES, name="words")
    nothing = write(tmp_path / "Split-train", 4, 1, poster=False)
    with pytest.raises(MarqueeError, match=r"No film of the train split has a poster.*leave toy out of MODELS"):
        run(recipe(), train_files=nothing, label_balance=balance_content({"Drama": 2, "War": 2}))


def test_a_training_that_diverges_is_told_with_what_to_look_at(run):
    with pytest.raises(MarqueeError, match=r"toy: in epoch \d of network 1 .*toy.learning_rate = 1e\+38"):
        run(recipe(), learning_rate=1e38)


@pytest.mark.parametrize("films", [1, 2])
def test_so_few_films_that_a_fold_would_hold_them_all(run, tmp_path, films):
    fit = run(
        recipe(folds=3), epochs=1, train_files=write(tmp_path / "Split-train", films, 1),
        label_balance=balance_content({"Drama": 1, "War": 1}),
    )  # fmt: skip
    assert fit.training["folds"] in ((1,) if films == 1 else (1, 3))
    assert np.isfinite(fit.history["val_loss"]).all()


def test_a_label_balance_of_other_genres_is_refused(run):
    with pytest.raises(MarqueeError, match="different genres"):
        run(recipe(), label_balance=balance_content({"Drama": 24, "Western": 16}))
