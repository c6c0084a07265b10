"""A log on disk, read back: every record in its place, and what is damaged by its name.

A session's log is `log/events_<first sequence>.msgpack.zst` in its folder, one file after the other. A torn end is the
end. Sessions of before had one file `log/events.msgpack.zst` of events alone, a `bin 32` each.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from mm_core.events import AnyEvent
from mm_core.types import InputError, IntegrityError
from mm_store.log_frame import HEAD_BYTES, MAGIC, DamagedError, Head, head_of, is_complete, records_of
from mm_wire.chain import Record
from mm_wire.codec import decode

LOG = "log"
OLD_FILE = Path(LOG, "events.msgpack.zst")
_BIN_32 = b"\xc6"
_OLD_HEAD_BYTES = 5
_SEARCH_BYTES = 1 << 20
_HELP = "what other copies hold restores it: crypto-mm resume --session"


class End(msgspec.Struct, frozen=True):
    """Where a log on disk ends: the sequence behind its last record, and that one's name."""

    next_seq: int = 1
    last_name: str = ""


def log_files(folder: Path) -> list[Path]:
    """The files of the log of a session folder, in its order."""
    return sorted((folder / LOG).glob("events_[0-9]*.msgpack.zst"))


def has_log(folder: Path) -> bool:
    """Whether a session folder has a log, of this form or the one before."""
    return bool(log_files(folder)) or (folder / OLD_FILE).is_file()


def read_log(folder: Path) -> Iterator[AnyEvent]:
    """The events of a session folder's log. InputError if there is none, IntegrityError if it is damaged."""
    if (folder / OLD_FILE).is_file():
        yield from _read_old(folder / OLD_FILE)
        return
    for record in read_records(folder):
        if not record.is_fence:
            yield decode(record.data)


def read_records(folder: Path, from_seq: int = 0) -> Iterator[Record]:
    """The records of a session folder's log from a sequence on (0: its first), with one frame in memory at a time.

    InputError if there is none. IntegrityError names the file and the first sequence that is not what was written, or
    is not there.
    """
    files = log_files(folder)
    if not files:
        raise InputError(f"{folder / LOG}: no log in it; expected that of a session")
    first = _first_seq(files[0])
    seq = from_seq or first
    if seq < first:
        raise IntegrityError(f"{folder / LOG}: the log begins at {first}; {seq} is missing: {_HELP}")
    before = sum(_first_seq(path) <= seq for path in files) - 1
    name = None
    for path, head, data in _chained(files[before:]):
        if head.next_seq <= seq:
            continue
        if name not in (None, head.before):
            raise _damaged(path, head.first_seq, "it does not follow from the record before")
        try:
            records = records_of(head, data)
        except DamagedError as error:
            raise _damaged(path, head.first_seq, str(error)) from error
        name = records[-1].name
        yield from records[max(seq - head.first_seq, 0) :]


def _chained(files: list[Path]) -> Iterator[tuple[Path, Head, bytes]]:
    """The frames of some files one after the other, each of which begins where the one before ends."""
    expected = _first_seq(files[0])
    for path in files:
        if _first_seq(path) != expected:
            raise IntegrityError(f"{path}: begins at {_first_seq(path)}; {expected} is missing: {_HELP}")
        for head, data in frames(path, is_last=path == files[-1]):
            if head.first_seq != expected:
                raise _damaged(path, expected, f"{head.first_seq} stands there")
            expected = head.next_seq
            yield path, head, data


def frames(path: Path, *, is_last: bool) -> Iterator[tuple[Head, bytes]]:
    """The frames of a file. IntegrityError for what is none; of the last file a torn end is just the end."""
    expected = _first_seq(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        at = 0
        while at < size:
            found = frame_at(file.fileno(), at)
            if found is None:
                if not (is_last and is_torn(file.fileno(), at, size)):
                    raise _damaged(path, expected, "what stands there was not written so")
                return
            yield found
            at += found[0].frame_bytes
            expected = found[0].next_seq


def frame_at(fd: int, at: int) -> tuple[Head, bytes] | None:
    """The complete frame at a place of a file; None if there is none."""
    try:
        head = head_of(os.pread(fd, HEAD_BYTES, at))
    except DamagedError:
        return None
    data = os.pread(fd, head.data_bytes, at + HEAD_BYTES)
    return (head, data) if is_complete(head, data) else None


def is_torn(fd: int, at: int, size: int) -> bool:
    """True if what stands from `at` to the end of a file is the beginning of one frame, whose rest was not written."""
    if size - at < HEAD_BYTES:
        return True
    try:
        return at + head_of(os.pread(fd, HEAD_BYTES, at)).frame_bytes > size
    except DamagedError:
        return False


def has_frame_behind(fd: int, at: int) -> bool:
    """Whether a complete frame begins anywhere behind a place of a file."""
    start = at + 1
    while part := os.pread(fd, _SEARCH_BYTES, start):
        place = part.find(MAGIC)
        while place >= 0:
            if frame_at(fd, start + place) is not None:
                return True
            place = part.find(MAGIC, place + 1)
        start += max(len(part) - len(MAGIC) + 1, 1)
    return False


def _first_seq(path: Path) -> int:
    digits = path.name.removeprefix("events_").partition(".")[0]
    if not digits.isdigit():
        raise InputError(f"{path}: expected events_<first sequence>.msgpack.zst")
    return int(digits)


def _damaged(path: Path, seq: int, why: str) -> IntegrityError:
    return IntegrityError(f"{path}: damaged from {seq} on: {why}; {_HELP}")


def _read_old(path: Path) -> Iterator[AnyEvent]:
    try:
        with pa.OSFile(str(path), "rb") as raw, pa.CompressedInputStream(raw, "zstd") as file:
            while head := file.read(_OLD_HEAD_BYTES):
                size = int.from_bytes(head[1:])
                data = file.read(size)
                if head[:1] != _BIN_32 or len(data) != size:
                    raise IntegrityError(f"{path}: damaged; expected a log as a session writes it")
                yield decode(data)
    except (OSError, msgspec.DecodeError) as error:
        raise IntegrityError(f"{path}: {error}; expected a log as a session writes it") from error
