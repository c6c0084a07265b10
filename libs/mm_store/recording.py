"""A live recording: frames to a folder of our own, whatever the disk does meanwhile."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from mm_core.types import InputError
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

    What could not be written is counted in `frames_lost` and tried again every second; so is what stood in a file that
    was removed under us, which makes its folder anew. The first line behind such a hole is a control frame that
    records it, which voids the book of whoever replays the file. `failure` is what first went wrong, if anything.
    `on_begin` is called behind a hole and on a new day: a reader who begins there needs a snapshot. InputError for a
    folder that another recorder has, or that cannot be one; a full disk at the start is a hole from the start.
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
        self._first = self._reason = ""  # what went wrong first, and what does now
        self._failed_s = self._retry_s = 0.0
        self._last_ns = 0
        try:
            self._open()
        except UnwritableError as error:
            if not error.is_transient:
                raise
            self._fail(error)

    @property
    def is_failing(self) -> bool:
        """True while the disk takes nothing."""
        return bool(self._reason)

    @property
    def failure(self) -> str:
        """Why the recording is not complete; empty for one that is."""
        return f"{self.frames_lost:,} frames were not recorded: {self._first}" if self._first else ""

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
        """Put what is pending on the disk, or try again to; see that folder and file are still there."""
        if not self._is_writable():
            return
        assert self._writer is not None
        try:
            self._writer.flush()
            self._renew_lock()
        except InputError as error:
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
        self._renew_lock()
        self._writer = self._writer or FrameWriter(self._folder, self._symbol)

    def _renew_lock(self) -> None:
        """Have the folder for ourselves, again if it was removed. InputError if another recorder has it now."""
        if self._lock is not None and not self._lock.is_in_place:
            self._lock.release()
            self._lock = None
        self._lock = self._lock or FolderLock(self._folder, self._symbol)

    def _fail(self, error: InputError) -> None:
        now_s = self._clock_s()
        reason = str(error)
        if isinstance(error, UnwritableError):
            reason = error.reason
            self.frames_lost += error.frames
            if error.is_removed:
                self._writer = None
        if not self._reason:
            self._failed_s = now_s
            self._first = self._first or str(error)
            _log.error("%s; frames are lost until it can be", error)
        self._reason, self._retry_s = reason, now_s + RETRY_S

    def _is_writable(self) -> bool:
        """True unless the disk takes nothing; it is tried again every second, with a line about the hole."""
        if not self._reason:
            return True
        now_s = self._clock_s()
        if now_s < self._retry_s or not self._last_ns:
            return False
        hole_s = now_s - self._failed_s
        line = control.disconnected(f"frames not recorded for {hole_s:.1f} s: {self._reason}")
        try:
            self._open()
            assert self._writer is not None
            self._writer.write(self._last_ns, line, counts=False)
            self._writer.flush()
        except InputError as error:  # also: another recorder has the folder now
            self._fail(error)
            return False
        self._reason = ""
        _log.warning("%s: can be written again; %d frames were lost", self._folder, self.frames_lost)
        self._on_begin()
        return True
