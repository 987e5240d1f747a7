"""TFRecords come out as they were written, whatever holds them, and damage is told with the file's name."""

import gzip
import random
from pathlib import Path

import pytest
import tensorflow as tf
from apache_beam import Create, Pipeline
from apache_beam.coders import BytesCoder
from apache_beam.io import ReadFromTFRecord, WriteToTFRecord, tfrecordio
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.range_trackers import OffsetRangeTracker
from apache_beam.testing.util import assert_that, equal_to

from pipeline import beam, record_reader

FEW = [b"film", b"", b"another"]
MANY = [*FEW, random.Random(7).randbytes(3 * record_reader._PIECE), *(b"%d" % number for number in range(40_000))]
GZIP, PLAIN = CompressionTypes.GZIP, CompressionTypes.UNCOMPRESSED


@pytest.fixture
def never_by_beam(monkeypatch):
    monkeypatch.setattr(tfrecordio._TFRecordUtil, "read_record", None)


def written(path: Path, records: list[bytes], compression: str = "") -> Path:
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression)) as writer:
        for record in records:
            writer.write(record)
    return path


def read(path: Path, compression: str = CompressionTypes.AUTO) -> list[bytes]:
    source = tfrecordio._TFRecordSource(str(path), BytesCoder(), compression, validate=True)
    return list(source.read_records(str(path), OffsetRangeTracker(0, OffsetRangeTracker.OFFSET_INFINITY)))


@pytest.mark.parametrize("records", [[], FEW[:1], FEW, MANY], ids=len)
@pytest.mark.parametrize(
    ("name", "compression", "said"),
    [
        ("films.gz", "GZIP", CompressionTypes.AUTO),
        ("films", "", CompressionTypes.AUTO),
        ("films", "GZIP", GZIP),
        ("films.gz", "", PLAIN),
    ],
)
def test_all_records_come_in_their_order(tmp_path, never_by_beam, records, name, compression, said):
    assert read(written(tmp_path / name, records, compression), said) == records


def test_gzip_files_may_be_joined(tmp_path, never_by_beam):
    members = [gzip.compress(written(tmp_path / "films", records).read_bytes()) for records in (FEW, [], MANY)]
    (tmp_path / "films.gz").write_bytes(b"".join(members))
    assert read(tmp_path / "films.gz") == [*FEW, *MANY]


def test_a_job_reads_so(tmp_path, never_by_beam):
    for number in (0, 1):
        written(tmp_path / f"films-{number}.gz", MANY[number:100:2], "GZIP")
    with Pipeline(options=beam.pipeline_options()) as pipeline:
        assert_that(pipeline | ReadFromTFRecord(str(tmp_path / "films-*")), equal_to(MANY[:100]))


def test_other_compressions_are_left_to_beam(tmp_path):
    with Pipeline(options=beam.pipeline_options()) as pipeline:
        _ = pipeline | Create(FEW) | WriteToTFRecord(str(tmp_path / "films"), file_name_suffix=".bz2", num_shards=1)
    [file] = tmp_path.iterdir()
    assert sorted(read(file)) == sorted(FEW)


def test_a_file_that_is_cut_short_anywhere_is_damaged(tmp_path):
    data = written(tmp_path / "films", FEW).read_bytes()
    whole = {0: [], 20: FEW[:1], 36: FEW[:2], 59: FEW}
    for end in range(len(data) + 1):
        (tmp_path / "films").write_bytes(data[:end])
        if end in whole:
            assert read(tmp_path / "films") == whole[end]
        else:
            with pytest.raises(ValueError, match=f"{tmp_path / 'films'} is no valid TFRecord file: the record at"):
                read(tmp_path / "films")


@pytest.mark.parametrize("level", [0, 9])
def test_a_gzip_file_that_is_cut_short_anywhere_is_damaged(tmp_path, level):
    data = gzip.compress(written(tmp_path / "films", FEW).read_bytes(), level)
    for end in range(len(data)):
        (tmp_path / "films.gz").write_bytes(data[:end])
        with pytest.raises(ValueError, match=f"{tmp_path / 'films.gz'} is no valid TFRecord file: .* cut short"):
            read(tmp_path / "films.gz")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_changed_byte_anywhere_is_damage(tmp_path, compressed):
    data = written(tmp_path / "films", FEW).read_bytes()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        (tmp_path / "films").write_bytes(gzip.compress(changed) if compressed else changed)
        with pytest.raises(ValueError, match=r"damaged (length|data) of the record at (0|20|36)"):
            read(tmp_path / "films", GZIP if compressed else PLAIN)


def test_what_is_no_gzip_file_is_told(tmp_path):
    with pytest.raises(ValueError, match="incorrect header check"):
        read(written(tmp_path / "films.gz", FEW))
