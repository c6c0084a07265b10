"""The venues that there are, by the name that stands before the dot of an `instrument_id`."""

from mm_venues.binance.port import BINANCE
from mm_venues.port import Venue

VENUES: dict[str, Venue] = {venue.name: venue for venue in (BINANCE,)}
DEFAULT = BINANCE.name


def venue_of(instrument_id: str) -> Venue:
    """The venue of an instrument."""
    return VENUES[instrument_id.partition(".")[0]]
