"""The product's replay venue in the process of a test, with frames of the test's choice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from tests.venue.venue import WAIT_S_MAX

from mm_core.events import InstrumentDefined, RootEvent
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed
from mm_venues.binance.venue.limits import Limits
from mm_venues.binance.venue.market import Market, look_ahead
from mm_venues.binance.venue.player import Player, Source, Tamper
from mm_venues.binance.venue.server import VenueServer

Frames = Sequence[tuple[int, bytes]]


class Replayed(NamedTuple):
    """A venue that runs: its address without a scheme, and what runs it."""

    url: str
    player: Player
    server: VenueServer

    async def ended(self) -> None:
        """Wait until every frame was sent."""
        async with asyncio.timeout(WAIT_S_MAX):
            while not self.player.is_ended:
                await self.player.wait()


@asynccontextmanager
async def replaying(
    *recordings: tuple[InstrumentDefined, Frames],
    speed: float = 0.0,
    tamper: Tamper | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Replayed]:
    """A venue while the block runs; what ends it early is raised behind the block."""
    sources = [
        Source(Market(instrument, look_ahead(frames)), frames, lambda: "the test's frames")
        for instrument, frames in recordings
    ]
    player = Player(sources, speed, tamper)
    async with VenueServer(player, limits) as server:
        port = await server.listen("127.0.0.1", 0)
        playing = asyncio.create_task(player.play())
        try:
            yield Replayed(f"127.0.0.1:{port}", player, server)
        finally:
            playing.cancel()
            ended = (await asyncio.gather(playing, return_exceptions=True))[0]
            assert ended is None or isinstance(ended, asyncio.CancelledError), ended


def by_file(instrument: InstrumentDefined, frames: Frames) -> tuple[Feed, list[RootEvent]]:
    """A feed that has taken these frames, and what it published."""
    feed = Feed(instrument, TouchAudit(CompiledBook()))
    return feed, [event for recv_ns, frame in frames for event in feed.feed(recv_ns, frame)]


def without_recv(events: Sequence[RootEvent]) -> list[RootEvent]:
    """The events as if all had come at once."""
    return [msgspec.structs.replace(event, recv_ns=0) for event in events]
