"""The folder of a session while a command works on it: locked, ours alone, and left in place whatever happens."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mm_core.types import InputError
from mm_session.session_lock import NAME, SessionLock
from mm_store import session_file

MODE = 0o700  # for the secrets of its bus, and its orders
SERVICES = "services"


class Folder:
    """A session's folder, locked. `lock` is the open file that its services hold too.

    `has_begun` once processes write to it: from then on nothing of it is lost. `is_done` once nothing of it is needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.has_begun = self.is_done = False
        self._lock = SessionLock(path)

    @property
    def lock(self) -> int:
        """The number of the open file that holds the lock."""
        return self._lock.file.fileno()

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()


@contextmanager
def new_folder(out: Path | None) -> Iterator[Folder]:
    """The folder of a new session; without one a temporary one, which stays unless `is_done`.

    InputError if it holds anything, or cannot be written.
    """
    path = _made(out)
    folder = Folder(path)
    try:
        if any(each.name != NAME for each in path.iterdir()):
            raise _held(path)
        yield folder
    finally:
        if out is None and folder.is_done:
            shutil.rmtree(path, ignore_errors=True)
        elif not folder.has_begun:
            _withdraw(path, is_temporary=out is None)
        folder.release()


@contextmanager
def old_folder(path: Path) -> Iterator[Folder]:
    """The folder of a session that is to go on. InputError if another command works on it."""
    folder = Folder(path)
    folder.has_begun = True
    try:
        yield folder
    finally:
        folder.release()


def check_empty(option: str, path: Path | None) -> None:
    """InputError for a folder that holds anything but the lock of one that never began: nothing is written over."""
    if path is None or not path.exists():
        return
    if not path.is_dir():
        raise InputError(f"{option} {path}: a file; expected a new folder")
    if any(each.name != NAME for each in path.iterdir()):
        raise _held(path)


def _held(path: Path) -> InputError:
    held = next((each.name for each in sorted(path.iterdir()) if each.name != NAME), NAME)
    hint = f", or `crypto-mm resume --session {path}`" if (path / session_file.NAME).exists() else ""
    return InputError(f"--out {path}: holds {held}; expected a new or empty folder{hint}")


def _made(out: Path | None) -> Path:
    if out is None:
        return Path(tempfile.mkdtemp(prefix="crypto-mm-"))
    try:
        out.mkdir(mode=MODE, parents=True, exist_ok=True)
        out.chmod(MODE)
    except OSError as error:
        raise InputError(f"--out {out}: {error.strerror or error}; expected a folder that can be written") from error
    return out


def _withdraw(path: Path, *, is_temporary: bool) -> None:
    """Take back what was written for a session of which no process has been started."""
    for name in (session_file.NAME, NAME):
        (path / name).unlink(missing_ok=True)
    if (path / SERVICES).is_dir() and not any((path / SERVICES).iterdir()):
        (path / SERVICES).rmdir()
    if is_temporary:
        path.rmdir()


def resume_hint(path: Path) -> str:
    """Where a session is that has not come to its end, and how to go on with it."""
    return (
        f"the session is in {path}: `crypto-mm resume --session {path}` goes on with it, "
        "`verify --session` and `export --session` read what is there"
    )
