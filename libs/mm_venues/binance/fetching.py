"""What a live client asks of REST beside its streams: snapshots when needed, the trading rules now and then."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from mm_core.types import InputError
from mm_venues.binance.parse import check_snapshot_body
from mm_venues.binance.rest import Rest, RestError
from mm_venues.binance.rules import parse_exchange_info
from mm_venues.client_counts import ClientCounts
from mm_venues.frame_error import FrameError
from mm_venues.pacing import Backoff
from mm_venues.settings import VenueSettings

_log = logging.getLogger(__name__)

STABLE_S = 60.0
DEFINITION_S_MIN = 10.0  # between two requests of the trading rules, whatever needs them

Hand = Callable[[int, bytes], None]


class Snapshots:
    """Fetches a snapshot while `needs()`; often only if it helps for long."""

    def __init__(
        self,
        symbol: str,
        endpoints: VenueSettings,
        rest: Rest,
        hand: Hand,
        counts: ClientCounts,
        random: Callable[[], float],
        *,
        needs: Callable[[], bool],
    ) -> None:
        self.is_requested = False  # for one that the feed does not need
        self._symbol, self._endpoints, self._rest = symbol, endpoints, rest
        self._hand, self._needs = hand, needs
        self._counts = counts
        self._needed = asyncio.Event()
        self._not_before_s = 0.0
        s_max = max(endpoints.snapshot_s_min, endpoints.backoff_s_max)
        self._backoff = Backoff(endpoints.snapshot_s_min, s_max, random)

    def check(self) -> None:
        """Something has come that may make a snapshot necessary."""
        if self._needs():
            self._needed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._needed.wait()
            now_s = time.monotonic()
            if now_s >= self._not_before_s + STABLE_S:
                self._backoff.reset()
            await asyncio.sleep(self._not_before_s - now_s)
            if self._needs():
                await self._fetch()
            if not self._needs():
                self._needed.clear()

    async def _fetch(self) -> None:
        self._counts.snapshots_requested += 1
        delay_s = max(self._endpoints.snapshot_s_min, self._backoff.next_s())
        self._not_before_s = time.monotonic() + delay_s
        try:
            recv_ns, body = await self._rest.depth(self._symbol, self._endpoints.snapshot_levels)
            _check(body)
            self._hand(recv_ns, body)
            self.is_requested = False
        except FrameError as error:
            self._counts.snapshot_errors += 1
            _log.warning("%s: bad snapshot: %s", self._symbol, error)
        except RestError as error:
            self._counts.snapshot_errors += 1
            _log.warning("%s: no snapshot: %s", self._symbol, error)
            self._not_before_s = max(self._not_before_s, time.monotonic() + error.retry_s)


class Definitions:
    """Requests the symbol's trading rules at the start, every `definition_s`, and as soon as `needs()`."""

    def __init__(
        self,
        symbol: str,
        endpoints: VenueSettings,
        rest: Rest,
        hand: Hand,
        counts: ClientCounts,
        random: Callable[[], float],
        *,
        needs: Callable[[], bool],
    ) -> None:
        self._symbol, self._rest, self._hand, self._needs = symbol, rest, hand, needs
        self._period_s = endpoints.definition_s
        self._counts = counts
        self._needed = asyncio.Event()
        self._backoff = Backoff(min(DEFINITION_S_MIN, self._period_s), self._period_s, random)

    def check(self) -> None:
        """Something has come that may make a request of the rules necessary."""
        if self._needs():
            self._needed.set()

    async def run(self) -> None:
        """Until cancelled. InputError if the venue does not know the symbol at the start."""
        while True:
            requested_s = time.monotonic()
            wait_s = await self._request()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._needed.wait()
            await asyncio.sleep(requested_s + min(DEFINITION_S_MIN, wait_s) - time.monotonic())
            self._needed.clear()

    async def _request(self) -> float:
        """Hand over the rules; how long to wait then."""
        try:
            recv_ns, body = await self._rest.definition(self._symbol)
            parse_exchange_info(body, self._symbol)
            self._hand(recv_ns, body)
        except (RestError, FrameError) as error:
            self._counts.definition_errors += 1
            _log.warning("%s: no trading rules: %s", self._symbol, error)
            return max(self._backoff.next_s(), error.retry_s if isinstance(error, RestError) else 0.0)
        except InputError as error:
            if not self._counts.definitions:
                raise
            self._counts.definition_errors += 1
            _log.error("%s: not listed any more: %s", self._symbol, error)
            return self._period_s
        self._counts.definitions += 1
        self._backoff.reset()
        return self._period_s


def _check(body: bytes) -> None:
    """FrameError, with the length of the body, unless it is a snapshot."""
    try:
        check_snapshot_body(body)
    except FrameError as error:
        raise FrameError(f"a body of {len(body)} bytes: {error}") from error
