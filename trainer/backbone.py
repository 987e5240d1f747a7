"""A pretrained network that looks at posters, frozen, in place of the convolutions of cnn."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from transform import features
from transform.errors import MarqueeError

SCALES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}  # factor and offset of pixels
SIGNATURE = "serving_default"


@keras.saving.register_keras_serializable("marquee")
class Backbone(layers.Layer):
    """Features float32 [N, D] of posters uint8 [N, S, S, 3]; of feature maps [N, h, w, D] the mean.

    Never learns, and runs the same way while the layers on top of it learn as when it is served. The networks of a
    committee share what it holds, also when they are read from an archive again: Keras writes what is shared once, and
    would read it into the first of several copies alone.
    """

    _known: ClassVar[WeakValueDictionary[str, keras.Layer]] = WeakValueDictionary()

    def __init__(self, network: keras.Layer, side: list[int], size: int, scale: str, content: str, **options):
        """Makes the layer.

        Args:
            network: images float32 [N, H, W, 3] to features or feature maps.
            side: H and W.
            size: D.
            scale: a key of SCALES: what the network takes pixels as.
            content: a fingerprint of the network.
            **options: of Keras.
        """
        super().__init__(**{**options, "trainable": False})
        self.network, self.side, self.size, self.scale, self.content = network, side, size, scale, content
        network.trainable = False

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size)

    def call(self, pixels):
        images = ops.cast(pixels, "float32")
        if list(pixels.shape[1:3]) != self.side:
            images = ops.image.resize(images, tuple(self.side), antialias=True)
        factor, offset = SCALES[self.scale]
        said = ops.stop_gradient(ops.cast(self.network(images * factor + offset, training=False), "float32"))
        return said if len(said.shape) == 2 else ops.mean(said, axis=(1, 2))

    def get_config(self):
        own = {key: getattr(self, key) for key in ("side", "size", "scale", "content")}
        return {**super().get_config(), **own, "network": keras.saving.serialize_keras_object(self.network)}

    @classmethod
    def from_config(cls, config):
        network = cls._known.get(config["content"])
        if network is None:
            network = keras.saving.deserialize_keras_object(config["network"])
            cls._known[config["content"]] = network
        return cls(**{**config, "network": network})


@keras.saving.register_keras_serializable("marquee")
class SavedNetwork(layers.Layer):
    """A SavedModel of one input and one output as a layer, whose files go along into a `.keras` archive.

    keras.layers.TFSMLayer keeps the path alone: what holds one can be read only while the folder stays where it is.
    """

    def __init__(self, **options):
        super().__init__(**{**options, "trainable": False})

    def call(self, images, training=False):
        serve = self.loaded.signatures[SIGNATURE]
        [name] = serve.structured_input_signature[1]
        [said] = serve(**{name: images}).values()
        return said

    def save_assets(self, folder: str) -> None:
        shutil.copytree(self.files.name, folder, dirs_exist_ok=True)

    def load_assets(self, folder: str) -> None:
        self.files = tempfile.TemporaryDirectory()  # for the next archive: Keras removes what it unpacks
        shutil.copytree(folder, self.files.name, dirs_exist_ok=True)
        self.loaded = tf.saved_model.load(self.files.name)


def read(path: Path, scale: str, image_size: int) -> Backbone:
    """The backbone in a file or folder.

    Args:
        path: of a Keras model (`.keras`), or of a SavedModel's folder with the signature `serving_default`.
        scale: what it takes pixels as.
        image_size: side of a poster in pixels, for a network that takes any.

    Raises:
        MarqueeError: there is no such path, it cannot be read, or the network does not take float images [N, H, W, 3]
            alone and give features [N, D] or [N, h, w, D] alone.
    """
    if not path.exists():
        raise MarqueeError(f"{path}: no such file or folder; a backbone is a .keras file or a SavedModel's folder.")
    network, taken = _saved(path) if path.is_dir() else _keras(path)
    shapes = [tf.TensorShape(tensor.shape) for tensor in taken]
    if len(shapes) != 1 or not shapes[0].is_compatible_with([None, None, None, features.CHANNELS]):
        named = ", ".join(map(str, shapes)) or "nothing"
        raise MarqueeError(f"{path}: takes {named}; a backbone takes images [N, H, W, {features.CHANNELS}] alone.")
    kind = keras.backend.standardize_dtype(taken[0].dtype)
    if kind != "float32":
        raise MarqueeError(f"{path}: takes images of {kind}; a backbone takes float32, scaled as backbone_scale says.")
    side = [length or image_size for length in (shapes[0].as_list() if shapes[0].rank else [None] * 4)[1:3]]
    said = _said(network, np.zeros((2, *side, features.CHANNELS), np.float32), path)
    if len(said.shape) not in (2, 4):
        raise MarqueeError(
            f"{path}: gives {tuple(said.shape)} for two images; a backbone gives [N, D] or [N, h, w, D]."
        )
    return Backbone(network, side, int(said.shape[-1]), scale, _content(path), name="Backbone")


def _content(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(each for each in (path, *path.rglob("*")) if each.is_file()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _keras(path: Path) -> tuple[keras.Layer, list[Any]]:
    """The network of a `.keras` file, and its inputs."""
    try:
        network = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its layers do
        raise MarqueeError(
            f"{path}: cannot be read as a Keras model ({_first_line(error)}). One with layers of its own can be saved "
            "as a SavedModel, by model.export()."
        ) from error
    return network, list(network.inputs or [])


def _saved(path: Path) -> tuple[keras.Layer, list[Any]]:
    network = SavedNetwork(name="SavedModel")
    try:
        network.load_assets(str(path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise MarqueeError(f"{path}: cannot be read as a SavedModel ({_first_line(error)}).") from error
    if SIGNATURE not in network.loaded.signatures:
        raise MarqueeError(
            f"{path}: has no signature {SIGNATURE!r}, but {', '.join(network.loaded.signatures) or 'none'}."
        )
    serve = network.loaded.signatures[SIGNATURE]
    if len(serve.structured_outputs) != 1:
        raise MarqueeError(f"{path}: gives {', '.join(serve.structured_outputs)}; a backbone gives one output.")
    return network, list(serve.structured_input_signature[1].values())


def _said(network: keras.Layer, images: np.ndarray, path: Path) -> Any:
    try:
        said = network(images, training=False)
    except Exception as error:  # whatever its layers raise
        raise MarqueeError(f"{path}: fails on images {images.shape} ({_first_line(error)}).") from error
    outputs = keras.tree.flatten(said)
    if len(outputs) != 1:
        raise MarqueeError(f"{path}: gives {len(outputs)} outputs; a backbone gives one.")
    return outputs[0]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
