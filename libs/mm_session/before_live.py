"""What a live session must ask the exchange before it begins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mm_core.types import InputError
from mm_service.settings import Settings
from mm_venues.binance.rest import Rest, RestError
from mm_venues.binance.rules import parse_exchange_info
from mm_venues.defined import Defined
from mm_venues.frame_error import FrameError

T = TypeVar("T")


def defined_live(symbol: str, settings: Settings) -> Defined:
    """The instrument as the exchange defines it now. InputError if the exchange is away or does not know it."""
    try:
        info = _ask(settings, lambda rest: rest.exchange_info(symbol))
        instrument = parse_exchange_info(info, symbol)
    except FrameError as error:
        raise InputError(f"--symbol {symbol}: {error}") from error
    return Defined(instrument=instrument, tick_source="exchangeInfo", lot_source="exchangeInfo")


def measured_offset_ns(settings: Settings) -> int:
    """What has to be added to our clock to give the exchange's, ns, measured now. InputError if it is away."""
    return _ask(settings, lambda rest: rest.clock_offset()).offset_ns


def _ask(settings: Settings, question: Callable[[Rest], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with Rest(settings.venue.rest_url) as rest:
            return await question(rest)

    try:
        return asyncio.run(ask())
    except RestError as error:
        raise InputError(f"[venue] rest_url {settings.venue.rest_url}: {error}; expected the exchange") from error
