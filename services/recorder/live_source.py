"""The exchange's frames from now on, as a recorder takes them: one port, which never waits, into the log."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec

from mm_core.events import FeedStatus, InstrumentDefined, RootEvent
from mm_core.types import NS_PER_S, BookState
from mm_service.ending import end_tasks
from mm_services.recorder.recorder import Recorder
from mm_store.ws_lines import LeftOut
from mm_venues.control import disconnected
from mm_venues.port import Client
from mm_venues.registry import venue_of
from mm_venues.settings import VenueSettings
from mm_venues.steady_clock import SteadyClock

log = logging.getLogger(__name__)

FLUSH_S = 1.0
# Some minutes of a busy market: longer than any restart takes.
LIVE_ROOTS_MAX = 100_000


class LiveSource:
    """One instrument, from the exchange's sockets to the sequencer.

    `ended` is set when the log is to end behind what was taken: when the instrument's definition changes, or when
    `duration_ns` of receive time are over; 0: never. `reason` is why, if that is no usual end.
    """

    def __init__(
        self,
        recorder: Recorder,
        instrument: InstrumentDefined,
        clock: SteadyClock,
        *,
        offset_ns: int,
        duration_ns: int,
        ended: asyncio.Event,
    ) -> None:
        self.lost = 0  # roots that were given up because the sequencer did not take them, or too late
        self.reason = ""
        self.client: Client | None = None
        self._recorder = recorder
        self._defined = msgspec.structs.replace(instrument, ts_ns=0, recv_ns=0)  # as the log knows it
        self._clock = clock
        self._offset_ns = offset_ns
        self._duration_ns = duration_ns
        self._until_ns = 0
        self._ended = ended
        self._new = asyncio.Event()
        self.left_out: dict[str, LeftOut] = {}  # of a recording only
        recorder.roots.on_late = self._on_late

    def failures(self) -> list[str]:
        """What ended it, if that was no usual end."""
        return [self.reason] if self.reason else []

    def client_counts(self) -> dict[str, Any] | None:
        """What the client has counted; None before there is one."""
        return msgspec.structs.asdict(self.client.counts) if self.client else None

    def request_snapshot(self) -> None:
        """Fetch one."""
        if self.client:
            self.client.request_snapshot()

    async def run(self, settings: VenueSettings, until_nodes_ready: Callable[[], Awaitable[None]]) -> None:
        """Open the log, take frames once the nodes read it, until `ended`. InputError for an unknown symbol."""
        roots = self._recorder.roots
        roots.go_on_behind(await self._recorder.open())
        if self._ended.is_set():
            return
        now_ns = self._clock.now_ns()
        times = {"ts_ns": now_ns + self._offset_ns, "recv_ns": now_ns}
        await roots.put([msgspec.structs.replace(self._defined, **times)])
        await until_nodes_ready()
        if self._ended.is_set():
            return
        symbol = self._defined.venue_symbol
        async with venue_of(self._defined.instrument_id).connect(settings, self._clock.now_ns) as venue:
            self.client = venue.client(symbol, lambda: self._recorder.feed, self._on_frame)
            await self._until_ended(self.client)

    async def _until_ended(self, client: Client) -> None:
        self._until_ns = (self._recorder.first_ns or self._clock.now_ns()) + self._duration_ns
        works = (client.run(), self._send(), self._until_over())
        tasks = [asyncio.ensure_future(work) for work in works]
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await end_tasks(others)
        for task in done:
            task.result()

    def _on_frame(self, recv_ns: int, frame: bytes) -> None:
        """The port of the client."""
        recorder = self._recorder
        if not recorder.first_ns:
            self._until_ns = recv_ns + self._duration_ns
        if self._duration_ns and recv_ns >= self._until_ns:
            self._ended.set()
            return
        recorder.roots.offer(self._without_opening(recorder.receive(recv_ns, frame)))
        self._new.set()
        if recorder.roots.unconfirmed > LIVE_ROOTS_MAX:
            self._give_up("the log did not take the market data")
        if recorder.feed.definition_changed:
            self.reason = f"{recorder.feed.definition_changed}: the instrument is another one from here on"
            self._ended.set()

    def _without_opening(self, events: list[RootEvent]) -> list[RootEvent]:
        """Events without a definition that the log has already."""
        new: list[RootEvent] = []
        for event in events:
            if isinstance(event, InstrumentDefined):
                defined = msgspec.structs.replace(event, ts_ns=0, recv_ns=0)
                if defined == self._defined:
                    continue
                self._defined = defined
            new.append(event)
        return new

    def _on_late(self, late_ns: int) -> None:
        """The sequencer holds the log: what waits is too old to be traded on."""
        self._give_up(f"the log stood still for {late_ns / NS_PER_S:.1f} s")

    def _give_up(self, reason: str) -> None:
        """What the log missed is a gap, and the book begins anew."""
        recorder = self._recorder
        log.error("%s: %d events are given up", reason, recorder.roots.unconfirmed)
        self.lost += recorder.roots.unconfirmed
        now_ns = self._clock.now_ns()
        gap = self._without_opening(recorder.receive(now_ns, disconnected(reason)))
        if not gap:  # no book was ever there
            gap = [
                FeedStatus(
                    instrument_id=self._defined.instrument_id,
                    ts_ns=now_ns + self._offset_ns,
                    recv_ns=now_ns,
                    state=BookState.SYNCING,
                    epoch=recorder.feed.epoch,
                    reason=reason,
                )
            ]
        recorder.roots.skip(gap)
        self._new.set()

    async def _send(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._new.wait()
            self._new.clear()
            await self._recorder.roots.send_new()

    async def _until_over(self) -> None:
        """A quiet market ends in time too."""
        while not self._ended.is_set():
            left_ns = self._until_ns - self._clock.now_ns() if self._duration_ns else NS_PER_S
            if left_ns <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(FLUSH_S, left_ns / NS_PER_S)):
                    await self._ended.wait()
