"""Recorded frames: text files, plain or gzip, of lines `<receive time in us or ns> <raw JSON>`.

The unit of the receive time follows from its digits: 16 are microseconds, 19 nanoseconds. Memory is bounded whatever a
file holds: no line is longer than LINE_BYTES_MAX.
"""

import gzip
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from mm_core.types import NS_PER_S, InputError
from mm_venues.frame_error import FrameError

LINE_BYTES_MAX = 16 << 20  # a snapshot of 5,000 levels a side is 0.4 MB
_GZIP_MAGIC = b"\x1f\x8b"
_US_DIGITS = 16
_NS_DIGITS = 19
# Kinds of what --salvage leaves out.
NO_TIME, BAD_FRAME, TORN_GZIP, TOO_LONG = "no receive time", "bad frame", "damaged gzip", "line too long"
_HINT = "; --salvage leaves out such lines"


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one kind that --salvage left out: how many, and what was wrong with the first, with its file:line."""

    count: int
    first: str


class WsLines:
    """Iterates over (recv_ns, frame) of several files of one session, in the order given.

    InputError, with file and line, for what cannot be read. With `salvage` a bad line is left out instead and counted
    in `left_out`. `where` names the line that came last; `bytes_read` of `bytes_total` on disk are done.
    """

    def __init__(self, paths: Sequence[Path], *, salvage: bool = False) -> None:
        self.paths = paths
        self._path = paths[0]
        self._line = 0
        self.salvage = salvage
        self._last: tuple[Path, int] | None = None  # the file in front, and its last receive time
        self._bytes_before = 0
        self._raw: BinaryIO | None = None
        self.left_out: dict[str, LeftOut] = {}
        self.bytes_total = sum(_size(path) for path in paths)
        _check_distinct(paths)

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
        self._bytes_before, self._last, self.left_out = 0, None, {}
        for path in self.paths:
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

    def refuse(self, error: FrameError) -> None:
        """The frame of the line that came last is a bad one: leave it out, or raise the InputError that names it."""
        self._refuse(BAD_FRAME, f"{self.where}: {error}", error)

    def _refuse(self, kind: str, what: str, cause: Exception | None = None) -> None:
        if not self.salvage:
            raise InputError(what + _HINT) from cause
        known = self.left_out.get(kind)
        self.left_out[kind] = LeftOut(count=1 + (known.count if known else 0), first=known.first if known else what)

    def _frames(self, lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
        last_ns = 0
        for line in self._lines(lines):
            recv_ns, frame = self._split(line)
            if not recv_ns:
                continue
            if not last_ns:
                self._check_order(recv_ns)
            last_ns = recv_ns
            yield recv_ns, frame
        if not self._line and not self.left_out:
            raise InputError(f"{self._path}: empty; expected lines '<receive time in us or ns> <raw JSON>'")
        self._last = (self._path, last_ns)

    def _lines(self, lines: BinaryIO) -> Iterator[bytes]:
        """The lines of a file, to its end or to where its gzip is damaged."""
        try:
            while line := lines.readline(LINE_BYTES_MAX + 1):
                self._line += 1
                if len(line) <= LINE_BYTES_MAX:
                    yield line
                    continue
                self._refuse(TOO_LONG, f"{self.where}: longer than {LINE_BYTES_MAX >> 20} MiB; expected one frame")
                while line and not line.endswith(b"\n"):
                    line = lines.readline(LINE_BYTES_MAX)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._refuse(TORN_GZIP, f"{self._path}: damaged gzip after line {self._line}: {error}", error)
        except OSError as error:
            raise InputError(f"{self._path}: {error.strerror or error}") from error

    def _split(self, line: bytes) -> tuple[int, bytes]:
        """Receive time and frame; time 0 for a line that is left out because it has none."""
        time, _, frame = line.partition(b" ")
        digits = len(time) if time.isdigit() else 0
        if digits == _NS_DIGITS:
            return int(time), frame
        if digits == _US_DIGITS:
            return int(time) * 1_000, frame
        shown = line[:40].decode(errors="replace").rstrip()
        self._refuse(
            NO_TIME,
            f"{self.where}: {shown!r} does not begin with a receive time; "
            "expected '<16 digits (us) or 19 digits (ns)> <raw JSON>'",
        )
        return 0, b""

    def _check_order(self, recv_ns: int) -> None:
        if self._last is not None and recv_ns < self._last[1]:
            raise InputError(
                f"{self._path}: begins {(self._last[1] - recv_ns) / NS_PER_S:,.3f} s before the end of "
                f"{self._last[0]}; expected files in order of time that do not overlap"
            )


def _check_distinct(paths: Sequence[Path]) -> None:
    """InputError for a file that is given twice, by whatever name."""
    known: dict[tuple[int, int], Path] = {}
    for path in paths:
        status = path.stat()
        first = known.setdefault((status.st_dev, status.st_ino), path)
        if first is not path:
            raise InputError(f"{path}: given twice, first as {first}; expected each file once")


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a file of recorded frames") from error
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # a folder is refused when it is opened
        raise InputError(f"{path}: a pipe or device; expected a file of recorded frames, which is read more than once")
    return status.st_size


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
