"""A damaged log on disk made whole up to its damage, so that what other copies hold can be written behind it."""

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
    """Keep the log up to its first damage; the damaged file, and those behind it, stay beside it as `.damaged`.

    What was wrong; "" for a log that is whole. One process at a time, and no writer.
    """
    try:
        for _ in read_records(folder):
            pass
    except IntegrityError as error:
        files = log_files(folder)
        number, follows = _first_damaged(files)
        aside = [path.rename(_unused(path)) for path in files[number:]]
        if aside and follows:
            _copy_whole(aside[0], files[number])
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
        at, next_seq = _whole(path)
        begins = int(path.name.removeprefix("events_").partition(".")[0])
        follows = expected in (None, begins)
        if not follows or at < path.stat().st_size:
            return number, follows
        expected = next_seq
    return len(files), False


def _whole(path: Path) -> tuple[int, int]:
    """How many bytes of a file are whole frames whose records follow from one another, and the sequence behind them."""
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


def _copy_whole(damaged: Path, path: Path) -> None:
    """Write the whole frames of a damaged file; nothing where it has none."""
    size, _ = _whole(damaged)
    if not size:
        return
    with replacing(path) as temporary, damaged.open("rb") as source, temporary.open("wb") as target:
        left = size
        while part := source.read(min(left, _COPY_BYTES)):
            target.write(part)
            left -= len(part)
        target.flush()
        os.fsync(target.fileno())
