"""Recorded frames of one instrument to a tape per UTC day."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from mm_store.tape import Tape, TapeBuilder
from mm_store.tape_days import clock_ms, split_days, write_days
from mm_store.ws_lines import LeftOut, WsLines
from mm_venues.defined import Defined
from mm_venues.feed_counts import FeedCounts, never_proven
from mm_venues.findings import Findings
from mm_venues.frame_error import FrameError
from mm_venues.registry import venue_of

_PROGRESS_LINES = 4096

Progress = Callable[[int, int], None]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found and wrote; `left_out` are bad lines, by kind.

    `clock_ms`: quantiles of receive time - E of applied depth; none without any.
    `failures`: lines on why the import is no good all the same: where the venue contradicted the book first,
    where the instrument changed (what was before is written), or that no book was ever proven.
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
    """Read all the lines, write a tape and `instrument.json` per UTC day of the receive time.

    `progress` is called with (bytes done, bytes in all). Files appear only when everything is read and each is
    complete. InputError for a bad line, a folder that cannot be written, and unless `force` for a day that is there
    already.
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


def _read(lines: WsLines, defined: Defined, progress: Progress) -> tuple[Tape, FeedCounts, list[str]]:
    feed, findings = venue_of(defined.instrument.instrument_id).new_feed(defined.instrument), Findings()
    builder = TapeBuilder(defined.instrument)
    for count, (recv_ns, frame) in enumerate(lines):
        try:
            builder.add(feed.feed(recv_ns, frame))
        except FrameError as error:
            lines.refuse(error)
        if not findings.check(feed, lines.where):
            break
        if count % _PROGRESS_LINES == 0:
            progress(lines.bytes_read, lines.bytes_total)
    progress(lines.bytes_total, lines.bytes_total)
    counts = feed.counts()
    unproven = never_proven(counts, defined.instrument.venue_symbol)
    return builder.tape(), counts, [*findings.failures(counts), *([unproven] if unproven else [])]
