"""Files that are complete or not there."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mm_core.types import InputError, UnavailableError

# What may go away by itself, in the same folder.
_TRANSIENT = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EROFS)


def is_transient(error: OSError) -> bool:
    """True for a full disk and the like: the same file may be written later."""
    return error.errno in _TRANSIENT


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place when the block ends, and vanishes when it fails.

    Makes the folder. InputError if the file or the folder cannot be written, UnavailableError if it can be later: the
    disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        # A parent that is a file has nothing in it to remove.
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """A rename must not reach the disk before the content does."""
    with path.open("rb") as written:
        os.fsync(written.fileno())


def unwritable(path: Path, error: OSError) -> InputError | UnavailableError:
    """What to raise for a file or folder that cannot be written: now, or by us."""
    kind = UnavailableError if is_transient(error) else InputError
    return kind(f"{path}: cannot be written: {error.strerror or error}; expected a writable folder")
