"""Diffs and snapshots for the sync machine, and what it publishes in short."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mm_core.events import BookDelta, BookSnapshot, FeedStatus
from mm_venues.binance.places import BookFact
from mm_venues.binance.sync import Sync
from mm_venues.complete import Window, window_of

IT: dict[str, Any] = {"instrument_id": "binance.ETHUSDT"}
Levels = dict[tuple[int, int], int]  # (side, ticks) -> lots


def diff(first: int, last: int, changes: Levels | None = None) -> BookDelta:
    """The diff of ids first..last, whose times follow from `last`."""
    bids = {ticks: lots for (side, ticks), lots in (changes or {}).items() if side == 0}
    asks = {ticks: lots for (side, ticks), lots in (changes or {}).items() if side == 1}
    return BookDelta(
        **IT,
        ts_ns=1_000 + last,
        recv_ns=2_000 + last,
        first_update_id=first,
        update_id=last,
        bid_ticks=tuple(bids),
        bid_lots=tuple(bids.values()),
        ask_ticks=tuple(asks),
        ask_lots=tuple(asks.values()),
    )


def low(first: int, last: int) -> BookDelta:
    """A diff of low ids at a late time."""
    return msgspec.structs.replace(diff(first, last), ts_ns=10_000 + last)


def snapshot(update_id: int, levels: Levels | None = None, ts_ns: int = 0) -> BookSnapshot:
    """The snapshot at an id."""
    levels = {(0, 99): 1, (0, 98): 2, (1, 101): 3} if levels is None else levels
    bids = sorted(((ticks, lots) for (side, ticks), lots in levels.items() if side == 0), reverse=True)
    asks = sorted((ticks, lots) for (side, ticks), lots in levels.items() if side == 1)
    return BookSnapshot(
        **IT,
        ts_ns=ts_ns,
        recv_ns=5_000,
        update_id=update_id,
        bid_ticks=tuple(ticks for ticks, _ in bids),
        bid_lots=tuple(lots for _, lots in bids),
        ask_ticks=tuple(ticks for ticks, _ in asks),
        ask_lots=tuple(lots for _, lots in asks),
    )


class Trusting:
    """Nothing contradicts a book, unless a test sets it: by update id, what is wrong behind it."""

    def __init__(self, problems: dict[int, str] | None = None) -> None:
        self.window = Window()
        self.needs_renewal = False
        self.problems = problems or {}
        self.renewed: list[int] = []

    def begin(self, snapshot: BookSnapshot, following: list[BookDelta]) -> str:
        """A book that begins."""
        self.window = window_of(snapshot)
        return self.problems.get(following[-1].update_id, "")

    def step(self, diff: BookDelta) -> str:
        """A book that continues."""
        return self.problems.get(diff.update_id, "")

    def renew(self, snapshot: BookSnapshot, merged: BookSnapshot) -> str:
        """A book that is replaced."""
        self.window = window_of(snapshot)
        self.renewed.append(merged.update_id)
        return self.problems.get(-merged.update_id, "")

    def clear(self) -> None:
        """Void."""

    def restart(self) -> None:
        """Void, ids begin anew."""


def new_sync(problems: dict[int, str] | None = None) -> Sync:
    """A machine that has seen nothing."""
    return Sync("binance.ETHUSDT", Trusting(problems))


def run(sync: Sync, inputs: Sequence[BookDelta | BookSnapshot]) -> list[BookFact]:
    """Everything the machine publishes for the inputs."""
    published: list[BookFact] = []
    for each in inputs:
        published += sync.on_diff(each) if isinstance(each, BookDelta) else sync.on_snapshot(each)
    return published


def short(published: Sequence[BookFact]) -> list[str]:
    """Events in short: SYNCING1, snapshot10, 8-12, VALID1."""
    parts = []
    for event in published:
        match event:
            case FeedStatus():
                parts.append(f"{event.state.name}{event.epoch}")
            case BookSnapshot():
                parts.append(f"snapshot{event.update_id}")
            case BookDelta():
                parts.append(f"{event.first_update_id}-{event.update_id}")
    return parts
