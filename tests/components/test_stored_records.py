"""Stored TFRecords: TensorFlow's reader and Beam's take them, and nothing was spent on making them smaller."""

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.testing.util import assert_that, equal_to

from components import stored_records
from pipeline import beam as engines


def written(folder, records: list[bytes]) -> list[str]:
    with beam.Pipeline(options=engines.pipeline_options()) as pipeline:
        _ = pipeline | beam.Create(records, reshuffle=False) | stored_records.write(str(folder / "records"))
    return sorted(map(str, folder.iterdir()))


@pytest.mark.parametrize("records", [[], [b""], [b"a", b"", b"b" * 1_000_000]])
def test_readers_get_what_was_written(tmp_path, records):
    files = written(tmp_path, records)

    assert files == [str(tmp_path / "records-00000-of-00001.gz")]
    assert list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()) == records
    with beam.Pipeline(options=engines.pipeline_options()) as pipeline:
        assert_that(pipeline | beam.io.ReadFromTFRecord(files[0]), equal_to(records))


def test_they_are_not_deflated(tmp_path):
    [file] = written(tmp_path, [bytes(1_000_000)])
    assert tf.io.gfile.stat(file).length > 1_000_000
