"""Frames of a small ETHUSDT market, and the port that a test looks at: what came, and what a feed makes of it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from tests.venue.venue import WAIT_S_MAX

from mm_core.events import BookDelta, BookSnapshot, FeedStatus, InstrumentDefined, RootEvent
from mm_venues.audit import CompiledBook, TouchAudit, warm_book
from mm_venues.binance.client import BinanceClient
from mm_venues.binance.feed import Feed
from mm_venues.binance.rest import Rest
from mm_venues.settings import VenueSettings

ETH = InstrumentDefined(
    instrument_id="binance.ETHUSDT", ts_ns=0, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001"
)
FIRST_NS = 1_790_000_000_000_000_000


def diff(first: int, last: int) -> bytes:
    """A diff of the combined stream: the bid's quantity is `last`."""
    return (
        b'{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":%d,"s":"ETHUSDT","U":%d,"u":%d,'
        b'"b":[["2450.10000000","%d.00000000"]],"a":[]}}' % (1_790_000_000_000 + last, first, last, last)
    )


def trade(trade_id: int) -> bytes:
    """A trade of the combined stream."""
    return (
        b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1790000000001,"s":"ETHUSDT","t":%d,"p":"2450.10000000",'
        b'"q":"0.50000000","T":1790000000001,"m":true,"M":true}}' % trade_id
    )


def book(update_id: int) -> bytes:
    """The REST snapshot at an id."""
    return b'{"lastUpdateId":%d,"bids":[["2450.10000000","%d.00000000"]],"asks":[["2450.30000000","1.00000000"]]}' % (
        update_id,
        update_id,
    )


class Port:
    """Takes frames as a recorder does: the feed first, and what it takes is stored."""

    def __init__(self, instrument: InstrumentDefined = ETH) -> None:
        warm_book()  # not while a connection waits for its pongs
        self.feed = Feed(instrument, TouchAudit(CompiledBook()))
        self.frames: list[tuple[int, bytes]] = []
        self.events: list[RootEvent] = []
        self._changed = asyncio.Event()

    def take(self, recv_ns: int, frame: bytes) -> None:
        """The frame port. FrameError for a frame that the feed refuses; it is not stored."""
        self.events += self.feed.feed(recv_ns, frame)
        self.frames.append((recv_ns, frame))
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that a frame brings."""
        async with asyncio.timeout(WAIT_S_MAX):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_published(self, ending: str) -> None:
        """Wait until the book's events in short end with these."""
        await self.until(lambda: self.short().endswith(ending))

    def short(self) -> str:
        """The book's events so far."""
        return short(self.events)


def short(events: list[RootEvent]) -> str:
    """The book's events in short: SYNCING1 snapshot10 8-12 VALID1."""
    parts = []
    for event in events:
        match event:
            case FeedStatus():
                parts.append(f"{event.state.name}{event.epoch}")
            case BookSnapshot():
                parts.append(f"snapshot{event.update_id}")
            case BookDelta():
                parts.append(f"{event.first_update_id}-{event.update_id}")
            case _:
                pass
    return " ".join(parts)


class Reached(Protocol):
    """Any venue: `url` is its address without a scheme."""

    @property
    def url(self) -> str:
        """Host and port."""
        ...


def impatient(
    venue: Reached, silence_s_max: float = 5.0, *, rotate_s: float = 600.0, definition_s: float = 600.0
) -> VenueSettings:
    """The venue's addresses, and hardly a pause between attempts."""
    return VenueSettings(
        rotate_s=rotate_s,
        definition_s=definition_s,
        ws_url=f"ws://{venue.url}",
        rest_url=f"http://{venue.url}",
        snapshot_s_min=0.001,
        silence_s_max=silence_s_max,
        backoff_s_max=0.05,
    )


def client_of(port: Port, endpoints: VenueSettings, rest: Rest, symbol: str = "ETHUSDT") -> BinanceClient:
    """A client before that port, with a clock that counts."""
    counter = itertools.count(FIRST_NS)
    return BinanceClient(
        symbol,
        endpoints,
        rest,
        port.take,
        lambda: port.feed.sync.needs_snapshot,
        clock_ns=lambda: next(counter),
        random=lambda: 0.0,
    )


@asynccontextmanager
async def running(
    venue: Reached, port: Port, endpoints: VenueSettings | None = None, symbol: str = "ETHUSDT"
) -> AsyncIterator[BinanceClient]:
    """A client that runs while the block does, and is cancelled behind it."""
    endpoints = endpoints or impatient(venue)
    async with Rest(endpoints.rest_url, timeout_s=1.0, weight_max=6_000) as rest:
        client = client_of(port, endpoints, rest, symbol)
        task = asyncio.create_task(client.run())
        try:
            yield client
        finally:
            task.cancel()
            ended = (await asyncio.gather(task, return_exceptions=True))[0]
            assert isinstance(ended, asyncio.CancelledError), ended
