"""Backbones made by code: what they give, what is refused, and that a model on one is whole by itself."""

import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.datapath import IMAGE_SIZE
from tests.pictures import picture
from tests.training import fit
from trainer import backbone
from transform.errors import MarqueeError

POSTERS = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)

SCORE_ALONE = """
import json, sys
import tensorflow as tf
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
inputs = {name: tf.constant([open(sys.argv[2], "rb").read(), b""]) for name in json.loads(sys.argv[3])}
print(json.dumps(serve(**inputs)["scores"].numpy().tolist()))
"""


def network(side: int | None = 8, maps: bool = False) -> keras.Model:
    """The mean of each colour over the picture, or over each of its quarters."""
    images = layers.Input((side, side, 3))
    said = layers.AveragePooling2D(4)(images) if maps else layers.GlobalAveragePooling2D()(images)
    return keras.Model(images, layers.BatchNormalization(name="Once")(said))  # has weights, none of them to learn


def written(folder, kind: str, model: keras.Model):
    path = folder / f"net{kind}"
    if kind == ".keras":
        model.save(path)
    else:
        model.export(path, verbose=False)
    return path


@pytest.mark.parametrize("kind", [".keras", ""])
@pytest.mark.parametrize("maps", [False, True])
@pytest.mark.parametrize(
    ("scale", "expected"), [("0..255", lambda p: p), ("0..1", lambda p: p / 255), ("-1..1", lambda p: p / 127.5 - 1)]
)
def test_features_of_posters(tmp_path, kind, maps, scale, expected):
    frozen = backbone.read(written(tmp_path, kind, network(maps=maps)), scale, image_size=8)
    means = expected(POSTERS.astype(np.float32)).mean(axis=(1, 2)) / np.sqrt(
        1 + 1e-3
    )  # normalised by mean 0, variance 1
    np.testing.assert_allclose(frozen(POSTERS), means, rtol=1e-4, atol=1e-5)
    assert frozen.trainable_variables == []


@pytest.mark.parametrize(("side", "taken"), [(4, 4), (None, 8)])
def test_posters_are_resized_to_what_it_takes(tmp_path, side, taken):
    frozen = backbone.read(written(tmp_path, ".keras", network(side)), "0..255", image_size=8)
    assert (frozen.side, frozen.size) == ([taken, taken], 3)
    assert frozen(POSTERS).shape == (3, 3)


@pytest.mark.parametrize("kind", [".keras", ""])
def test_an_archive_holds_the_backbone_that_several_networks_share(tmp_path, kind):
    path = written(tmp_path, kind, network())
    frozen = backbone.read(path, "0..1", image_size=8)
    pixels = layers.Input((8, 8, 3), dtype="uint8")
    members = [keras.Model(pixels, layers.Dense(2)(frozen(pixels))) for _ in range(2)]
    keras.Model(pixels, [member(pixels) for member in members]).save(tmp_path / "both.keras")
    before = [member(POSTERS) for member in members]
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    again = keras.saving.load_model(tmp_path / "both.keras", compile=False)
    again.save(tmp_path / "twice.keras")
    twice = keras.saving.load_model(tmp_path / "twice.keras", compile=False)
    for one, other, third in zip(before, again(POSTERS), twice(POSTERS), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
        np.testing.assert_allclose(one, third, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (keras.Sequential([layers.Input((8,)), layers.Dense(2)]), r"takes \(None, 8\)"),
        (keras.Sequential([layers.Input((8, 8, 1)), layers.Flatten()]), r"takes \(None, 8, 8, 1\)"),
        (keras.Sequential([layers.Input((8, 8, 3)), layers.Reshape((64, 3))]), r"gives \(2, 64, 3\) for two images"),
        (keras.Sequential([layers.Input((8, 8, 3), dtype="uint8"), layers.Flatten()]), "takes images of uint8"),
    ],
)
@pytest.mark.parametrize("kind", [".keras", ""])
def test_a_network_of_other_shapes_is_refused(tmp_path, kind, model, said):
    path = written(tmp_path, kind, model)
    with pytest.raises(MarqueeError, match=said) as error:
        backbone.read(path, "0..255", image_size=8)
    assert str(path) in str(error.value)


def test_several_inputs_or_outputs_are_refused(tmp_path):
    first, second = layers.Input((8, 8, 3)), layers.Input((8, 8, 3))
    flat = layers.Flatten()(first)
    for model, said in (
        (keras.Model([first, second], layers.Flatten()(layers.Add()([first, second]))), "takes .*, "),
        (keras.Model(first, [flat, flat * 2]), "gives"),
    ):
        for kind in (".keras", ""):
            folder = tmp_path / f"{id(model)}{kind}"
            folder.mkdir()
            with pytest.raises(MarqueeError, match=said):
                backbone.read(written(folder, kind, model), "0..255", image_size=8)


def test_what_is_no_network_is_refused(tmp_path):
    with pytest.raises(MarqueeError, match=r"missing\.keras: no such file or folder"):
        backbone.read(tmp_path / "missing.keras", "0..255", image_size=8)
    (tmp_path / "noise.keras").write_bytes(b"noise")
    with pytest.raises(MarqueeError, match=r"noise\.keras: cannot be read as a Keras model"):
        backbone.read(tmp_path / "noise.keras", "0..255", image_size=8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MarqueeError, match="empty: cannot be read as a SavedModel"):
        backbone.read(tmp_path / "empty", "0..255", image_size=8)
    tf.saved_model.save(tf.Module(), str(tmp_path / "mute"))
    with pytest.raises(MarqueeError, match="mute: has no signature 'serving_default', but none"):
        backbone.read(tmp_path / "mute", "0..255", image_size=8)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [".keras", ""])
def test_models_on_a_backbone_learn_and_are_served_without_its_file(transformed, tmp_path, kind):
    path = written(tmp_path, kind, network(IMAGE_SIZE // 2, maps=True))
    given = {"backbone": str(path), "backbone_scale": "0..1"}
    both = fit(transformed, tmp_path / "out", "fusion", "default", epochs=2, folds=2, **given)
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    alone = tmp_path / "out" / "cnn"
    history = json.loads((alone / "run" / "history.json").read_text())
    assert history["loss"][1] < history["loss"][0]
    film = tmp_path / "poster.jpg"
    film.write_bytes(picture())
    for model, inputs in ((alone / "model", ["poster"]), (both.model, ["poster", "overview"])):
        served = tf.saved_model.load(str(model)).signatures["serving_default"]
        here = served(**{name: tf.constant([picture(), b""]) for name in inputs})["scores"].numpy()
        assert np.abs(here[0] - here[1]).max() > 1e-4  # it does look
        done = subprocess.run(
            [sys.executable, "-c", SCORE_ALONE, str(model), str(film), json.dumps(inputs)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), here, atol=1e-5)
