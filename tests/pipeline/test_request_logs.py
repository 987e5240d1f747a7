"""Logs of model servers, written as TensorFlow Serving writes them."""

import gzip

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from pipeline.request_logs import Row, Unreadable, read


def tensor(values, in_content=False):
    """A string tensor in either of the two forms that TensorFlow writes."""
    proto = tf.make_tensor_proto(values, dtype=tf.string)
    if in_content:
        lengths = bytes(len(value) for value in values)  # varints, of one byte each below 128
        proto.tensor_content = lengths + b"".join(values)
        del proto.string_val[:]
    return proto


def predict(model="fusion", **inputs):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.name = model
    for name, proto in inputs.items():
        log.predict_log.request.inputs[name].CopyFrom(proto)
    return log.SerializeToString()


def film(**values):
    lists = {name: tf.train.BytesList(value=value) for name, value in values.items()}
    feature = {name: tf.train.Feature(bytes_list=value) for name, value in lists.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature))


def write(file, records, compression=""):
    with tf.io.TFRecordWriter(str(file), compression) as writer:
        for record in records:
            writer.write(record)
    return file


def contents(rows):
    rows = list(rows)
    assert all(isinstance(row, Row) for row in rows), rows
    return [(row.overview, row.poster) for row in rows]


@pytest.mark.parametrize("in_content", [False, True])
@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_every_row_of_every_batch_in_every_file(tmp_path, in_content, compression):
    batches = [([b"a", b"b", b""], [b"1", b"", b"3"]), ([b"c"], [b"4"])]
    records = [predict(overview=tensor(o, in_content), poster=tensor(p, in_content)) for o, p in batches]
    write(tmp_path / "b", records, compression)
    (tmp_path / "later").mkdir()
    write(tmp_path / "later" / "a", records[1:])

    rows = list(read(tmp_path))

    assert contents(rows) == [(b"a", b"1"), (b"b", b""), (b"", b"3"), (b"c", b"4"), (b"c", b"4")]
    assert [(row.file.name, row.record, row.row) for row in rows] == [
        ("b", 1, 1),
        ("b", 1, 2),
        ("b", 1, 3),
        ("b", 2, 1),
        ("a", 1, 1),
    ]
    assert {row.model for row in rows} == {"fusion"}


def test_an_input_that_the_model_does_not_take_is_none_and_one_left_empty_is_not(tmp_path):
    write(tmp_path / "cnn", [predict("cnn", poster=tensor([b"1", b""]))])
    assert contents(read(tmp_path)) == [(None, b"1"), (None, b"")]


def test_serialized_examples(tmp_path):
    films = [film(overview=[b"a"], poster=[]).SerializeToString(), film(poster=[b"2"]).SerializeToString()]
    write(tmp_path / "log", [predict(examples=tensor(films))])
    assert contents(read(tmp_path)) == [(b"a", b""), (None, b"2")]


def test_classify_and_regress_logs_with_a_context(tmp_path):
    classify = prediction_log_pb2.PredictionLog()
    classify.classify_log.request.model_spec.name = "lstm"
    classify.classify_log.request.input.example_list.examples.append(film(overview=[b"a"]))
    regress = prediction_log_pb2.PredictionLog()
    given = regress.regress_log.request.input.example_list_with_context
    given.context.CopyFrom(film(overview=[b"shared"], poster=[b"1"]))
    given.examples.extend([film(overview=[b"own"]), film()])
    regress.log_metadata.model_spec.name = "fusion"
    write(tmp_path / "log", [classify.SerializeToString(), regress.SerializeToString()])

    rows = list(read(tmp_path))

    assert contents(rows) == [(b"a", None), (b"own", b"1"), (b"shared", b"1")]
    assert [row.model for row in rows] == ["lstm", "fusion", "fusion"]


def test_what_is_no_request_for_a_film_is_named_and_the_rest_read(tmp_path):
    session = prediction_log_pb2.PredictionLog()
    session.session_run_log.request.model_spec.name = "cnn"
    good = predict(overview=tensor([b"a"]))
    broken = tensor([b"ab"], in_content=True)
    broken.tensor_content = b"\xff\xff\xff"
    records = [
        b"\x0a\xff",
        b"",
        session.SerializeToString(),
        predict(tokens=tensor([b"a"])),
        predict(),
        predict(overview=tf.make_tensor_proto([1.0])),
        predict(overview=broken),
        predict(overview=tensor([b"a", b"b"]), poster=tensor([b"1"])),
        predict(examples=tensor([b"\x0a\xff"])),
        good,
    ]
    file = write(tmp_path / "log", records)

    *bad, row = read(tmp_path)

    assert contents([row]) == [(b"a", None)]
    assert [item.where for item in bad] == [f"{file}, record {number}" for number in range(1, 10)]
    assert [item.detail for item in bad] == [
        "no PredictionLog",
        "no PredictionLog",
        "a session run log, which holds no films",
        "no input overview, poster or examples; inputs there: tokens",
        "no input overview, poster or examples; inputs there: none",
        "input 'overview': no tensor of strings",
        "input 'overview': no tensor of strings",
        "inputs of different lengths: {'overview': 2, 'poster': 1}",
        "input 'examples': holds no serialized tf.Examples",
    ]


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_a_file_cut_short_gives_what_comes_before_and_names_record_and_byte(tmp_path, compression):
    record = predict(overview=tensor([b"a"]))
    file = write(tmp_path / "log", [record] * 5)
    whole = file.read_bytes()
    start = 4 * len(whole) // 5
    cut = whole[:-20]
    file.write_bytes(gzip.compress(cut) if compression else cut)
    write(tmp_path / "next", [record])

    *rows, damage, after = read(tmp_path)

    assert len(rows) == 4
    assert damage == Unreadable(
        where=f"{file}, record 5",
        detail=f"cut short, at byte {start} (uncompressed); what follows in this file is lost",
    )
    assert after.file.name == "next"


def test_a_corrupt_file_a_broken_gzip_and_a_text_file(tmp_path):
    file = write(tmp_path / "flipped", [predict(overview=tensor([b"a"]))] * 3)
    damaged = bytearray(file.read_bytes())
    damaged[-10] ^= 0xFF
    file.write_bytes(damaged)
    packed = bytearray(gzip.compress(bytes(1000)))
    packed[10:] = b"\xff" * len(packed[10:])
    (tmp_path / "packed.gz").write_bytes(packed)
    (tmp_path / "README").write_text("These are the logs of last week.\n")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / ".hidden").write_text("not looked at")

    readme, *rows, flipped, gz = read(tmp_path)

    assert "README, record 1" in readme.where
    assert "at byte 0" in readme.detail
    assert "no TFRecord file" in readme.detail
    assert len(rows) == 2
    assert "flipped, record 3" in flipped.where
    assert "corrupt" in flipped.detail
    assert "packed.gz, record 1" in gz.where
    assert "damaged gzip" in gz.detail
