"""Defects known from another backtester, with its issue numbers: here each has the right answer."""

from typing import Any

import pytest
from tests.unit.core import calls
from tests.unit.core.venue import GTC, Exchange

from mm_core.accounting.account import ACCOUNT
from mm_core.compiled import new


def market(**terms: Any) -> Exchange:
    """Bid 10 at 100, ask 10 at 101."""
    exchange = Exchange(**terms)
    exchange.ask(102, 0)
    exchange.ask(101, 10)
    return exchange


def position(exchange: Exchange) -> tuple[int, int]:
    """(position, fees) of an account that takes the fills of the exchange."""
    account = new(ACCOUNT)
    for a in exchange.answers():
        if a.kind == "FILLED":
            calls.fill(account, a.side, a.price_ticks, a.qty_lots, a.fee_e9)
    return int(account["position_lots"][0]), int(account["fees_e9"][0])


@pytest.mark.parametrize("queue_model", [0, 1])
def test_316_a_partial_fill_reaches_the_position_and_the_fees(queue_model: int) -> None:
    exchange = market(partial_fills=1, queue_model=queue_model, maker_fee_ppb=10**8)
    exchange.buy(1, 100, 20)  # behind 10
    exchange.sold(100, 15)
    exchange.bid(100, 1)
    assert position(exchange) == (5, 50)


def test_312_an_exactly_filled_order_is_closed() -> None:
    exchange = market(partial_fills=1)
    exchange.buy(1, 100, 5)
    exchange.sold(100, 15)  # 10 ahead, 5 for us
    exchange.sold(100, 3)
    exchange.cancel(1)
    assert exchange.answer_lots() == [("ACCEPTED", 1, 5), ("FILLED", 1, 5), ("CANCEL_REJECTED", 1, 0)]


def test_318_a_clear_up_to_a_price_removes_that_price_and_no_more() -> None:
    exchange = market()
    for price_ticks in range(101, 106):
        exchange.ask(price_ticks, 7)
    book = exchange.state["book"]
    calls.clear_to(book, 1, 103)
    assert [calls.lots_at(book, 1, price_ticks) for price_ticks in range(101, 106)] == [0, 0, 0, 7, 7]
    assert calls.touch(book) == (100, 10, 104, 7)


def test_325_eight_fills_at_one_time_come_in_price_then_time_order() -> None:
    exchange = market()
    for i in (3, 0, 7, 1, 6, 2, 5, 4):
        exchange.sell(10 + i, 105 + i, 3)
    exchange.bid(120, 5)
    assert exchange.fills() == [(10 + i, 3) for i in range(8)]


@pytest.mark.parametrize("partial_fills", [0, 1])
@pytest.mark.parametrize("queue_model", range(6))
def test_two_own_orders_share_what_a_trade_leaves_them(partial_fills: int, queue_model: int) -> None:
    exchange = market(partial_fills=partial_fills, queue_model=queue_model)
    exchange.buy(1, 100, 3)
    exchange.buy(2, 100, 3)
    exchange.sold(100, 13)  # 10 ahead: 3 for both of ours together
    assert exchange.fills() == [(1, 3)]
    exchange.sold(100, 3)
    assert exchange.fills() == [(2, 3)]


def test_157_a_price_beyond_the_window_is_there() -> None:
    exchange = market(partial_fills=1)
    exchange.bid(100, 0)
    exchange.ask(101, 0)
    exchange.bid(1_000_000, 10)
    exchange.ask(1_000_002, 10)
    exchange.buy(1, 1_000_000, 1, flag=GTC)
    exchange.sold(1_000_000, 15)
    assert position(exchange) == (1, 0)
