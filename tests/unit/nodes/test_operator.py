"""The operator's commands: what HALT, REDUCE, FLATTEN, RESUME and SET do to the quoter and to the risk gate."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.nodes.events import NAME, QUOTER, RISK, S, book, core, filled, intent, market, node, step, terms

from mm_core import events as e
from mm_core.node import Node
from mm_core.risk.reason import Reason
from mm_core.setup.nodes import new_nodes
from mm_core.types import BookState, Command, Side, TimeInForce, TradeState

QUOTES = {"order_qty_base": Decimal("0.004"), "position_max_base": Decimal("0.008")}


def command(at_ns: int, kind: Command, key: str = "", value: str = "") -> e.OperatorCommand:
    return e.OperatorCommand(ts_ns=at_ns, local_ns=at_ns, command=kind, key=key, value=value)


def canceled(at_ns: int, order_id: int, side: Side, price_ticks: int) -> e.OrderCanceled:
    return e.OrderCanceled(**market(at_ns), **terms(order_id, side, price_ticks))


def refusal(order_id: int) -> e.OrderRejected:
    return e.OrderRejected(**market(2 * S), **terms(order_id, Side.SELL, 99), reason=1)


def flattening(side: Side = Side.BUY) -> Node:
    """A quoter of 98 and 102 that got 4 lots on one side, was commanded to flatten, and has no open order."""
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, book(1 * S))
    (got, price), (other, at) = ((1, 98), (2, 102)) if side == Side.BUY else ((2, 102), (1, 98))
    step(quoter, filled(1 * S, got, side, price))
    assert step(quoter, command(1 * S, Command.FLATTEN)) == ()
    step(quoter, canceled(1 * S, other, Side(1 - side), at))
    return quoter


def intents(outputs: Any) -> list[tuple[int, Side, int, int, TimeInForce]]:
    return [(each.order_id, each.side, each.price_ticks, each.qty_lots, each.time_in_force) for each in outputs]


IOC = TimeInForce.IOC


@pytest.mark.parametrize(
    ("side", "expected"), [(Side.BUY, (3, Side.SELL, 99, 4, IOC)), (Side.SELL, (3, Side.BUY, 101, 4, IOC))]
)
def test_to_flatten_takes_all_of_the_position_off_at_the_opposite_touch(side: Side, expected: Any) -> None:
    quoter = flattening(side)
    (order,) = outputs = step(quoter, book(2 * S))
    assert intents(outputs) == [expected]
    assert (order.fair_ticks, order.reservation_ticks, order.half_spread_ticks) == (100.0, order.price_ticks, 0.0)
    assert step(quoter, book(3 * S)) == []  # one at a time
    step(quoter, filled(3 * S, 3, expected[1], expected[2]))
    assert step(quoter, book(4 * S)) == []  # flat, and silent


def test_what_a_flattening_order_did_not_get_is_tried_again_at_the_next_book() -> None:
    quoter = flattening()
    step(quoter, book(2 * S))
    part: dict[str, Any] = terms(3, Side.SELL, 99, 1, 3)
    step(quoter, e.OrderFilled(**market(3 * S), **part, maker=False, fee_e9=0))
    assert step(quoter, book(3 * S)) == []
    step(quoter, e.OrderExpired(**market(3 * S), **part))
    assert intents(step(quoter, book(4 * S, bid=90, ask=91))) == [(4, Side.SELL, 90, 3, IOC)]


def test_to_flatten_waits_for_every_order_that_is_still_out_and_cancels_it() -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, book(1 * S))
    step(quoter, filled(1 * S, 1, Side.BUY, 98))
    step(quoter, command(1 * S, Command.FLATTEN))
    assert step(quoter, book(2 * S)) == []  # not accepted yet
    step(quoter, e.OrderAccepted(**market(2 * S), **terms(2, Side.SELL, 102)))
    assert step(quoter, book(3 * S)) == [e.CancelIntent(**market(3 * S), **terms(2, Side.SELL, 102))]
    assert step(quoter, book(4 * S)) == []
    step(quoter, filled(4 * S, 2, Side.SELL, 102))  # the cancel came too late: flat without taking
    assert step(quoter, book(5 * S)) == []


@pytest.mark.parametrize("state", [BookState.SYNCING, BookState.STALE, BookState.GAP])
def test_nothing_is_taken_from_a_book_without_proof(state: BookState) -> None:
    quoter = flattening()
    assert step(quoter, book(2 * S, state=state)) == []
    assert len(step(quoter, book(3 * S))) == 1


@pytest.mark.parametrize("reason", Reason)
def test_a_denial_that_lasts_ends_the_flattening_and_one_that_passes_does_not(reason: Reason) -> None:
    quoter = flattening()
    step(quoter, book(2 * S))
    step(quoter, e.OrderDenied(**market(2 * S), **terms(3, Side.SELL), reason=reason))
    passes = reason in {Reason.ORDER_RATE, Reason.PRICE_COLLAR, Reason.PRICE_DEVIATION, Reason.PRICE_BOUNDS}
    assert len(step(quoter, book(3 * S, bid=98))) == passes  # another touch, and the window of the rate is over
    step(quoter, command(4 * S, Command.FLATTEN))  # and the operator may ask again
    assert passes or len(step(quoter, book(4 * S))) == 1


def test_a_rejection_by_the_venue_ends_the_flattening() -> None:
    quoter = flattening()
    step(quoter, book(2 * S))
    step(quoter, refusal(3))
    assert step(quoter, book(3 * S)) == []


def test_a_rejected_quote_of_before_does_not_end_the_flattening() -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, book(1 * S))
    step(quoter, filled(1 * S, 1, Side.BUY, 98))
    step(quoter, command(1 * S, Command.FLATTEN))
    step(quoter, refusal(2))
    assert intents(step(quoter, book(2 * S))) == [(3, Side.SELL, 99, 4, IOC)]


@pytest.mark.parametrize("stop", [None, Command.HALT, Command.REDUCE])
def test_after_flatten_only_resume_quotes_again(stop: Command | None) -> None:
    quoter = flattening()
    step(quoter, book(2 * S))
    step(quoter, filled(2 * S, 3, Side.SELL, 99))
    if stop is not None:
        step(quoter, command(2 * S, stop))
    assert step(quoter, book(3 * S)) == []
    step(quoter, command(4 * S, Command.RESUME))
    assert [(each.side, each.time_in_force) for each in step(quoter, book(4 * S))] == [
        (Side.BUY, TimeInForce.GTX),
        (Side.SELL, TimeInForce.GTX),
    ]


@pytest.mark.parametrize(("stop", "takes"), [(Command.HALT, 0), (Command.REDUCE, 1), (Command.FLATTEN, 1)])
def test_a_halt_ends_the_flattening_and_nothing_else_does(stop: Command, takes: int) -> None:
    quoter = flattening()
    step(quoter, command(2 * S, stop))
    assert len(step(quoter, book(2 * S))) == takes


# The risk gate.


def working(**limits: Any) -> Node:
    """A gate that let two orders through; one is filled: 4 lots bought at 98, a sell of 4 at 102 works."""
    risk = node(RISK, risk=limits)
    step(risk, book(1 * S))
    step(risk, intent(1 * S, 1, Side.BUY, 98))
    step(risk, intent(1 * S, 2, Side.SELL, 102))
    step(risk, filled(1 * S, 1, Side.BUY, 98))
    return risk


def taking(at_ns: int, order_id: int, qty_lots: int = 4, price_ticks: int = 99) -> e.OrderIntent:
    order = terms(order_id, Side.SELL, price_ticks, qty_lots)
    return e.OrderIntent(**market(at_ns), **order, time_in_force=IOC)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (Command.HALT, TradeState.HALTED),
        (Command.REDUCE, TradeState.REDUCING),
        (Command.FLATTEN, TradeState.REDUCING),
    ],
)
def test_halt_reduce_and_flatten_cancel_every_open_order_once_however_often_they_are_sent(
    kind: Command, state: TradeState
) -> None:
    risk = working()
    halted = e.TradingState(**market(2 * S), state=state, reason=Reason.OPERATOR)
    assert step(risk, command(2 * S, kind)) == [halted, e.CancelOrder(**market(2 * S), **terms(2, Side.SELL, 102))]
    risk.state["risk"]["outbox"] = 0
    before = risk.dump()
    assert step(risk, command(2 * S, kind)) == [halted]
    risk.state["risk"]["outbox"] = 0
    assert risk.dump() == before


def test_after_flatten_risk_lets_through_what_closes_the_position_and_no_more() -> None:
    risk = working()
    step(risk, command(2 * S, Command.FLATTEN))
    assert step(risk, taking(2 * S, 3))[0].reason == Reason.REDUCING  # the working sell may still close it
    step(risk, canceled(2 * S, 2, Side.SELL, 102))
    (submitted,) = step(risk, taking(3 * S, 4, qty_lots=9))
    assert (submitted.qty_lots, submitted.time_in_force, submitted.reason) == (4, IOC, Reason.REDUCING)
    step(risk, filled(3 * S, 4, Side.SELL, 99))
    assert [type(each) for each in step(risk, intent(4 * S, 5, Side.BUY, 98))] == [e.OrderDenied]


@pytest.mark.parametrize(
    "limits",
    [{"loss_session_max_quote": Decimal("0.0001")}, {"loss_day_max_quote": "0.0001"}, {"fills_per_window_max": 1}],
)
def test_what_halted_does_not_stop_a_flattening_and_counts_again_after_it(limits: dict[str, Any]) -> None:
    risk = working(**limits)
    (halted, _) = step(risk, book(1 * S + 1, bid=89, ask=91))
    assert halted.state == TradeState.HALTED
    step(risk, canceled(1 * S + 1, 2, Side.SELL, 102))
    step(risk, command(1 * S + 2, Command.FLATTEN))
    assert step(risk, book(1 * S + 3, bid=79, ask=81)) == ()
    assert [type(each) for each in step(risk, taking(1 * S + 3, 3, price_ticks=79))] == [e.SubmitOrder]
    (reducing, *_) = step(risk, command(1 * S + 4, Command.REDUCE))
    assert reducing.state == TradeState.REDUCING
    assert step(risk, book(1 * S + 5, bid=79, ask=81))[0].state == TradeState.HALTED


# SET.


def test_a_set_of_a_limit_changes_it_and_is_published() -> None:
    risk = node(RISK)
    step(risk, book(1 * S))
    changed = step(risk, command(1 * S, Command.SET, "risk.order_max_base", "0.003"))
    assert changed == [e.LimitChanged(**market(1 * S), name="risk.order_max_base", value=3, text="0.003")]
    (submitted,) = step(risk, intent(1 * S, 1, Side.BUY, 98))
    assert (submitted.qty_lots, submitted.reason) == (3, Reason.ORDER_LOTS)


def test_the_length_of_a_halt_by_the_fill_rate_can_be_set() -> None:
    (changed,) = step(node(RISK), command(1 * S, Command.SET, "risk.rate_halt_s", "1.5"))
    assert (changed.value, changed.text) == (1_500_000_000, "1.5")


def test_a_limit_that_is_a_real_number_is_published_as_it_was_written() -> None:
    (changed,) = step(node(RISK), command(1 * S, Command.SET, "risk.collar_bps", "12.5"))
    assert (changed.value, changed.text) == (12, "12.5")


def test_a_set_of_the_quoter_changes_its_next_quotes() -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    assert step(quoter, command(1 * S, Command.SET, "fixed_spread.half_spread_ticks", "5")) == ()
    step(quoter, command(1 * S, Command.SET, "quoter.order_qty_base", "0.007"))
    assert [each[2:4] for each in intents(step(quoter, book(1 * S)))] == [(95, 7), (105, 7)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("risk.order_max_base", "0.0005"),
        ("risk.order_max_base", "many"),
        ("risk.order_max_base", ""),
        ("risk.order_max_base", "null"),
        ("risk.order_max_base", "1e999999999"),
        ("risk.loss_day_max_quote", "-1"),
        ("risk.collar_bps", "0"),
        ("risk.rate_halt_s", "-1"),
        ("risk.rate_halt_s", "1e-10"),
        ("risk.collar_bps", "nan"),
        ("risk.window_ms", "5"),
        ("quoter.levels", "17"),
        ("quoter.levels", "1.5"),
        ("quoter.strategy", "fixed_spread"),
        ("avellaneda_stoikov.gamma_per_tick", "1"),  # not the strategy in use
        ("order_max_base", "1"),
        ("", ""),
        ("a.b.c", "1"),
    ],
)
def test_a_set_that_cannot_be_changes_nothing(key: str, value: str) -> None:
    nodes = new_nodes(core(), NAME)
    for each in (nodes[QUOTER], nodes[RISK]):
        before = each.dump()
        assert step(each, command(1 * S, Command.SET, key, value)) == ()
        assert each.dump() == before
