"""A Binance Spot venue on a free port that makes a small market in real time, and has a fault when a test sets it."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from tests.livefaults.market import Market, Payload, Touch
from tests.venue.venue import Line, Venue

SYMBOL = "TESTUSDT"
DEPTH, TRADE, TOP = "depth@100ms", "trade", "bookTicker"
STEP_S = 0.05  # takers and makers take turns
Tamper = Callable[[Payload], Payload]


class Connection:
    """The venue's side of a connection: frames wait here, so that a client that does not read stops nobody."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()
        self.is_depth_stalled = False


class MarketVenue(Venue):
    """Use it as `async with`. `truth` is the touch at each update id that a diff ended with.

    `tamper` is what becomes of the next diff; `status` and `tick_size` are those of exchangeInfo. Nothing happens while
    it `is_silent`.
    """

    def __init__(self) -> None:
        super().__init__(SYMBOL, [self._play], [self._book])
        self.market = Market(SYMBOL)
        self.truth: dict[int, Touch] = {}
        self.tamper: Tamper | None = None
        self.is_silent = False
        self.status = "TRADING"
        self.tick_size = "0.01000000"
        self.info_reply = self._rules
        self.connections: list[Connection] = []
        self._is_taker_next = True

    def stall_depth(self) -> None:
        """The depth stream of today's connections sends nothing more."""
        for connection in self.connections:
            connection.is_depth_stalled = True

    def step(self) -> None:
        """Takers or makers do something, and everyone connected is sent it."""
        if self._is_taker_next:
            for payload in self.market.take():
                self._send(TRADE, payload | _times())
        else:
            self.market.make()
        self._send(TOP, self.market.top())
        if not self._is_taker_next:
            self._send_diff()
        self._is_taker_next = not self._is_taker_next

    def _send_diff(self) -> None:
        payload = self.market.diff()
        self.truth[payload["u"]] = self.market.touch()
        if self.tamper is not None:
            payload, self.tamper = self.tamper(payload), None
        self._send(DEPTH, payload | _times())

    def _send(self, channel: str, payload: Payload) -> None:
        frame = json.dumps({"stream": f"{SYMBOL.lower()}@{channel}", "data": payload}).encode()
        for connection in self.connections:
            if not (channel == DEPTH and connection.is_depth_stalled):
                connection.frames.put_nowait(frame)

    async def _play(self, line: Line) -> None:
        connection = Connection()
        self.connections.append(connection)
        try:
            while True:
                await line.send(await connection.frames.get())
        except ConnectionError:
            return  # the client went
        finally:
            self.connections.remove(connection)

    async def _book(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.market.snapshot())

    async def _rules(self, _: web.Request) -> web.StreamResponse:
        filters = [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "100000", "tickSize": self.tick_size},
            {"filterType": "LOT_SIZE", "minQty": "0.0001", "maxQty": "9000", "stepSize": "0.0001"},
            {"filterType": "NOTIONAL", "minNotional": "5", "applyMinToMarket": True},
        ]
        symbol = {"symbol": SYMBOL, "status": self.status, "baseAsset": "TEST", "quoteAsset": "USDT"}
        return web.json_response({"timezone": "UTC", "symbols": [symbol | {"filters": filters}]})

    async def _time(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"serverTime": time.time_ns() // 1_000})  # in microseconds, as requested


def _times() -> dict[str, Any]:
    now_ms = time.time_ns() // 1_000_000
    return {"E": now_ms, "T": now_ms}


@asynccontextmanager
async def trading() -> AsyncIterator[MarketVenue]:
    """A venue whose market runs while the block runs."""
    async with MarketVenue() as venue:
        market = asyncio.create_task(_go_on(venue))
        try:
            yield venue
        finally:
            market.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await market


async def _go_on(venue: MarketVenue) -> None:
    while True:
        if not venue.is_silent:
            venue.step()
        await asyncio.sleep(STEP_S)
