"""The recorder: frames of the venue, live or recorded, through one port into the feed; its roots to the sequencer."""

import argparse
import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from mm_core.events import BookTop, InstrumentDefined, RootEvent
from mm_core.types import InputError
from mm_runtime.ending import end_tasks
from mm_runtime.figures.feed import add_feed, add_live
from mm_runtime.figures.room import FRAMES, add_folder
from mm_runtime.live_source import LiveSource
from mm_runtime.recorded_source import RecordedSource
from mm_runtime.recorder_state import Counted, Seen, added_counts
from mm_runtime.roots import RootSource
from mm_runtime.service import Service
from mm_runtime.settings import Venue
from mm_runtime.topology import HEARS
from mm_store.frames import FLUSH_NS
from mm_store.recording import Recording
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit, warm_book
from mm_venues.binance.feed import Feed, FeedCounts
from mm_venues.steady_clock import SteadyClock
from mm_wire.subjects import RECORDER, end_subject, status_subject

log = logging.getLogger(__name__)

LIVE = "live"
REPLAY = "replay:"
PACED = "paced:"
YIELD_FRAMES = 64
BATCH_ROOTS = 32
POLL_S = 0.05
FLUSH_S = 1.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What a recorder needs besides the configuration."""
    parser.add_argument("--instrument", type=Path, required=True, help="JSON of the InstrumentDefined")
    parser.add_argument("--source", required=True, help="live, replay:<file>[,<file>...] or paced:<file>[,<file>...]")
    parser.add_argument("--frames", type=Path, help="folder to record the frames to")
    parser.add_argument("--data", type=Path, help="as --frames, in <data>/<venue>/<SYMBOL>")
    parser.add_argument("--state", type=Path, help="folder for what outlives this process; that of --instrument")
    parser.add_argument("--speed", type=float, default=0.0, help="multiple of real time; 0: as fast as it goes")
    parser.add_argument("--salvage", action="store_true", help="leave out bad lines of a recording, and count them")
    parser.add_argument("--duration-ns", type=int, default=0, help="receive time after which it ends; 0: its end")


class Recorder:
    """One instrument's frames to roots. `end_asked`: the log is to end behind what was taken."""

    def __init__(self, service: Service, instrument: InstrumentDefined) -> None:
        options, bus = service.options, service.settings.bus
        self.feed = Feed(instrument, TouchAudit(CompiledBook()))
        self.clock = SteadyClock()
        clock = {"clock_ns": self.clock.now_ns} if options.source == LIVE else {}
        self.roots = RootSource(service.bus, service.group, RECORDER, **clock)
        self.frames = self.first_ns = self._flushed_ns = 0
        self.shift_ns = 0  # what puts our clock to the time of a recording
        self.heard_s = monotonic()  # when the last frame came
        self.is_ended = False
        self.end_asked = asyncio.Event()
        self.live: LiveSource | None = None
        self.recorded: RecordedSource | None = None
        folder = _frames_folder(options, instrument)
        self.recording = Recording(folder, instrument.venue_symbol, self._ask_snapshot) if folder else None
        self._service, self._bus = service, service.bus
        self._book_top, self._group = bus.book_top, service.group
        self._is_paced = bool(options.speed) or options.source.startswith(PACED)
        self._heard = asyncio.Event()  # by all nodes: what is paced by the clock begins then
        self.counted = Counted((options.state or options.instrument.parent) / f"recorder_{service.group}.json")
        self._keeping: asyncio.Task[None] | None = None
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
            "client": msgspec.structs.asdict(self.live.client.counts) if self.live and self.live.client else None,
        }

    def counts(self) -> FeedCounts:
        """What the feed of this process has counted of what was taken."""
        counts = self.feed.counts()
        return counts if self._skipped is None else added_counts(counts, self._skipped, -1)

    def _seen(self) -> Seen:
        """What this process has taken of the log."""
        return Seen(
            feed=self.counts(),
            frames=self.frames,
            frames_lost=self.recording.frames_lost if self.recording else 0,
            lost=self.live.lost if self.live else 0,
            clock_steps=self.clock.steps,
            left_out=dict(self.recorded.lines.left_out) if self.recorded else {},
            failures=self._failures(),
            first_ns=self.first_ns,
            shift_ns=self.shift_ns,
        )

    def _failures(self) -> list[str]:
        """Why the session is no good: what a recording contradicts, what ended a live one, what is not on disk."""
        found = [self.live.reason] if self.live and self.live.reason else []
        found += self.recorded.failures() if self.recorded else []
        found += [self.recording.failure] if self.recording and self.recording.failure else []
        return found + ([self.counted.not_known] if self.counted.not_known else [])

    def _ask_snapshot(self) -> None:
        if self.live and self.live.client:
            self.live.client.request_snapshot()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`, then close the log, beside the service; a failure is the service's."""
        self._work = self._bus.begin(self._run(work))

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        await self._end()

    async def stop(self) -> None:
        """Take no more frames."""
        await end_tasks([self._work, self._keeping])  # the last frame is one too
        await self.roots.stop()
        if self.recording is not None:
            self.recording.close()
        self.counted.save(self._seen())

    async def on_end(self, _: None) -> bool:
        """The operator of the session wants its log closed behind the frames so far."""
        self.end_asked.set()
        return True

    async def open(self) -> int:
        """Wait for the sequencer; the number of the next root. Counts of an earlier process of this log go on."""
        number = await self.roots.start()
        self.counted.open(number)
        if before := self.counted.before:
            self.first_ns, self.shift_ns = before.first_ns, before.shift_ns
        self.counted.save(self._seen())
        self._keeping = self._bus.begin(self._keep())
        return number

    async def _keep(self) -> None:
        """A quiet market writes nothing by itself, and does not see that its folder is gone."""
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush()

    def flush(self) -> None:
        """Put what was recorded on the disk, and what was counted."""
        if self.recording is not None:
            self.recording.flush()
        self.counted.save(self._seen())

    @property
    def is_heard(self) -> bool:
        """True once every node reads the log."""
        return self._heard.is_set()

    async def until_heard(self) -> None:
        """Wait until every node reads the log, which they do when they know the instrument; or for a wish to end."""
        for node in HEARS:
            while await self._bus.request(status_subject(self._group, node), timeout_s=0.5) is None:
                if self.end_asked.is_set():
                    return
                await asyncio.sleep(POLL_S)
        self._heard.set()

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

    async def trade_live(self, venue: Venue, instrument: InstrumentDefined) -> None:
        """The exchange's frames from now on, until the end is asked for."""
        self.live = LiveSource(
            self,
            instrument,
            self.clock,
            offset_ns=self._service.settings.clock.offset_ns,
            duration_ns=self._service.options.duration_ns,
            ended=self.end_asked,
        )
        add_live(self._service.metrics, self.live)
        await self.live.run(venue, self.until_heard)
        if self.live.reason:
            log.error("the session ends: %s", self.live.reason)

    def play(self, lines: WsLines) -> RecordedSource:
        """The source of a recording."""
        options, offset_ns = self._service.options, self._service.settings.clock.offset_ns
        source = RecordedSource(self, lines, speed=options.speed, duration_ns=options.duration_ns, offset_ns=offset_ns)
        self.recorded = source
        return source

    async def take(self, recv_ns: int, frame: bytes) -> None:
        """The port of recorded frames, which waits for the log."""
        if events := self.hear(recv_ns, frame):
            if self._is_paced and not self.is_heard:
                await self.roots.put(events[:1])  # the instrument, with which the services begin
                await self.until_heard()
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
        if not 0 <= recv_ns - self._flushed_ns < FLUSH_NS:  # before the frame: what is kept counts what is on disk
            self._flushed_ns = recv_ns
            self.flush()
        events = self.feed.feed(recv_ns, frame)
        self.frames += 1
        self.first_ns = self.first_ns or recv_ns
        self.heard_s = monotonic()
        if self.recording is not None:
            self.recording.write(recv_ns, frame)
        if self._book_top:
            return events
        return [event for event in events if not isinstance(event, BookTop)]

    async def _end(self) -> None:
        await self._put_batch()
        self.flush()
        await self.roots.end()
        self.is_ended = True
        log.info("the end: %d frames", self.frames)


def _frames_folder(options: argparse.Namespace, instrument: InstrumentDefined) -> Path | None:
    """Where frames are recorded to."""
    if options.data:
        return Path(options.data).joinpath(*instrument.instrument_id.split("."))
    return options.frames and Path(options.frames)


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
    await service.bus.answer(end_subject(service.group), recorder.on_end)
    add_feed(service.metrics, recorder, instrument)
    if folder := _frames_folder(options, instrument):
        add_folder(service.metrics, FRAMES, folder, f"{instrument.venue_symbol}_*.ws.gz")
    if options.source == LIVE:
        recorder.begin(recorder.trade_live(service.settings.venue, instrument))
        return
    for prefix in (REPLAY, PACED):
        if options.source.startswith(prefix):
            paths = [Path(path) for path in options.source.removeprefix(prefix).split(",")]
            source = recorder.play(WsLines(paths, salvage=options.salvage))
            recorder.begin(source.replay() if prefix == REPLAY else source.pace())
            return
    raise InputError(f"--source {options.source}: expected live, {REPLAY}<files> or {PACED}<files>")
