"""Tapes in a data root: one a UTC day, with `instrument.json` beside each."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from mm_core.types import NS_PER_S, InputError
from mm_store.atomic import replacing
from mm_store.opening import opening
from mm_store.tape import Kind, Tape, write_tape
from mm_store.tape_rows import joined
from mm_venues.defined import Defined

_DAY_NS = 86_400 * NS_PER_S
_NS_PER_MS = 1_000_000
CLOCK_QUANTILES = {"p1": 0.01, "p50": 0.50, "p99": 0.99}


def write_days(root: Path, defined: Defined, days: Sequence[tuple[str, Tape]], *, force: bool = False) -> list[Path]:
    """Write the tape and `instrument.json` of each day, and return their folders.

    InputError if one is not writable or, unless `force`, holds a tape already; then nothing is written.
    """
    venue, _, symbol = defined.instrument.instrument_id.partition(".")
    folders = [root / venue / symbol / day for day, _ in days]
    tapes = [folder / f"tape_{symbol}_{folder.name}.parquet" for folder in folders]
    if there := [] if force else [tape for tape in tapes if tape.exists()]:
        raise InputError(f"{there[0]}: there already; expected --force to write over it, or another --out")
    with ExitStack() as files:
        # Every file is complete under its temporary name before the first takes its place.
        openings = _openings([part for _, part in days])
        for folder, path, (_, part), begin in zip(folders, tapes, days, openings, strict=True):
            write_tape(files.enter_context(replacing(path)), joined([begin, part]), len(begin))
            definition = files.enter_context(replacing(folder / "instrument.json"))
            definition.write_bytes(msgspec.json.format(msgspec.json.encode(defined.to_json())) + b"\n")
    return folders


def _openings(parts: Sequence[Tape]) -> list[Tape]:
    """What each day begins with besides its own rows; the first with nothing."""
    openings = [parts[0].part(slice(0, 0))] if parts else []
    for part in parts[:-1]:
        openings.append(opening(joined([openings[-1], part])))
    return openings


def split_days(tape: Tape) -> list[tuple[str, Tape]]:
    """The tape cut at UTC midnight of the receive time, as (YYYYMMDD, part).

    The latest receive time so far decides, so that no event changes its place: diffs that waited for a snapshot, and
    a clock that was set back, stay behind what came before them.
    """
    if not len(tape):
        return []
    days = np.maximum.accumulate(tape.recv_ns) // _DAY_NS
    cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(tape)]
    return [(_day_text(int(days[start])), tape.part(slice(start, end))) for start, end in pairwise(cuts)]


def _day_text(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y%m%d")


def clock_ms(tape: Tape) -> dict[str, float]:
    """Quantiles of receive time - exchange time of the depth, ms; none without any."""
    depth = (tape.kind == Kind.DEPTH) & tape.last
    if not depth.any():
        return {}
    ages_ms = (tape.recv_ns[depth] - tape.exch_ns[depth]) / _NS_PER_MS
    values: Sequence[float] = np.quantile(ages_ms, list(CLOCK_QUANTILES.values())).tolist()
    return {name: round(value, 3) for name, value in zip(CLOCK_QUANTILES, values, strict=True)}
