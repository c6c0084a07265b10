"""Recorded frames of one instrument to a tape per UTC day."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from mm_core.types import NS_PER_S, InputError
from mm_store.atomic import replacing
from mm_store.findings import Findings
from mm_store.instrument import Defined
from mm_store.opening import opening
from mm_store.tape import Kind, Tape, TapeBuilder, write_tape
from mm_store.tape_rows import joined
from mm_store.ws_lines import LeftOut, WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.counts import FeedCounts, never_proven
from mm_venues.binance.feed import Feed
from mm_venues.frame_error import FrameError

_DAY_NS = 86_400 * NS_PER_S
_NS_PER_MS = 1_000_000
_PROGRESS_LINES = 4096
CLOCK_QUANTILES = {"p1": 0.01, "p50": 0.50, "p99": 0.99}

Progress = Callable[[int, int], None]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found and wrote; `left_out` are bad lines, by kind.

    `clock_ms`: quantiles of receive time - E of applied depth; none without any.
    `failures` are the lines that say why it is no good all the same: where the venue contradicted the book first, where
    the instrument changed (what was before is written), or that no book was ever proven.
    """

    feed: FeedCounts
    failures: list[str]
    days: list[str]
    rows: int
    defined: Defined
    clock_ms: dict[str, float]
    folders: list[Path]
    left_out: dict[str, LeftOut]

    def to_json(self) -> dict[str, object]:
        """The object that `import --json` prints."""
        return msgspec.structs.asdict(self.feed) | {
            "days": self.days,
            "rows": self.rows,
            "instrument": self.defined.to_json(),
            "clock_ms": self.clock_ms,
            "left_out": msgspec.to_builtins(self.left_out),
            "failures": self.failures,
        }


def import_ws_lines(
    lines: WsLines, defined: Defined, root: Path, progress: Progress, *, force: bool = False
) -> Imported:
    """Read all the lines, write a tape and `instrument.json` per UTC day of the receive time, and say what was there.

    `progress` hears (bytes done, bytes in all). Files appear only when everything is read and each is whole. InputError
    for a bad line, a folder that cannot be written, and unless `force` for a day that is there already.
    """
    tape, counts, failures = _read(lines, defined, progress)
    days = split_days(tape)
    return Imported(
        feed=counts,
        failures=failures,
        days=[day for day, _ in days],
        rows=len(tape),
        defined=defined,
        clock_ms=clock_ms(tape),
        folders=write_days(root, defined, days, force=force),
        left_out=lines.left_out,
    )


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


def _read(lines: WsLines, defined: Defined, progress: Progress) -> tuple[Tape, FeedCounts, list[str]]:
    feed, findings = Feed(defined.instrument, TouchAudit(CompiledBook())), Findings()
    builder = TapeBuilder(defined.instrument)
    for count, (recv_ns, frame) in enumerate(lines):
        try:
            builder.add(feed.feed(recv_ns, frame))
        except FrameError as error:
            lines.refuse(error)
        if not findings.look(feed, lines.where):
            break
        if count % _PROGRESS_LINES == 0:
            progress(lines.bytes_read, lines.bytes_total)
    progress(lines.bytes_total, lines.bytes_total)
    counts = feed.counts()
    unproven = never_proven(counts, defined.instrument.venue_symbol)
    return builder.tape(), counts, [*findings.failures(counts), *([unproven] if unproven else [])]


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
