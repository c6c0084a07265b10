"""One command at a time works on a session's folder; its services hold the lock too, until the last one has ended."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from mm_core.types import InputError

NAME = "session.lock"
PROBE_S = 1.0  # `is_locked` holds it for a moment
LEFT_S = 20.0  # what a killed command left behind ends by itself within that
POLL_S = 0.05


class SessionLock:
    """Holds a session's folder from here on, until `release` or the end of this process and those that inherit `file`.

    InputError if another command works on it, or what one left behind does not end.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        try:
            self.file: IO[str] = path.open("a+")
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}; expected a writable folder") from error
        try:
            self._take(folder)
        except InputError:
            self.file.close()
            raise
        os.ftruncate(self.file.fileno(), 0)
        os.write(self.file.fileno(), b"%d\n" % os.getpid())

    def _take(self, folder: Path) -> None:
        until_s = monotonic() + PROBE_S
        while not _try(self.file, fcntl.LOCK_EX):
            owner, pids = _owner(folder / NAME), holders(folder / NAME)
            if owner in pids and monotonic() > until_s:
                raise InputError(f"{folder}: process {owner} works on it; expected one command a session")
            if monotonic() > until_s + (LEFT_S if pids else 0.0):
                left = ", ".join(map(str, pids)) or "unknown"
                raise InputError(f"{folder}: a session that ended left processes behind: {left}; end them first")
            sleep(POLL_S)

    def release(self) -> None:
        """Release the folder, as soon as no process that inherited the lock is left."""
        self.file.close()


def is_locked(folder: Path) -> bool:
    """True while a command works on a session's folder, or services of it are left."""
    try:
        with (folder / NAME).open("r") as file:
            return not _try(file, fcntl.LOCK_SH)
    except OSError:
        return False


def holders(path: Path) -> list[int]:
    """The processes that have a file open, this one left out; none where the system does not show it."""
    found = []
    stat = path.stat()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # not ours, or ended
            if int(process.name) != os.getpid() and any(
                os.path.samestat(file.stat(), stat) for file in (process / "fd").iterdir() if _is_file(file)
            ):
                found.append(int(process.name))
    return sorted(found)


def _is_file(link: Path) -> bool:
    """True for an open file that has a path."""
    with suppress(OSError):
        return str(link.readlink()).endswith(NAME)
    return False


def _try(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(path: Path) -> int:
    text = path.read_text().strip()
    return int(text) if text.isdecimal() else 0
