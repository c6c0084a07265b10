"""The logs of a session's services: bounded, and their last line."""

import shutil
from pathlib import Path

BYTES_MAX = 10 << 20
OLDER_MAX = 3  # older files of a log: name.log.1 is the youngest
TAIL_BYTES = 8 << 10


def rotate(path: Path, bytes_max: int = BYTES_MAX) -> None:
    """Move the content of a log that has grown too long to `<name>.log.1`; it must be open for appending.

    What is printed in that moment may be lost.
    """
    if not path.exists() or path.stat().st_size <= bytes_max:
        return
    for number in range(OLDER_MAX - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    with path.open("r+b") as file:
        file.truncate()


def last_line(path: Path) -> str:
    """The last line of a log, without `error: `; empty if there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else ""
