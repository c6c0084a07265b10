"""A client and a test beside it, against the venue of the test; then the recording is replayed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.venue.market import ETH, Port, diff, impatient, running
from tests.venue.venue import Line, Reply, Session, Venue

from mm_core.events import RootEvent
from mm_store.frames import FrameWriter
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.client import BinanceClient
from mm_venues.binance.feed import Feed

SYNCED = "SYNCING1 snapshot0 1-1 VALID1"
SYNCED_AGAIN = f"{SYNCED} GAP1 SYNCING2 snapshot10 11-11 VALID2"


def replayed(frames: list[tuple[int, bytes]]) -> list[RootEvent]:
    """What a new feed makes of recorded frames."""
    feed = Feed(ETH, TouchAudit(CompiledBook()))
    return [event for recv_ns, frame in frames for event in feed.feed(recv_ns, frame)]


def recorded(port: Port, folder: Path) -> list[tuple[int, bytes]]:
    """The frames after they were on disk."""
    with FrameWriter(folder, "ETHUSDT") as writer:
        for recv_ns, frame in port.frames:
            writer.write(recv_ns, frame)
    return list(WsLines(sorted(folder.iterdir())))


def play(
    folder: Path,
    sessions: list[Session],
    replies: list[Reply],
    test: Callable[[Venue, Port, BinanceClient], Awaitable[None]],
    *,
    silence_s_max: float = 5.0,
) -> Port:
    """Run a client and a test beside it; then what was recorded must replay to the same events."""
    port = Port()

    async def run() -> None:
        async with Venue("ETHUSDT", sessions, replies) as venue:
            async with running(venue, port, impatient(venue, silence_s_max)) as client:
                await test(venue, port, client)
            assert client.counts.disconnects["stopped"] == 1

    asyncio.run(run())
    assert replayed(recorded(port, folder)) == port.events
    return port


async def synced(line: Line) -> None:
    """A session that leads to SYNCED with a snapshot at 0."""
    await line.send(diff(1, 1))


def then(*frames: bytes) -> Session:
    """A session that sends these."""

    async def session(line: Line) -> None:
        await line.send(*frames)

    return session
