"""The paper exchange as a node: a request and a market event of nearly equal time; what a snapshot leaves of a book."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.unit.nodes.events import EXCHANGE, MS, delta, market, node, snapshot, step, submit, terms, tick, trade

from mm_core import events as e
from mm_core.node import Node
from mm_core.types import Side

LATENCY = {"entry_ms": Decimal(10), "cancel_ms": Decimal(10), "response_ms": Decimal(20)}
DUE_NS = 110 * MS  # when a request that leaves at 100 ms is at the venue
END_NS = 300 * MS


def opened(bid: int = 99, ask: int = 101) -> Node:
    """An exchange with 5 lots on each of three levels a side."""
    exchange = node(EXCHANGE, exchange=LATENCY | {"queue": "risk_averse"})
    step(exchange, snapshot(90 * MS, bid, ask))
    return exchange


def answers(exchange: Node, *events: e.Event) -> list[type]:
    """The types of all answers to these events and to a late Tick."""
    return [type(answer) for event in (*events, tick(END_NS)) for answer in step(exchange, event)]


ACCEPTED, CANCELED, FILLED, REJECTED = e.OrderAccepted, e.OrderCanceled, e.OrderFilled, e.OrderRejected


def sold_through(ts_ns: int) -> list[e.Event]:
    """A trade below our bid at 98."""
    return [trade(ts_ns, Side.SELL, 97, 50)]


def crossed(ts_ns: int) -> list[e.Event]:
    """The best ask comes down to our bid at 98."""
    return [delta(ts_ns, bids=[(99, 0), (98, 0)], asks=[(98, 5)])]


def joined(ts_ns: int) -> list[e.Event]:
    """Fifteen more lots at 98; then 6 lots are sold there: they reach us only behind the first five."""
    return [delta(ts_ns, bids=[(98, 20)]), trade(ts_ns + 50 * MS, Side.SELL, 98, 6)]


@pytest.mark.parametrize(
    ("events", "before", "after"),
    [
        (sold_through, [ACCEPTED], [ACCEPTED, FILLED]),
        (crossed, [REJECTED], [ACCEPTED, FILLED]),
        (joined, [ACCEPTED], [ACCEPTED, FILLED]),
    ],
)
@pytest.mark.parametrize(("event_ns", "has_arrived"), [(DUE_NS - 1, False), (DUE_NS, False), (DUE_NS + 1, True)])
def test_an_order_is_at_the_venue_only_for_events_of_a_later_time(
    events: Callable[[int], list[e.Event]], before: list[type], after: list[type], event_ns: int, has_arrived: bool
) -> None:
    exchange = opened()
    step(exchange, submit(100 * MS, 1, Side.BUY, 98))
    assert answers(exchange, *events(event_ns)) == (after if has_arrived else before)


@pytest.mark.parametrize(("event_ns", "is_filled"), [(DUE_NS - 1, True), (DUE_NS, True), (DUE_NS + 1, False)])
def test_a_cancel_stops_only_what_comes_at_a_later_time(event_ns: int, is_filled: bool) -> None:
    exchange = opened()
    step(exchange, submit(10 * MS, 1, Side.BUY, 98))
    step(exchange, e.CancelOrder(**market(100 * MS), **terms(1)))
    last = [FILLED, e.CancelRejected] if is_filled else [CANCELED]
    assert answers(exchange, *sold_through(event_ns)) == [ACCEPTED, *last]


@pytest.mark.parametrize(
    ("bid", "ask", "side", "price_ticks"),
    [
        (90, 101, Side.SELL, 95),  # the bid at 99 was there before
        (99, 110, Side.BUY, 105),  # the ask at 101
    ],
)
def test_a_snapshot_leaves_no_level_of_before_to_trade_against(
    bid: int, ask: int, side: Side, price_ticks: int
) -> None:
    exchange = opened()
    step(exchange, snapshot(95 * MS, bid, ask))
    step(exchange, submit(100 * MS, 1, side, price_ticks))
    assert answers(exchange) == [ACCEPTED]


def test_a_delta_leaves_the_levels_of_before() -> None:
    exchange = opened()
    step(exchange, delta(95 * MS, bids=[(90, 5)], asks=[(110, 5)]))
    step(exchange, submit(100 * MS, 1, Side.SELL, 95))
    assert answers(exchange) == [REJECTED]
