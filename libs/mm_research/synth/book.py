"""The displayed book of a synthetic market: no holes, never crossed, every change numbered and reported."""

from collections.abc import Callable

from mm_core.events import BookDelta, BookSnapshot, BookTop, MarketEvent
from mm_core.types import Side

FIRST_UPDATE_ID = 1_000_000  # of the opening book


class HalfBook:
    """One side: the lots of consecutive price levels, the touch first."""

    def __init__(self, outward: int, touch_ticks: int, lots: list[int]) -> None:
        self.outward = outward  # the step from a level to the next one away from the mid: -1 bids, +1 asks
        self.touch_ticks = touch_ticks
        self.lots = lots

    def price_ticks(self, index: int) -> int:
        """Price of the level `index` levels behind the touch."""
        return self.touch_ticks + self.outward * index


class Book:
    """Bids and asks, indexed by the maker's side. `pending`: events not handed out yet; the owner sets `now_ns`."""

    def __init__(self, instrument_id: str, levels: int, quote_ticks: tuple[int, int], size: Callable[[], int]) -> None:
        self.instrument_id = instrument_id
        self.levels = levels
        self.size = size  # draws the lots of a new level
        self.now_ns = 0
        self.sides = tuple(
            HalfBook(outward, touch_ticks, [size() for _ in range(levels)])
            for outward, touch_ticks in zip((-1, +1), quote_ticks, strict=True)
        )
        self.update_id = self.reported_id = FIRST_UPDATE_ID
        self.pending: list[MarketEvent] = []
        self._changed: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._top = self._find_top()

    @property
    def half_spread_ticks(self) -> float:
        """Distance of either touch from the displayed mid; a multiple of a half."""
        bids, asks = self.sides
        return (asks.touch_ticks - bids.touch_ticks) / 2

    def set_level(self, side: Side, index: int, lots: int) -> None:
        """Change the size of a displayed level; 0 lots is for the touch only and removes it."""
        book = self.sides[side]
        price_ticks = book.price_ticks(index)
        book.lots[index] = lots
        if lots == 0:
            assert index == 0, index
            book.lots.pop(0)
            book.touch_ticks += book.outward
        self._report(side, price_ticks, lots)

    def show(self, quote_ticks: tuple[int, int]) -> None:
        """Move both touches to `quote_ticks` and fill up. Removals come first, so nothing ever crosses."""
        for side in Side:
            book = self.sides[side]
            while (quote_ticks[side] - book.touch_ticks) * book.outward > 0:
                self.set_level(side, 0, 0)
        for side in Side:
            self._fill(side, quote_ticks[side])

    def snapshot(self) -> BookSnapshot:
        """All displayed levels as they are now."""
        bids, asks = self.sides
        return BookSnapshot(
            ts_ns=self.now_ns,
            instrument_id=self.instrument_id,
            update_id=self.update_id,
            bid_ticks=tuple(map(bids.price_ticks, range(len(bids.lots)))),
            bid_lots=tuple(bids.lots),
            ask_ticks=tuple(map(asks.price_ticks, range(len(asks.lots)))),
            ask_lots=tuple(asks.lots),
        )

    def delta(self) -> BookDelta | None:
        """All level changes since the last delta, best first; None where nothing changed."""
        if self.update_id == self.reported_id:
            return None
        bids, asks = (dict(sorted(changed.items())) for changed in self._changed)
        delta = BookDelta(
            ts_ns=self.now_ns,
            instrument_id=self.instrument_id,
            first_update_id=self.reported_id + 1,
            update_id=self.update_id,
            bid_ticks=tuple(reversed(bids.keys())),
            bid_lots=tuple(reversed(bids.values())),
            ask_ticks=tuple(asks.keys()),
            ask_lots=tuple(asks.values()),
        )
        self.reported_id = self.update_id
        self._changed = ({}, {})
        return delta

    def _fill(self, side: Side, touch_ticks: int) -> None:
        """Missing levels in front, then at the far end; surplus levels at the far end are removed."""
        book = self.sides[side]
        while book.touch_ticks != touch_ticks:
            book.touch_ticks -= book.outward
            book.lots.insert(0, self.size())
            self._report(side, book.touch_ticks, book.lots[0])
        while len(book.lots) < self.levels:
            book.lots.append(self.size())
            self._report(side, book.price_ticks(len(book.lots) - 1), book.lots[-1])
        while len(book.lots) > self.levels:
            book.lots.pop()
            self._report(side, book.price_ticks(len(book.lots)), 0)

    def _report(self, side: Side, price_ticks: int, lots: int) -> None:
        """One change of one level is one update id; where it changed the touch it is a BookTop."""
        assert price_ticks > 0, price_ticks
        self.update_id += 1
        self._changed[side][price_ticks] = lots
        top = self._find_top()
        if top == self._top:
            return
        self._top = top
        bid_ticks, bid_lots, ask_ticks, ask_lots = top
        assert bid_ticks < ask_ticks, top
        self.pending.append(
            BookTop(
                ts_ns=self.now_ns,
                instrument_id=self.instrument_id,
                update_id=self.update_id,
                bid_ticks=bid_ticks,
                bid_lots=bid_lots,
                ask_ticks=ask_ticks,
                ask_lots=ask_lots,
            )
        )

    def _find_top(self) -> tuple[int, int, int, int]:
        bids, asks = self.sides
        return bids.touch_ticks, bids.lots[0], asks.touch_ticks, asks.lots[0]
