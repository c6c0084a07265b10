"""The writer of a log on disk: whatever happens to its process, what it has flushed is there (`log_read` reads it)."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from mm_core.events import Event
from mm_core.types import InputError, IntegrityError, UnavailableError
from mm_store.atomic import is_transient
from mm_store.lock import FileLock
from mm_store.log_frame import DamagedError, frame_of, packed, records_of
from mm_store.log_read import LOG, End, frame_at, has_frame_behind, has_log, log_files, read_log, read_records
from mm_wire.chain import FIRST, Record, name_of
from mm_wire.codec import encode

__all__ = ["LogWriter", "read_log", "read_records", "writing_log"]

log = logging.getLogger(__name__)

FLUSH_BYTES = 256 << 10  # what a frame holds at most, but for one long record
FILE_BYTES = 256 << 20
MEMORY_LABEL = "memory"  # of events whose log was in no stream

Take = Callable[[Event], object]


class LogWriter:
    """Appends the records of one log to `log/` of a folder, which it holds alone; use it as `with`.

    Opening appends behind what is there: a torn end is cut off. What is appended stands in a file after `flush`, and on
    the disk after `sync`. A disk that takes nothing is UnavailableError: all that is pending stays so, and the call may
    be made again. IntegrityError for a log that is damaged before its end, or whose file is removed while it is open.
    """

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES) -> None:
        self.folder = folder / LOG
        self.next_seq = 1
        self.last_name = FIRST
        self.flushed = End()
        self.synced = End()
        self._file_bytes = file_bytes
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._lock: FileLock | None = None
        self._fd = -1
        self._path = self.folder
        self._size = 0
        try:
            with _writing(self.folder):
                self._lock = FileLock(self.folder / ".lock", "process {pid} writes the log in it; expected one writer")
                self._open_last(folder)
        except BaseException as error:
            self._let_go()
            if isinstance(error.__cause__, OSError) and not is_transient(error.__cause__):
                raise InputError(f"{error}; expected a writable folder") from error
            raise

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def is_due(self) -> bool:
        """True if as much is pending as one frame should hold."""
        return self._pending_bytes >= FLUSH_BYTES

    def append(self, record: Record) -> None:
        """Take the next record; nothing is written before `flush`."""
        assert record.seq == self.next_seq, f"record {record.seq}; expected {self.next_seq}"
        data = packed(record)
        self._pending.append(data)
        self._pending_bytes += len(data)
        self.next_seq, self.last_name = record.seq + 1, record.name

    def flush(self) -> None:
        """Write what is pending: a frame that is complete or not there."""
        if not self._pending:
            return
        first = self.flushed
        frame = frame_of(b"".join(self._pending), len(self._pending), first.next_seq, first.last_name)
        with _writing(self._path):
            if self._fd < 0 or self._size >= self._file_bytes:
                self._begin_file(first.next_seq)
            self._check_file()
            self._write(frame)
        self._size += len(frame)
        self._pending.clear()
        self._pending_bytes = 0
        self.flushed = End(self.next_seq, self.last_name)

    def sync(self) -> None:
        """Let the disk have what was flushed. IntegrityError if it cannot: what it holds then is not known."""
        end = self.flushed
        if self._fd >= 0 and end != self.synced:
            _sync(self._fd, self._path)
            self._check_file()
        self.synced = end

    def close(self) -> None:
        """Write and sync what is pending, and let others have the log."""
        try:
            self.flush()
            self.sync()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._lock is not None:
            self._lock.release()

    def _open_last(self, folder: Path) -> None:
        """Continue behind the last complete frame."""
        while files := log_files(folder):
            self._path = files[-1]
            self._fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            self._size = self._cut_torn_end()
            if self._size:
                return
            os.close(self._fd)  # not one complete frame: the file before it is the last
            self._fd = -1
            self._path.unlink()

    def _cut_torn_end(self) -> int:
        """The size of the file without its torn end, which is cut off."""
        at, last = 0, None
        while found := frame_at(self._fd, at):
            last, at = found, at + found[0].frame_bytes
        size = os.fstat(self._fd).st_size
        if at < size:
            if has_frame_behind(self._fd, at):
                seq = last[0].next_seq if last else 0
                raise IntegrityError(
                    f"{self._path}: damaged from {seq or 'its beginning'} on, with more behind it; set it aside: what "
                    "other copies hold is written anew"
                )
            log.warning("%s: %d bytes of a torn end are cut off", self._path, size - at)
            os.ftruncate(self._fd, at)
        if last:
            try:
                records = records_of(*last)
            except DamagedError as error:
                raise IntegrityError(f"{self._path}: {error}") from error
            self.next_seq, self.last_name = last[0].next_seq, records[-1].name
            self.flushed = End(self.next_seq, self.last_name)
            _sync(self._fd, self._path)
            self.synced = self.flushed
        return at

    def _begin_file(self, first_seq: int) -> None:
        if self._fd >= 0:
            self.sync()
            os.close(self._fd)
            self._fd = -1
        self._path = self.folder / f"events_{first_seq:012d}.msgpack.zst"
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._size = 0
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _check_file(self) -> None:
        """IntegrityError if the file that we write is no longer the one at its path."""
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._fd), self._path.stat()):
                return
        raise IntegrityError(
            f"{self._path}: the log was deleted or replaced while it was written, up to {self.synced.next_seq - 1}; "
            "end the session, and `crypto-mm export` what the bus and the store hold"
        )

    def _write(self, frame: bytes) -> None:
        try:
            done = 0
            while done < len(frame):
                done += os.pwrite(self._fd, frame[done:], self._size + done)
        except OSError:
            with suppress(OSError):  # a frame that is tried again is written over it
                os.ftruncate(self._fd, self._size)
            raise


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be written: {error.strerror or error}") from error


def _sync(fd: int, path: Path) -> None:
    try:
        os.fdatasync(fd)
    except OSError as error:
        raise IntegrityError(
            f"{path}: the disk did not take what was written: {error.strerror or error}; see to it, and start again: "
            "the log on the bus is complete"
        ) from error


@contextmanager
def writing_log(folder: Path) -> Iterator[Take]:
    """Give what writes one event after the other to a new log of a session folder, as records of no stream.

    Nothing of it stays if the block fails: who decides in one process from a recording makes it anew. InputError if
    the folder has a log, or cannot be written.
    """
    if has_log(folder):
        raise InputError(f"{folder}: holds a log; expected a new folder")
    try:
        with LogWriter(folder) as writer:

            def write(event: Event) -> None:
                data = encode(event)
                name = name_of(writer.last_name, MEMORY_LABEL, data)
                writer.append(Record(writer.next_seq, MEMORY_LABEL, name, data))
                if writer.is_due:
                    writer.flush()

            yield write
    except BaseException as error:
        for path in log_files(folder):
            path.unlink()
        with suppress(OSError):
            (folder / LOG).rmdir()
        if isinstance(error, UnavailableError):
            raise InputError(f"{folder}: the log {error}") from error
        raise
