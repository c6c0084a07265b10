"""A recorded market that is taken up in its middle: the snapshot that a venue would have given there. Pure."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from mm_core.events import BookDelta, BookSnapshot, FeedStatus, InstrumentDefined, RootEvent
from mm_core.types import INT64_MAX, BookState

_LEVELS_MAX = 5_000  # of each side: the most that the venue gives


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
        """The body of the venue's answer, of what is known to be complete; empty where no book is proven.

        Both sides have as many levels where one of them is cut off: so the reader knows that they go on.
        """
        if not self._is_proven:
            return b""
        low_ticks, high_ticks = self._window
        bids = sorted((ticks for ticks in self._sides[0] if ticks >= low_ticks), reverse=True)
        asks = sorted(ticks for ticks in self._sides[1] if ticks <= high_ticks)
        is_whole = low_ticks == 0 and high_ticks == INT64_MAX
        most = _LEVELS_MAX if is_whole else min(len(bids), len(asks), _LEVELS_MAX)
        return msgspec.json.encode(
            {
                "lastUpdateId": self._update_id,
                "bids": self._levels(bids[:most], self._sides[0]),
                "asks": self._levels(asks[:most], self._sides[1]),
            }
        )

    def _levels(self, side_ticks: list[int], side: dict[int, int]) -> list[tuple[str, str]]:
        return [(f"{ticks * self._tick:f}", f"{side[ticks] * self._lot:f}") for ticks in side_ticks]
