"""A recorder without the bus: the exchange's frames to disk for a window of time, then a summary of what came."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from mm_core.types import InputError, UnavailableError
from mm_service.ending import end_tasks
from mm_services.recorder.port import FramePort
from mm_store.atomic import replacing
from mm_venues.audit import warm_book
from mm_venues.defined import Defined
from mm_venues.port import Client, Connection, Venue, VenueAwayError
from mm_venues.registry import venue_of
from mm_venues.settings import VenueSettings
from mm_venues.steady_clock import SteadyClock

log = logging.getLogger(__name__)

FLUSH_S = 1.0
RETRY_S = 5.0


class Recorded(msgspec.Struct, kw_only=True):
    """What a window brought. The socket was connected, failed to be, was lost so often.

    `feed` counts as FeedCounts, since the instrument's definition changed last. `frames` are those on disk,
    `frames_lost` those that the disk did not take, or that were removed from it. `failures` are why it is incomplete.
    """

    instrument_id: str
    folder: str
    seconds: float
    frames: int
    frames_lost: int
    connects: int
    connect_errors: int
    lost: int
    feed: dict[str, Any]
    failures: list[str]


async def record(venue: Venue, settings: VenueSettings, symbol: str, data: Path, seconds: float) -> Recorded | None:
    """Record to `<data>/<venue>/<SYMBOL>` for so many seconds (0: until SIGINT or SIGTERM, which end it earlier too).

    None if the exchange could not be reached in all that time. InputError for a symbol that it does not know, or a
    folder that can be none or has another recorder; a full disk is tried again.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    begin_s = monotonic()
    ending = asyncio.create_task(_end(stopping, seconds))
    try:
        async with venue.connect(settings, SteadyClock().now_ns) as connection:
            defined = await _before(ending, _define(connection, symbol))
            if defined is None:
                return None
            window = _Window(defined, data)
            with window.writing():
                await _before(ending, window.run(connection))
            return window.recorded(monotonic() - begin_s)
    finally:
        ending.cancel()


class _Window(FramePort):
    """One instrument's frames to its folder."""

    def __init__(self, defined: Defined, data: Path) -> None:
        self._defined = defined
        self._symbol = defined.instrument.venue_symbol
        self._folder = data.joinpath(*defined.instrument.instrument_id.split("."))
        warm_book()
        super().__init__(defined.instrument, self._folder, self._request_snapshot)
        self._client: Client
        self._is_defined = False  # on disk, once

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Have the folder for ourselves, and everything on disk in the end."""
        assert self.recording is not None
        try:
            self._write_definition()
            yield
        finally:
            self.recording.close()

    def _request_snapshot(self) -> None:
        self._client.request_snapshot()

    def _write_definition(self) -> None:
        """Try to write down what is recorded, where it is not; a full disk is tried again."""
        definition = self._folder / "instrument.json"
        if self._is_defined and definition.exists():
            return
        try:
            with replacing(definition) as path:
                path.write_bytes(msgspec.json.encode(self._defined.to_json()))
            self._is_defined = True
        except (InputError, UnavailableError) as error:
            if not (self._is_defined or isinstance(error, UnavailableError)):
                raise
            log.warning("%s", error)

    async def run(self, connection: Connection) -> None:
        """Take frames until cancelled."""
        self._client = connection.client(self._symbol, lambda: self.feed, self._on_frame)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._client.run())
            group.create_task(self._flush())

    def recorded(self, seconds: float) -> Recorded:
        """What came."""
        counts = self._client.counts
        return Recorded(
            instrument_id=self._defined.instrument.instrument_id,
            folder=str(self._folder),
            seconds=seconds,
            frames=self.frames - self.frames_lost,
            frames_lost=self.frames_lost,
            connects=counts.connects,
            connect_errors=counts.connect_errors,
            lost=sum(count for reason, count in counts.disconnects.items() if reason != "stopped"),  # that is our end
            feed=msgspec.structs.asdict(self.feed.counts()),
            failures=self.disk_failures(),
        )

    def _on_frame(self, recv_ns: int, frame: bytes) -> None:
        """The port of the client: what the feed takes is recorded, as by the recorder on the bus."""
        feed = self.feed
        self.put(recv_ns, frame)
        if feed.definition_changed and feed.new_instrument is not None:
            log.warning("%s: %s: the instrument is another one from here on", self._symbol, feed.definition_changed)
            self.feed = venue_of(feed.new_instrument.instrument_id).new_feed(feed.new_instrument)

    async def _flush(self) -> None:
        """A quiet market writes nothing by itself."""
        while True:
            await asyncio.sleep(FLUSH_S)
            if self.recording is not None:
                self.recording.flush()
            self._write_definition()


async def _define(connection: Connection, symbol: str) -> Defined:
    """The instrument as the venue defines it, as soon as it answers."""
    while True:
        try:
            return await connection.define(symbol)
        except VenueAwayError as error:
            log.warning("the exchange does not answer: %s", error)
            await asyncio.sleep(max(RETRY_S, error.retry_s))


async def _end(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds or None):
            await stopping.wait()


async def _before(ending: "asyncio.Task[None]", work: Any) -> Any:
    """Do the work, at most until the end: then it is cancelled, and None."""
    task = asyncio.create_task(work)
    await asyncio.wait([task, ending], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        try:
            return task.result()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the error that ended the others
    await end_tasks([task])
    return None
