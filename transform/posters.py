"""Decoding and resizing: the one function that training, evaluation and serving all call."""

import tensorflow as tf

from transform import features


def decode_poster(poster: tf.Tensor, size: int) -> tf.Tensor:
    """Decodes one JPEG or PNG and resizes it to a square, aspect squashed.

    Grey, CMYK, progressive and palette images come out as RGB; transparency is dropped. Downscaling
    is antialiased, so a pixel averages the area that it stands for.

    Args:
        poster: string scalar, the bytes of a JPEG or PNG file.
        size: side of the result, in pixels.

    Returns:
        uint8 [size, size, 3].

    Raises:
        tf.errors.InvalidArgumentError: the bytes are no JPEG or PNG, or are cut short.
    """
    image = tf.io.decode_jpeg(poster, channels=features.CHANNELS)  # the op reads PNG as well
    image = tf.image.resize(image, [size, size], method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def pack_pixels(image: tf.Tensor, size: int) -> tf.Tensor:
    """Packs uint8 [size, size, 3] into one string scalar of size * size * 3 bytes, row-major.

    A byte string is three times faster to encode and write than as many numbers. TensorFlow has no op for
    it, so the tail is cut from a serialized TensorProto, whose content field comes last.
    """
    length = size * size * features.CHANNELS
    return tf.strings.substr(tf.io.serialize_tensor(tf.reshape(image, [length])), -length, length)


def unpack_pixels(pixels: tf.Tensor, size: int) -> tf.Tensor:
    """Undoes `pack_pixels` for a batch: string [N] -> uint8 [N, size, size, 3]."""
    length = size * size * features.CHANNELS
    return tf.reshape(tf.io.decode_raw(pixels, tf.uint8, fixed_length=length), [-1, size, size, features.CHANNELS])


def pixels_of_posters(posters: tf.Tensor, size: int) -> tf.Tensor:
    """Packed pixels of a batch of posters.

    Args:
        posters: string [N], file bytes; empty for a film without a poster.
        size: side in pixels.

    Returns:
        string [N]; black where the poster is empty.

    Raises:
        tf.errors.InvalidArgumentError: as `decode_poster`.
    """
    black = tf.constant(bytes(size * size * features.CHANNELS))

    def pixels(poster: tf.Tensor) -> tf.Tensor:
        return tf.cond(
            tf.equal(tf.strings.length(poster), 0),
            lambda: black,
            lambda: pack_pixels(decode_poster(poster, size), size),
        )

    return tf.map_fn(pixels, posters, fn_output_signature=tf.TensorSpec([], tf.string))
