"""The frames of a recording, as a recorder takes them: with their recorded times, or as if they came now."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from time import monotonic
from typing import Any

import msgspec

from mm_core.types import NS_PER_S, InputError
from mm_services.recorder.recorder import Recorder
from mm_store.ws_lines import LeftOut, WsLines
from mm_venues.control import disconnected
from mm_venues.findings import Findings
from mm_venues.frame_error import FrameError
from mm_venues.market_clock import MarketClock
from mm_venues.registry import venue_of

log = logging.getLogger(__name__)

YIELD_FRAMES = 64
RESTARTED = "the recorder was started again"
Line = tuple[int, bytes]


class RecordedSource:
    """The lines of a recording up to `duration_ns` of receive time (0: all), through the port of a recorder."""

    def __init__(self, recorder: Recorder, lines: WsLines, *, speed: float, duration_ns: int, offset_ns: int) -> None:
        self.lines = lines
        self._recorder = recorder
        self._speed = speed
        self._duration_ns = duration_ns
        self._offset_ns = offset_ns
        self._findings = Findings()
        self.lost = 0  # it waits for the log

    @property
    def left_out(self) -> dict[str, LeftOut]:
        """Bad lines, by kind."""
        return self.lines.left_out

    def failures(self) -> list[str]:
        """What the recording contradicts, and where."""
        return self._findings.failures(self._recorder.counts())

    def client_counts(self) -> dict[str, Any] | None:
        """There is no client."""
        return None

    def request_snapshot(self) -> None:
        """There is none to fetch: it comes as it was recorded."""

    async def replay(self) -> None:
        """Recorded frames with their recorded times. Started again, it publishes the same roots again.

        What the sequencer has is not paced a second time.
        """
        recorder = self._recorder
        clock: MarketClock | None = None  # once the nodes read what it paces
        await recorder.roots.start()
        for number, (recv_ns, frame) in enumerate(self._within()):
            if recorder.roots.is_repeating:
                if number % YIELD_FRAMES == 0:
                    await asyncio.sleep(0)
            elif recorder.nodes_ready and clock is None:
                clock = MarketClock(recv_ns, self._speed)
                clock.start(monotonic())
            if not await self._pause(partial(_left_s, clock, recv_ns)) or not await self._take(recv_ns, frame):
                return

    async def pace(self) -> None:
        """Recorded frames as if they came now: as far apart as they were recorded, stamped by our clock.

        Our clock is moved so that it shows the recording's time; it begins to matter when the services are up. Started
        again, it goes on at the place that the clock shows: what came meanwhile is missed, as of an exchange.
        """
        recorder = self._recorder
        first = await recorder.open()
        recorder.roots.go_on_behind(first)
        lines = self._within()
        if recorder.shift_ns:
            lines = chain(await self._rejoin(lines), lines)
        elif first > 1 and recorder.counted.before is None:
            raise InputError("the place in the recording is not known; expected the state that the recorder saved")
        for recorded_ns, frame in lines:
            if recorder.nodes_ready and not recorder.shift_ns:
                recorder.set_clock(recorded_ns)
            if not await self._pause(partial(self._shifted_left_s, recorded_ns)):
                return
            if not await self._take(recorder.shifted_ns() if recorder.shift_ns else recorded_ns, frame):
                return

    def _within(self) -> Iterator[Line]:
        first_ns = 0
        for recv_ns, frame in self.lines:
            first_ns = first_ns or recv_ns
            if self._duration_ns and recv_ns - first_ns >= self._duration_ns:
                return
            yield recv_ns, frame

    async def _take(self, recv_ns: int, frame: bytes) -> bool:
        """A recorded frame; a bad one is left out with --salvage, else an InputError that names its line.

        False if the feed takes nothing behind it.
        """
        try:
            await self._recorder.take(recv_ns, frame)
        except FrameError as error:
            self.lines.refuse(error)
        return self._findings.check(self._recorder.feed, self.lines.where)

    def _shifted_left_s(self, recorded_ns: int) -> float:
        """How long until our clock, once it is moved, shows that time."""
        recorder = self._recorder
        return (recorded_ns - recorder.shifted_ns()) / NS_PER_S if recorder.shift_ns else 0.0

    async def _pause(self, left_s: Callable[[], float]) -> bool:
        """Wait until nothing is left to wait; False if the end was requested meanwhile."""
        ended = self._recorder.end_requested
        while not ended.is_set() and (wait_s := left_s()) > 0:
            try:
                async with asyncio.timeout(wait_s):
                    await ended.wait()
            except TimeoutError:
                continue
        return not ended.is_set()

    async def _rejoin(self, lines: Iterator[Line]) -> list[Line]:
        """Read on to the place that the clock shows, and open the book anew there; returns the next line, if any."""
        recorder = self._recorder
        await recorder.until_nodes_ready()
        instrument = recorder.feed.instrument
        rejoin = venue_of(instrument.instrument_id).rejoin(instrument)
        following: list[Line] = []
        for number, (recorded_ns, frame) in enumerate(lines):
            if recorded_ns >= recorder.shifted_ns():
                following.append((recorded_ns, frame))
                break
            try:
                rejoin.take(recorder.feed.feed(recorded_ns, frame))
            except FrameError as error:
                self.lines.refuse(error)
            if number % YIELD_FRAMES == 0:
                await asyncio.sleep(0)
            if recorder.end_requested.is_set():
                return []
        recorder.forget_counts()
        self.lines.left_out.clear()
        now_ns = recorder.shifted_ns()
        defined = msgspec.structs.replace(recorder.feed.instrument, ts_ns=now_ns + self._offset_ns, recv_ns=now_ns)
        await recorder.roots.put([defined])
        await recorder.take(now_ns, disconnected(RESTARTED))
        if snapshot := rejoin.snapshot():
            await recorder.take(now_ns, snapshot)
        return following


def _left_s(clock: MarketClock | None, recv_ns: int) -> float:
    """How long until a frame is due; nothing before the clock runs."""
    return clock.wait_s(recv_ns, monotonic()) if clock else 0.0
