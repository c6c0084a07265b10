"""The live Binance Spot market data of one symbol: a socket and REST bodies, handed over as one series of frames.

Everything goes through the port, in order: `port(recv_ns, frame)`. Frames are those of the combined stream, snapshots
and exchangeInfo as REST gave them, and our own control frames (`mm_venues.control`) where the series is no longer known
to be complete. So a recording of what the port took leads to the same events as the live run.

The port raises FrameError for a frame that it cannot take. It then has taken nothing; the client hands it over again,
quoted in a control frame, and the book is synchronised anew.

A connection that the venue will end (after 24 h, or as it announces) is replaced while it still runs: both hand over
their frames until the new one has sent of every stream, and the port drops what comes twice.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress

from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException

from mm_core.types import InputError
from mm_venues import control
from mm_venues.binance.fetching import STABLE_S, Definitions, Snapshots
from mm_venues.binance.link import Ended, Link, connecting
from mm_venues.binance.rest import Rest, pause_after_s
from mm_venues.client_counts import ClientCounts
from mm_venues.frame_error import FrameError
from mm_venues.pacing import Backoff, Budget
from mm_venues.settings import VenueSettings
from mm_venues.steady_clock import FreezeWatch, SteadyClock

_log = logging.getLogger(__name__)

CHANNELS = ("depth@100ms", "trade", "bookTicker")
BACKOFF_S_BASE = 0.5
# 40 % of what the venue allows an address.
CONNECTS_MAX, CONNECTS_WINDOW_S = 120, 300.0
POLICY_S = 60.0  # after a close for what we did wrong
OVERLAP_S_MAX = 10.0  # for a stream of which nothing comes
WATCH_S = 0.25


def _never() -> bool:
    return False


def _no_reason() -> str:
    return ""


class BinanceClient:
    """One symbol. `needs_snapshot`, `needs_definition` and `reconnect_reason` (empty without) are the feed's.

    A snapshot is fetched while one is needed and a diff is there.
    """

    def __init__(
        self,
        symbol: str,
        endpoints: VenueSettings,
        rest: Rest,
        port: Callable[[int, bytes], object],
        needs_snapshot: Callable[[], bool],
        *,
        needs_definition: Callable[[], bool] = _never,
        reconnect_reason: Callable[[], str] = _no_reason,
        clock_ns: Callable[[], int] | None = None,
        freeze: FreezeWatch | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.counts = ClientCounts()
        self._symbol, self._endpoints, self._rest = symbol, endpoints, rest
        self._port = port
        self._feed_needs_snapshot, self._reconnect_reason = needs_snapshot, reconnect_reason
        self._clock_ns = clock_ns or SteadyClock().now_ns
        self._freeze = freeze or FreezeWatch()
        self._random = random
        self._streams = [f"{symbol.lower()}@{channel}" for channel in CHANNELS]
        self._url = f"{endpoints.ws_url.rstrip('/')}/stream?streams={'/'.join(self._streams)}"
        self._links: list[Link] = []  # the one in use, and during a change its successor
        self._not_before_s = 0.0
        self._backoff = Backoff(BACKOFF_S_BASE, endpoints.backoff_s_max, random)
        self._budget = Budget(CONNECTS_MAX, CONNECTS_WINDOW_S)
        common = symbol, endpoints, rest, self._hand_over, self.counts, random
        self._snapshots = Snapshots(*common, needs=self._needs_snapshot)
        self._definitions = Definitions(*common, needs=needs_definition)

    def request_snapshot(self) -> None:
        """Fetch a snapshot though the feed needs none: a recording of the frames needs one at this place."""
        self._snapshots.is_requested = True
        self._snapshots.check()

    async def run(self) -> None:
        """Connect, and again whenever the connection is lost, until cancelled. InputError for an unknown symbol."""
        works = (self._stay_connected, self._snapshots.run, self._definitions.run, self._watch)
        self._freeze.mark()
        try:
            async with asyncio.TaskGroup() as group:
                for work in works:
                    group.create_task(work())
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the error that ended the others
        except asyncio.CancelledError:
            if self._links:
                self._report_disconnected(Ended("stopped", "stopped"), self._links[0])
            raise
        finally:
            await asyncio.gather(*(link.close() for link in self._links), return_exceptions=True)

    async def _stay_connected(self) -> None:
        link: Link | None = None
        while True:
            link = await self._until_replaced(link or await self._open())

    async def _until_replaced(self, link: Link) -> Link | None:
        """Use a connection until its successor has taken over, or it ends: the successor, if there is one."""
        replacing = asyncio.create_task(self._replacement(link))
        try:
            await asyncio.wait([link.reading, replacing], return_when=asyncio.FIRST_COMPLETED)
            if link.reading.done():
                self._on_end(link, link.reading.result())
            elif not replacing.exception():
                self.counts.rotations += 1
                _log.info("%s: the connection is replaced", self._symbol)
                await link.close()
        finally:
            replacing.cancel()
            await asyncio.wait([replacing])
        if not replacing.cancelled():
            replacing.result()
        self._links.remove(link)
        for successor in [each for each in self._links if each.reading.done()]:
            self._links.remove(successor)
            successor.reading.result()
        return self._links[0] if self._links else None

    def _on_end(self, link: Link, ended: Ended) -> None:
        if link.leaving.is_set():
            ended = Ended("shutdown", ended.reason)
        self._report_disconnected(ended, link)
        required_s = {"shutdown": 0.0, "policy": POLICY_S}.get(ended.kind)
        now_s = time.monotonic()
        self._not_before_s = now_s + self._delay_s(now_s - link.began_s, required_s)

    async def _replacement(self, link: Link) -> None:
        """When the connection is to be replaced, open another, until that has sent of every stream that this one has.

        A successor that ends before is given up for another.
        """
        life_s = self._endpoints.rotate_s * (1.0 - self._random() / 24)
        await _either(link.leaving, life_s)
        while True:
            successor = await self._open()
            ends_s = time.monotonic() + OVERLAP_S_MAX
            while not successor.is_ended:
                successor.progress.clear()
                left_s = ends_s - time.monotonic()
                if left_s <= 0 or not any(stream in successor.silent for stream in link.active):
                    return
                await _first(successor.progress, successor.reading, left_s)
            self._links.remove(successor)
            await asyncio.wait([successor.reading])
            successor.reading.result()

    def _delay_s(self, lived_s: float, required_s: float | None) -> float:
        """How long to wait after a connection that lived so long and requires that; None: the back-off decides."""
        if lived_s >= STABLE_S:
            self._backoff.reset()
            return self._backoff.next_s() if required_s is None else required_s
        # At once is right only after a connection that lasted.
        return required_s or self._backoff.next_s()

    async def _open(self) -> Link:
        """A new connection, however many tries it takes."""
        while True:
            now_s = time.monotonic()
            waits_s = (self._not_before_s - now_s, self._budget.wait_s(now_s), self._rest.pause_s)
            await asyncio.sleep(max(waits_s))
            self._budget.spend(time.monotonic())
            link = await self._try_open()
            if link is not None:
                self._links.append(link)
                return link
            self._not_before_s = time.monotonic() + self._delay_s(0.0, None)

    async def _try_open(self) -> Link | None:
        try:
            socket = await connecting(self._url, self._endpoints.silence_s_max)
        except InvalidURI as error:
            raise InputError(
                f"ws_url {self._endpoints.ws_url!r}: expected an address such as wss://stream.binance.com:9443"
            ) from error
        except (OSError, WebSocketException) as error:
            self.counts.connect_errors += 1
            _log.warning("%s: not connected: %s", self._symbol, str(error) or type(error).__name__)
            if isinstance(error, InvalidStatus):
                response = error.response
                pause_s = pause_after_s(response.status_code, response.headers.get("Retry-After"))
                if pause_s:
                    self._rest.pause(pause_s, f"{self._symbol}: the handshake: HTTP {response.status_code}")
            return None
        self.counts.connects += 1
        _log.info("%s: connected", self._symbol)
        link = Link(socket, self._endpoints, self._streams, self._take)
        asyncio.get_running_loop().call_later(self._endpoints.silence_s_max, self._warn_silent, link)
        return link

    def _warn_silent(self, link: Link) -> None:
        """The venue takes any stream's name and is then silent, so it is logged."""
        if link.silent and not link.is_ended:
            silence_s, silent = self._endpoints.silence_s_max, ", ".join(link.silent)
            _log.warning("%s: nothing in %g s on %s", self._symbol, silence_s, silent)

    def _report_disconnected(self, ended: Ended, link: Link) -> None:
        self.counts.disconnects[ended.kind] = self.counts.disconnects.get(ended.kind, 0) + 1
        level = logging.ERROR if ended.kind == "policy" else logging.WARNING
        _log.log(level, "%s: disconnected: %s", self._symbol, ended.reason)
        if link.frames:
            self._port(self._clock_ns(), control.disconnected(ended.reason))

    async def _watch(self) -> None:
        """Notice that this process stood still, or that the feed gives the connection up."""
        while True:
            await asyncio.sleep(WATCH_S)
            self._check_freeze()
            self._check_stalled()

    def _check_freeze(self) -> None:
        """What waits in a socket since before a freeze is stale: none of it is taken."""
        if stood_s := self._freeze.mark():
            for link in self._links:
                link.end("frozen", f"this process stood still for {stood_s:.1f} s")

    def _check_stalled(self) -> None:
        if reason := self._reconnect_reason():
            for link in self._links:
                link.end("stalled", reason)

    def _take(self, frame: bytes) -> None:
        self._check_freeze()
        if all(link.is_ended for link in self._links):
            return
        recv_ns = self._clock_ns()
        self.counts.frames += 1
        self.counts.bytes += len(frame)
        try:
            self._port(recv_ns, frame)
        except FrameError as error:
            self.counts.bad_frames += 1
            _log.warning("%s: bad frame: %s", self._symbol, error)
            self._port(recv_ns, control.disconnected(f"bad frame: {error}", frame))
            for link in self._links:  # what a snapshot now proves nothing without is the next diff
                link.expect(self._streams[0])
        self._check_stalled()
        self._snapshots.check()
        self._definitions.check()

    def _hand_over(self, recv_ns: int, body: bytes) -> None:
        """A body of REST, which has been checked."""
        self._check_freeze()
        self._port(recv_ns, body)

    def _needs_snapshot(self) -> bool:
        has_diff = any(self._streams[0] not in link.silent for link in self._links)
        return has_diff and (self._snapshots.is_requested or self._feed_needs_snapshot())


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _first(event: asyncio.Event, task: "asyncio.Task[Ended]", seconds: float) -> None:
    """Wait for the event or the task, at most so long."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait([waiting, task], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
