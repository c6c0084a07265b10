"""The recorder: frames of the venue, live or recorded, through one port into the feed; its roots to the sequencer."""

import argparse
import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from time import monotonic, perf_counter_ns
from typing import Any

import msgspec
from nats.aio.msg import Msg

from mm_core.events import BookTop, InstrumentDefined, RootEvent
from mm_core.types import NS_PER_S, InputError
from mm_runtime.ending import end_tasks
from mm_runtime.figures.feed import add_feed, add_free, add_live
from mm_runtime.live_source import LiveSource
from mm_runtime.roots import RootSource
from mm_runtime.service import Service
from mm_runtime.settings import Venue
from mm_runtime.topology import HEARS
from mm_store.findings import Findings
from mm_store.recording import Recording
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit, warm_book
from mm_venues.binance.feed import Feed
from mm_venues.frame_error import FrameError
from mm_venues.steady_clock import SteadyClock
from mm_wire.subjects import RECORDER, end_subject, status_subject

log = logging.getLogger(__name__)

LIVE = "live"
REPLAY = "replay:"
PACED = "paced:"
YIELD_FRAMES = 64
BATCH_ROOTS = 32
POLL_S = 0.05


def add_options(parser: argparse.ArgumentParser) -> None:
    """What a recorder needs besides the configuration."""
    parser.add_argument("--instrument", type=Path, required=True, help="JSON of the InstrumentDefined")
    parser.add_argument("--source", required=True, help="live, replay:<file>[,<file>...] or paced:<file>[,<file>...]")
    parser.add_argument("--frames", type=Path, help="folder to record the frames to")
    parser.add_argument("--data", type=Path, help="as --frames, in <data>/<venue>/<SYMBOL>")
    parser.add_argument("--speed", type=float, default=0.0, help="multiple of real time; 0: as fast as it goes")
    parser.add_argument("--salvage", action="store_true", help="leave out bad lines of a recording, and count them")
    parser.add_argument("--duration-ns", type=int, default=0, help="receive time after which it ends; 0: its end")


class Recorder:
    """One instrument's frames to roots."""

    def __init__(self, service: Service, instrument: InstrumentDefined) -> None:
        options, bus = service.options, service.settings.bus
        self.feed = Feed(instrument, TouchAudit(CompiledBook()))
        self.clock = SteadyClock()
        clock = {"clock_ns": self.clock.now_ns} if options.source == LIVE else {}
        self.roots = RootSource(service.bus, service.group, RECORDER, **clock)
        self.frames = 0
        self.heard_s = monotonic()  # when the last frame came
        self.is_ended = False
        self._end_asked = asyncio.Event()
        self._service = service
        self._bus = service.bus
        self._speed, self._duration_ns = options.speed, options.duration_ns
        self._book_top, self._group = bus.book_top, service.group
        self._is_paced = bool(options.speed) or options.source.startswith(PACED)
        self._heard = asyncio.Event()  # by all nodes: what is paced by the clock begins then
        self._offset_ns = service.settings.clock.offset_ns
        self.recording = _new_recording(options, instrument, self._ask_snapshot)
        self._work: asyncio.Task[None] | None = None
        self._batch: list[RootEvent] = []  # of a replay that need not be on time
        self._lines: WsLines | None = None  # of a recording
        self._findings = Findings()
        self.live: LiveSource | None = None

    def status(self) -> dict[str, Any]:
        """What the feed has seen, and how far it is."""
        return {
            "feed": msgspec.structs.asdict(self.feed.counts()),
            "frames": self.frames,
            "ended": self.is_ended,
            "unconfirmed": self.roots.unconfirmed,
            "resent": self.roots.resent,
            "left_out": msgspec.to_builtins(self._lines.left_out) if self._lines else {},
            "lost": self.live.lost if self.live else 0,
            "frames_lost": self.recording.frames_lost if self.recording else 0,
            "clock_steps": self.clock.steps,
            "failures": self._failures(),
            "client": msgspec.structs.asdict(self.live.client.counts) if self.live and self.live.client else None,
        }

    def _failures(self) -> list[str]:
        """Why the session is no good: of a recording what it contradicts and where, of a live one what ended it."""
        if self.live:
            return [self.live.reason] if self.live.reason else []
        return self._findings.failures(self.feed.counts())

    def _ask_snapshot(self) -> None:
        if self.live and self.live.client:
            self.live.client.request_snapshot()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the service; its failure is the service's."""
        self._work = self._bus.begin(work)

    async def stop(self) -> None:
        """Take no more frames."""
        if self._work is not None:
            await end_tasks([self._work])  # its last frame is one too
        await self.roots.stop()
        if self.recording is not None:
            self.recording.close()

    async def on_end(self, message: Msg) -> None:
        """The operator of the session wants its log closed behind the frames so far."""
        self._end_asked.set()
        await self._bus.publish(message.reply, b"true")

    async def replay(self, lines: WsLines) -> None:
        """Recorded frames with their recorded times, then the end."""
        await self.roots.start()
        self._lines = lines
        await self._replay(lines)
        await self._end()

    async def _replay(self, lines: WsLines) -> None:
        first_ns = paced_ns = started_ns = 0
        for recv_ns, frame in lines:
            first_ns = first_ns or recv_ns
            if self._duration_ns and recv_ns - first_ns >= self._duration_ns:
                return
            if self._heard.is_set() and not paced_ns:
                paced_ns, started_ns = recv_ns, perf_counter_ns()
            due_ns = started_ns + int((recv_ns - paced_ns) / self._speed) if paced_ns else 0
            if not await self._pause(due_ns, perf_counter_ns):
                return
            if not await self._take_line(lines, recv_ns, frame):
                return

    async def _take_line(self, lines: WsLines, recv_ns: int, frame: bytes) -> bool:
        """A recorded frame; a bad one is left out with --salvage, else an InputError that names its line.

        False if the feed takes nothing behind it.
        """
        try:
            await self.take(recv_ns, frame)
        except FrameError as error:
            lines.refuse(error)
        return self._findings.look(self.feed, lines.where)

    async def pace(self, lines: WsLines) -> None:
        """Recorded frames as if they came now: as far apart as they were recorded, stamped by our clock.

        Our clock is moved so that it shows the recording's time; it begins to matter when the services are up.
        """
        await self.roots.start()
        self._lines = lines
        first_ns = shift_ns = 0
        for recorded_ns, frame in lines:
            first_ns = first_ns or recorded_ns
            if self._duration_ns and recorded_ns - first_ns >= self._duration_ns:
                break
            if self._heard.is_set() and not shift_ns:
                shift_ns = recorded_ns - self.clock.now_ns()
            if shift_ns and not await self._pause(recorded_ns, lambda: self.clock.now_ns() + shift_ns):  # noqa: B023
                break
            now_ns = self.clock.now_ns() + shift_ns if shift_ns else recorded_ns
            if not await self._take_line(lines, now_ns, frame):
                break
        await self._end()

    async def _until_heard(self) -> None:
        """Wait until every node reads the log, which they do when they know the instrument."""
        for node in HEARS:
            while await self._bus.request(status_subject(self._group, node), timeout_s=0.5) is None:  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
        self._heard.set()

    async def trade_live(self, venue: Venue, instrument: InstrumentDefined) -> None:
        """The exchange's frames from now on, until the end is asked for."""
        self.live = LiveSource(
            self,
            instrument,
            self.clock,
            offset_ns=self._offset_ns,
            duration_ns=self._duration_ns,
            ended=self._end_asked,
        )
        add_live(self._service.metrics, self.live)
        await self.live.run(venue, self._until_heard)
        if self.live.reason:
            log.error("the session ends: %s", self.live.reason)
        await self._end()

    def flush(self) -> None:
        """Put what was recorded on the disk."""
        if self.recording is not None:
            self.recording.flush()

    async def take(self, recv_ns: int, frame: bytes) -> None:
        """The port of recorded frames, which waits for the log."""
        if events := self.hear(recv_ns, frame):
            if self._is_paced and not self._heard.is_set():
                await self.roots.put(events[:1])  # the instrument, with which the services begin
                await self._until_heard()
                events = events[1:]
            self._batch += events
            if self._is_paced or len(self._batch) >= BATCH_ROOTS:
                await self._put_batch()
        elif self.frames % YIELD_FRAMES == 0:
            await asyncio.sleep(0)

    async def _put_batch(self) -> None:
        batch, self._batch = self._batch, []
        await self.roots.put(batch)

    def hear(self, recv_ns: int, frame: bytes) -> list[RootEvent]:
        """The frame port: everything that the feed hears comes through here, and is recorded."""
        events = self.feed.feed(recv_ns, frame)
        self.frames += 1
        self.heard_s = monotonic()
        if self.recording is not None:
            self.recording.write(recv_ns, frame)
        if self._book_top:
            return events
        return [event for event in events if not isinstance(event, BookTop)]

    async def _pause(self, until_ns: int, clock_ns: Callable[[], int]) -> bool:
        """Wait until the clock says so; False if the end was asked for meanwhile."""
        with suppress(TimeoutError):
            while (wait_s := (until_ns - clock_ns()) / NS_PER_S) > 0 and not self._end_asked.is_set():
                async with asyncio.timeout(wait_s):
                    await self._end_asked.wait()
        return not self._end_asked.is_set()

    async def _end(self) -> None:
        await self._put_batch()
        await self.roots.end()
        self.is_ended = True
        log.info("the end: %d frames", self.frames)


def _new_recording(
    options: argparse.Namespace, instrument: InstrumentDefined, ask_snapshot: Callable[[], None]
) -> Recording | None:
    folder = options.frames
    if options.data:
        folder = options.data.joinpath(*instrument.instrument_id.split("."))
    return Recording(folder, instrument.venue_symbol, ask_snapshot) if folder else None


async def start(service: Service) -> None:
    """Begin to record what the options name."""
    options = service.options
    try:
        instrument = msgspec.json.decode(options.instrument.read_bytes(), type=InstrumentDefined)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{options.instrument}: {error}; expected the JSON of an InstrumentDefined") from error
    warm_book()
    recorder = Recorder(service, instrument)
    service.status = recorder.status
    service.on_stop(recorder.stop)
    await service.bus.subscribe(end_subject(service.group), recorder.on_end)
    add_feed(service.metrics, recorder, instrument)
    if options.frames:
        add_free(service.metrics, options.frames)
    if options.source == LIVE:
        recorder.begin(recorder.trade_live(service.settings.venue, instrument))
        return
    for prefix, work in ((REPLAY, recorder.replay), (PACED, recorder.pace)):
        if options.source.startswith(prefix):
            paths = [Path(path) for path in options.source.removeprefix(prefix).split(",")]
            recorder.begin(work(WsLines(paths, salvage=options.salvage)))
            return
    raise InputError(f"--source {options.source}: expected live, {REPLAY}<files> or {PACED}<files>")
