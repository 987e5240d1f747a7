"""FilmExampleGen: its spec, its driver's view of a span, and its executor on real files."""

import errno
import json
import os
import re
import shutil

import apache_beam
import pytest
import tensorflow as tf
from tfx.components.example_gen import utils
from tfx.components.util import examples_utils
from tfx.orchestration.portable import data_types
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import proto_utils

from components.film_example_gen import component, driver, examples, executor
from components.film_example_gen.films import Film
from components.film_example_gen.posters import Poster
from pipeline import beam
from pipeline.runner import users_mistake
from tests.films import CSV_NAME, FakeFilm, fake_films, write_span
from tests.pictures import picture
from transform import features
from transform.errors import MarqueeError

FILMS = fake_films(60)
BROKEN = [
    FakeFilm("torn", poster=picture()[:200]),
    FakeFilm("lost", poster=b"<html>", overview=""),
    FakeFilm("no/id"),
    FILMS[0],
]


def run_driver(base, span=None):
    """The exec properties and the artifact that the driver hands to the launcher."""
    node = component.FilmExampleGen(str(base), span)
    info = data_types.ExecutionInfo(
        exec_properties=dict(node.exec_properties), output_dict={"examples": [standard_artifacts.Examples()]}
    )
    return driver.Driver(None).run(info)


def run_executor(base, uri, span=None, layout="auto"):
    """Driver, then executor; returns the artifact."""
    node = component.FilmExampleGen(str(base), span, layout)
    properties = driver.Driver(None).resolve_exec_properties(dict(node.exec_properties), None, None)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(uri)
    context = executor.Executor.Context(beam_pipeline_args=beam.pipeline_args(), tmp_dir=f"{uri}/.temp", unique_id="1")
    executor.Executor(context).Do({}, {"examples": [artifact]}, properties)
    return artifact


def records_of(artifact, split):
    files = tf.io.gfile.glob(artifact_utils.get_split_uri([artifact], split) + "/*")
    return [tf.train.Example.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset(files, "GZIP")]


def ids_by_split(artifact):
    return {
        split: [record.features.feature[features.ID].bytes_list.value[0].decode() for record in records]
        for split in features.SPLITS
        for records in [records_of(artifact, split)]
    }


@pytest.fixture(scope="module")
def span(tmp_path_factory):
    base = tmp_path_factory.mktemp("data")
    write_span(base, 1, FILMS)
    folder = write_span(base, 2, [film for film in FILMS + BROKEN if "/" not in film.id])
    with open(folder / CSV_NAME, "a", encoding="utf-8") as file:
        file.write("no/id,['Drama'],0,1,0,0,Text.\n")
    (folder / "Images" / "stranger.jpg").write_bytes(picture())
    return base


@pytest.fixture(scope="module")
def artifact(span, tmp_path_factory):
    return run_executor(span, tmp_path_factory.mktemp("examples"))


def test_spec():
    node = component.FilmExampleGen("data", span=3, layout="mm-imdb")
    properties = node.exec_properties
    inputs, outputs = example_gen_pb2.Input(), example_gen_pb2.Output()
    proto_utils.json_to_proto(properties["input_config"], inputs)
    proto_utils.json_to_proto(properties["output_config"], outputs)
    ranges = range_config_pb2.RangeConfig()
    proto_utils.json_to_proto(properties["range_config"], ranges)
    assert node.outputs["examples"].type is standard_artifacts.Examples
    assert properties["layout"] == "mm-imdb"
    assert [split.pattern for split in inputs.splits] == ["span-{SPAN}/*"]
    assert {split.name: split.hash_buckets for split in outputs.split_config.splits} == features.SPLITS
    assert ranges.static_range.start_span_number == ranges.static_range.end_span_number == 3


def test_unknown_layout_names_those_there_are():
    with pytest.raises(MarqueeError, match="'folders'; it may be auto, coursework, mm-imdb"):
        component.FilmExampleGen("data", layout="folders")


@pytest.mark.parametrize(("asked", "resolved"), [(None, 11), (2, 2)])
def test_driver_takes_the_latest_span_or_the_one_asked_for(tmp_path, asked, resolved):
    for number in (2, 11):
        write_span(tmp_path, number, FILMS[:1])
    (tmp_path / "span-99").write_text("a file")
    (tmp_path / "span-x").mkdir()
    result = run_driver(tmp_path, asked)
    inputs = example_gen_pb2.Input()
    proto_utils.json_to_proto(result.exec_properties["input_config"].string_value, inputs)
    properties = result.output_artifacts["examples"].artifacts[0].custom_properties
    assert inputs.splits[0].pattern == f"span-{resolved}/*"
    assert result.exec_properties[utils.SPAN_PROPERTY_NAME].int_value == resolved
    assert properties[utils.SPAN_PROPERTY_NAME].int_value == resolved
    assert (
        properties[utils.FINGERPRINT_PROPERTY_NAME].string_value
        == result.exec_properties[utils.FINGERPRINT_PROPERTY_NAME].string_value
        == driver.fingerprint(str(tmp_path / f"span-{resolved}"))
    )


def test_driver_names_the_spans_there_are(tmp_path):
    for number in (1, 2):
        write_span(tmp_path, number, FILMS[:1])
    with pytest.raises(MarqueeError, match=r"has no span 7\. Spans there: 1, 2\."):
        run_driver(tmp_path, 7)


@pytest.mark.parametrize("there", [True, False])
def test_driver_says_what_a_data_folder_looks_like(tmp_path, there):
    base = tmp_path / "data"
    if there:
        base.mkdir()
    with pytest.raises(MarqueeError, match=r"data.*span-1/.*marquee sample --out"):
        run_driver(base)


def touch_poster(folder):
    os.utime(folder / "Images" / "tt0000001.jpg", ns=(1, 1))


CHANGES = {
    "a poster touched": touch_poster,
    "a poster added": lambda folder: (folder / "Images" / "new.jpg").write_bytes(b"x"),
    "a poster removed": lambda folder: (folder / "Images" / "tt0000001.jpg").unlink(),
    "a poster renamed": lambda folder: (folder / "Images" / "tt0000001.jpg").rename(folder / "Images" / "x.jpg"),
    "the CSV touched": lambda folder: os.utime(folder / CSV_NAME, ns=(1, 1)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_in_the_span_changes_the_fingerprint(tmp_path, name):
    folder = write_span(tmp_path, 1, FILMS[:3])
    before = driver.fingerprint(str(folder))
    assert driver.fingerprint(str(folder)) == before
    CHANGES[name](folder)
    assert driver.fingerprint(str(folder)) != before


def test_fingerprint_survives_links_that_lead_nowhere_or_round_in_circles(tmp_path):
    folder = write_span(tmp_path, 1, FILMS[:3])
    (folder / "Images" / "nowhere.jpg").symlink_to("missing")
    (folder / "circle").symlink_to(folder)
    assert driver.fingerprint(str(folder)) == driver.fingerprint(str(folder))


def test_artifact_tells_tfx_what_it_needs(artifact):
    assert artifact_utils.decode_split_names(artifact.split_names) == list(features.SPLITS)
    assert artifact.span == 2
    assert artifact.version == 0
    assert examples_utils.get_payload_format(artifact) == example_gen_pb2.FORMAT_TF_EXAMPLE
    assert examples_utils.get_file_format(artifact) == "tfrecords_gzip"


def test_every_film_is_in_the_split_of_its_id(artifact):
    found = ids_by_split(artifact)
    expected = {film.id for film in FILMS} | {"torn"}
    assert {film_id for ids in found.values() for film_id in ids} == expected
    assert sum(map(len, found.values())) == len(expected)
    for split, ids in found.items():
        assert {examples.split_of(film_id, features.SPLITS) for film_id in ids} == {split}


def test_splits_are_stable_and_of_the_sizes_asked_for():
    fixed = {"tt0000000": "train", "tt0000002": "eval", "tt0000012": "test"}
    assert {film_id: examples.split_of(film_id, features.SPLITS) for film_id in fixed} == fixed
    ids = [f"tt{number:07d}" for number in range(5000)]
    share = sum(examples.split_of(film_id, features.SPLITS) == "train" for film_id in ids) / len(ids)
    assert share == pytest.approx(0.8, abs=0.02)


def message(film, poster):
    """The example of a film as TensorFlow's messages make it."""
    given = {
        features.ID: [film.id.encode()],
        features.GENRES: [genre.encode() for genre in film.genres],
        features.OVERVIEW: [film.overview.encode()] if film.overview else [],
        features.OVERVIEW_WORDS: [len(film.overview.split())] if film.overview else [],
        features.POSTER: [poster.data] if poster else [],
        features.POSTER_WIDTH: [poster.width] if poster else [],
        features.POSTER_HEIGHT: [poster.height] if poster else [],
        features.POSTER_LUMA: [poster.luma] if poster else [],
    }
    lists = {bytes: "bytes_list", int: "int64_list", float: "float_list"}
    example = tf.train.Example()
    for name, values in given.items():
        feature = example.features.feature.get_or_create(name)
        for value in values:
            getattr(feature, lists[type(value)]).value.append(value)
    return example


@pytest.mark.parametrize("genres", [(), ("Drama",), ("Science-Fiction", "Família", "X" * 300)])
@pytest.mark.parametrize("words", [0, 1, 127, 128, 20_000])
@pytest.mark.parametrize("poster", [None, Poster(b"J", 127, 128, 0.0), Poster(b"J" * 70_000, 182, 16_384, 0.3)])
def test_an_example_says_what_a_message_of_it_would(genres, words, poster):
    film = Film("tt0000001", genres, " ".join(["élan"] * words), "x.jpg" if poster else "", CSV_NAME)
    written, expected = examples.to_example(film, poster), message(film, poster)
    assert tf.train.Example.FromString(written) == expected
    assert len(written) == expected.ByteSize()
    places = [written.index(name.encode() + b"\x12") for name in sorted(expected.features.feature)]
    assert places == sorted(places)


def test_examples_hold_the_film(artifact):
    films = {film.id: film for film in FILMS}
    for split in features.SPLITS:
        for record in records_of(artifact, split):
            feature = record.features.feature
            film = films.get(feature[features.ID].bytes_list.value[0].decode())
            if not film:
                continue
            assert {name.decode() for name in feature[features.GENRES].bytes_list.value} == set(film.genres)
            assert list(feature[features.OVERVIEW].bytes_list.value) == [film.overview.encode()] * bool(film.overview)
            assert list(feature[features.OVERVIEW_WORDS].int64_list.value) == [13] * bool(film.overview)
            assert list(feature[features.POSTER].bytes_list.value) == [film.poster] * bool(film.poster)
            assert list(feature[features.POSTER_WIDTH].int64_list.value) == [40] * bool(film.poster)
            assert list(feature[features.POSTER_HEIGHT].int64_list.value) == [60] * bool(film.poster)
            assert len(feature[features.POSTER_LUMA].float_list.value) == bool(film.poster)


def test_rejects_are_all_listed_and_counted(artifact):
    with open(os.path.join(artifact.uri, executor.REJECTS_FILE), encoding="utf-8") as file:
        rejects = [json.loads(line) for line in file]
    with open(os.path.join(artifact.uri, executor.INGEST_FILE), encoding="utf-8") as file:
        ingest = json.load(file)
    torn = {"id": "torn", "row": 62, "file": "Images/torn.jpg", "reason": "poster_unreadable", "kept": True}
    lost = {"id": "lost", "row": 63, "file": "Images/lost.jpg", "reason": "poster_format", "kept": False}
    again = {"id": "tt0000001", "row": 64, "file": CSV_NAME, "reason": "duplicate_id", "kept": False}
    path = {"id": "no/id", "row": 65, "file": CSV_NAME, "reason": "bad_id", "kept": False}
    assert [{**reject, "detail": ""} for reject in rejects] == [
        {**expected, "detail": ""} for expected in (torn, lost, again, path)
    ]
    assert all(reject["detail"] for reject in rejects)
    found = ids_by_split(artifact)
    assert ingest == {
        "span": 2,
        "layout": "coursework",
        "films": 61,
        "splits": {split: len(ids) for split, ids in found.items()},
        "films_without_poster": sum(not film.poster for film in FILMS) + 1,
        "films_without_overview": sum(not film.overview for film in FILMS),
        "posters_unused": 2,  # lost.jpg and stranger.jpg
        "rejects": {"bad_id": 1, "duplicate_id": 1, "poster_format": 1, "poster_unreadable": 1},
        "kept": {"poster_unreadable": 1},
    }


def test_both_layouts_give_the_same_films_in_the_same_splits(span, tmp_path):
    write_span(tmp_path, 1, FILMS, "mm-imdb")
    ours = run_executor(span, tmp_path / "a", span=1)
    theirs = run_executor(tmp_path, tmp_path / "b", span=1)
    assert ids_by_split(ours) == ids_by_split(theirs)
    for split in features.SPLITS:
        assert records_of(ours, split) == records_of(theirs, split)


def test_a_span_without_a_usable_film_says_why(tmp_path):
    folder = write_span(tmp_path, 1, [FakeFilm("a", poster=b"x", overview=""), FakeFilm("b", overview="")])
    with pytest.raises(MarqueeError) as error:
        run_executor(tmp_path, tmp_path / "out")
    assert str(error.value) == (
        f"{folder} has no usable film. Rejects: no_poster_no_overview 1, poster_format 1. "
        f"The first: Images/a.jpg, row 2: neither JPEG nor PNG: it begins with b'x'."
    )


def test_a_span_that_leaves_a_split_empty_is_too_small(tmp_path):
    write_span(tmp_path, 1, FILMS[:1])
    with pytest.raises(MarqueeError, match="1 usable films, too few: none fell to eval and test"):
        run_executor(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "/full/data.gz; No space left on device"),
    ],
)
def test_a_full_disk_is_named(span, tmp_path, monkeypatch, error):
    def full(*args, **kwargs):
        raise error

    monkeypatch.setattr("components.stored_records._Sink.write_encoded_record", full)
    with pytest.raises(MarqueeError, match=f"No space left for {tmp_path}/out"):
        run_executor(span, tmp_path / "out", span=1)


def test_films_that_beam_loses_are_missed(span, tmp_path, monkeypatch):
    monkeypatch.setattr("apache_beam.Reshuffle", lambda: apache_beam.Map(lambda batch: batch[1:]))
    with pytest.raises(Exception, match="Beam's workers got") as error:
        run_executor(span, tmp_path / "out", span=1)
    assert re.search(r"Of (\d+) films and rejects of span 1 .* got (\d+)\.", users_mistake(error.value))


def test_running_again_over_what_a_killed_run_left_gives_the_same(span, artifact, tmp_path):
    shutil.copytree(artifact.uri, tmp_path / "out")
    os.remove(tmp_path / "out" / "Split-train" / "data_tfrecord-00000-of-00001.gz")
    again = run_executor(span, tmp_path / "out")
    assert ids_by_split(again) == ids_by_split(artifact)


def test_a_span_is_found_by_any_pattern(tmp_path):
    for number in (1, 12):
        write_span(tmp_path, number, FILMS[:1]).rename(tmp_path / f"films{number}")
        (tmp_path / f"films{number}").mkdir(exist_ok=True)
    nested = tmp_path / "by" / "day-3-end" / "new"
    nested.parent.mkdir(parents=True)
    write_span(tmp_path, 3, FILMS[:1]).rename(nested)
    assert driver.spans_in(str(tmp_path), "films{SPAN}") == [1, 12]
    assert driver.spans_in(str(tmp_path), "by/day-{SPAN}-end/new") == [3]
    with pytest.raises(MarqueeError, match=r"holds no span.*films1/old/"):
        driver.spans_in(str(tmp_path), "films{SPAN}/old")


@pytest.mark.parametrize(
    "pattern",
    ["span-1", "{SPAN}/{SPAN}", "span-{SPAN}/v{VERSION}", "{YYYY}-{SPAN}", "/a/{SPAN}", "../{SPAN}", "{SPAN}*"],
)
def test_a_pattern_that_finds_no_spans_is_refused(pattern):
    with pytest.raises(MarqueeError, match=r"data\.pattern = .*allowed is"):
        component.FilmExampleGen("data", pattern=pattern)
