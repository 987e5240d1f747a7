"""Posters: whatever passes decodes in TensorFlow, and its summary is right."""

import gc
import io
import itertools
import random
import weakref

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageStat

from components.film_example_gen import posters
from components.film_example_gen.films import Reason
from components.film_example_gen.posters import PosterError, examine, read_posters
from tests.pictures import picture

KINDS = {
    "JPEG": picture(),
    "progressive": picture(progressive=True),
    "with restarts": picture(restart_marker_blocks=2),
    "grey": picture(mode="L"),
    "CMYK": picture(mode="CMYK"),
    "PNG": picture(format="PNG"),
    "palette PNG": picture(format="PNG", mode="P"),
    "transparent PNG": picture(format="PNG", mode="RGBA"),
    "grey PNG": picture(format="PNG", mode="L"),
    "one pixel": picture(size=(1, 1)),
    "large": picture(size=(900, 1350)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_passes_as_it_is_and_is_summarised(kind):
    poster = examine(KINDS[kind])
    image = Image.open(io.BytesIO(KINDS[kind]))
    assert poster.data == KINDS[kind]
    assert (poster.width, poster.height) == image.size
    assert poster.luma == pytest.approx(ImageStat.Stat(image.convert("RGB").convert("L")).mean[0] / 255, abs=0.02)


@pytest.mark.parametrize("level", [0, 255])
def test_luma_runs_from_0_to_1(level):
    out = io.BytesIO()
    Image.new("RGB", (40, 60), (level, level, level)).save(out, "JPEG")
    assert examine(out.getvalue()).luma == pytest.approx(level / 255, abs=1e-6)


@pytest.mark.parametrize("kind", ["JPEG", "progressive", "with restarts", "CMYK", "PNG"])
def test_damage_passes_only_where_transform_can_decode_it(kind):
    rng = random.Random(7)
    passed = 0
    for number in range(60):
        data = bytearray(KINDS[kind])
        if number % 2:
            del data[rng.randrange(1, len(data)) :]
        for _ in range(number % 5):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            poster = examine(bytes(data))
        except PosterError:
            continue
        passed += 1
        image = tf.io.decode_jpeg(poster.data, channels=3).numpy()
        assert image.shape == (poster.height, poster.width, 3)
        assert image.dtype == np.uint8
    assert passed >= 6  # the undamaged ones at least


def judged(data):
    try:
        return examine(data)
    except PosterError as error:
        return error


def told(found):
    if isinstance(found, PosterError):
        return found.reason, found.detail
    return found.data, found.width, found.height, round(found.luma, 12)


def test_many_together_are_what_each_is_alone(tmp_path, monkeypatch):
    good = [data for kind, data in KINDS.items() if data.startswith(b"\xff\xd8") and kind != "CMYK"]
    bad = [b"", b"no picture", KINDS["JPEG"][:300], KINDS["JPEG"][:20], KINDS["PNG"][:60], picture(format="GIF")]
    # Calls of good JPEGs alone, and of others among them.
    files = [*itertools.islice(itertools.cycle(good), posters._TOGETHER), *good, *bad, *KINDS.values()]
    paths = [tmp_path / str(number) for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    alone, examined = [], posters._examined
    monkeypatch.setattr(posters, "_examined", lambda path: alone.append(path) or examined(path))
    found = read_posters([*map(str, paths), str(tmp_path), str(tmp_path / "nowhere")])
    for data, together in zip(files, found, strict=False):
        assert told(together) == told(judged(data))
    assert [error.detail for error in found] == ["not a regular file", "cannot be opened: No such file or directory"]
    assert alone == [str(path) for path in paths[posters._TOGETHER :]]


def test_no_huge_poster_is_decoded_among_others(tmp_path, monkeypatch):
    monkeypatch.setattr(posters, "MAX_PIXELS", 900 * 1350 - 1)
    traced_anew = tf.function(posters._read_jpegs.python_function, [tf.TensorSpec([None], tf.string)], autograph=False)
    monkeypatch.setattr(posters, "_read_jpegs", traced_anew)
    for name in ("large", "JPEG"):
        (tmp_path / name).write_bytes(KINDS[name])
    large, small = posters.read_posters([str(tmp_path / "large"), str(tmp_path / "JPEG")])
    assert (large.reason, small.width) == (Reason.POSTER_TOO_LARGE, examine(KINDS["JPEG"]).width)
    with pytest.raises(tf.errors.InvalidArgumentError, match="assertion failed"):  # and not the decoder
        traced_anew(tf.constant([str(tmp_path / "JPEG"), str(tmp_path / "large")]))


def test_posters_of_many_bytes_are_not_all_held_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(posters, "MAX_BYTES", 3 * len(KINDS["JPEG"]))
    together = []
    examined = posters._examine_all
    monkeypatch.setattr(posters, "_examine_all", lambda files: together.append(len(files)) or examined(files))
    (tmp_path / "JPEG").write_bytes(KINDS["JPEG"])
    assert len(list(read_posters([str(tmp_path / "JPEG")] * 7))) == 7
    assert together == [3, 3, 1, 0]


def test_nothing_keeps_the_posters_that_were_read_beside_bad_ones(tmp_path):
    for name, data in {"good": KINDS["JPEG"], "cut": KINDS["JPEG"][:300]}.items():
        (tmp_path / name).write_bytes(data)
    gc.disable()
    try:
        found = read_posters([str(tmp_path / name) for name in ("good", "cut", "nowhere")])
        kept = [weakref.ref(poster) for poster in found]
        assert [poster() for poster in kept] == [None] * 3
    finally:
        gc.enable()
