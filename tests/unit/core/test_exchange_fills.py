"""Fills of resting orders by scenario: queue, price, time, and what is left of each trade."""

import pytest
from tests.unit.core.venue import Exchange

from mm_core.exchange.queue import POWER, POWER_2


@pytest.fixture
def exchange() -> Exchange:
    """Bid 10 at 100, ask 10 at 102; partial fills, risk-averse queue, no latency."""
    return Exchange(partial_fills=1)


def test_a_trade_at_the_price_fills_once_the_queue_ahead_is_used_up(exchange: Exchange) -> None:
    exchange.buy(1, 100, 5)  # behind 10
    exchange.sold(100, 10)
    assert exchange.fills() == []
    exchange.sold(100, 2)
    exchange.sold(100, 2)
    exchange.sold(100, 9)
    assert exchange.fills() == [(1, 2), (1, 2), (1, 1)]


def test_a_cancel_ahead_moves_a_risk_averse_order_only_when_the_level_gets_shorter(exchange: Exchange) -> None:
    exchange.buy(1, 100, 5)
    exchange.bid(100, 30)  # later orders are behind us
    exchange.bid(100, 12)
    exchange.sold(100, 10)
    assert exchange.fills() == []
    exchange.bid(100, 0)
    exchange.sold(100, 1)
    assert exchange.fills() == [(1, 1)]


def test_a_cancel_moves_a_probabilistic_order_by_the_share_ahead() -> None:
    exchange = Exchange(partial_fills=1, queue_model=POWER)
    exchange.bid(100, 30)
    exchange.buy(1, 100, 5)  # behind 30
    exchange.bid(100, 40)  # 10 behind us
    exchange.bid(100, 32)  # 8 cancelled: a quarter of them behind us, 24 ahead
    exchange.sold(100, 24)
    assert exchange.fills() == []
    exchange.sold(100, 2)
    assert exchange.fills() == [(1, 2)]


def test_what_traded_is_not_taken_for_cancels_when_the_depth_repeats_it() -> None:
    exchange = Exchange(partial_fills=1, queue_model=POWER)
    exchange.buy(1, 100, 5)  # behind 10
    exchange.bid(100, 20)
    exchange.sold(100, 6)  # 4 ahead
    exchange.bid(100, 14)  # the same 6
    exchange.sold(100, 4)
    assert exchange.fills() == []
    exchange.sold(100, 3)
    assert exchange.fills() == [(1, 3)]


def test_each_trade_is_set_against_the_next_depth_only() -> None:
    exchange = Exchange(partial_fills=1, queue_model=POWER)
    exchange.buy(1, 100, 5)  # behind 10
    exchange.bid(100, 20)
    exchange.sold(100, 6)  # 4 ahead, 10 behind
    exchange.bid(100, 14)
    exchange.bid(100, 7)  # half of both are cancelled: 2 ahead
    exchange.sold(100, 3)
    assert exchange.fills() == [(1, 1)]


def test_an_order_at_the_front_stays_there() -> None:
    exchange = Exchange(partial_fills=1, queue_model=POWER_2, queue_power=2.0)
    exchange.buy(1, 100, 20)  # behind 10
    exchange.sold(100, 15)
    exchange.bid(100, 100)
    exchange.bid(100, 40)  # all of them behind us
    exchange.sold(100, 1)
    assert exchange.fills() == [(1, 5), (1, 1)]


@pytest.mark.parametrize(("partial_fills", "lots"), [(1, 3), (0, 5)])
def test_a_trade_through_the_price_fills_at_our_price(partial_fills: int, lots: int) -> None:
    exchange = Exchange(partial_fills=partial_fills)
    exchange.buy(1, 100, 5)
    exchange.sold(98, 3)
    answer = exchange.answers()[1]
    assert (answer.kind, answer.price_ticks, answer.qty_lots, answer.maker) == ("FILLED", 100, lots, True)


@pytest.mark.parametrize(("lots", "filled"), [(5, [(1, 5)]), (6, [(1, 5), (2, 5)])])
def test_without_partial_fills_a_used_up_trade_fills_no_further_order(lots: int, filled: list[tuple[int, int]]) -> None:
    exchange = Exchange(partial_fills=0)
    exchange.buy(1, 101, 5)
    exchange.buy(2, 101, 5)
    exchange.sold(100, lots)
    assert exchange.fills() == filled


def test_only_the_opposite_taker_fills(exchange: Exchange) -> None:
    exchange.buy(1, 100, 5)
    exchange.sell(2, 102, 5)
    exchange.bought(100, 50)
    exchange.sold(102, 50)
    assert exchange.fills() == []


def test_a_best_price_that_crosses_ours_fills_at_our_price(exchange: Exchange) -> None:
    exchange.buy(1, 101, 5)
    exchange.buy(2, 100, 5)
    exchange.ask(100, 7)
    fills = [a for a in exchange.answers() if a.kind == "FILLED"]
    assert [(a.order_id, a.price_ticks, a.qty_lots, a.maker) for a in fills] == [(1, 101, 5, True), (2, 100, 2, True)]


def test_an_update_behind_the_touch_fills_nothing(exchange: Exchange) -> None:
    exchange.sell(1, 103, 5)
    exchange.bid(99, 50)
    exchange.ask(101, 50)
    assert exchange.fills() == []


def test_orders_at_one_price_fill_first_in_first_out(exchange: Exchange) -> None:
    for order_id in (3, 1, 2):
        exchange.sell(order_id, 101, 4)
    exchange.bought(101, 6)
    exchange.bought(101, 6)
    assert exchange.fills() == [(3, 4), (1, 2), (1, 2), (2, 4)]


def test_better_prices_fill_first(exchange: Exchange) -> None:
    for order_id, price_ticks in ((1, 104), (2, 103), (3, 105)):
        exchange.sell(order_id, price_ticks, 4)
    exchange.bought(106, 9)
    assert exchange.fills() == [(2, 4), (1, 4), (3, 1)]


def test_a_late_trade_does_not_move_the_queue_twice(exchange: Exchange) -> None:
    exchange.buy(1, 100, 5, ts_ns=2)
    exchange.bid(100, 4, 50)  # the depth already shows what traded at 40
    exchange.sold(100, 6, 40)
    exchange.sold(100, 4, 60)
    assert exchange.fills() == []
    exchange.sold(100, 1, 61)
    assert exchange.fills() == [(1, 1)]


def test_a_late_trade_through_the_price_still_fills(exchange: Exchange) -> None:
    exchange.buy(1, 100, 5, ts_ns=2)
    exchange.bid(100, 4, 50)
    exchange.sold(99, 6, 40)
    assert exchange.fills() == [(1, 5)]


def test_fills_of_a_crowded_queue_are_joined_and_none_is_lost() -> None:
    """An hour of latency: more fills are in flight than the queue holds."""
    exchange = Exchange(partial_fills=1, response_ns=3_600 * 10**9)
    exchange.buy(1, 101, 2_000)
    for at in range(1_500):
        exchange.sold(101, 1, 1_000 + at)
    fills = [answer for answer in exchange.answers() if answer.kind == "FILLED"]
    assert sum(fill.qty_lots for fill in fills) == 1_500
    assert len(fills) < 1_000
    assert (fills[-1].ts_ns, fills[-1].leaves_lots) == (2_499, 500)
