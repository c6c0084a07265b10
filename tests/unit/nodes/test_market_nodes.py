"""The paper exchange and the book builder as nodes: their outputs for each market event, and when."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.unit.nodes.events import (
    BUILDER,
    EXCHANGE,
    MS,
    S,
    delta,
    market,
    node,
    snapshot,
    status,
    step,
    submit,
    terms,
    tick,
    trade,
)

from mm_core import events as e
from mm_core.node import Node
from mm_core.types import BookReason, BookState, Side

LATENCY = {"entry_ms": Decimal(10), "response_ms": Decimal(20), "cancel_ms": Decimal(5)}


def exchange_with_order() -> Node:
    """A bid of 2 lots at 98 sent at 0.1 s to a book of 99 to 101 with 5 lots a level: at the venue 10 ms later."""
    exchange = node(EXCHANGE, exchange=LATENCY)
    step(exchange, snapshot(90 * MS))
    step(exchange, submit(100 * MS, 1, Side.BUY, 98))
    return exchange


def test_the_venue_answers_after_both_latencies_with_the_first_root_that_is_late_enough() -> None:
    exchange = exchange_with_order()
    assert step(exchange, trade(110 * MS, Side.BUY, 101, 1, local_ns=125 * MS)) == ()
    assert step(exchange, trade(111 * MS, Side.BUY, 101, 1, local_ns=129 * MS)) == ()
    assert step(exchange, trade(112 * MS, Side.BUY, 101, 1, local_ns=135 * MS)) == [
        e.OrderAccepted(**market(110 * MS, 130 * MS), **terms(1, qty_lots=2))
    ]


def test_a_tick_moves_the_connections_of_the_venue_but_not_its_market() -> None:
    exchange = exchange_with_order()
    assert [type(answer) for answer in step(exchange, tick(200 * MS))] == [e.OrderAccepted]
    step(exchange, e.CancelOrder(**market(200 * MS), **terms(1)))
    assert step(exchange, tick(224 * MS)) == ()
    (canceled,) = step(exchange, tick(225 * MS))
    assert canceled == e.OrderCanceled(
        **market(205 * MS, 225 * MS),
        **terms(1, qty_lots=2),
    )


def test_a_fill_has_price_fee_and_what_is_left() -> None:
    exchange = exchange_with_order()
    step(exchange, trade(120 * MS, Side.SELL, 98, 6))  # five ahead of us, one for us
    answers = step(exchange, tick(200 * MS))
    assert [type(answer) for answer in answers] == [e.OrderAccepted, e.OrderFilled]
    fill = answers[1]
    assert isinstance(fill, e.OrderFilled)
    assert (fill.ts_ns, fill.local_ns, fill.side, fill.price_ticks) == (120 * MS, 140 * MS, Side.BUY, 98)
    assert (fill.qty_lots, fill.leaves_lots, fill.maker, fill.fee_e9) == (1, 1, True, 196)  # 0.0002 of 0.98 x 0.001


def test_the_venue_rejects_what_would_take_and_a_cancel_of_nothing() -> None:
    exchange = exchange_with_order()
    step(exchange, submit(100 * MS, 2, Side.SELL, 99))
    step(exchange, e.CancelOrder(**market(100 * MS), **terms(3)))
    accepted, rejected, cancel_rejected = step(exchange, tick(200 * MS))
    assert isinstance(accepted, e.OrderAccepted)
    assert isinstance(rejected, e.OrderRejected)
    assert (rejected.order_id, rejected.side, rejected.price_ticks, rejected.qty_lots) == (2, Side.SELL, 99, 2)
    assert isinstance(cancel_rejected, e.CancelRejected)
    assert cancel_rejected.order_id == 3


def test_a_request_arrives_at_the_latest_time_of_the_market_even_if_that_is_a_status() -> None:
    exchange = node(EXCHANGE, exchange=LATENCY)
    step(exchange, snapshot(90 * MS))
    step(exchange, status(170 * MS))
    step(exchange, submit(150 * MS, 1, Side.BUY, 98))
    (accepted,) = step(exchange, tick(200 * MS))
    assert accepted.ts_ns == 170 * MS


def test_the_book_builder_publishes_a_book_at_every_tick_and_copies_the_proof() -> None:
    builder = node(BUILDER, signals={"executable_sizes_base": (Decimal("0.005"), Decimal("0.02"))})
    assert step(builder, snapshot(1 * S)) == ()
    assert step(builder, status(1 * S)) == ()
    (made,) = step(builder, tick(2 * S))
    assert (made.ts_ns, made.local_ns, made.state, made.epoch, made.update_id) == (2 * S, 2 * S, BookState.VALID, 7, 1)
    assert (made.bid_ticks, made.bid_lots, made.ask_ticks, made.ask_lots, made.mid_half_ticks) == (99, 5, 101, 5, 200)
    assert (made.complete_low_ticks, made.complete_high_ticks) == (90, 110)
    assert made.executable_spread_bps == (pytest.approx(200.0), None)  # 20 lots are more than 3 levels of 5
    assert made.fillable_fraction == (1.0, 0.75)


def test_an_unproven_book_has_no_executable_spread_and_an_empty_one_no_mid() -> None:
    builder = node(BUILDER, signals={"executable_sizes_base": (Decimal("0.005"),)})
    (empty,) = step(builder, tick(1 * S))
    assert (empty.state, empty.mid_half_ticks, empty.executable_spread_bps) == (BookState.SYNCING, 0, (None,))
    step(builder, snapshot(1 * S))
    (known,) = step(builder, tick(2 * S))
    assert (known.state, known.mid_half_ticks, known.executable_spread_bps) == (
        BookState.SYNCING,
        200,
        (None,),
    )


def test_only_its_own_depth_stream_keeps_a_book_alive() -> None:
    builder = node(BUILDER, book={"stale_ms": 1_000})
    step(builder, snapshot(1 * S))
    step(builder, status(1 * S))
    assert step(builder, tick(2 * S))[0].state == BookState.VALID
    assert step(builder, tick(3 * S))[0].state == BookState.STALE
    step(builder, status(3 * S))
    (stale,) = step(builder, tick(4 * S))
    assert (stale.state, stale.reason) == (BookState.STALE, BookReason.SILENT)
    assert e.Trade not in builder.inputs
    step(builder, delta(4 * S, bids=[(97, 1)]))
    (valid,) = step(builder, tick(5 * S))
    assert (valid.state, valid.reason) == (BookState.VALID, BookReason.NONE)


@pytest.mark.parametrize(
    ("bids", "asks", "state"),
    [
        ([(99, 0), (98, 0), (97, 0), (90, 5)], [], BookState.VALID),
        ([(99, 0), (98, 0), (97, 0), (89, 5)], [], BookState.GAP),
        ([], [(101, 0), (102, 0), (103, 0), (110, 1)], BookState.VALID),
        ([], [(101, 0), (102, 0), (103, 0), (111, 1)], BookState.GAP),
        ([(99, 0), (98, 0), (97, 0)], [], BookState.VALID),  # an empty side has no touch
    ],
)
def test_a_touch_outside_of_what_is_known_is_a_gap(bids: Any, asks: Any, state: BookState) -> None:
    builder = node(BUILDER)
    step(builder, snapshot(1 * S))
    step(builder, status(1 * S))  # complete from 90 to 110
    step(builder, delta(2 * S, bids=bids, asks=asks))
    (made,) = step(builder, tick(3 * S))
    assert (made.state, made.reason == BookReason.WINDOW) == (state, state == BookState.GAP)


def test_an_event_of_another_instrument_stops_every_node() -> None:
    for at in range(5):
        with pytest.raises(AssertionError, match=r"BookSnapshot of binance\.OTHER in the log of binance\.TEST"):
            node(at).step(msgspec.structs.replace(snapshot(1 * S), instrument_id="binance.OTHER"))


def test_decisions_on_the_touch_follow_its_changes_and_nothing_deeper() -> None:
    builder = node(BUILDER, book={"decide_on": "touch"})
    assert [each.local_ns for each in step(builder, snapshot(1 * S))] == [1 * S]
    assert step(builder, delta(2 * S, bids=[(97, 1)])) == ()
    (made,) = step(builder, delta(3 * S, bids=[(99, 1)]))
    assert (made.local_ns, made.bid_lots, made.update_id) == (3 * S, 1, 2)
    assert step(builder, trade(4 * S, Side.BUY, 101, 1)) == ()
