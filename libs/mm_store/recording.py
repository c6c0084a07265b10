"""A live recording: frames to a folder of our own, whatever the disk does meanwhile."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from mm_store.frames import DAY_NS, FrameWriter, UnwritableError
from mm_store.lock import FileLock
from mm_venues import control

_log = logging.getLogger(__name__)

RETRY_S = 1.0


class FolderLock(FileLock):
    """Holds `.recording_<SYMBOL>` of a folder, with our process id in it, until `release`.

    InputError if another process holds it.
    """

    def __init__(self, folder: Path, symbol: str) -> None:
        path = folder / f".recording_{symbol}"
        try:
            super().__init__(path, "another recorder, process {pid}, writes to it; expected one a folder and symbol")
        except OSError as error:
            raise UnwritableError(path, error) from error


class Recording:
    """The frames of one symbol, one recorder to a folder. A disk that takes nothing ends nothing.

    What could not be written is counted in `frames_lost` and tried again every second. The first line behind such a
    hole is a control frame that says so, which voids the book of whoever replays the file. `on_begin` is called
    behind a hole and on a new day: a reader who begins there needs a snapshot. InputError for a folder that another
    recorder has, or that cannot be one; a full disk at the start is a hole from the start.
    """

    def __init__(
        self,
        folder: Path,
        symbol: str,
        on_begin: Callable[[], object] = lambda: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.frames_lost = 0
        self._folder, self._symbol = folder, symbol
        self._on_begin = on_begin
        self._clock_s = clock_s
        self._lock: FolderLock | None = None
        self._writer: FrameWriter | None = None
        self._failed: UnwritableError | None = None
        self._failed_s = self._retry_s = 0.0
        self._last_ns = 0
        try:
            self._open()
        except UnwritableError as error:
            if not error.is_passing:
                raise
            self._fail(error)

    @property
    def is_failing(self) -> bool:
        """True while the disk takes nothing."""
        return self._failed is not None

    def write(self, recv_ns: int, frame: bytes) -> None:
        """Append a frame, or count it as lost."""
        is_new_day = bool(self._last_ns) and recv_ns // DAY_NS > self._last_ns // DAY_NS
        self._last_ns = max(self._last_ns, recv_ns)
        if not self._is_writable():
            self.frames_lost += 1
            return
        assert self._writer is not None
        try:
            self._writer.write(recv_ns, frame)
        except UnwritableError as error:
            self.frames_lost += 1
            self._fail(error)
            return
        if is_new_day:
            self._on_begin()

    def flush(self) -> None:
        """Put what is pending on the disk, or try again to."""
        if not self._is_writable():
            return
        assert self._writer is not None
        try:
            self._writer.flush()
        except UnwritableError as error:
            self._fail(error)

    def close(self) -> None:
        """Write what is pending and let others have the folder."""
        try:
            if self._writer is not None:
                self._writer.close()
        except UnwritableError as error:
            self._fail(error)
        if self._lock is not None:
            self._lock.release()

    def _open(self) -> None:
        self._lock = self._lock or FolderLock(self._folder, self._symbol)
        self._writer = self._writer or FrameWriter(self._folder, self._symbol)

    def _fail(self, error: UnwritableError) -> None:
        now_s = self._clock_s()
        self.frames_lost += error.frames
        if self._failed is None:
            self._failed_s = now_s
            _log.error("%s; frames are lost until it can be", error)
        self._failed, self._retry_s = error, now_s + RETRY_S

    def _is_writable(self) -> bool:
        """True unless the disk takes nothing; it is tried again every second, with a line about the hole."""
        if self._failed is None:
            return True
        now_s = self._clock_s()
        if now_s < self._retry_s or not self._last_ns:
            return False
        hole_s = now_s - self._failed_s
        line = control.disconnected(f"frames not recorded for {hole_s:.1f} s: {self._failed.reason}")
        try:
            self._open()
            assert self._writer is not None
            self._writer.write(self._last_ns, line)
            self._writer.flush()
        except UnwritableError as error:
            self._failed, self._retry_s = error, now_s + RETRY_S
            return False
        self._failed = None
        _log.warning("%s: can be written again; %d frames were lost", self._folder, self.frames_lost)
        self._on_begin()
        return True
