"""A live source before a log that takes nothing: what waits is bounded, and what is given up is a gap."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.venue.market import ETH, FIRST_NS, book, diff, short

from mm_core.events import RootEvent
from mm_services.recorder.live_source import LiveSource
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed
from mm_venues.steady_clock import SteadyClock

WAITING_MAX = 50


class StuckRoots:
    """Roots of which the log confirms none."""

    def __init__(self) -> None:
        self.waiting: list[RootEvent] = []
        self.on_late: Any = None

    @property
    def unconfirmed(self) -> int:
        """How many wait."""
        return len(self.waiting)

    def offer(self, events: Sequence[RootEvent]) -> None:
        """Hold them until they are confirmed."""
        self.waiting += events

    def skip(self, events: Sequence[RootEvent]) -> None:
        """Give up what waits, and send these in its place."""
        self.waiting = list(events)


class Recorder:
    """What a live source needs of one."""

    def __init__(self) -> None:
        self.feed = Feed(ETH, TouchAudit(CompiledBook()))
        self.roots = StuckRoots()
        self.first_ns = 0

    def receive(self, recv_ns: int, frame: bytes) -> list[RootEvent]:
        """The port."""
        self.first_ns = self.first_ns or recv_ns
        return self.feed.feed(recv_ns, frame)


def test_what_waits_for_a_log_that_takes_nothing_is_bounded_and_becomes_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_services.recorder.live_source.LIVE_ROOTS_MAX", WAITING_MAX)
    recorder: Any = Recorder()
    clock = SteadyClock(lambda: FIRST_NS, lambda: 0)
    source = LiveSource(recorder, ETH, clock, offset_ns=0, duration_ns=0, ended=asyncio.Event())
    longest = 0
    for frame in [diff(1, 1), book(0), *(diff(at, at) for at in range(2, 48))]:
        source._on_frame(FIRST_NS, frame)
        longest = max(longest, recorder.roots.unconfirmed)
    assert short(recorder.roots.waiting).startswith("SYNCING1 snapshot0 1-1 VALID1 2-2")
    assert source.lost == 0
    for at in range(48, 55):
        source._on_frame(FIRST_NS, diff(at, at))
        longest = max(longest, recorder.roots.unconfirmed)
    assert longest == WAITING_MAX
    assert source.lost == WAITING_MAX + 1
    assert short(recorder.roots.waiting) == "GAP1 SYNCING2"  # until a snapshot proves the book anew
    source._on_frame(FIRST_NS, book(54))
    source._on_frame(FIRST_NS, diff(55, 55))
    assert short(recorder.roots.waiting).endswith("snapshot54 55-55 VALID2")
