"""The venue's side of one WebSocket connection: what it receives, what it is sent, its pings and its end."""

import asyncio
import time

from aiohttp import ClientConnectionResetError, WSMsgType, web

from mm_venues.binance.venue.limits import CLOSE_GOING_AWAY, CLOSE_POLICY, Keepalive, Limits, Talk
from mm_venues.binance.venue.market import Sent
from mm_venues.binance.venue.requests import Subscriptions

# Who takes nothing for so long is cut off: the market does not wait for one client.
SLOW_S_MAX = 10.0
_MESSAGE_BYTES_MAX = 64 << 10


class Line:
    """One connection. `send` and `round_trip` end quietly when it is closed."""

    def __init__(self, request: web.Request, subscriptions: Subscriptions, limits: Limits) -> None:
        self.subscriptions = subscriptions
        self.sent = 0
        self._request = request
        self._limits = limits
        self._keepalive = Keepalive(limits)
        self._talk = Talk(limits)
        self._pong = asyncio.Event()
        self._socket = web.WebSocketResponse(
            autoping=False, heartbeat=None, compress=False, max_msg_size=_MESSAGE_BYTES_MAX, timeout=1.0
        )

    @property
    def is_open(self) -> bool:
        """Whether it still takes frames."""
        return self._socket.prepared and not self._socket.closed

    async def open(self) -> None:
        """Answer the handshake."""
        await self._socket.prepare(self._request)

    async def send(self, frame: Sent) -> None:
        """Send a frame of a stream, if it was subscribed to."""
        if frame.stream not in self.subscriptions.streams or not self.is_open:
            return
        self.sent += 1
        await self._write(frame.combined if self.subscriptions.is_combined else frame.payload)

    async def _write(self, payload: bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        try:
            async with asyncio.timeout(SLOW_S_MAX):
                await self._socket.send_frame(payload, kind)
        except TimeoutError:
            self.abort()
        except (ClientConnectionResetError, ConnectionError):
            pass  # its reader ends too, and reports it

    async def round_trip(self, payload: bytes) -> None:
        """Ping, and wait for the pong."""
        self._keepalive.pinged(payload, time.monotonic())
        await self._write(payload, WSMsgType.PING)
        while self.is_open and not self._keepalive.is_answered(payload):
            self._pong.clear()
            await self._pong.wait()

    async def close(self, code: int, reason: str) -> None:
        """Close as the venue does."""
        await self._socket.close(code=code, message=reason.encode())
        self._pong.set()

    def abort(self) -> None:
        """Cut the connection without a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def attend(self, on_change: asyncio.Event) -> web.WebSocketResponse:
        """Serve the client until it leaves or breaks a limit; `on_change` is set when its streams may have changed."""
        pinging = asyncio.create_task(self._ping())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.PONG and self._keepalive.ponged(bytes(message.data)):
                    self._pong.set()
                    continue
                if self._talk.is_too_much(time.monotonic()):
                    await self.close(CLOSE_POLICY, "Too many requests")
                elif message.type is WSMsgType.PING:
                    await self._write(bytes(message.data), WSMsgType.PONG)
                elif message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    text = message.data if isinstance(message.data, str) else message.data.decode(errors="replace")
                    await self._write(self.subscriptions.answer(text))
                    on_change.set()
        finally:
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)
            self._pong.set()
        return self._socket

    async def _ping(self) -> None:
        """Ping now and then; close when a pong does not come, or the connection is a day old."""
        until_s = time.monotonic() + self._limits.life_s_max
        while True:
            await asyncio.sleep(self._limits.ping_s)
            now_s = time.monotonic()
            if self._keepalive.is_dead(now_s):
                await self.close(CLOSE_POLICY, "Pong timeout")
            elif now_s > until_s:
                await self.close(CLOSE_GOING_AWAY, "24 hours are over")
            else:
                payload = b"%d" % (time.time_ns() // 1_000_000)
                self._keepalive.pinged(payload, now_s)
                await self._write(payload, WSMsgType.PING)
