"""Binance Spot market data over REST: depth snapshot, exchangeInfo of a symbol, and the venue's clock."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Self
from urllib.parse import urlencode

import aiohttp
import msgspec

from mm_core.types import InputError
from mm_venues.binance import wire
from mm_venues.binance.parse import to_ns
from mm_venues.pacing import WeightBudget
from mm_venues.port import ClockOffset, VenueAwayError
from mm_venues.steady_clock import SteadyClock

_log = logging.getLogger(__name__)

TOO_MANY_REQUESTS = 429
BANNED = 418
FORBIDDEN = 403  # the venue's web firewall
UNAVAILABLE = 503
RETRY_AFTER_S = 60.0  # without a usable Retry-After
RETRY_AFTER_S_MAX = 86_400.0
# A fifth of what the venue allows an address in a minute: others use the address too.
WEIGHT_MAX, WEIGHT_WINDOW_S = 1_200, 60.0
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))
_INFO_WEIGHT = 20
_OK = 200
_BAD_REQUEST = 400
_BODY_BYTES_MAX = 8 << 20  # a snapshot of 2 x 5,000 levels has 0.4 MB
# Illegal characters, and "Invalid symbol."
_SYMBOL_CODES = (-1100, -1121)
_MICROSECONDS = {"X-MBX-TIME-UNIT": "MICROSECOND"}

_time = msgspec.json.Decoder(wire.ServerTime)
_refusal = msgspec.json.Decoder(wire.Refusal)


class RestError(VenueAwayError):
    """A request that failed at the venue or on the way."""


def retry_after_s(text: str | None) -> float:
    """Seconds of a Retry-After header: 60 where it is missing or no number above 0, at most a day."""
    try:
        seconds = float(text or "nan")
    except ValueError:
        seconds = math.nan
    return min(seconds, RETRY_AFTER_S_MAX) if seconds > 0 else RETRY_AFTER_S


def pause_after_s(status: int, retry_after: str | None) -> float:
    """How long an answer forbids further requests to the venue; 0: not at all. 503 does only with a Retry-After."""
    if status in {TOO_MANY_REQUESTS, BANNED, FORBIDDEN} or (status == UNAVAILABLE and retry_after):
        return retry_after_s(retry_after)
    return 0.0


def depth_weight(levels: int) -> int:
    """The request weight of a snapshot of so many levels a side."""
    return next((weight for most, weight in _DEPTH_WEIGHTS if levels <= most), _DEPTH_WEIGHTS[-1][1])


class Rest:
    """The REST side of the venue at `url`; use it as `async with`. One for all clients of a process.

    Calls wait for their turn in a budget of request weight. After 429, 418 or 403 nothing is sent until Retry-After is
    over: every call is a RestError at once, and who connects to the venue should ask `pause_s` too. InputError for a
    symbol that the venue does not know, RestError for whatever else fails.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 10.0,
        clock_ns: Callable[[], int] | None = None,
        weight_max: int = WEIGHT_MAX,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._clock_ns = clock_ns or SteadyClock().now_ns
        self._resume_s = 0.0
        self._budget = WeightBudget(weight_max, WEIGHT_WINDOW_S)
        self._turn = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        # Without cookies: the venue sets none, a proxy on the way should not.
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        assert self._session is not None
        await self._session.close()

    @property
    def pause_s(self) -> float:
        """How long the venue is still to be left alone."""
        return max(0.0, self._resume_s - time.monotonic())

    def pause(self, seconds: float, reason: str) -> None:
        """Leave the venue alone for so long; a pause that is longer already stays."""
        resume_s = time.monotonic() + seconds
        if resume_s > self._resume_s:
            self._resume_s = resume_s
            _log.error("%s; no requests for %.0f s", reason, seconds)

    async def depth(self, symbol: str, levels: int) -> tuple[int, bytes]:
        """A snapshot of at most `levels` a side: when its body was complete, and the body as it came."""
        return await self._get("depth", {"symbol": symbol, "limit": str(levels)}, depth_weight(levels))

    async def exchange_info(self, symbol: str) -> bytes:
        """The trading rules of one symbol, for `rules.parse_exchange_info`."""
        return (await self.definition(symbol))[1]

    async def definition(self, symbol: str) -> tuple[int, bytes]:
        """As `exchange_info`, and when its body was complete."""
        return await self._get("exchangeInfo", {"symbol": symbol}, _INFO_WEIGHT)

    async def clock_offset(self, samples: int = 5) -> ClockOffset:
        """How far the venue's clock is ahead of ours, from the sample with the shortest round trip."""
        measured = [await self._clock_sample() for _ in range(samples)]
        # A clock of ours that steps back meanwhile makes a round trip that cannot be.
        usable = [sample for sample in measured if sample.rtt_ns >= 0]
        if not usable:
            raise RestError("the clock stepped while its offset was measured; expected a clock that runs evenly")
        return min(usable, key=lambda sample: sample.rtt_ns)

    async def _clock_sample(self) -> ClockOffset:
        sent_ns = self._clock_ns()
        recv_ns, body = await self._get("time", {})
        try:
            server_ns = to_ns(_time.decode(body).server_time)
        except (msgspec.DecodeError, ValueError) as error:
            raise RestError(f"time: {error}") from error
        rtt_ns = recv_ns - sent_ns
        return ClockOffset(offset_ns=server_ns - (sent_ns + rtt_ns // 2), rtt_ns=rtt_ns)

    def _check_pause(self, name: str) -> None:
        if (left_s := self.pause_s) > 0:
            raise RestError(f"{name}: the venue demands a pause, {left_s:.0f} s are left", left_s)

    async def _spend(self, weight: int) -> None:
        """Wait for the budget, one after the other."""
        async with self._turn:
            await asyncio.sleep(self._budget.wait_s(weight, time.monotonic()))
            self._budget.spend(weight, time.monotonic())

    async def _get(self, name: str, query: dict[str, str], weight: int = 1) -> tuple[int, bytes]:
        assert self._session is not None, "used outside of its `async with`"
        self._check_pause(name)
        await self._spend(weight)
        self._check_pause(name)  # another call may have brought one meanwhile
        url = f"{self._url}/api/v3/{name}" + (f"?{urlencode(query)}" if query else "")
        # Only the clock is requested in microseconds: a snapshot has no time, and the rest is not measured.
        headers = _MICROSECONDS if name == "time" else None
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                body = await _read(response)
                recv_ns = self._clock_ns()
        except aiohttp.InvalidURL as error:
            raise InputError(f"rest_url {self._url!r}: expected an address such as https://api.binance.com") from error
        except (aiohttp.ClientError, OSError) as error:  # a timeout is an OSError
            raise RestError(f"{name}: {str(error) or type(error).__name__}") from error
        if response.status != _OK:
            raise self._refused(name, query.get("symbol", ""), response, body)
        return recv_ns, body

    def _refused(self, name: str, symbol: str, response: aiohttp.ClientResponse, body: bytes) -> RestError | InputError:
        """What to raise for an answer that is no 200."""
        try:
            refusal = _refusal.decode(body)
        except msgspec.DecodeError:
            refusal = wire.Refusal()  # a proxy's page, or nothing
        if response.status == _BAD_REQUEST and refusal.code in _SYMBOL_CODES:
            return InputError(f"{symbol}: Binance knows no such symbol; expected one of Binance Spot, such as BTCUSDT")
        message = f"{name}: HTTP {response.status} {refusal.message}".rstrip()
        retry_s = pause_after_s(response.status, response.headers.get("Retry-After"))
        if retry_s:
            self.pause(retry_s, message)
        return RestError(message, retry_s)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The complete body. aiohttp.ClientPayloadError if it is larger than anything that we request."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _BODY_BYTES_MAX:
            raise aiohttp.ClientPayloadError(f"more than {_BODY_BYTES_MAX >> 20} MiB")
    return bytes(body)
