"""A recorded market that is taken up in its middle: the snapshot that a venue would have given there. Pure."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from mm_core.events import BookDelta, BookSnapshot, FeedStatus, InstrumentDefined, RootEvent
from mm_core.types import INT64_MAX, BookState
from mm_venues.complete import LIMITS


class Rejoin:
    """Follows a feed's events up to the place; `snapshot` is then a REST snapshot of the book there."""

    def __init__(self, instrument: InstrumentDefined) -> None:
        self._tick, self._lot = Decimal(instrument.tick_size), Decimal(instrument.lot_size)
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._update_id = 0
        self._window = (0, INT64_MAX)
        self._is_proven = False

    def take(self, events: Iterable[RootEvent]) -> None:
        """What the feed makes of the next frame."""
        for event in events:
            if isinstance(event, BookSnapshot | BookDelta):
                self._apply(event)
            elif isinstance(event, FeedStatus):
                self._is_proven = event.state not in (BookState.GAP, BookState.SYNCING)
                if self._is_proven:
                    self._window = event.complete_low_ticks, event.complete_high_ticks

    def _apply(self, event: BookSnapshot | BookDelta) -> None:
        if isinstance(event, BookSnapshot):
            self._sides = ({}, {})
        self._update_id = event.update_id
        of_sides = ((event.bid_ticks, event.bid_lots), (event.ask_ticks, event.ask_lots))
        for side, (ticks, lots) in zip(self._sides, of_sides, strict=True):
            for price, quantity in zip(ticks, lots, strict=True):
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)

    def snapshot(self) -> bytes:
        """The body of the venue's answer; empty where no book is proven, or too little of one is known to be complete.

        A side that is known in part only is as long as one of the venue's limits: so its reader knows that it goes on.
        """
        low_ticks, high_ticks = self._window
        bids = sorted((ticks for ticks in self._sides[0] if ticks >= low_ticks), reverse=True)
        asks = sorted(ticks for ticks in self._sides[1] if ticks <= high_ticks)
        bids_max = _length(bids, is_complete=low_ticks == 0)
        asks_max = _length(asks, is_complete=high_ticks == INT64_MAX)
        if not self._is_proven or not bids_max or not asks_max:
            return b""
        return msgspec.json.encode(
            {
                "lastUpdateId": self._update_id,
                "bids": self._levels(bids[:bids_max], self._sides[0]),
                "asks": self._levels(asks[:asks_max], self._sides[1]),
            }
        )

    def _levels(self, side_ticks: list[int], side: dict[int, int]) -> list[tuple[str, str]]:
        return [(f"{ticks * self._tick:f}", f"{side[ticks] * self._lot:f}") for ticks in side_ticks]


def _length(side: list[int], *, is_complete: bool) -> int:
    """How many levels of a side can be published."""
    if is_complete:
        return min(len(side), LIMITS[-1])
    return max((limit for limit in LIMITS if limit <= len(side)), default=0)
