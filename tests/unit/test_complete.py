"""The window in which a book is known to be complete."""

from typing import Any

import pytest

from mm_core.events import BookSnapshot
from mm_core.types import INT64_MAX
from mm_venues.complete import Window, grown, window_of

IT: dict[str, Any] = {"instrument_id": "binance.ETHUSDT", "ts_ns": 1}


def snapshot(bids: int, asks: int) -> BookSnapshot:
    """Bids from 10,000 down and asks from 10,001 up, two ticks apart."""
    bid_ticks = tuple(10_000 - 2 * at for at in range(bids))
    ask_ticks = tuple(10_001 + 2 * at for at in range(asks))
    levels: dict[str, Any] = {
        "bid_ticks": bid_ticks,
        "bid_lots": (1,) * bids,
        "ask_ticks": ask_ticks,
        "ask_lots": (1,) * asks,
    }
    return BookSnapshot(**IT, update_id=1, **levels)


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        # as many as were requested: cut off at the worst price; a tenth of the distance is 20 ticks
        (101, 101, Window(9_800, 10_201, 9_820, 10_181)),
        (100, 37, Window(9_802, INT64_MAX, 9_821, INT64_MAX)),
        (37, 100, Window(0, 10_199, 0, 10_180)),
        # complete sides of a thin market, small examples, empty sides
        (305, 818, Window()),
        (4, 2, Window()),
        (20, 20, Window()),
        (0, 0, Window()),
    ],
)
def test_a_side_is_bound_by_its_worst_price_if_it_is_cut_off(bids: int, asks: int, expected: Window) -> None:
    assert window_of(snapshot(bids, asks)) == expected


def test_between_the_venues_best_prices_no_level_is_unknown() -> None:
    window = Window(90, 110, 91, 109)
    assert grown(window, 88, 100) == Window(88, 110, 91, 109)
    assert grown(window, 95, 112) == Window(90, 112, 91, 109)
    assert grown(window, 0, 0) == Window(0, INT64_MAX, 91, 109)
