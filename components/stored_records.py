"""Gzipped TFRecords, as TFX's are, that are stored and not deflated.

Posters and their pixels hardly get smaller, and to try was half of what FilmExampleGen and Transform spent on a film.
"""

from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.io import filebasedsink


def write(prefix: str) -> beam.PTransform:
    """Writes bytes, a record each, to `{prefix}-00000-of-00001.gz`, or to as many files as Beam makes of them."""
    return beam.io.Write(_Sink(prefix, beam.coders.BytesCoder(), file_name_suffix=".gz"))


def count(folder: str) -> int:
    """How many records the files of a folder have."""
    files = sorted(str(file) for file in Path(folder).glob("*.gz"))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP", num_parallel_reads=2)
    return int(records.reduce(np.int64(0), lambda number, _: number + 1).numpy())


class _Sink(filebasedsink.FileBasedSink):
    def open(self, temp_path: str) -> tf.io.TFRecordWriter:
        """TensorFlow's own writer: unlike Beam's it has a level, and lets other threads run."""
        return tf.io.TFRecordWriter(temp_path, tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0))

    def write_encoded_record(self, file_handle: tf.io.TFRecordWriter, encoded_value: bytes) -> None:
        file_handle.write(encoded_value)
