"""Binance Spot as a `Venue` of the registry. What is behind it is imported when it is used."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mm_core.events import InstrumentDefined
from mm_venues.defined import Defined
from mm_venues.port import (
    Client,
    ClockOffset,
    Connection,
    Feed,
    FramePort,
    Frames,
    FrameWriter,
    Rejoin,
    Replay,
    ReplayServer,
)
from mm_venues.settings import VenueSettings

if TYPE_CHECKING:
    from mm_venues.binance.rest import Rest


class _Connection:
    def __init__(self, rest: "Rest", settings: VenueSettings, clock_ns: Callable[[], int] | None) -> None:
        self._rest, self._settings, self._clock_ns = rest, settings, clock_ns

    async def define(self, symbol: str) -> Defined:
        from mm_venues.binance.rules import listed

        return listed(await self._rest.exchange_info(symbol), symbol)

    async def clock_offset(self) -> ClockOffset:
        return await self._rest.clock_offset()

    def client(self, symbol: str, feed: Callable[[], Feed], port: FramePort) -> Client:
        from mm_venues.binance.client import BinanceClient

        return BinanceClient(
            *(symbol, self._settings, self._rest, port, lambda: feed().needs_snapshot),
            needs_definition=lambda: feed().needs_definition,
            reconnect_reason=lambda: feed().reconnect_reason,
            clock_ns=self._clock_ns,
        )


class _Binance:
    name = "binance"

    def new_feed(self, instrument: InstrumentDefined) -> Feed:
        from mm_venues.audit import CompiledBook, TouchAudit
        from mm_venues.binance.feed import Feed

        return Feed(instrument, TouchAudit(CompiledBook()))

    def define(
        self, symbol: str, frames: Frames, *, tick: str = "", lot: str = "", exchange_info: Path | None = None
    ) -> Defined:
        from mm_venues.binance.define import define

        return define(symbol, frames, tick=tick, lot=lot, exchange_info=exchange_info)

    def frame_writer(self, instrument: InstrumentDefined) -> FrameWriter:
        from mm_venues.binance.write import FrameWriter

        return FrameWriter(instrument)

    def rejoin(self, instrument: InstrumentDefined) -> Rejoin:
        from mm_venues.binance.rejoin import Rejoin

        return Rejoin(instrument)

    @asynccontextmanager
    async def connect(
        self, settings: VenueSettings, clock_ns: Callable[[], int] | None = None
    ) -> AsyncIterator[Connection]:
        from mm_venues.binance.rest import Rest

        async with Rest(settings.rest_url, clock_ns=clock_ns, weight_max=settings.weight_max) as rest:
            yield _Connection(rest, settings, clock_ns)

    def replay(self, recordings: Sequence[tuple[InstrumentDefined, Frames]], speed: float) -> Replay:
        from mm_venues.binance.venue.market import Market, look_ahead
        from mm_venues.binance.venue.player import Player, Source

        def source(instrument: InstrumentDefined, frames: Frames) -> Source:
            with frames.located():
                return Source(Market(instrument, look_ahead(frames)), frames, lambda: frames.where)

        sources = [source(instrument, frames) for instrument, frames in recordings]
        return Player(sources, speed)

    def serve(self, replay: Replay, routes: Sequence[Any]) -> AbstractAsyncContextManager[ReplayServer]:
        from mm_venues.binance.venue.player import Player
        from mm_venues.binance.venue.server import VenueServer

        return VenueServer(cast("Player", replay), routes=routes)


BINANCE = _Binance()
