"""How Beam reads TFRecords: in pieces of the file, of which records are cut.

Beam's own reader asks a file of its own, in Python, for each of a record's three parts, and takes three times as long.
(TensorFlow's is as fast as this one, but takes a file that ends within the header of a record for a whole one.)
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from apache_beam.io import tfrecordio
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.range_trackers import OffsetRangeTracker

_PIECE = 256 << 10  # bytes of a file that are read, and inflated, at once
_HEADER = struct.Struct("<QI")  # length of the data, and its checksum
_FOOTER = struct.Struct("<I")  # checksum of the data

_read_by_beam = tfrecordio._TFRecordSource.read_records


def install() -> None:
    """Has Beam's sources of TFRecords, in this process, read this way."""
    tfrecordio._TFRecordSource.read_records = _read_records


def _read_records(
    source: tfrecordio._TFRecordSource, file_name: str, offset_range_tracker: OffsetRangeTracker
) -> Iterator[Any]:
    """As the method of Beam's: the records of a file, each claimed before it is given.

    Raises:
        ValueError: the file is damaged or cut short.
    """
    compression = source._compression_type
    if compression == CompressionTypes.AUTO:
        compression = CompressionTypes.detect_compression_type(file_name)
    if compression not in (CompressionTypes.GZIP, CompressionTypes.UNCOMPRESSED):
        yield from _read_by_beam(source, file_name, offset_range_tracker)
        return
    if offset_range_tracker.start_position():
        raise ValueError(f"Start position not 0: {offset_range_tracker.start_position()}")
    offset = 0
    with FileSystems.open(file_name, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        pieces = iter(lambda: file.read(_PIECE), b"")
        try:
            for record in _records(_inflated(pieces) if compression == CompressionTypes.GZIP else pieces):
                if not offset_range_tracker.try_claim(offset):
                    raise RuntimeError(f"Unable to claim position: {offset}")
                offset += tfrecordio._TFRecordUtil.encoded_num_bytes(record)
                yield source._coder.decode(record)
        except _Damage as damage:
            raise ValueError(f"{file_name} is no valid TFRecord file: {damage}.") from damage


class _Damage(Exception):
    """What is wrong with a file."""


def _inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What gzip has made of it; there may be several members, one after the other."""
    inflate = zlib.decompressobj(wbits=31)  # gzip's header and checksum
    begun = True  # what has no record still has a header
    for piece in pieces:
        while piece:
            begun = True
            try:
                yield inflate.decompress(piece)
            except zlib.error as error:
                raise _Damage(str(error)) from error
            piece = inflate.unused_data
            if inflate.eof:
                inflate, begun = zlib.decompressobj(wbits=31), False
    if begun:
        raise _Damage("its compressed data are cut short")


def _records(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each record (https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details")."""
    checksum = tfrecordio._TFRecordUtil._masked_crc32c
    there, offset = bytearray(), 0
    for piece in pieces:
        there += piece
        begin = 0
        while len(there) >= begin + _HEADER.size:
            length, of_length = _HEADER.unpack_from(there, begin)
            if checksum(bytes(there[begin : begin + 8])) != of_length:
                raise _Damage(f"damaged length of the record at {offset + begin}")
            data = begin + _HEADER.size
            end = data + length
            if len(there) < end + _FOOTER.size:
                break
            record = bytes(memoryview(there)[data:end])
            if checksum(record) != _FOOTER.unpack_from(there, end)[0]:
                raise _Damage(f"damaged data of the record at {offset + begin}")
            yield record
            begin = end + _FOOTER.size
        del there[:begin]
        offset += begin
    if there:
        raise _Damage(f"the record at {offset} is cut short")
