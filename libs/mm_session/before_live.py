"""What a live session must request from the venue before it begins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mm_core.types import InputError
from mm_venues.defined import Defined
from mm_venues.port import Connection, Venue, VenueAwayError
from mm_venues.settings import VenueSettings

T = TypeVar("T")


def defined_live(venue: Venue, symbol: str, settings: VenueSettings) -> Defined:
    """The instrument as the venue defines it now. InputError if the venue is away or does not know it."""
    return _request(venue, settings, lambda connection: connection.define(symbol))


def measured_offset_ns(venue: Venue, settings: VenueSettings) -> int:
    """What has to be added to our clock to give the venue's, ns, measured now. InputError if it is away."""
    return _request(venue, settings, lambda connection: connection.clock_offset()).offset_ns


def _request(venue: Venue, settings: VenueSettings, request: Callable[[Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        async with venue.connect(settings) as connection:
            return await request(connection)

    try:
        return asyncio.run(run())
    except VenueAwayError as error:
        raise InputError(f"[venue] rest_url {settings.rest_url}: {error}; expected the exchange") from error
