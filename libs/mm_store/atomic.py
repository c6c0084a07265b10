"""Files that are whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mm_core.types import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place when the block ends, and vanishes when it fails.

    Makes the folder. InputError if the file or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; expected a writable folder") from error
    finally:
        # A parent that is a file has nothing in it to remove.
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """A rename must not reach the disk before the content does."""
    with path.open("rb") as written:
        os.fsync(written.fileno())
