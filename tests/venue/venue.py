"""A Binance Spot venue on a free port of 127.0.0.1 that does what a test sets: sockets and REST, well or badly.

A test gives a `session` for each connection in turn, a coroutine that sends what it likes, and a `reply` for each
depth request in turn; the last of each stays for all that follow. Unknown symbols are as at the real venue: accepted
silently by the socket, refused by REST.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self

from aiohttp import WSMsgType, web

Session = Callable[["Line"], Coroutine[Any, Any, None]]
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]

WAIT_S_MAX = 20.0


class Line:
    """The venue's side of one connection. `pongs` are the payloads that came back, `pinged` those of the client."""

    def __init__(self, request: web.Request) -> None:
        self.path_qs = request.path_qs
        self.pongs: list[bytes] = []
        self.pinged: list[bytes] = []
        self.is_deaf = False  # then it answers no ping
        self.ended = asyncio.Event()
        self._request = request
        self._socket = web.WebSocketResponse(autoping=False, heartbeat=None)
        self._received = asyncio.Event()

    async def send(self, *frames: bytes) -> None:
        """Send text frames."""
        for frame in frames:
            await self._socket.send_str(frame.decode())

    async def send_binary(self, frame: bytes) -> None:
        """Send a binary frame."""
        await self._socket.send_bytes(frame)

    async def ping(self, payload: bytes) -> None:
        """Send a ping and wait for the pong that brings its payload back."""
        await self._socket.ping(payload)
        while payload not in self.pongs:
            await self.received()

    async def pings(self, count: int) -> None:
        """So many pings, one after the other: turns in which whatever the client can do is done."""
        for at in range(count):
            await self.ping(b"%d" % (1_790_000_000_000 + at))

    async def received(self) -> None:
        """Wait for the next ping or pong of the client."""
        self._received.clear()
        async with asyncio.timeout(WAIT_S_MAX):
            await self._received.wait()

    async def close(self, code: int, reason: bytes = b"") -> None:
        """Close as the venue does."""
        await self._socket.close(code=code, message=reason)

    def abort(self) -> None:
        """Cut the connection without a close frame."""
        assert self._request.transport is not None
        self._request.transport.abort()

    async def serve(self, session: Session) -> web.WebSocketResponse:
        """Play one session; the connection stays open behind it until the client goes."""
        await self._socket.prepare(self._request)
        playing = asyncio.create_task(session(self))
        async for message in self._socket:
            if message.type is WSMsgType.PING and not self.is_deaf:
                await self._socket.pong(message.data)
                self.pinged.append(bytes(message.data))
            if message.type is WSMsgType.PONG:
                self.pongs.append(bytes(message.data))
            self._received.set()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        self.ended.set()
        return self._socket


class Venue:
    """Use it as `async with`. `lines` are the connections so far, `depth_requests` how many depth requests came."""

    def __init__(self, symbol: str, sessions: list[Session], replies: list[Reply]) -> None:
        self.lines: list[Line] = []
        self.depth_requests = 0
        self.queries: list[dict[str, str]] = []
        self.handshakes_refused: list[web.Response] = []  # each refuses one connection
        self.info_reply: Reply = _ok(b'{"symbols":[{"symbol":"%b"}]}' % symbol.encode())
        self.time_replies: list[Reply] = []
        self.url = ""
        self._symbol = symbol
        self._sessions = sessions
        self._replies = replies
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get("/stream", self._stream)
        app.router.add_get("/api/v3/depth", self._depth)
        app.router.add_get("/api/v3/exchangeInfo", self._info)
        app.router.add_get("/api/v3/time", self._time)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        address: Any = self._runner.addresses[0]
        self.url = f"127.0.0.1:{address[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is open and stop listening."""
        await self._runner.cleanup()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something of the venue."""
        async with asyncio.timeout(WAIT_S_MAX):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self.handshakes_refused:
            return self.handshakes_refused.pop(0)
        line = Line(request)
        session = self._sessions[min(len(self.lines), len(self._sessions) - 1)]
        self.lines.append(line)
        self._changed.set()
        is_known = f"={self._symbol.lower()}@" in request.path_qs
        return await line.serve(session if is_known else silence)

    async def _depth(self, request: web.Request) -> web.StreamResponse:
        reply = self._replies[min(self.depth_requests, len(self._replies) - 1)]
        self.depth_requests += 1
        self.queries.append(dict(request.query))
        self._changed.set()
        return await self._known(request, reply)

    async def _info(self, request: web.Request) -> web.StreamResponse:
        return await self._known(request, self.info_reply)

    async def _known(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        if request.query["symbol"] != self._symbol:
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        return await reply(request)

    async def _time(self, request: web.Request) -> web.StreamResponse:
        return await self.time_replies.pop(0)(request)


async def silence(_: Line) -> None:
    """A session that sends nothing."""


def _ok(body: bytes) -> Reply:
    return answer(200, body)


def snapshot(body: bytes) -> Reply:
    """A reply with that snapshot."""
    return _ok(body)


def answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
    """A reply of any kind."""

    async def reply(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    return reply


def never() -> Reply:
    """A reply that does not come."""

    async def reply(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return reply
