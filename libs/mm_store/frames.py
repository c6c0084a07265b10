"""Recorded frames on disk: `<folder>/<SYMBOL>_<YYYYMMDD>.ws.gz`, lines `<recv_ns> <raw JSON>`, read by `WsLines`.

A file is a chain of small complete gzip members, each about a second of frames, written in one go: whenever the process
is killed, what was flushed can be read. Only the last member can be torn; opening the folder again cuts it off.
"""

import errno
import os
import zlib
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Self

from mm_core.types import NS_PER_S, InputError
from mm_store.atomic import is_transient
from mm_store.lock import is_at

DAY_NS = 86_400 * NS_PER_S
FLUSH_NS = NS_PER_S
_PENDING_BYTES_MAX = 1 << 20
# More than a member of 1 MiB, and a frame longer than that, can become.
_TAIL_BYTES = 16 << 20
_LEVEL = 3
_GZIP = 31  # zlib's code for the gzip format
# How zlib begins each member: magic, deflate, no flags, no time.
_MEMBER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"


_REMOVED = "removed while it was written"


class UnwritableError(InputError):
    """A file that cannot be written now. `frames` were taken and are lost; `is_transient`: it may be written later.

    `is_removed`: what was written before is lost too.
    """

    def __init__(self, path: Path, error: OSError, frames: int = 0) -> None:
        self.reason = error.strerror or str(error)
        self.is_transient = is_transient(error)
        self.is_removed = error.errno == errno.ESTALE
        self.frames = frames
        super().__init__(f"{path}: cannot be written: {self.reason}; expected a writable folder")


class FrameWriter:
    """Appends the frames of one symbol, a file per UTC day of the latest receive time so far; use it as `with`.

    What came in the last second of receive time is not on disk yet; `flush` puts it there, as closing does. A power
    cut can also take what the system had not written back; a closed file is safe. A newline inside a frame, which
    JSON only allows between its parts, becomes a space. UnwritableError if the folder or a file cannot be written; what
    was being written is then cut off again. A file that was removed, or replaced, is noticed at the next flush: then
    the writer is of no more use. One writer to a folder and symbol.
    """

    def __init__(self, folder: Path, symbol: str) -> None:
        self._folder = folder
        self._symbol = symbol
        self._pending = bytearray()
        self._pending_frames = 0
        self._file_frames = 0  # that we wrote to the file
        self._begin_ns = 0  # of what is pending
        self._roll_ns = 0
        self._file: FileIO | None = None
        self._torn_at = -1  # where a file ends that could not even be cut off
        self._path = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob(f"{symbol}_[0-9]*.ws.gz"))[-1:]:
                mend(path)
        except OSError as error:
            raise UnwritableError(self._path, error) from error

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def write(self, recv_ns: int, frame: bytes, *, counts: bool = True) -> None:
        """Append a frame; one that does not count, such as a line of our own, is never counted as lost."""
        is_next_day = recv_ns >= self._roll_ns
        # Not between 0 and a second: a second is over, or the clock stepped back.
        if is_next_day or not 0 <= recv_ns - self._begin_ns < FLUSH_NS or len(self._pending) > _PENDING_BYTES_MAX:
            self.flush()
            self._begin_ns = recv_ns
            if is_next_day:
                self._roll(recv_ns)
        if b"\n" in frame:
            frame = frame.replace(b"\n", b" ")
        self._pending += b"%d %b\n" % (recv_ns, frame)
        self._pending_frames += counts

    def flush(self) -> None:
        """Write what is pending as one member, to a file that is still there."""
        if self._file is None:
            return
        if not is_at(self._file, self._path):
            raise self._removed()
        if not self._pending:
            return
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        member = packer.compress(self._pending) + packer.flush()
        self._pending.clear()
        frames, self._pending_frames = self._pending_frames, 0
        try:
            self._append(self._file, member)
        except OSError as error:
            raise UnwritableError(self._path, error, frames) from error
        self._file_frames += frames

    def _removed(self) -> UnwritableError:
        frames = self._file_frames + self._pending_frames
        self._pending.clear()
        self._pending_frames = 0
        self._let_go()
        return UnwritableError(self._path, OSError(errno.ESTALE, _REMOVED), frames)

    def _append(self, file: FileIO, member: bytes) -> None:
        """Write all of it or nothing."""
        if self._torn_at >= 0:
            file.truncate(self._torn_at)
        self._torn_at, size = -1, os.fstat(file.fileno()).st_size
        try:
            written = 0
            while written < len(member):  # a full disk takes a part, and reports why at the next attempt
                written += file.write(member[written:])
        except OSError:
            self._torn_at = size
            file.truncate(size)
            self._torn_at = -1
            raise

    def close(self) -> None:
        """Write what is pending and wait until the file is on the disk."""
        if self._file is None:
            return
        try:
            self.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UnwritableError(self._path, error) from error
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._roll_ns, self._torn_at, self._file_frames = None, 0, -1, 0

    def _roll(self, recv_ns: int) -> None:
        """Begin the file of another day, or go on with it."""
        self.close()
        day = recv_ns // DAY_NS
        self._path = self._folder / f"{self._symbol}_{datetime.fromtimestamp(day * 86_400, UTC):%Y%m%d}.ws.gz"
        try:
            self._file = FileIO(self._path, "ab")
        except OSError as error:
            raise UnwritableError(self._path, error) from error
        self._roll_ns = (day + 1) * DAY_NS


def mend(path: Path) -> int:
    """Cut a torn end off a file of frames, and remove a file of which nothing is left; how many bytes were cut.

    InputError if the end of the file is not what a FrameWriter wrote: then nothing is changed.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        begin = max(0, size - _TAIL_BYTES)
        file.seek(begin)
        complete = begin + _complete_bytes(file.read(), path, is_start=begin == 0)
        if complete < size:
            file.truncate(complete)
    if not complete:
        path.unlink()
    return size - complete


def _complete_bytes(tail: bytes, path: Path, *, is_start: bool) -> int:
    """How much of the end of a file is complete: up to the end of the last complete member."""
    at = end = len(tail)
    while (at := tail.rfind(_MEMBER, 0, end)) >= 0:
        unpacker = zlib.decompressobj(_GZIP)
        try:
            unpacker.decompress(tail[at:end])
        except zlib.error:
            end = at
            continue
        if unpacker.eof:
            return end - len(unpacker.unused_data)
        end = at
    # No member is complete: that is the first member, torn, or no file of ours.
    if is_start and (tail.startswith(_MEMBER) or _MEMBER.startswith(tail)):
        return 0
    raise InputError(f"{path}: no recorded frames in its last {len(tail)} bytes; expected it moved away or complete")
