"""Runs the markets: recorded frames at their time to the connections that subscribed to them."""

import asyncio
import heapq
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from mm_core.types import InputError
from mm_venues.binance.venue.line import Line
from mm_venues.binance.venue.market import Market, Sent
from mm_venues.frame_error import FrameError
from mm_venues.market_clock import MarketClock

YIELD_FRAMES = 64
# Turns of a client's loop in which it surely has read the snapshot that was sent to it before.
SETTLE_PINGS = 20
# A client that does not read meanwhile answers no ping; it finds the stream where it was left.
SETTLE_S_MAX = 1.0

Frame = tuple[int, bytes]
Tamper = Callable[[Sent], Sequence[Sent]]


class Source(NamedTuple):
    """A market and its recorded frames; `where` names the one that came last."""

    market: Market
    frames: Iterable[Frame]
    where: Callable[[], str]


class Player:
    """All markets, on one clock. They begin together when one of their streams is subscribed to for the first time.

    A market with subscribers of its depth stands still where its snapshot was recorded, and all others with it, until
    the snapshot was fetched. `changed` wakes whoever waits for something here. `tamper` is for tests: what the
    connections get instead of what is published.
    """

    def __init__(self, sources: Sequence[Source], speed: float, tamper: Tamper | None = None) -> None:
        self.lines: list[Line] = []
        self.markets = {source.market.symbol: source.market for source in sources}
        self.sent = dict.fromkeys(self.markets, 0)
        self.is_ended = False
        self.changed = asyncio.Event()
        self.fetching = dict.fromkeys(self.markets, 0)  # requests for a snapshot that are being answered
        self._sources = sources
        first = sources[0].market.ahead
        self._skew_ns = first.skew_ns
        self._clock = MarketClock(first.first_ns, speed)
        self._tamper = tamper

    @property
    def state(self) -> str:
        """One of waiting, running, held, ended."""
        if self.is_ended:
            return "ended"
        if not self._clock.is_started:
            return "waiting"
        return "held" if any(market.is_held for market in self.markets.values()) else "running"

    def server_ns(self) -> int:
        """The exchange's clock: the time of the recorded events."""
        return self._clock.time_ns(time.monotonic()) + self._skew_ns

    async def play(self) -> None:
        """Everything once. InputError, naming the line, for a frame that is none."""
        await self._until(lambda: any(self._is_subscribed(market) for market in self.markets.values()))
        self._clock.start(time.monotonic())
        self.changed.set()
        for number, (at_ns, source, frame) in enumerate(self._frames()):
            wait_s = self._clock.wait_s(at_ns, time.monotonic())
            if wait_s > 0 or number % YIELD_FRAMES == 0:
                await asyncio.sleep(max(0.0, wait_s))
            self._clock.reached(at_ns)
            try:
                frames = source.market.take(at_ns, frame)
            except FrameError as error:
                raise InputError(f"{source.where()}: {error}") from error
            await self._send(source.market, frames)
            if self.fetching[source.market.symbol]:
                self.changed.set()  # there may be a book now
            if source.market.is_held:
                await self._hold(source.market)
        for market in self.markets.values():
            await self._send(market, market.end())
        self._clock.stop(time.monotonic())
        self.is_ended = True
        self.changed.set()

    async def settle(self) -> None:
        """Wait until all connections have read what was sent: pings, one after the other, for a second at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S_MAX):
                for number in range(SETTLE_PINGS):
                    payload = b"%d" % (time.time_ns() // 1_000_000 + number)
                    await asyncio.gather(*(line.round_trip(payload) for line in list(self.lines)))

    async def wait(self) -> None:
        """Wait for a change of anything here."""
        self.changed.clear()
        await self.changed.wait()

    def _frames(self) -> Iterator[tuple[int, Source, bytes]]:
        """All frames in the order of time; all recordings begin when the first one does."""
        begin_ns = self._sources[0].market.ahead.first_ns
        timed = [_timed(source, begin_ns - source.market.ahead.first_ns) for source in self._sources]
        return heapq.merge(*timed, key=lambda frame: frame[0]) if len(timed) > 1 else timed[0]

    async def _send(self, market: Market, frames: list[Sent]) -> None:
        for each in frames:
            for frame in [each] if self._tamper is None else self._tamper(each):
                for line in list(self.lines):
                    before = line.sent
                    await line.send(frame)
                    self.sent[market.symbol] += line.sent - before

    async def _hold(self, market: Market) -> None:
        """Stand still until the snapshot was fetched, or nobody is there who could request it."""
        self._clock.stop(time.monotonic())
        self.changed.set()
        await self._until(
            lambda: (
                not market.is_held
                or not (self.fetching[market.symbol] or self._is_subscribed(market, market.depth_streams))
            )
        )
        market.release()
        self._clock.start(time.monotonic())

    def _is_subscribed(self, market: Market, streams: Sequence[str] = ()) -> bool:
        """Whether anybody subscribed to the market, or to one of these streams of it."""
        name = f"{market.symbol.lower()}@"
        subscribed = (stream for line in self.lines for stream in line.subscriptions.streams if line.is_open)
        return any(stream in streams if streams else stream.startswith(name) for stream in subscribed)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.wait()


def _timed(source: Source, shift_ns: int) -> Iterator[tuple[int, Source, bytes]]:
    for recv_ns, frame in source.frames:
        yield recv_ns + shift_ns, source, frame
