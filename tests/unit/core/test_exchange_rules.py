"""What the paper exchange does not let through: orders that break a filter, and displayed lots a second time."""

import pytest
from tests.unit.core.venue import IOC, Exchange

from mm_core.exchange.venue import MARKS, TAKEN, Reject


@pytest.fixture
def exchange() -> Exchange:
    """Bid 10 at 100, ask 10 at 102; partial fills, risk-averse queue, no latency."""
    return Exchange(partial_fills=1)


# The venue's filters.

FILTERED = [
    ({"price_ticks_min": 99}, (0, 98, 5), Reject.PRICE_FILTER),
    ({"price_ticks_min": 99}, (0, 99, 5), None),
    ({"price_ticks_max": 105}, (1, 106, 5), Reject.PRICE_FILTER),
    ({"lots_min": 5}, (0, 99, 4), Reject.LOT_SIZE),
    ({"lots_max": 5}, (0, 99, 6), Reject.LOT_SIZE),
    ({"lots_min": 5, "lots_max": 5}, (0, 99, 5), None),
    ({"tick_lots_min": 396}, (0, 99, 3), Reject.NOTIONAL),
    ({"tick_lots_min": 396}, (0, 99, 4), None),
    ({"tick_lots_max": 494}, (0, 99, 5), Reject.NOTIONAL),
    ({"tick_lots_max": 495}, (0, 99, 5), None),
    ({"up_ppm": (0, 1_040_000)}, (1, 106, 5), Reject.PERCENT_PRICE),  # of the mid, 101: 105.04
    ({"up_ppm": (0, 1_040_000)}, (1, 105, 5), None),
    ({"down_ppm": (980_000, 0)}, (0, 98, 5), Reject.PERCENT_PRICE),  # 98.98
    ({"down_ppm": (980_000, 0)}, (0, 99, 5), None),
    ({"down_ppm": (980_000, 0), "price_ticks_min": 99}, (0, 98, 5), Reject.PRICE_FILTER),
    ({"lots_min": 5}, (0, 110, 4), Reject.LOT_SIZE),  # checked before the market
]


@pytest.mark.parametrize(("filters", "order", "reason"), FILTERED)
def test_an_order_that_breaks_a_filter_is_rejected_as_the_venue_would(
    filters: dict[str, object], order: tuple[int, int, int], reason: Reject | None
) -> None:
    exchange = Exchange(partial_fills=1, **filters)
    exchange.submit(1, *order)
    (answer,) = exchange.answers()
    assert (answer.kind, answer.reason) == (("ACCEPTED", 0) if reason is None else ("REJECTED", reason))


def test_prices_may_deviate_from_the_last_trade_once_there_is_one() -> None:
    exchange = Exchange(partial_fills=1, down_ppm=(980_000, 0))
    exchange.bought(99, 1)
    exchange.buy(1, 98, 5)
    exchange.buy(2, 97, 5)
    assert [(a.kind, a.order_id) for a in exchange.answers()] == [("ACCEPTED", 1), ("REJECTED", 2)]


def test_without_a_trade_or_both_sides_no_price_deviates() -> None:
    exchange = Exchange(partial_fills=1, down_ppm=(980_000, 0))
    exchange.ask(102, 0)
    exchange.buy(1, 50, 5)
    assert exchange.answer_lots() == [("ACCEPTED", 1, 5)]


def test_more_open_orders_than_the_venue_allows_on_both_sides_are_rejected() -> None:
    exchange = Exchange(partial_fills=1, orders_max=2)
    exchange.buy(1, 99, 1)
    exchange.sell(2, 103, 1)
    exchange.buy(3, 98, 1)
    assert [(a.kind, a.reason) for a in exchange.answers()][2] == ("REJECTED", Reject.MAX_ORDERS)
    exchange.cancel(2)
    exchange.buy(4, 98, 1)
    assert exchange.answer_lots() == [("CANCELED", 2, 1), ("ACCEPTED", 4, 1)]


# Displayed lots are used once.


def take(exchange: Exchange, order_id: int, lots: int, price_ticks: int = 103) -> list[tuple[int, int]]:
    """(price, lots) of the fills of one IOC buy."""
    exchange.buy(order_id, price_ticks, lots, flag=IOC)
    return [(a.price_ticks, a.qty_lots) for a in exchange.answers() if a.kind == "FILLED"]


def test_what_was_taken_is_not_displayed_again_until_the_level_changes(exchange: Exchange) -> None:
    exchange.ask(103, 5)
    assert take(exchange, 1, 4) == [(102, 4)]
    assert take(exchange, 2, 8) == [(102, 6), (103, 2)]
    assert take(exchange, 3, 9) == [(103, 3)]
    assert take(exchange, 4, 1) == []
    exchange.ask(102, 10)  # repeated: no change
    assert take(exchange, 5, 1) == []
    exchange.ask(102, 9)
    assert take(exchange, 6, 20) == [(102, 9)]
    exchange.ask(103, 0)
    exchange.ask(103, 5)
    assert take(exchange, 7, 20) == [(103, 5)]


def test_a_change_of_another_level_or_side_makes_nothing_new(exchange: Exchange) -> None:
    assert take(exchange, 1, 10, 102) == [(102, 10)]
    exchange.ask(102 + MARKS, 3)  # of the same mark
    exchange.bid(99, 7)
    exchange.buy(2, 102 - 5, 1)  # rests, and is canceled again
    exchange.cancel(2)
    exchange.answers()
    assert take(exchange, 3, 1, 102) == []


def test_what_a_better_best_price_filled_is_used_too(exchange: Exchange) -> None:
    exchange.buy(1, 101, 4)
    exchange.ask(101, 10)
    assert exchange.fills() == [(1, 4)]
    assert take(exchange, 2, 20, 101) == [(101, 6)]


def test_the_oldest_of_many_levels_is_forgotten(exchange: Exchange) -> None:
    for at in range(TAKEN + 1):
        exchange.ask(102 + at, 10)
    assert len(take(exchange, 1, 10 * (TAKEN + 1), 102 + TAKEN)) == TAKEN + 1
    assert take(exchange, 2, 10, 102 + TAKEN) == [(102, 10)]


def test_without_partial_fills_a_taking_order_fills_completely_however_often() -> None:
    exchange = Exchange()
    assert [take(exchange, order_id, 25) for order_id in (1, 2)] == [[(102, 25)], [(102, 25)]]
