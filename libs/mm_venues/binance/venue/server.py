"""The venue's sockets: WebSocket and REST on one or two ports, in front of a player."""

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import msgspec
from aiohttp import web

from mm_core.types import InputError
from mm_venues.binance.venue import requests, rest
from mm_venues.binance.venue.limits import CLOSE_GOING_AWAY, Address, Limits
from mm_venues.binance.venue.line import Line
from mm_venues.binance.venue.player import Player

POLL_S = 0.001
TOO_MANY_REQUESTS, UNAVAILABLE = 429, 503
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class VenueServer:
    """Use it as `async with`; `listen` as often as there are ports, then `play`. `routes` are served besides."""

    def __init__(
        self, player: Player, limits: Limits | None = None, routes: Sequence[web.AbstractRouteDef] = ()
    ) -> None:
        self._player = player
        self._limits = limits or Limits()
        self._addresses: dict[str, Address] = {}
        app = web.Application(middlewares=[self._weighed])
        app.add_routes(
            [
                web.get("/ws", self._stream),
                web.get("/ws/{streams:.*}", self._stream),
                web.get("/stream", self._stream),
                web.get("/stream/ws{streams:.*}", self._stream),
                web.get("/api/v3/ping", self._ping),
                web.get("/api/v3/time", self._time),
                web.get("/api/v3/exchangeInfo", self._info),
                web.get("/api/v3/depth", self._depth),
                web.get("/api/v3/trades", self._trades),
                web.get("/api/v3/ticker/bookTicker", self._tops),
                web.get("/healthz", self._healthz),
                *routes,
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)

    async def __aenter__(self) -> Self:
        """Get ready."""
        await self._runner.setup()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections of all clients."""
        await asyncio.gather(*(line.close(CLOSE_GOING_AWAY, "the venue ends") for line in list(self._player.lines)))
        await self._runner.cleanup()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Serve on a port, 0 for a free one; which it is. InputError if it cannot be had."""
        site = web.TCPSite(self._runner, host, port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise InputError(f"{host}:{port}: {reason}; expected a free port of this machine, or 0") from error
        taken: int = self._runner.addresses[-1][1]
        return taken

    def status(self) -> dict[str, Any]:
        """How far the markets are, and who listens."""
        player = self._player
        return {
            "state": player.state,
            "ended": player.is_ended,
            "server_ms": player.server_ns() // 1_000_000,
            "clients": len(player.lines),
            "symbols": {
                symbol: {
                    "frames_published": market.published,
                    "frames_sent": player.sent[symbol],
                    "update_id": market.update_id,
                    "held": market.is_held,
                }
                for symbol, market in player.markets.items()
            },
        }

    @web.middleware
    async def _weighed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count what a REST request weighs, and turn a refusal into its reply."""
        if not request.path.startswith("/api/"):
            return await handler(request)
        address = self._address(request)
        try:
            wait_s = address.spend(self._weight(request), time.time())
            if wait_s:
                return _too_many(wait_s, self._limits.weight_max)
            response = await handler(request)
        except rest.RestRefusedError as error:
            response = _json(error.body, error.status)
        if not response.prepared:
            response.headers.update(_used(address))
        return response

    def _weight(self, request: web.Request) -> int:
        if request.path.endswith("/depth"):
            return rest.depth_weight(rest.the_limit(request.query, rest.DEPTH_LIMIT, rest.DEPTH_LIMIT_MAX))
        return {"/api/v3/exchangeInfo": 20, "/api/v3/trades": 25, "/api/v3/ticker/bookTicker": 2}.get(request.path, 1)

    def _address(self, request: web.Request) -> Address:
        return self._addresses.setdefault(request.remote or "", Address(self._limits))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        wait_s = self._address(request).connect_wait_s(time.monotonic())
        if wait_s:
            return _too_many(wait_s, self._limits.weight_max)
        try:
            subscriptions = requests.opened(request.path, request.query_string, self._limits.streams_max)
        except requests.RefusedError as error:
            return _json(msgspec.json.encode({"code": error.code, "msg": str(error)}), rest.BAD_REQUEST)
        line, player = Line(request, subscriptions, self._limits), self._player
        await line.open()
        player.lines.append(line)
        player.changed.set()
        try:
            return await line.attend(player.changed)
        finally:
            player.lines.remove(line)
            player.changed.set()

    async def _ping(self, _: web.Request) -> web.Response:
        return _json(b"{}")

    async def _time(self, request: web.Request) -> web.Response:
        is_us = request.headers.get("X-MBX-TIME-UNIT", "").upper() == "MICROSECOND"
        return _json(b'{"serverTime":%d}' % (self._player.server_ns() // (1_000 if is_us else 1_000_000)))

    async def _info(self, request: web.Request) -> web.Response:
        markets = rest.requested_markets(self._player.markets, request.query)
        return _json(rest.exchange_info(markets, self._player.server_ns() // 1_000_000))

    async def _trades(self, request: web.Request) -> web.Response:
        market = rest.the_market(self._player.markets, request.query)
        return _json(rest.trades(market, rest.the_limit(request.query, rest.TRADES_LIMIT, rest.TRADES_LIMIT_MAX)))

    async def _tops(self, request: web.Request) -> web.Response:
        markets = rest.requested_markets(self._player.markets, request.query)
        return _json(rest.tops(markets, is_one="symbol" in request.query))

    async def _healthz(self, _: web.Request) -> web.Response:
        return _json(msgspec.json.encode(self.status()))

    async def _depth(self, request: web.Request) -> web.StreamResponse:
        """The snapshot; one that the market stands still for is sent before the market goes on."""
        player = self._player
        market = rest.the_market(player.markets, request.query)
        limit = rest.the_limit(request.query, rest.DEPTH_LIMIT, rest.DEPTH_LIMIT_MAX)
        player.fetching[market.symbol] += 1
        try:
            while (body := market.snapshot(limit)) is None:
                if player.is_ended or player.state == "waiting":
                    message = "The recording holds no depth snapshot at this place."
                    raise rest.RestRefusedError(-1000, message, UNAVAILABLE)
                await player.wait()
            response = _json(body)
            if market.is_held:
                response.headers.update(_used(self._address(request)))
                await _deliver(request, response)
                await player.settle()
                market.release()
        finally:
            player.fetching[market.symbol] -= 1
            player.changed.set()
        return response


async def _deliver(request: web.Request, response: web.Response) -> None:
    """Send a response until the system has all of it."""
    await response.prepare(request)
    await response.write_eof()
    # No event signals when a transport has nothing left.
    while request.transport is not None and request.transport.get_write_buffer_size():  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


def _used(address: Address) -> dict[str, str]:
    return {"X-MBX-USED-WEIGHT": str(address.weight), "X-MBX-USED-WEIGHT-1M": str(address.weight)}


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _too_many(wait_s: float, weight_max: int) -> web.Response:
    message = f"Too much request weight used; current limit is {weight_max} request weight per 1 MINUTE."
    response = _json(msgspec.json.encode({"code": -1003, "msg": message}), TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(int(wait_s) + 1)
    return response
