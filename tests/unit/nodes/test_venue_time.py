"""What could have been filled: exchange times against acceptance, and the venue's own top between depth events."""

from typing import Any

import pytest
from tests.unit.nodes.events import (
    BUILDER,
    EXCHANGE,
    MS,
    delta,
    market,
    node,
    snapshot,
    step,
    submit,
    terms,
    tick,
    trade,
)

from mm_core import events as e
from mm_core.node import Node
from mm_core.types import BookState, Side, TimeInForce

TERMS: dict[str, Any] = {"entry_ms": 10, "cancel_ms": 10, "response_ms": 0, "queue": "risk_averse"}
LAG_MS = 4


def new_exchange(**terms: Any) -> Node:
    """A book of 99 to 101 with 5 lots a level, and a depth event that was LAG_MS under way."""
    exchange = node(EXCHANGE, exchange=TERMS | terms)
    step(exchange, snapshot(50 * MS))
    step(exchange, late(delta(60 * MS, bids=[(97, 5)]), LAG_MS))
    return exchange


def late(event: Any, delay_ms: int) -> Any:
    """The event, received so many ms after its own time."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event)(**fields | {"local_ns": event.ts_ns + delay_ms * MS})


def top(local_ns: int, update_id: int, bid: tuple[int, int], ask: tuple[int, int]) -> e.BookTop:
    """The venue's own top; its feed's last time is that of the depth event."""
    touch: dict[str, Any] = {"bid_ticks": bid[0], "bid_lots": bid[1], "ask_ticks": ask[0], "ask_lots": ask[1]}
    return e.BookTop(**market(60 * MS, local_ns), update_id=update_id, **touch)


def newer(event: e.BookDelta, update_id: int) -> e.BookDelta:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return e.BookDelta(**fields | {"first_update_id": update_id, "update_id": update_id})


def names(answers: Any) -> list[str]:
    return [type(answer).__name__ for answer in answers]


@pytest.mark.parametrize(("trade_ms", "filled"), [(109, False), (110, True), (111, True)])
def test_a_print_from_before_the_acceptance_fills_nothing(trade_ms: int, filled: bool) -> None:
    exchange = new_exchange()
    step(exchange, submit(100 * MS, 1, Side.BUY, 100))
    assert names(step(exchange, tick(120 * MS))) == ["OrderAccepted"]  # at 110 ms
    answers = step(exchange, late(trade(trade_ms * MS, Side.SELL, 99, 5), 30))  # through our price
    assert names(answers) == (["OrderFilled"] if filled else [])
    if filled:
        assert answers[0].ts_ns == trade_ms * MS


@pytest.mark.parametrize(("trade_ms", "filled"), [(109, False), (110, True)])
def test_a_print_from_before_the_acceptance_moves_no_queue(trade_ms: int, filled: bool) -> None:
    exchange = new_exchange()
    step(exchange, submit(100 * MS, 1, Side.BUY, 99))  # behind 5
    step(exchange, tick(120 * MS))
    step(exchange, late(trade(trade_ms * MS, Side.SELL, 99, 5), 30))
    answers = step(exchange, trade(200 * MS, Side.SELL, 99, 2))
    assert names(answers) == (["OrderFilled"] if filled else [])


@pytest.mark.parametrize(("depth_ms", "filled"), [(109, False), (110, True)])
def test_depth_from_before_the_acceptance_moves_no_queue(depth_ms: int, filled: bool) -> None:
    exchange = new_exchange()
    step(exchange, submit(100 * MS, 1, Side.BUY, 99))
    step(exchange, tick(120 * MS))
    step(exchange, late(delta(depth_ms * MS, bids=[(99, 1)]), 30))  # 4 ahead of us are canceled
    answers = step(exchange, trade(200 * MS, Side.SELL, 99, 3))
    assert names(answers) == (["OrderFilled"] if filled else [])


@pytest.mark.parametrize(("depth_ms", "filled"), [(109, False), (110, True)])
def test_a_best_price_from_before_the_acceptance_fills_nothing(depth_ms: int, filled: bool) -> None:
    exchange = new_exchange()
    step(exchange, submit(100 * MS, 1, Side.BUY, 100))
    step(exchange, tick(120 * MS))
    answers = step(exchange, late(delta(depth_ms * MS, asks=[(100, 7)]), 30))
    assert names(answers) == (["OrderFilled"] if filled else [])


def test_a_cancel_that_has_taken_effect_ends_fills() -> None:
    exchange = new_exchange()
    step(exchange, submit(100 * MS, 1, Side.BUY, 100))
    step(exchange, e.CancelOrder(**market(150 * MS), **terms(1)))  # effective at 160 ms
    assert names(step(exchange, trade(160 * MS, Side.SELL, 99, 1))) == ["OrderAccepted", "OrderFilled"]
    assert names(step(exchange, trade(161 * MS, Side.SELL, 99, 1))) == ["OrderCanceled"]


def test_a_tick_lets_in_only_what_arrived_before_the_news_under_way() -> None:
    exchange = new_exchange()
    step(exchange, submit(90 * MS, 1, Side.BUY, 100))  # arrives at 100 ms
    assert step(exchange, tick((100 + LAG_MS - 1) * MS)) == ()
    answers = step(exchange, tick((100 + LAG_MS + 1) * MS))
    assert names(answers) == ["OrderAccepted"]
    assert answers[0].ts_ns == 100 * MS


@pytest.mark.parametrize(("venue_top", "name"), [(True, "OrderRejected"), (False, "OrderAccepted")])
def test_a_post_only_order_is_checked_against_the_venue_s_own_top(venue_top: bool, name: str) -> None:
    exchange = new_exchange(venue_top=venue_top)
    step(exchange, top(70 * MS, 3, (99, 5), (100, 4)))
    step(exchange, submit(90 * MS, 1, Side.BUY, 100))
    assert names(step(exchange, tick(200 * MS))) == [name]


def test_a_top_that_reaches_our_order_fills_it_at_its_own_exchange_time() -> None:
    exchange = new_exchange()
    step(exchange, submit(90 * MS, 1, Side.BUY, 100))
    step(exchange, tick(120 * MS))
    (fill,) = step(exchange, top(130 * MS, 3, (99, 5), (100, 1)))
    # The lag has grown by a 10,000th of the 66 ms since the depth event.
    assert (fill.ts_ns, fill.qty_lots, fill.price_ticks) == (130 * MS - LAG_MS * MS - 66 * MS // 10_000, 1, 100)
    assert fill.mid_half_ticks == 200  # before the top, not behind it


def test_a_top_that_clears_a_level_lets_an_order_rest_there() -> None:
    exchange = new_exchange()
    step(exchange, top(70 * MS, 3, (99, 5), (102, 4)))
    step(exchange, submit(90 * MS, 1, Side.BUY, 101))
    assert names(step(exchange, tick(200 * MS))) == ["OrderAccepted"]


@pytest.mark.parametrize(("update_id", "name"), [(2, "OrderAccepted"), (3, "OrderRejected")])
def test_a_top_that_is_no_newer_than_depth_changes_nothing(update_id: int, name: str) -> None:
    exchange = new_exchange()  # whose depth is of id 2
    step(exchange, top(70 * MS, update_id, (99, 5), (100, 4)))
    step(exchange, submit(90 * MS, 1, Side.BUY, 100))
    assert names(step(exchange, tick(200 * MS))) == [name]


def test_older_depth_does_not_bring_back_what_the_top_has_cleared() -> None:
    exchange = new_exchange()
    step(exchange, top(70 * MS, 9, (99, 5), (102, 4)))
    step(exchange, newer(delta(72 * MS, asks=[(100, 3), (101, 6)]), 5))
    step(exchange, submit(90 * MS, 1, Side.BUY, 101))
    assert names(step(exchange, tick(200 * MS))) == ["OrderAccepted"]


def test_newer_depth_replaces_the_top_even_where_it_names_no_level() -> None:
    """A bid of 100 came and went between two depth events: none of them names it."""
    exchange = new_exchange()
    step(exchange, top(70 * MS, 8, (100, 1), (102, 4)))
    step(exchange, newer(delta(75 * MS, bids=[(96, 1)]), 9))
    step(exchange, submit(90 * MS, 1, Side.SELL, 100))
    step(exchange, submit(90 * MS, 2, Side.BUY, 101))
    assert names(step(exchange, tick(200 * MS))) == ["OrderAccepted", "OrderRejected"]


def test_a_new_epoch_forgets_the_ids_of_the_old_one() -> None:
    exchange = new_exchange()
    step(exchange, top(70 * MS, 1_000, (99, 5), (101, 4)))
    window: dict[str, Any] = {"complete_low_ticks": 1, "complete_high_ticks": 1_000}
    step(exchange, e.FeedStatus(**market(75 * MS), state=BookState.GAP, epoch=8, **window))
    step(exchange, top(80 * MS, 5, (99, 5), (100, 4)))
    step(exchange, submit(90 * MS, 1, Side.BUY, 100))
    assert names(step(exchange, tick(200 * MS))) == ["OrderRejected"]


def test_a_print_behind_the_newest_book_clears_what_it_went_through() -> None:
    exchange = new_exchange()
    step(exchange, top(70 * MS, 3, (99, 5), (101, 4)))
    step(exchange, late(trade(80 * MS, Side.BUY, 103, 9), LAG_MS))  # nothing is left below 103
    step(exchange, submit(90 * MS, 1, Side.BUY, 102))
    step(exchange, submit(90 * MS, 2, Side.BUY, 103))
    assert names(step(exchange, tick(200 * MS))) == ["OrderAccepted", "OrderRejected"]


def test_a_top_moves_no_queue() -> None:
    exchange = new_exchange()
    step(exchange, submit(80 * MS, 1, Side.BUY, 99))  # behind 5
    step(exchange, tick(120 * MS))
    step(exchange, top(130 * MS, 3, (99, 1), (101, 4)))
    assert names(step(exchange, trade(140 * MS, Side.SELL, 99, 5))) == []
    assert names(step(exchange, trade(141 * MS, Side.SELL, 99, 1))) == ["OrderFilled"]


def test_an_order_joins_behind_what_the_top_shows() -> None:
    exchange = new_exchange()
    step(exchange, top(70 * MS, 3, (99, 2), (101, 4)))
    step(exchange, submit(80 * MS, 1, Side.BUY, 99))
    step(exchange, tick(120 * MS))
    assert names(step(exchange, trade(140 * MS, Side.SELL, 99, 3))) == ["OrderFilled"]


def test_a_late_print_fills_at_the_mid_of_its_own_time() -> None:
    exchange = new_exchange()
    step(exchange, submit(80 * MS, 1, Side.BUY, 100))
    step(exchange, tick(120 * MS))
    step(exchange, delta(150 * MS, bids=[(99, 0)], asks=[(101, 0)]))  # 98 to 102: the mid stays
    step(exchange, delta(180 * MS, asks=[(102, 0)]))  # 98 to 103
    (fill,) = step(exchange, late(trade(170 * MS, Side.SELL, 97, 9), 50))
    assert (fill.ts_ns, fill.mid_half_ticks) == (170 * MS, 200)


def test_the_book_builder_takes_the_top_as_touch_where_configured() -> None:
    by_top, by_touch = node(BUILDER, book={"decide_on": "top"}), node(BUILDER, book={"decide_on": "touch"})
    news = top(70 * MS, 3, (100, 7), (101, 4))
    step(by_top, snapshot(50 * MS))
    (book,) = step(by_top, news)
    assert (book.local_ns, book.bid_ticks, book.bid_lots, book.ask_ticks, book.ask_lots) == (70 * MS, 100, 7, 101, 4)
    assert (book.update_id, book.mid_half_ticks) == (3, 201)
    assert e.BookTop in by_top.inputs
    assert e.BookTop not in by_touch.inputs
    assert step(by_top, top(71 * MS, 3, (90, 1), (91, 1))) == ()  # a repeat
    (older,) = step(by_top, newer(delta(80 * MS, bids=[(99, 1)]), 2))
    assert (older.bid_ticks, older.bid_lots) == (100, 7)
    (behind,) = step(by_top, newer(delta(90 * MS, bids=[(98, 2)]), 4))
    assert (behind.bid_ticks, behind.bid_lots, behind.ask_lots) == (99, 1, 5)


def test_a_top_of_the_epoch_before_is_no_touch() -> None:
    builder = node(BUILDER, book={"decide_on": "top"})
    step(builder, snapshot(50 * MS))
    step(builder, top(70 * MS, 9, (100, 7), (101, 4)))
    step(builder, e.FeedStatus(**market(75 * MS), state=BookState.GAP, epoch=8))
    step(builder, snapshot(80 * MS, bid=90, ask=92))
    (book,) = step(builder, tick(100 * MS))
    assert (book.bid_ticks, book.ask_ticks) == (90, 92)


def test_older_depth_still_sets_what_lies_behind_the_top() -> None:
    exchange = new_exchange()
    step(exchange, top(70 * MS, 9, (99, 5), (102, 4)))
    step(exchange, newer(delta(72 * MS, bids=[(98, 2)]), 5))
    step(exchange, submit(80 * MS, 1, Side.BUY, 98))  # behind 2, not 5
    step(exchange, tick(120 * MS))
    assert names(step(exchange, trade(140 * MS, Side.SELL, 98, 3))) == ["OrderFilled"]


def test_newer_depth_does_not_bring_back_what_a_snapshot_has_cleared() -> None:
    exchange = new_exchange()
    step(exchange, snapshot(70 * MS, bid=99, ask=110))
    step(exchange, top(75 * MS, 3, (99, 5), (101, 1)))
    step(exchange, newer(delta(80 * MS, bids=[(96, 1)]), 4))
    step(exchange, submit(90 * MS, 1, Side.BUY, 103))
    assert names(step(exchange, tick(200 * MS))) == ["OrderAccepted"]


def test_ids_go_on_within_an_epoch() -> None:
    exchange = new_exchange()
    window: dict[str, Any] = {"complete_low_ticks": 1, "complete_high_ticks": 1_000}
    for at_ms in (65, 75):
        step(exchange, e.FeedStatus(**market(at_ms * MS), state=BookState.VALID, epoch=8, **window))
        if at_ms == 65:
            step(exchange, top(70 * MS, 9, (99, 5), (101, 4)))
    step(exchange, top(80 * MS, 5, (99, 5), (100, 4)))  # older than that of id 9
    step(exchange, submit(90 * MS, 1, Side.BUY, 100))
    assert names(step(exchange, tick(200 * MS))) == ["OrderAccepted"]


def test_an_answer_is_not_known_before_the_tick_that_let_its_request_in() -> None:
    exchange = new_exchange()
    step(exchange, submit(90 * MS, 1, Side.BUY, 98))
    (accepted,) = step(exchange, tick(200 * MS))
    assert (accepted.ts_ns, accepted.local_ns) == (100 * MS, 200 * MS)


def test_a_mid_is_noted_when_it_changes() -> None:
    exchange = new_exchange()
    clock = exchange.state["clock"][0]
    assert int(clock["mid_count"]) == 1
    step(exchange, delta(70 * MS, bids=[(99, 7)]))
    assert int(clock["mid_count"]) == 1
    step(exchange, newer(delta(80 * MS, bids=[(100, 7)]), 3))
    step(exchange, newer(delta(90 * MS, bids=[(100, 0)]), 4))
    noted = [tuple(map(int, mid)) for mid in clock["mids"][:3].tolist()]
    assert noted == [(50 * MS, 200), (80 * MS, 201), (90 * MS, 200)]


@pytest.mark.parametrize("partial_fills", [True, False])
@pytest.mark.parametrize(("side", "price_ticks"), [(Side.BUY, 101), (Side.SELL, 99)])
def test_an_order_that_takes_has_the_mid_of_its_arrival(side: Side, price_ticks: int, partial_fills: bool) -> None:
    exchange = new_exchange(partial_fills=partial_fills)
    order = terms(1, side, price_ticks, 1)
    step(exchange, e.SubmitOrder(**market(90 * MS), **order, time_in_force=TimeInForce.IOC))
    (fill,) = step(exchange, tick(200 * MS))
    assert (type(fill), fill.qty_lots, fill.price_ticks, fill.mid_half_ticks) == (e.OrderFilled, 1, price_ticks, 200)
