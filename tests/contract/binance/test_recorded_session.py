"""A real recording, served over a socket as fast as it goes, leads to the events of its file."""

import asyncio
from itertools import takewhile
from pathlib import Path

import msgspec
from aiohttp import web
from tests.venue.market import Port, running
from tests.venue.venue import Line, Venue

from mm_core.events import InstrumentDefined, RootEvent
from mm_core.types import NS_PER_S
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed

SECONDS = 20
BTC = InstrumentDefined(
    instrument_id="binance.BTCUSDT", ts_ns=0, venue_symbol="BTCUSDT", tick_size="0.01", lot_size="0.00001"
)


def without_recv(events: list[RootEvent]) -> list[RootEvent]:
    """The events as if all had come at once."""
    return [msgspec.structs.replace(event, recv_ns=0) for event in events]


async def serve(frames: list[bytes], port: Port) -> None:
    """Serve them to a client. The stream waits at the snapshot's place until the client has taken it."""
    at = next(at for at, frame in enumerate(frames) if frame.startswith(b'{"lastUpdateId"'))

    async def session(line: Line) -> None:
        await line.send(*frames[:at])
        await port.until(lambda: len(port.frames) > at)
        await line.send(*frames[at + 1 :])

    async def depth(_: web.Request) -> web.StreamResponse:
        await port.until(lambda: len(port.frames) == at)
        return web.Response(body=frames[at])

    async with Venue("BTCUSDT", [session], [depth]) as venue, running(venue, port, symbol="BTCUSDT") as client:
        await port.until(lambda: len(port.frames) == len(frames))
        assert (client.counts.frames, client.counts.snapshots_requested) == (len(frames) - 1, 1)


def test_the_socket_leads_to_the_events_of_the_file(shared_data: Path) -> None:
    lines = WsLines([shared_data / "binance_spot" / "btcusdt_20240808.gz"])
    first_ns = next(iter(lines))[0]
    taken = takewhile(lambda line: line[0] < first_ns + SECONDS * NS_PER_S, lines)
    frames = [frame.rstrip() for _, frame in taken]
    feed = Feed(BTC, TouchAudit(CompiledBook()))
    expected = [event for frame in frames for event in feed.feed(1, frame)]
    assert len(expected) > 1_000
    port = Port(BTC)
    asyncio.run(serve(frames, port))
    assert without_recv(port.events[: len(expected)]) == without_recv(expected)
    assert feed.counts().touch_checked > 10
    assert port.feed.counts() == msgspec.structs.replace(feed.counts(), disconnects=1)
