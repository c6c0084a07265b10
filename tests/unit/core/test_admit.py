"""What the venue checks of an order before the market: each bound exactly, and the price of reference."""

from typing import Any

import pytest
from tests.unit.core.calls import BUY, FAR, SELL, WIDTH, State
from tests.unit.core.calls import set_level as set_book_level

from mm_core.book.book import new_book
from mm_core.compiled import compiled, new
from mm_core.exchange import admit
from mm_core.exchange.clock import CLOCK
from mm_core.exchange.venue import VENUE, Reject
from mm_core.filters import new_filters


@compiled
def reference_half(clock: State, book: State) -> Any:
    return admit.reference_half(clock[0], book[0])


@compiled
def broken_filter(venue: State, side: int, price_ticks: int, lots: int, reference: int) -> Any:
    return admit.broken_filter(venue[0], side, price_ticks, lots, reference)


@pytest.mark.parametrize(
    ("levels", "trade_ticks", "half"),
    [
        ((), 0, 0),
        (((BUY, 100, 5),), 0, 0),  # one side is no mid
        (((SELL, 103, 5),), 0, 0),
        (((BUY, 100, 5), (SELL, 103, 5)), 0, 203),
        (((BUY, 100, 5), (SELL, 103, 5)), 1, 2),
        ((), 90, 180),
    ],
)
def test_the_price_of_reference_is_the_last_trade_s_or_the_mid_of_both_sides(
    levels: tuple[tuple[int, int, int], ...], trade_ticks: int, half: int
) -> None:
    clock, book = new(CLOCK), new_book(WIDTH, FAR)
    clock["trade_ticks"] = trade_ticks
    for level in levels:
        set_book_level(book, *level)
    assert reference_half(clock, book) == half


# Prices 50 to 200, 2 to 20 lots, 300 to 1,000 ticks x lots, a bid between 80 % and 110 % of 100, an ask free, 3 orders.
BOUNDS: dict[str, Any] = {
    "lots_min": 2,
    "lots_max": 20,
    "tick_lots_min": 300,
    "tick_lots_max": 1_000,
    "price_ticks_min": 50,
    "price_ticks_max": 200,
    "up_ppm": (1_100_000, 0),
    "down_ppm": (800_000, 0),
    "orders_max": 3,
}
REFERENCE_HALF = 200


@pytest.mark.parametrize(
    ("order", "resting", "reject"),
    [
        ((SELL, 50, 6), (1, 1), 0),
        ((SELL, 49, 7), (0, 0), Reject.PRICE_FILTER),
        ((SELL, 200, 5), (2, 0), 0),
        ((SELL, 201, 4), (0, 0), Reject.PRICE_FILTER),
        ((BUY, 80, 4), (0, 2), 0),
        ((BUY, 79, 4), (0, 0), Reject.PERCENT_PRICE),
        ((BUY, 110, 3), (0, 0), 0),
        ((BUY, 111, 3), (0, 0), Reject.PERCENT_PRICE),
        ((SELL, 160, 2), (0, 0), 0),
        ((SELL, 160, 1), (0, 0), Reject.LOT_SIZE),
        ((SELL, 50, 20), (0, 0), 0),
        ((SELL, 50, 21), (0, 0), Reject.LOT_SIZE),
        ((SELL, 100, 3), (0, 0), 0),
        ((SELL, 99, 3), (0, 0), Reject.NOTIONAL),
        ((SELL, 100, 10), (0, 0), 0),
        ((SELL, 101, 10), (0, 0), Reject.NOTIONAL),
        ((SELL, 100, 5), (1, 2), Reject.MAX_ORDERS),
    ],
)
def test_each_bound_belongs_to_what_it_allows(
    order: tuple[int, int, int], resting: tuple[int, int], reject: int
) -> None:
    venue = new(VENUE)
    venue["filters"] = new_filters()
    for name, value in BOUNDS.items():
        venue["filters"][name] = value
    venue["resting"] = resting
    assert broken_filter(venue, *order, REFERENCE_HALF) == reject
