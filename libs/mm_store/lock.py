"""One process at a time: a locked file, which the system lets go of when its process dies, however it does."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from mm_core.types import InputError


class FileLock:
    """Holds the file `path`, with our process id in it, until `release`. Makes its folder.

    InputError if another process holds it: `held` is the message, {pid} in it that process. OSError where there can be
    no such file.
    """

    def __init__(self, path: Path, held: str) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._take(held)

    def _take(self, held: str) -> IO[str]:
        while True:
            file = self.path.open("a+")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Who released it may have removed the file that we opened: then it locks nothing.
                if is_at(file, self.path):
                    break
            except BlockingIOError as error:
                with file:
                    file.seek(0)
                    pid = file.read(20).strip() or "unknown"
                raise InputError(f"{self.path.parent}: {held.format(pid=pid)}") from error
            file.close()
        with suppress(OSError):  # whose it is, for a message only
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), b"%d\n" % os.getpid())
        return file

    @property
    def is_in_place(self) -> bool:
        """False once the file, or its folder, was removed: then others can have it."""
        return is_at(self._file, self.path)

    def release(self) -> None:
        """Let others have it."""
        with suppress(OSError):
            if self.is_in_place:  # or the file there is another's
                self.path.unlink(missing_ok=True)
        self._file.close()


def is_at(file: IO[Any], path: Path) -> bool:
    """True while an open file is the one that stands at `path`: nobody removed it, or put another in its place."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def is_held(path: Path) -> bool:
    """True while a process, this one too, holds the file."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
