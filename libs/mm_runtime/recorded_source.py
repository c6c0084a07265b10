"""The frames of a recording, as a recorder takes them: with their recorded times, or as if they came now."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from itertools import chain
from time import perf_counter_ns
from typing import TYPE_CHECKING

import msgspec

from mm_core.types import NS_PER_S, InputError
from mm_store.findings import Findings
from mm_store.ws_lines import WsLines
from mm_venues.binance.rejoin import Rejoin
from mm_venues.control import disconnected
from mm_venues.frame_error import FrameError

if TYPE_CHECKING:
    from mm_runtime.recorder import Recorder

log = logging.getLogger(__name__)

YIELD_FRAMES = 64
RESTARTED = "the recorder was started again"
Line = tuple[int, bytes]


class RecordedSource:
    """The lines of a recording up to `duration_ns` of receive time (0: all), through the port of a recorder."""

    def __init__(self, recorder: "Recorder", lines: WsLines, *, speed: float, duration_ns: int, offset_ns: int) -> None:
        self.lines = lines
        self._recorder = recorder
        self._speed = speed
        self._duration_ns = duration_ns
        self._offset_ns = offset_ns
        self._findings = Findings()

    def failures(self) -> list[str]:
        """What the recording contradicts, and where."""
        return self._findings.failures(self._recorder.counts())

    async def replay(self) -> None:
        """Recorded frames with their recorded times. Started again, it publishes the same roots again.

        What the sequencer has is not paced a second time.
        """
        recorder, paced_ns, started_ns = self._recorder, 0, 0
        await recorder.roots.start()
        for number, (recv_ns, frame) in enumerate(self._within()):
            if recorder.roots.is_repeating:
                if number % YIELD_FRAMES == 0:
                    await asyncio.sleep(0)
            elif recorder.is_heard and not paced_ns:
                paced_ns, started_ns = recv_ns, perf_counter_ns()
            due_ns = started_ns + int((recv_ns - paced_ns) / self._speed) if paced_ns and self._speed else 0
            if not await self._pause(due_ns, perf_counter_ns) or not await self._take(recv_ns, frame):
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
            raise InputError("the place in the recording is not known; expected the state that the recorder kept")
        for recorded_ns, frame in lines:
            if recorder.is_heard and not recorder.shift_ns:
                recorder.set_clock(recorded_ns)
            if not await self._pause(recorded_ns if recorder.shift_ns else 0, recorder.shifted_ns):
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
        return self._findings.look(self._recorder.feed, self.lines.where)

    async def _pause(self, until_ns: int, clock_ns: Callable[[], int]) -> bool:
        """Wait until the clock says so; False if the end was asked for meanwhile."""
        ended = self._recorder.end_asked
        while not ended.is_set() and (wait_s := (until_ns - clock_ns()) / NS_PER_S if until_ns else 0.0) > 0:
            try:
                async with asyncio.timeout(wait_s):
                    await ended.wait()
            except TimeoutError:
                continue
        return not ended.is_set()

    async def _rejoin(self, lines: Iterator[Line]) -> list[Line]:
        """Read on to the place that the clock shows, and open the book anew there; gives the next line, if any."""
        recorder = self._recorder
        await recorder.until_heard()
        rejoin = Rejoin(recorder.feed.instrument)
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
            if recorder.end_asked.is_set():
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
