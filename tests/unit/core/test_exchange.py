"""Requests to the paper exchange by scenario: the venue's answers, and when. Fills and rules: test_exchange_*.py."""

import pytest
from tests.unit.core.venue import GTC, IOC, Exchange

from mm_core.exchange.venue import ORDERS, Reject


@pytest.fixture
def exchange() -> Exchange:
    """Bid 10 at 100, ask 10 at 102; partial fills, risk-averse queue, no latency."""
    return Exchange(partial_fills=1)


# Requests.


@pytest.mark.parametrize("price_ticks", [102, 103])
def test_a_post_only_order_that_would_take_is_rejected(exchange: Exchange, price_ticks: int) -> None:
    exchange.buy(1, price_ticks, 5)
    (answer,) = exchange.answers()
    assert (answer.kind, answer.reason, answer.leaves_lots) == ("REJECTED", Reject.WOULD_TAKE, 5)


def test_the_book_at_the_arrival_decides_not_the_one_at_the_decision() -> None:
    exchange = Exchange(entry_ns=10)
    exchange.buy(1, 101, 5, ts_ns=2)  # passive now
    exchange.ask(101, 1, 5)  # the ask comes down while the order is in flight
    assert exchange.answer_lots() == [("REJECTED", 1, 5)]


def test_an_accepted_order_has_its_price_and_quantity(exchange: Exchange) -> None:
    exchange.sell(7, 102, 5)
    (answer,) = exchange.answers()
    assert answer[:5] == ("ACCEPTED", 7, 102, 5, 5)
    assert answer.side == 1


# (lots, limit price, time in force) -> the answers; asks are 10 at 102 and 5 at 103
TAKES = [
    (4, 102, IOC, [("FILLED", 1, 4)]),
    (10, 102, IOC, [("FILLED", 1, 10)]),
    (12, 102, IOC, [("FILLED", 1, 10), ("EXPIRED", 1, 2)]),
    (12, 103, IOC, [("FILLED", 1, 10), ("FILLED", 1, 2)]),
    (20, 110, IOC, [("FILLED", 1, 10), ("FILLED", 1, 5), ("EXPIRED", 1, 5)]),
    (5, 101, IOC, [("EXPIRED", 1, 5)]),
    (12, 102, GTC, [("FILLED", 1, 10), ("ACCEPTED", 1, 2)]),
    (5, 101, GTC, [("ACCEPTED", 1, 5)]),
]


@pytest.mark.parametrize(("lots", "price_ticks", "flag", "expected"), TAKES)
def test_a_taking_order_walks_the_book_within_its_limit(
    exchange: Exchange, lots: int, price_ticks: int, flag: int, expected: list[tuple[str, int, int]]
) -> None:
    exchange.ask(103, 5)
    exchange.buy(1, price_ticks, lots, flag=flag)
    assert exchange.answer_lots() == expected


def test_a_seller_takes_bids_from_the_best_down(exchange: Exchange) -> None:
    exchange.bid(99, 5)
    exchange.sell(1, 99, 12, flag=IOC)
    assert [(a.price_ticks, a.qty_lots) for a in exchange.answers()] == [(100, 10), (99, 2)]


def test_without_partial_fills_a_taking_order_fills_completely_at_the_best_price() -> None:
    exchange = Exchange()
    exchange.buy(1, 110, 25, flag=IOC)
    assert [(a.kind, a.price_ticks, a.qty_lots, a.leaves_lots) for a in exchange.answers()] == [("FILLED", 102, 25, 0)]


def test_an_ioc_order_into_an_empty_side_expires(exchange: Exchange) -> None:
    exchange.ask(102, 0)
    exchange.buy(1, 110, 5, flag=IOC)
    assert exchange.answer_lots() == [("EXPIRED", 1, 5)]


def test_more_orders_than_a_side_holds_are_rejected_until_one_is_closed(exchange: Exchange) -> None:
    for order_id in range(1, ORDERS + 2):
        exchange.buy(order_id, 90 - order_id, 1)
    *accepted, last = exchange.answers()
    assert [a.kind for a in accepted] == ["ACCEPTED"] * ORDERS
    assert (last.kind, last.reason) == ("REJECTED", Reject.TOO_MANY_ORDERS)
    exchange.cancel(3)
    exchange.buy(99, 90, 1)
    exchange.sell(98, 110, 1)
    assert exchange.answer_lots() == [("CANCELED", 3, 1), ("ACCEPTED", 99, 1), ("ACCEPTED", 98, 1)]


# Cancels, and what overtakes what.


def test_a_cancel_reports_what_was_open(exchange: Exchange) -> None:
    exchange.buy(1, 100, 5)
    exchange.sold(100, 12)
    exchange.cancel(1)
    assert exchange.answer_lots() == [("ACCEPTED", 1, 5), ("FILLED", 1, 2), ("CANCELED", 1, 3)]


def test_a_fill_before_the_cancel_arrives_wins() -> None:
    exchange = Exchange(cancel_ns=10)
    exchange.buy(1, 100, 5, ts_ns=2)
    exchange.cancel(1, ts_ns=4)  # arrives at 14
    exchange.sold(99, 1, 13)
    assert exchange.answer_lots() == [("ACCEPTED", 1, 5), ("FILLED", 1, 5), ("CANCEL_REJECTED", 1, 0)]


def test_a_cancel_that_arrives_before_the_trade_wins() -> None:
    exchange = Exchange(cancel_ns=10)
    exchange.buy(1, 100, 5, ts_ns=2)
    exchange.cancel(1, ts_ns=4)
    exchange.sold(99, 1, 15)
    assert exchange.answer_lots() == [("ACCEPTED", 1, 5), ("CANCELED", 1, 5)]


def test_at_one_time_the_market_comes_before_our_request() -> None:
    exchange = Exchange(cancel_ns=10)
    exchange.buy(1, 100, 5, ts_ns=2)
    exchange.cancel(1, ts_ns=4)
    exchange.sold(99, 1, 14)
    assert exchange.fills() == [(1, 5)]


def test_a_cancel_does_not_overtake_its_own_submit() -> None:
    exchange = Exchange(entry_ns=100, cancel_ns=1)
    exchange.buy(1, 100, 5, ts_ns=2)
    exchange.cancel(1, ts_ns=3)
    answers = exchange.answers()
    assert [(a.kind, a.ts_ns) for a in answers] == [("ACCEPTED", 102), ("CANCELED", 102)]


def test_a_cancel_of_an_unknown_order_is_rejected(exchange: Exchange) -> None:
    exchange.cancel(42)
    assert [a.kind for a in exchange.answers()] == ["CANCEL_REJECTED"]


# Latency.


def test_requests_take_the_entry_latency_and_answers_the_response_latency() -> None:
    exchange = Exchange(entry_ns=10, cancel_ns=20, response_ns=5)
    exchange.buy(1, 100, 5, ts_ns=100)
    exchange.cancel(1, ts_ns=200)
    assert exchange.answers(114) == []
    assert [(a.kind, a.ts_ns, a.local_ns) for a in exchange.answers(115)] == [("ACCEPTED", 110, 115)]
    assert [(a.kind, a.ts_ns, a.local_ns) for a in exchange.answers(225)] == [("CANCELED", 220, 225)]


def test_a_fill_carries_the_time_of_its_trade_and_reaches_us_later() -> None:
    exchange = Exchange(response_ns=5)
    exchange.buy(1, 100, 5, ts_ns=2)
    exchange.sold(99, 1, 50)
    assert [(a.kind, a.ts_ns, a.local_ns) for a in exchange.answers()][1] == ("FILLED", 50, 55)


def test_an_order_does_not_arrive_before_what_the_venue_has_already_processed() -> None:
    exchange = Exchange()
    exchange.bid(99, 1, 500)
    exchange.buy(1, 98, 5, ts_ns=400)  # our clock is behind the market's
    assert [(a.kind, a.ts_ns) for a in exchange.answers()] == [("ACCEPTED", 500)]


def test_answers_never_overtake_each_other() -> None:
    exchange = Exchange(response_ns=50)
    exchange.buy(1, 100, 5, ts_ns=2)
    exchange.sold(99, 1, 10)
    exchange.sold(99, 1, 9)  # a late trade: nothing is left to fill, and nothing moves back in time
    exchange.buy(2, 100, 5, ts_ns=12)
    due = [a.local_ns for a in exchange.answers()]
    assert due == sorted(due)


# Fees, and two venues on one market.


@pytest.mark.parametrize(("flag", "fee_e9", "maker"), [(IOC, 102 * 5 * 10, False), (GTC, -100 * 5 * 2, True)])
def test_takers_pay_and_makers_get_their_rate(flag: int, fee_e9: int, maker: bool) -> None:
    exchange = Exchange(partial_fills=1, taker_fee_ppb=10**7, maker_fee_ppb=-2 * 10**6, value_num=1_000)
    exchange.buy(1, 102 if flag == IOC else 100, 5, flag=flag)
    exchange.sold(99, 100)
    answer = exchange.answers()[-1]
    assert (answer.kind, answer.fee_e9, answer.maker) == ("FILLED", fee_e9, maker)


def test_two_venues_on_one_market_do_not_feel_each_other(exchange: Exchange) -> None:
    exchange.buy(1, 100, 5)
    exchange.buy(1, 101, 5, s=1)
    exchange.sold(101, 3)
    exchange.cancel(1, s=1)
    exchange.sold(100, 11)
    assert exchange.answer_lots() == [("ACCEPTED", 1, 5), ("FILLED", 1, 1)]
    assert exchange.answer_lots(s=1) == [("ACCEPTED", 1, 5), ("FILLED", 1, 3), ("CANCELED", 1, 2)]
