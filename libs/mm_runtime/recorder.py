"""The recorder: frames of the venue, live or recorded, through one port into the feed; its roots to the sequencer."""

import argparse
import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import perf_counter_ns, time_ns
from typing import Any

import msgspec
from nats.aio.msg import Msg

from mm_core.events import BookTop, InstrumentDefined
from mm_core.types import NS_PER_S, InputError
from mm_runtime.roots import RootSource
from mm_runtime.service import Service
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit, warm_book
from mm_venues.binance.feed import Feed
from mm_wire.subjects import RECORDER, end_subject

log = logging.getLogger(__name__)

REPLAY = "replay:"
PACED = "paced:"
YIELD_FRAMES = 64

Frame = tuple[int, bytes]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What a recorder needs besides the configuration."""
    parser.add_argument("--instrument", type=Path, required=True, help="JSON of the InstrumentDefined")
    parser.add_argument("--source", required=True, help="live, replay:<file>[,<file>...] or paced:<file>[,<file>...]")
    parser.add_argument("--speed", type=float, default=0.0, help="multiple of real time; 0: as fast as it goes")
    parser.add_argument("--duration-ns", type=int, default=0, help="receive time after which a replay ends; 0: its end")


class Recorder:
    """One instrument's frames to roots."""

    def __init__(self, service: Service, instrument: InstrumentDefined) -> None:
        options, bus = service.options, service.settings.bus
        self.feed = Feed(instrument, TouchAudit(CompiledBook()))
        self.roots = RootSource(service.bus, service.group, RECORDER)
        self.frames = 0
        self.is_ended = False
        self._end_asked = asyncio.Event()
        self._bus = service.bus
        self._speed, self._duration_ns = options.speed, options.duration_ns
        self._book_top, self._clock_shift_ns = bus.book_top, bus.clock_shift_ns
        self._work: asyncio.Task[None] | None = None

    def status(self) -> dict[str, Any]:
        """What the feed has seen, and how far it is."""
        return {
            "feed": msgspec.structs.asdict(self.feed.counts()),
            "frames": self.frames,
            "ended": self.is_ended,
            "unconfirmed": self.roots.unconfirmed,
            "resent": self.roots.resent,
        }

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the service; its failure is the service's."""
        self._work = asyncio.create_task(work)
        self._work.add_done_callback(self._bus.ended)

    async def stop(self) -> None:
        """Take no more frames."""
        if self._work is not None:
            self._work.cancel()
        await self.roots.stop()

    async def on_end(self, message: Msg) -> None:
        """The operator of the session wants its log closed behind the frames so far."""
        self._end_asked.set()
        await self._bus.publish(message.reply, b"true")

    async def replay(self, lines: WsLines) -> None:
        """Recorded frames with their recorded times, then the end."""
        await self.roots.start()
        with lines.located():
            await self._replay(lines)
        await self._end()

    async def _replay(self, lines: Iterable[Frame]) -> None:
        first_ns, started_ns = 0, perf_counter_ns()
        for recv_ns, frame in lines:
            first_ns = first_ns or recv_ns
            if self._duration_ns and recv_ns - first_ns >= self._duration_ns:
                return
            due_ns = started_ns + int((recv_ns - first_ns) / self._speed) if self._speed else 0
            if not await self._pause(due_ns, perf_counter_ns):
                return

            await self.take(recv_ns, frame)

    async def pace(self, lines: WsLines) -> None:
        """Recorded frames as if they came now: at their recorded times by our clock, stamped by our clock."""
        await self.roots.start()
        first_ns = 0
        with lines.located():
            for recorded_ns, frame in lines:
                first_ns = first_ns or recorded_ns
                if self._duration_ns and recorded_ns - first_ns >= self._duration_ns:
                    break
                if not await self._pause(recorded_ns, self._clock_ns):
                    break
                await self.take(self._clock_ns(), frame)
        await self._end()

    async def take(self, recv_ns: int, frame: bytes) -> None:
        """The frame port: everything that the feed hears comes through here."""
        self.frames += 1
        events = self.feed.feed(recv_ns, frame)
        if not self._book_top:
            events = [event for event in events if not isinstance(event, BookTop)]
        if events:
            await self.roots.put(events)
        elif self.frames % YIELD_FRAMES == 0:
            await asyncio.sleep(0)

    async def _pause(self, until_ns: int, clock_ns: Callable[[], int]) -> bool:
        """Wait until the clock says so; False if the end was asked for meanwhile."""
        with suppress(TimeoutError):
            while (wait_s := (until_ns - clock_ns()) / NS_PER_S) > 0 and not self._end_asked.is_set():
                await asyncio.wait_for(self._end_asked.wait(), wait_s)
        return not self._end_asked.is_set()

    def _clock_ns(self) -> int:
        return time_ns() + self._clock_shift_ns

    async def _end(self) -> None:
        await self.roots.end()
        self.is_ended = True
        log.info("the end: %d frames", self.frames)


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
    _add_metrics(service, recorder)
    for prefix, work in ((REPLAY, recorder.replay), (PACED, recorder.pace)):
        if options.source.startswith(prefix):
            paths = [Path(path) for path in options.source.removeprefix(prefix).split(",")]
            recorder.begin(work(WsLines(paths)))
            return
    raise InputError(f"--source {options.source}: expected live, {REPLAY}<files> or {PACED}<files>")


def _add_metrics(service: Service, recorder: Recorder) -> None:
    feed = recorder.feed
    service.metrics.counter("frames", "Frames of the venue", lambda: recorder.frames)
    service.metrics.gauge(
        "roots_unconfirmed", "Roots that the log is not known to hold", lambda: recorder.roots.unconfirmed
    )
    for name in ("depth_received", "depth_applied", "depth_dropped", "gaps", "crossed", "trades", "trade_gaps"):
        text = f"{name.replace('_', ' ').capitalize()}, see FeedCounts"
        service.metrics.counter(name, text, partial(_count, feed, name))


def _count(feed: Feed, name: str) -> float:
    return float(getattr(feed.counts(), name))
