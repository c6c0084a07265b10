"""The recorder: frames of the venue, live or recorded, through one port into the feed; its roots to the sequencer."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

import msgspec

from mm_bus.roots import RootSource
from mm_bus.topology import INPUTS
from mm_core.events import BookTop, InstrumentDefined, RootEvent
from mm_service.ending import end_tasks
from mm_service.service import Service
from mm_service.sources import LIVE, PACED
from mm_services.recorder.options import frames_folder
from mm_services.recorder.port import FramePort
from mm_services.recorder.state import Counted, Seen, added_counts
from mm_store.frames import FLUSH_NS
from mm_store.ws_lines import LeftOut
from mm_venues.feed_counts import FeedCounts
from mm_venues.steady_clock import SteadyClock
from mm_wire.subjects import RECORDER, status_subject

log = logging.getLogger(__name__)

YIELD_FRAMES = 64
BATCH_ROOTS = 32
POLL_S = 0.05
FLUSH_S = 1.0


class Source(Protocol):
    """Where a recorder's frames come from. `lost` roots were given up; `left_out` are bad lines, by kind."""

    lost: int

    @property
    def left_out(self) -> Mapping[str, LeftOut]:
        """Bad lines, by kind."""

    def failures(self) -> list[str]:
        """Why the session failed."""

    def client_counts(self) -> dict[str, Any] | None:
        """What the client of a venue has counted; None of a recording."""

    def request_snapshot(self) -> None:
        """Fetch one where that can be done."""


class Recorder(FramePort):
    """One instrument's frames to roots. `end_requested`: the log is to end behind what was taken."""

    def __init__(self, service: Service, instrument: InstrumentDefined) -> None:
        options, bus = service.options, service.settings.bus
        super().__init__(instrument, frames_folder(options, instrument), self._request_snapshot)
        self.clock = SteadyClock()
        clock = {"clock_ns": self.clock.now_ns} if options.source == LIVE else {}
        self.roots = RootSource(service.bus, service.group, RECORDER, **clock)
        self._flushed_ns = 0
        self.shift_ns = 0  # what puts our clock to the time of a recording
        self.is_ended = False
        self.end_requested = asyncio.Event()
        self.source: Source | None = None
        self._service, self._bus = service, service.bus
        self._book_top, self._group = bus.book_top, service.group
        self._is_paced = bool(options.speed) or options.source.startswith(PACED)
        self._nodes_ready = asyncio.Event()  # what is paced by the clock begins then
        self.counted = Counted((options.state or options.instrument.parent) / f"recorder_{service.group}.json")
        self._flushing: asyncio.Task[None] | None = None
        self._skipped: FeedCounts | None = None  # of frames that were not taken
        self._work: asyncio.Task[None] | None = None
        self._batch: list[RootEvent] = []  # of a replay that need not be on time

    def status(self) -> dict[str, Any]:
        """What the feed has seen, in all processes of this recorder, and how far it is."""
        seen = self.counted.total(self._seen())
        return {
            "feed": msgspec.structs.asdict(seen.feed),
            "frames": seen.frames,
            "ended": self.is_ended,
            "unconfirmed": self.roots.unconfirmed,
            "resent": self.roots.resent,
            "left_out": msgspec.to_builtins(seen.left_out),
            "lost": seen.lost,
            "frames_lost": seen.frames_lost,
            "clock_steps": seen.clock_steps,
            "failures": seen.failures,
            "starts": seen.starts,
            "client": self.source.client_counts() if self.source else None,
        }

    @property
    def lost(self) -> int:
        """Roots given up because the log did not take them, or too late."""
        return self.source.lost if self.source else 0

    def counts(self) -> FeedCounts:
        """What the feed of this process has counted of what was taken."""
        counts = self.feed.counts()
        return counts if self._skipped is None else added_counts(counts, self._skipped, -1)

    def _seen(self) -> Seen:
        """What this process has taken of the log."""
        return Seen(
            feed=self.counts(),
            frames=self.frames,
            frames_lost=self.frames_lost,
            lost=self.lost,
            clock_steps=self.clock.steps,
            left_out=dict(self.source.left_out) if self.source else {},
            failures=self._failures(),
            first_ns=self.first_ns,
            shift_ns=self.shift_ns,
        )

    def _failures(self) -> list[str]:
        """Why the session failed: what a recording contradicts, what ended a live one, what is not on disk."""
        found = self.source.failures() if self.source else []
        return found + self.disk_failures() + ([self.counted.not_known] if self.counted.not_known else [])

    def _request_snapshot(self) -> None:
        if self.source:
            self.source.request_snapshot()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`, then close the log, beside the service; a failure is the service's."""
        self._work = self._bus.begin(self._run(work))

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        await self._end()

    async def stop(self) -> None:
        """Take no more frames."""
        await end_tasks([self._work, self._flushing])  # the last frame is one too
        await self.roots.stop()
        if self.recording is not None:
            self.recording.close()
        self.counted.save(self._seen())

    async def on_end(self, _: None) -> bool:
        """Close the log behind the frames so far: a request of the session's operator."""
        self.end_requested.set()
        return True

    async def open(self) -> int:
        """Wait for the sequencer; the number of the next root. Counts of an earlier process of this log go on."""
        number = await self.roots.start()
        self.counted.open(number)
        if before := self.counted.before:
            self.first_ns, self.shift_ns = before.first_ns, before.shift_ns
        self.counted.save(self._seen())
        self._flushing = self._bus.begin(self._flush_regularly())
        return number

    async def _flush_regularly(self) -> None:
        """A quiet market writes nothing by itself, and would not notice that its folder was deleted."""
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush()

    def flush(self) -> None:
        """Put what was recorded on the disk, and what was counted."""
        if self.recording is not None:
            self.recording.flush()
        self.counted.save(self._seen())

    @property
    def nodes_ready(self) -> bool:
        """True once every node reads the log."""
        return self._nodes_ready.is_set()

    async def until_nodes_ready(self) -> None:
        """Wait until every node reads the log, which begins with the instrument, or the end is requested."""
        for node in INPUTS:
            while await self._bus.request(status_subject(self._group, node), timeout_s=0.5) is None:
                if self.end_requested.is_set():
                    return
                await asyncio.sleep(POLL_S)
        self._nodes_ready.set()

    def set_clock(self, recorded_ns: int) -> None:
        """From now on our clock shows the time of a recording, `recorded_ns`."""
        self.shift_ns = recorded_ns - self.clock.now_ns()
        self.counted.save(self._seen())

    def shifted_ns(self) -> int:
        """The time of the recording now."""
        return self.clock.now_ns() + self.shift_ns

    def forget_counts(self) -> None:
        """What the feed has counted so far was not taken."""
        self._skipped = self.feed.counts()

    async def take(self, recv_ns: int, frame: bytes) -> None:
        """The port of recorded frames, which waits for the log."""
        if events := self.receive(recv_ns, frame):
            if self._is_paced and not self.nodes_ready:
                await self.roots.put(events[:1])  # the instrument, with which the services begin
                await self.until_nodes_ready()
                events = events[1:]
            self._batch += events
            if self._is_paced or len(self._batch) >= BATCH_ROOTS:
                await self._put_batch()
        elif self.frames % YIELD_FRAMES == 0:
            await asyncio.sleep(0)

    async def _put_batch(self) -> None:
        batch, self._batch = self._batch, []
        await self.roots.put(batch)

    def receive(self, recv_ns: int, frame: bytes) -> list[RootEvent]:
        """The frame port: every frame for the feed comes through here, and is recorded."""
        # Before the frame: the saved counts are those of what is on disk.
        if not 0 <= recv_ns - self._flushed_ns < FLUSH_NS:
            self._flushed_ns = recv_ns
            self.flush()
        events = self.put(recv_ns, frame)
        if self._book_top:
            return events
        return [event for event in events if not isinstance(event, BookTop)]

    async def _end(self) -> None:
        await self._put_batch()
        self.flush()
        await self.roots.end()
        self.is_ended = True
        log.info("the end: %d frames", self.frames)
