"""The live Binance Spot market data of one symbol: a socket and REST snapshots, handed over as one series of frames.

Everything goes through the port, in order: `port(recv_ns, frame)`. Frames are those of the combined stream, snapshots
as REST gave them, and our own control frames (`mm_venues.control`) where the series is no longer known to be complete.
So a recording of what the port took leads to the same events as the live run.

The port raises FrameError for a frame that it cannot take. It then keeps nothing of it; the client hands it over again,
quoted in a control frame, and the book is synchronised anew.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from mm_core.types import InputError
from mm_venues import control
from mm_venues.binance import wire
from mm_venues.binance.rest import BANNED, TOO_MANY_REQUESTS, Rest, RestError, retry_after_s
from mm_venues.frame_error import FrameError
from mm_venues.pacing import Backoff, Budget

_log = logging.getLogger(__name__)

CHANNELS = ("depth@100ms", "trade", "bookTicker")
BACKOFF_S_BASE = 0.5
STABLE_S = 60.0
# 40 % of what the venue allows an address.
CONNECTS_MAX, CONNECTS_WINDOW_S = 120, 300.0
_OPEN_S_MAX = 10.0
_CLOSE_S_MAX = 1.0
_FRAME_BYTES_MAX = 4 << 20
_FRAMES_WAITING_MAX = 256  # then the socket is not read any more
_KEEPALIVE_LOST = 1011  # what our side closes with when no pong comes
_SHUTDOWN_BYTES_MAX = 200

_envelope = msgspec.json.Decoder(wire.Envelope)


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where the venue is, and how patient the client is with it."""

    ws_url: str = "wss://stream.binance.com:9443"
    rest_url: str = "https://api.binance.com"
    snapshot_levels: int = 5000
    snapshot_s_min: float = 1.0  # between two snapshots, doubled up to backoff_s_max while they are of no use
    silence_s_max: float = 30.0  # neither a frame nor an answer to our pings: the connection is dead
    backoff_s_max: float = 60.0


class ClientCounts(msgspec.Struct):
    """What the client did. `disconnects` by reason: closed, lost, silent, shutdown, stopped; `bytes` are of frames."""

    connects: int = 0
    connect_errors: int = 0
    frames: int = 0
    bytes: int = 0
    bad_frames: int = 0
    snapshots_requested: int = 0
    snapshot_errors: int = 0
    disconnects: dict[str, int] = {}


class BinanceClient:
    """One symbol. `wants_snapshot` is the feed's; a snapshot is fetched while it is true and a diff is there."""

    def __init__(
        self,
        symbol: str,
        endpoints: Endpoints,
        rest: Rest,
        port: Callable[[int, bytes], object],
        wants_snapshot: Callable[[], bool],
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.counts = ClientCounts()
        self._symbol = symbol
        self._endpoints = endpoints
        self._rest = rest
        self._port = port
        self._wants_snapshot = wants_snapshot
        self._clock_ns = clock_ns
        self._streams = [f"{symbol.lower()}@{channel}" for channel in CHANNELS]
        self._url = f"{endpoints.ws_url.rstrip('/')}/stream?streams={'/'.join(self._streams)}"
        self._unheard: list[str] = []
        self._is_known = False  # that the venue has the symbol
        self._snapshot_needed = asyncio.Event()
        self._snapshot_not_before_s = 0.0
        snapshot_s_max = max(endpoints.snapshot_s_min, endpoints.backoff_s_max)
        self._snapshot_backoff = Backoff(endpoints.snapshot_s_min, snapshot_s_max, random)
        self._backoff = Backoff(BACKOFF_S_BASE, endpoints.backoff_s_max, random)
        self._budget = Budget(CONNECTS_MAX, CONNECTS_WINDOW_S)

    async def run(self) -> None:
        """Connect, and again whenever the connection is gone, until cancelled. InputError for an unknown symbol."""
        while True:
            await asyncio.sleep(self._budget.wait_s(time.monotonic()))
            begin_s = time.monotonic()
            self._budget.spend(begin_s)
            wanted_s = await self._attempt()
            await asyncio.sleep(self._delay_s(time.monotonic() - begin_s, wanted_s))

    def _delay_s(self, lived_s: float, wanted_s: float | None) -> float:
        """How long to wait after a connection that lived so long and wants that; None wants what the back-off says."""
        if lived_s >= STABLE_S:
            self._backoff.reset()
            return self._backoff.next_s() if wanted_s is None else wanted_s
        # At once is right only after a connection that lasted.
        return wanted_s or self._backoff.next_s()

    async def _attempt(self) -> float | None:
        """One connection to its end. How long it wants to wait before the next one, None for the back-off."""
        try:
            socket = await self._connect()
        except InvalidURI as error:
            raise InputError(
                f"ws_url {self._endpoints.ws_url!r}: expected an address such as wss://stream.binance.com:9443"
            ) from error
        except (OSError, WebSocketException) as error:
            self.counts.connect_errors += 1
            _log.warning("%s: not connected: %s", self._symbol, str(error) or type(error).__name__)
            if isinstance(error, InvalidStatus) and error.response.status_code in {TOO_MANY_REQUESTS, BANNED}:
                return retry_after_s(error.response.headers.get("Retry-After"))
            return None
        async with socket:
            self.counts.connects += 1
            _log.info("%s: connected", self._symbol)
            return await self._attend(socket)

    def _connect(self) -> connect:
        return connect(
            self._url,
            compression=None,
            open_timeout=_OPEN_S_MAX,
            close_timeout=_CLOSE_S_MAX,
            ping_interval=self._endpoints.silence_s_max / 2,
            ping_timeout=self._endpoints.silence_s_max / 2,
            max_size=_FRAME_BYTES_MAX,
            max_queue=_FRAMES_WAITING_MAX,
        )

    async def _attend(self, socket: ClientConnection) -> float | None:
        """Take frames, and fetch the snapshots they need, until the connection ends; say that it did."""
        self._unheard = list(self._streams)
        self._snapshot_needed.clear()
        frames_before = self.counts.frames
        try:
            kind, reason = await self._read_with_helpers(socket)
        except asyncio.CancelledError:
            self._say_disconnected("stopped", "stopped", frames_before)
            raise
        self._say_disconnected(kind, reason, frames_before)
        return 0.0 if kind == "shutdown" else None

    def _say_disconnected(self, kind: str, reason: str, frames_before: int) -> None:
        self.counts.disconnects[kind] = self.counts.disconnects.get(kind, 0) + 1
        _log.warning("%s: disconnected: %s", self._symbol, reason)
        if self.counts.frames > frames_before:
            self._port(self._clock_ns(), control.disconnected(reason))

    async def _read_with_helpers(self, socket: ClientConnection) -> tuple[str, str]:
        """As `_read`, while snapshots are fetched and every stream is expected to say something."""
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [group.create_task(self._keep_snapshots()), group.create_task(self._expect_streams())]
                end = await self._read(socket)
                for helper in helpers:
                    helper.cancel()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the error that ended the others
        return end

    async def _read(self, socket: ClientConnection) -> tuple[str, str]:
        """Take frames until there are no more; why, in a word and in full."""
        try:
            while True:
                frame = await socket.recv(decode=False)
                self._take(frame)
                if len(frame) < _SHUTDOWN_BYTES_MAX and b'"serverShutdown"' in frame:
                    return "shutdown", "the venue shuts this server down"
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd_then_sent is not False:
                return "closed", f"closed by the venue: {error.rcvd.code} {error.rcvd.reason}".rstrip()
            if error.sent is not None and error.sent.code == _KEEPALIVE_LOST:
                return "silent", f"silent for {self._endpoints.silence_s_max:g} s"
            return "lost", f"connection lost: {error}"

    def _take(self, frame: bytes) -> None:
        recv_ns = self._clock_ns()
        self.counts.frames += 1
        self.counts.bytes += len(frame)
        if self._unheard:
            self._hear(frame)
        try:
            self._port(recv_ns, frame)
        except FrameError as error:
            self.counts.bad_frames += 1
            _log.warning("%s: bad frame: %s", self._symbol, error)
            self._port(recv_ns, control.disconnected(f"bad frame: {error}", frame))
            # What a snapshot now proves nothing without is the next diff.
            self._unheard = [*dict.fromkeys([self._streams[0], *self._unheard])]
        if self._needs_snapshot():
            self._snapshot_needed.set()

    def _hear(self, frame: bytes) -> None:
        """Take the stream of a frame off the list of those that have not said anything."""
        with contextlib.suppress(msgspec.DecodeError):  # the port says it
            stream = _envelope.decode(frame).stream
            if stream in self._unheard:
                self._unheard.remove(stream)
                self._is_known = True

    def _needs_snapshot(self) -> bool:
        return self._wants_snapshot() and self._streams[0] not in self._unheard

    async def _keep_snapshots(self) -> None:
        """Fetch a snapshot whenever one is needed; often only if it helps for long."""
        while True:
            await self._snapshot_needed.wait()
            now_s = time.monotonic()
            if now_s >= self._snapshot_not_before_s + STABLE_S:
                self._snapshot_backoff.reset()
            await asyncio.sleep(self._snapshot_not_before_s - now_s)
            if self._needs_snapshot():
                await self._fetch_snapshot()
            if not self._needs_snapshot():
                self._snapshot_needed.clear()

    async def _fetch_snapshot(self) -> None:
        self.counts.snapshots_requested += 1
        delay_s = max(self._endpoints.snapshot_s_min, self._snapshot_backoff.next_s())
        self._snapshot_not_before_s = time.monotonic() + delay_s
        try:
            recv_ns, body = await self._rest.depth(self._symbol, self._endpoints.snapshot_levels)
            self._port(recv_ns, body)
        except FrameError as error:
            self.counts.snapshot_errors += 1
            _log.warning("%s: bad snapshot: %s", self._symbol, error)
        except RestError as error:
            self.counts.snapshot_errors += 1
            _log.warning("%s: no snapshot: %s", self._symbol, error)
            self._snapshot_not_before_s = max(self._snapshot_not_before_s, time.monotonic() + error.retry_s)

    async def _expect_streams(self) -> None:
        """The venue takes any stream's name and is then silent: ask whether it has the symbol. InputError if not."""
        silence_s = self._endpoints.silence_s_max
        await asyncio.sleep(silence_s)
        while self._unheard:
            _log.warning("%s: nothing in %g s on %s", self._symbol, silence_s, ", ".join(self._unheard))
            if self._is_known:
                return  # then a quiet market says nothing, and pings show that the connection lives
            try:
                await self._rest.exchange_info(self._symbol)
                self._is_known = True
            except RestError as error:
                _log.warning("%s: not known whether Binance has the symbol: %s", self._symbol, error)
                await asyncio.sleep(max(silence_s, error.retry_s))
