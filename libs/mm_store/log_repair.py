"""A damaged log on disk cut back to its undamaged part, so that what other copies hold can be written behind it."""

import os
from itertools import count
from pathlib import Path

from mm_core.types import IntegrityError
from mm_store.atomic import replacing
from mm_store.log_frame import DamagedError, records_of
from mm_store.log_read import frame_at, log_files, read_records

SET_ASIDE = ".damaged"
_COPY_BYTES = 1 << 20


def set_aside_damage(folder: Path) -> str:
    """Cut the log at its first damage; the damaged file, and those behind it, stay beside it as `.damaged`.

    What was wrong; "" for an undamaged log. One process at a time, and no writer.
    """
    try:
        for _ in read_records(folder):
            pass
    except IntegrityError as error:
        files = log_files(folder)
        number, follows = _first_damaged(files)
        aside = [path.rename(_unused(path)) for path in files[number:]]
        if aside and follows:
            _copy_undamaged(aside[0], files[number])
        return str(error)
    return ""


def _unused(path: Path) -> Path:
    """Where a file is set aside, beside what was set aside before."""
    for number in count(1):
        aside = path.with_name(f"{path.name}{SET_ASIDE}{number if number > 1 else ''}")
        if not aside.exists():
            return aside
    raise AssertionError


def _first_damaged(files: list[Path]) -> tuple[int, bool]:
    """The number of the first file that is damaged, and whether it begins where the one before it ends."""
    expected = None
    for number, path in enumerate(files):
        at, next_seq = _undamaged(path)
        begins = int(path.name.removeprefix("events_").partition(".")[0])
        follows = expected in (None, begins)
        if not follows or at < path.stat().st_size:
            return number, follows
        expected = next_seq
    return len(files), False


def _undamaged(path: Path) -> tuple[int, int]:
    """The bytes of a file that are complete frames whose records follow one another, and the next sequence."""
    at = next_seq = 0
    before = None
    with path.open("rb") as file:
        while found := frame_at(file.fileno(), at):
            head, _ = found
            if next_seq and (head.first_seq != next_seq or head.before != before):
                break
            try:
                before = records_of(*found)[-1].name
            except DamagedError:
                break
            at, next_seq = at + head.frame_bytes, head.next_seq
    return at, next_seq


def _copy_undamaged(damaged: Path, path: Path) -> None:
    """Write the complete frames of a damaged file; nothing where it has none."""
    size, _ = _undamaged(damaged)
    if not size:
        return
    with replacing(path) as temporary, damaged.open("rb") as source, temporary.open("wb") as target:
        left = size
        while part := source.read(min(left, _COPY_BYTES)):
            target.write(part)
            left -= len(part)
        target.flush()
        os.fsync(target.fileno())
