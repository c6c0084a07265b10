"""Recorded frames: text files, plain or gzip, of lines `<receive time in us or ns> <raw JSON>`.

The unit of the receive time is told by its digits: 16 are microseconds, 19 nanoseconds.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mm_core.types import InputError
from mm_venues.frame_error import FrameError

_GZIP_MAGIC = b"\x1f\x8b"
_US_DIGITS = 16
_NS_DIGITS = 19


class WsLines:
    """Iterates over (recv_ns, frame) of several files of one session, in the order given.

    InputError, with file and line, for what cannot be read. `where` names the line that came last; `bytes_read` of
    `bytes_total` on disk are done.
    """

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._path = paths[0]
        self._line = 0
        self._first_recv_ns = 0
        self._bytes_before = 0
        self._raw: BinaryIO | None = None
        self.bytes_total = sum(_size(path) for path in paths)

    @property
    def where(self) -> str:
        """`file:line` of the line that came last."""
        return f"{self._path}:{self._line}"

    @property
    def bytes_read(self) -> int:
        """How far in the files on disk the reading is."""
        return self._bytes_before + (self._raw.tell() if self._raw else 0)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Start over, from the first line of the first file."""
        self._bytes_before = self._first_recv_ns = 0
        for path in self._paths:
            self._path, self._line = path, 0
            with _open(path) as raw:
                self._raw = raw
                try:
                    yield from self._frames(_unpacked(path, raw))
                finally:  # the reader may stop early, and the file is closed then
                    self._raw = None
            self._bytes_before += _size(path)

    @contextmanager
    def located(self) -> Iterator[None]:
        """Turn a FrameError inside the block into an InputError that names the line."""
        try:
            yield
        except FrameError as error:
            raise InputError(f"{self.where}: {error}") from error

    def _frames(self, lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
        try:
            for line in lines:
                self._line += 1
                recv_ns, frame = self._split(line)
                if self._line == 1:
                    self._check_order(recv_ns)
                yield recv_ns, frame
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{self._path}: damaged gzip after line {self._line}: {error}") from error
        except OSError as error:
            raise InputError(f"{self._path}: {error.strerror or error}") from error
        if not self._line:
            raise InputError(f"{self._path}: empty; expected lines '<receive time in us or ns> <raw JSON>'")

    def _split(self, line: bytes) -> tuple[int, bytes]:
        time, _, frame = line.partition(b" ")
        digits = len(time) if time.isdigit() else 0
        if digits == _NS_DIGITS:
            return int(time), frame
        if digits == _US_DIGITS:
            return int(time) * 1_000, frame
        shown = line[:40].decode(errors="replace").rstrip()
        raise InputError(
            f"{self.where}: {shown!r} does not begin with a receive time; "
            "expected '<16 digits (us) or 19 digits (ns)> <raw JSON>'"
        )

    def _check_order(self, recv_ns: int) -> None:
        if recv_ns < self._first_recv_ns:
            raise InputError(f"{self._path}: begins before the file in front of it; give the files in order of time")
        self._first_recv_ns = recv_ns


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a file of recorded frames") from error


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a readable file of recorded frames") from error


def _unpacked(path: Path, raw: BinaryIO) -> BinaryIO:
    """The text of an open file. InputError if it is named .gz and is no gzip."""
    is_gzip = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    raw.seek(0)
    if not is_gzip and path.suffix == ".gz":
        raise InputError(f"{path}: not gzip; expected gzip because of its name, or a plain file without .gz")
    return gzip.GzipFile(fileobj=raw) if is_gzip else raw  # type: ignore[return-value]  # it reads as BinaryIO does
