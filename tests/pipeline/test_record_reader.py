"""TFRecords come out as Beam's own reader gives them, whatever holds them, and damage is told with the file's name."""

import gzip
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

RECORDS = [f"film {number}".encode() * (number % 7) for number in range(2 * record_reader._TOGETHER + 3)]


@pytest.fixture
def never_by_beam(monkeypatch):
    monkeypatch.setattr(record_reader, "_read_by_beam", None)


def written(path: Path, records=(), compression="GZIP") -> str:
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression)) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def read(path: str, compression: str = CompressionTypes.AUTO) -> list[bytes]:
    source = tfrecordio._TFRecordSource(path, BytesCoder(), compression, validate=False)
    return list(source.read_records(path, OffsetRangeTracker(0, OffsetRangeTracker.OFFSET_INFINITY)))


@pytest.mark.parametrize("records", [[], RECORDS[:1], RECORDS], ids=len)
@pytest.mark.parametrize(
    ("name", "compression", "said"),
    [
        ("films.gz", "GZIP", CompressionTypes.AUTO),
        ("films", "", CompressionTypes.AUTO),
        ("films", "GZIP", CompressionTypes.GZIP),
        ("films.gz", "", CompressionTypes.UNCOMPRESSED),
    ],
)
def test_all_records_come_in_their_order(tmp_path, never_by_beam, records, name, compression, said):
    assert read(written(tmp_path / name, records, compression), said) == records


def test_a_job_reads_with_it(tmp_path, never_by_beam):
    for number in (0, 1):
        written(tmp_path / f"films-{number}.gz", RECORDS[number::2])
    with Pipeline(options=beam.pipeline_options()) as pipeline:
        assert_that(pipeline | ReadFromTFRecord(str(tmp_path / "films-*")), equal_to(RECORDS))


def test_what_tensorflow_cannot_read_beam_does(tmp_path, monkeypatch):
    with Pipeline(options=beam.pipeline_options()) as pipeline:
        _ = pipeline | Create(RECORDS) | WriteToTFRecord(str(tmp_path / "films"), file_name_suffix=".bz2", num_shards=1)
    [file] = tmp_path.iterdir()
    assert sorted(read(str(file))) == sorted(RECORDS)
    monkeypatch.setattr(record_reader, "_read_by_beam", lambda source, name, tracker: iter([name.encode()]))
    assert read("gs://bucket/films.gz", CompressionTypes.GZIP) == [b"gs://bucket/films.gz"]


@pytest.mark.parametrize("damage", [lambda data: data.replace(b"film 1", b"flim 1"), lambda data: data[:-3]])
@pytest.mark.parametrize("compressed", [False, True])
def test_damage_is_told_with_the_file_s_name(tmp_path, damage, compressed):
    data = damage(Path(written(tmp_path / "good", RECORDS, "")).read_bytes())
    file = tmp_path / ("films.gz" if compressed else "films")
    file.write_bytes(gzip.compress(data) if compressed else data)
    with pytest.raises(ValueError, match=f"{file}: .*(corrupted|truncated) record at"):
        read(str(file))


def test_a_gzip_file_cut_short_is_damaged(tmp_path):
    file = Path(written(tmp_path / "films.gz", RECORDS))
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match=str(file)):
        read(str(file))
