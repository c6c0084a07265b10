"""The parts of a log file: records in a zstd frame, and in front of it a skippable frame with a summary of it.

So a file is a valid chain of zstd frames (`zstd -d` gives its records, an array of msgpack each), and who looks for its
end, or for a record, goes from head to head. Of head and data a checksum is stored; the names of the records, which
follow from one another, are the proof of their content.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence

import msgspec
import pyarrow as pa

from mm_wire.chain import Record, name_of

NAME_BYTES = 16
_MAGIC = 0x184D2A5C  # one of the sixteen that zstd skips
_HEAD = struct.Struct("<IIIIIQ16sI")  # without its own checksum
HEAD_BYTES = _HEAD.size + 4
_SKIPPED_BYTES = HEAD_BYTES - 8
MAGIC = struct.pack("<II", _MAGIC, _SKIPPED_BYTES)
_LEVEL = 3
_CODEC = pa.Codec("zstd", compression_level=_LEVEL)
# A record: an array of four, a uint 64, a str 16, a str of 16 bytes, a bin 32.
_SEQ = struct.Struct(">BBQBH")
_DATA = struct.Struct(">B16sBI")
_ARRAY_4, _UINT_64, _STR_16, _FIXSTR_16, _BIN_32 = 0x94, 0xCF, 0xDA, 0xB0, 0xC6


class DamagedError(Exception):
    """Bytes that are not what was written; the message is what is wrong with them."""


class Head(msgspec.Struct, frozen=True):
    """What a frame holds: how many records from `first_seq` on, and the name of the record before them."""

    data_bytes: int
    raw_bytes: int
    count: int
    first_seq: int
    before: str
    checksum: int

    @property
    def next_seq(self) -> int:
        """The sequence behind its last record."""
        return self.first_seq + self.count

    @property
    def frame_bytes(self) -> int:
        """Of head and data."""
        return HEAD_BYTES + self.data_bytes


def packed(record: Record) -> bytes:
    """The bytes of one record."""
    label, name = record.label.encode(), record.name.encode()
    assert len(name) == NAME_BYTES, record.name
    head = _SEQ.pack(_ARRAY_4, _UINT_64, record.seq, _STR_16, len(label))
    return b"".join((head, label, _DATA.pack(_FIXSTR_16, name, _BIN_32, len(record.data)), record.data))


def frame_of(raw: bytes, count: int, first_seq: int, before: str) -> bytes:
    """Packed records as they stand in a file."""
    data = _CODEC.compress(raw, asbytes=True)
    name = before.encode().ljust(NAME_BYTES, b"\0")
    head = _HEAD.pack(_MAGIC, _SKIPPED_BYTES, len(data), len(raw), count, first_seq, name, zlib.crc32(data))
    return b"".join((head, struct.pack("<I", zlib.crc32(head)), data))


def head_of(data: bytes) -> Head:
    """The head that HEAD_BYTES bytes are. DamagedError if they are none."""
    if len(data) != HEAD_BYTES or zlib.crc32(data[: _HEAD.size]) != int.from_bytes(data[_HEAD.size :], "little"):
        raise DamagedError("the head of a frame is not what was written")
    magic, skipped, data_bytes, raw_bytes, count, first_seq, name, checksum = _HEAD.unpack_from(data)
    if (magic, skipped) != (_MAGIC, _SKIPPED_BYTES) or not count:
        raise DamagedError("not the head of a frame")
    return Head(data_bytes, raw_bytes, count, first_seq, name.rstrip(b"\0").decode(), checksum)


def is_complete(head: Head, data: bytes) -> bool:
    """True if the data behind a head is what was written."""
    return len(data) == head.data_bytes and zlib.crc32(data) == head.checksum


def records_of(head: Head, data: bytes) -> Sequence[Record]:
    """The records of a complete frame, each in its place, with its name. DamagedError names the first that is not."""
    try:
        raw = _CODEC.decompress(data, decompressed_size=head.raw_bytes, asbytes=True)
        found = list(_cut(raw))
    except (OSError, struct.error, UnicodeDecodeError) as error:
        raise DamagedError(f"no records: {error}") from error
    records: list[Record] = []
    before = head.before
    for record in found:
        expected = head.first_seq + len(records)
        if record.seq != expected:
            raise DamagedError(f"record {record.seq} stands where {expected} should")
        if record.name != name_of(before, record.label, record.data):
            raise DamagedError(f"record {record.seq} is not what its name promises")
        before = record.name
        records.append(record)
    if len(records) != head.count:
        raise DamagedError(f"{len(records)} records from {head.first_seq} on; expected {head.count}")
    return records


def _cut(raw: bytes) -> Iterator[Record]:
    at = 0
    while at < len(raw):
        seq, label_bytes = _SEQ.unpack_from(raw, at)[2::2]
        at += _SEQ.size
        label = raw[at : at + label_bytes].decode()
        at += label_bytes
        _, name, _, data_bytes = _DATA.unpack_from(raw, at)
        at += _DATA.size
        yield Record(seq, label, name.decode(), raw[at : at + data_bytes])
        at += data_bytes
