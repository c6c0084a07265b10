"""Quoter, risk gate and accountant as nodes: their outputs for a book, each other and the venue's answers."""

from decimal import Decimal

import msgspec
import pytest
from tests.unit.nodes.events import (
    ACCOUNTANT,
    EXCHANGE,
    INSTRUMENT,
    NAME,
    QUOTER,
    RISK,
    S,
    book,
    core,
    filled,
    intent,
    market,
    node,
    snapshot,
    step,
    submit,
    terms,
)
from tests.unit.nodes.events import tick as tick_at

from mm_core import events as e
from mm_core.exchange.venue import Reject
from mm_core.risk.reason import Reason
from mm_core.setup.config import to_config
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.types import BookState, Command, Side, TimeInForce, TradeState

QUOTES = {"order_qty_base": Decimal("0.004"), "position_max_base": Decimal("0.008")}


def test_the_quoter_publishes_both_quotes_with_the_terms_of_the_decision() -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    bid, ask = step(quoter, book(1 * S))
    assert bid == e.OrderIntent(
        **market(1 * S),
        **terms(1),
        fair_ticks=100.0,
        reservation_ticks=100.0,
        half_spread_ticks=2.0,
        volatility_ticks_sqrt_s=1.0,
        mid_half_ticks=200,
    )
    assert (ask.order_id, ask.side, ask.price_ticks) == (2, Side.SELL, 102)
    assert step(quoter, book(2 * S)) == []


def test_the_quoter_cancels_an_accepted_order_at_a_price_that_is_no_target_any_more() -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, book(1 * S))
    step(quoter, e.OrderAccepted(**market(1 * S), **terms(1)))
    cancel, *_ = step(quoter, book(2 * S, bid=102, ask=104))
    assert cancel == e.CancelIntent(**market(2 * S), **terms(1))


@pytest.mark.parametrize("kind", ["denied", "canceled", "expired", "filled"])
def test_a_closed_order_is_quoted_again(kind: str) -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, book(1 * S))
    order = market(1 * S) | terms(1)
    closings = {
        "denied": e.OrderDenied(**order, reason=1),
        "canceled": e.OrderCanceled(**order),
        "expired": e.OrderExpired(**order),
        "filled": filled(1 * S, 1, Side.BUY, 98),
    }
    assert step(quoter, closings[kind]) == ()
    (again,) = step(quoter, book(2 * S))
    assert (again.order_id, again.side, again.position_lots) == (3, Side.BUY, 4 if kind == "filled" else 0)


def test_a_rejected_price_is_quoted_again_when_the_touch_has_changed() -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, book(1 * S))
    assert step(quoter, e.OrderRejected(**market(1 * S), **terms(1), reason=Reject.WOULD_TAKE)) == ()
    assert step(quoter, book(2 * S)) == []
    (again,) = step(quoter, book(3 * S, bid=98, ask=102))
    assert (again.order_id, again.side, again.price_ticks) == (3, Side.BUY, 98)


CHANGES: dict[str, tuple[e.Event, bool]] = {
    "a limit": (e.LimitChanged(**market(2 * S), name="risk.position_max_base", value=9), True),
    "a filter": (msgspec.structs.replace(INSTRUMENT, qty_lots_min=2), True),
    "no filter": (INSTRUMENT, False),
    "a number of its own": (
        e.OperatorCommand(ts_ns=0, local_ns=2 * S, command=Command.SET, key="quoter.levels", value="1"), True,
    ),
    "no number of its own": (
        e.OperatorCommand(ts_ns=0, local_ns=2 * S, command=Command.SET, key="nonsense", value="1"), False,
    ),
    "the trading state": (e.TradingState(**market(2 * S), state=TradeState.ACTIVE, reason=16), True),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_denied_size_is_requested_again_when_a_limit_or_the_state_has_changed(change: str) -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, book(1 * S))
    step(quoter, e.OrderDenied(**market(1 * S), **terms(1), reason=Reason.POSITION))
    assert step(quoter, book(2 * S, bid=98, ask=102)) == []
    event, asks = CHANGES[change]
    assert step(quoter, event) == ()
    assert [each.side for each in step(quoter, book(3 * S))] == [Side.BUY] * asks


def test_a_halted_quoter_publishes_nothing_until_it_may_again() -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, e.TradingState(**market(1 * S), state=TradeState.HALTED, reason=Reason.LOSS_SESSION))
    assert step(quoter, book(1 * S)) == []
    step(quoter, e.TradingState(**market(2 * S), state=TradeState.ACTIVE, reason=Reason.OPERATOR))
    assert len(step(quoter, book(2 * S))) == 2


@pytest.mark.parametrize(("tick", "binds"), [("0.01", True), ("0.010", True), ("0.02", False)])
def test_a_new_definition_on_the_same_grid_changes_the_filters_of_risk_and_of_the_venue(tick: str, binds: bool) -> None:
    nodes = new_nodes(core(), NAME)
    defined = msgspec.structs.replace(INSTRUMENT, tick_size=tick, qty_lots_min=5)
    assert [step(nodes[rank], defined) for rank in (RISK, EXCHANGE)] == [(), ()]
    risk, exchange = nodes[RISK], nodes[EXCHANGE]
    step(risk, book(1 * S))
    (answer,) = step(risk, intent(1 * S, 1, Side.BUY, 98))
    denied = e.OrderDenied(**market(1 * S), **terms(1), reason=Reason.BELOW_MINIMUM)
    assert (answer == denied) == binds
    step(exchange, snapshot(1 * S))
    step(exchange, submit(1 * S, 1, Side.BUY, 98, 4))
    answers = [answer for at_s in (2, 3) for answer in step(exchange, tick_at(at_s * S))]
    assert [getattr(each, "reason", None) for each in answers] == [Reject.LOT_SIZE if binds else None]


def test_filters_bind_from_the_start() -> None:
    defined = msgspec.structs.replace(INSTRUMENT, notional_e9_min=4_000_000)  # 400 ticks x lots
    risk = new_nodes(new_core(to_config({}), defined), NAME)[RISK]
    step(risk, book(1 * S))
    assert step(risk, intent(1 * S, 1, Side.BUY, 99))[0].reason == Reason.MIN_NOTIONAL
    assert isinstance(step(risk, intent(1 * S, 2, Side.BUY, 100))[0], e.SubmitOrder)


def test_risk_lets_an_order_through_smaller_or_not_at_all_with_the_reason() -> None:
    risk = node(RISK, risk={"order_max_base": Decimal("0.003")})
    (denied,) = step(risk, intent(0, 1, Side.BUY, 98))
    assert denied == e.OrderDenied(**market(0), **terms(1), reason=Reason.BOOK_NOT_VALID)
    assert step(risk, book(1 * S)) == ()
    (submitted,) = step(risk, intent(1 * S, 2, Side.BUY, 98))
    assert submitted == e.SubmitOrder(
        **market(1 * S),
        **terms(2, qty_lots=3),
        time_in_force=TimeInForce.GTX,
        reason=Reason.ORDER_LOTS,
    )


def test_risk_passes_a_cancel_on_once() -> None:
    risk = node(RISK)
    step(risk, book(1 * S))
    step(risk, intent(1 * S, 1, Side.BUY, 98))
    cancel = e.CancelIntent(**market(2 * S), **terms(1))
    assert step(risk, cancel) == [e.CancelOrder(**market(2 * S), **terms(1))]
    assert step(risk, cancel) == ()


def test_a_halt_cancels_what_is_open_and_a_resume_lets_orders_through_again() -> None:
    risk = node(RISK)
    step(risk, book(1 * S))
    step(risk, intent(1 * S, 1, Side.BUY, 98))
    step(risk, intent(1 * S, 2, Side.SELL, 102))
    step(risk, filled(1 * S, 2, Side.SELL, 102))
    halted, cancel = step(risk, e.OperatorCommand(ts_ns=0, local_ns=2 * S, command=Command.HALT))
    assert halted == e.TradingState(**market(2 * S), state=TradeState.HALTED, reason=Reason.OPERATOR)
    assert cancel == e.CancelOrder(**market(2 * S), **terms(1))
    assert [type(answer) for answer in step(risk, intent(2 * S, 3, Side.BUY, 98))] == [e.OrderDenied]
    (resumed,) = step(risk, e.OperatorCommand(ts_ns=0, local_ns=3 * S, command=Command.RESUME))
    assert isinstance(resumed, e.TradingState)
    assert resumed.state == TradeState.ACTIVE
    assert [type(answer) for answer in step(risk, intent(3 * S, 4, Side.BUY, 98))] == [e.SubmitOrder]


def test_a_loss_beyond_the_limit_halts_at_the_next_book() -> None:
    risk = node(RISK, risk={"loss_session_max_quote": Decimal("0.0001")})
    step(risk, book(1 * S))
    step(risk, intent(1 * S, 1, Side.BUY, 98))
    step(risk, filled(1 * S, 1, Side.BUY, 98))
    assert step(risk, book(2 * S)) == ()
    (halted,) = step(risk, book(3 * S, bid=89, ask=91))
    assert halted == e.TradingState(**market(3 * S), state=TradeState.HALTED, reason=Reason.LOSS_SESSION)


def test_the_accountant_publishes_the_split_of_the_result_after_each_fill() -> None:
    accountant = node(ACCOUNTANT)
    step(accountant, book(1 * S))
    (bought,) = step(accountant, filled(2 * S, 1, Side.BUY, 98))
    # One tick x one lot is 0.01 x 0.001 quote, 10,000 of 1e-9: 4 lots 2 ticks below the mid of 100.
    assert bought == e.PositionChanged(
        **market(2 * S),
        position_lots=4,
        average_price_ticks=98.0,
        realised_e9=0,
        unrealised_e9=80_000,
        fees_e9=3,
        spread_e9=80_000,
        inventory_e9=0,
    )
    assert step(accountant, book(3 * S, bid=101, ask=103)) == ()  # the peak: 4 lots, 4 ticks, a fee of 3
    assert step(accountant, book(3 * S, bid=96, ask=98)) == ()
    assert step(accountant, book(3 * S, bid=100, ask=102)) == ()
    assert step(accountant, book(4 * S, bid=10, ask=20, state=BookState.GAP)) == ()
    (flat,) = step(accountant, filled(5 * S, 2, Side.SELL, 103))
    assert (flat.position_lots, flat.average_price_ticks, flat.fees_e9) == (0, 0.0, 6)
    assert (flat.realised_e9, flat.unrealised_e9, flat.spread_e9, flat.inventory_e9) == (200_000, 0, 160_000, 40_000)
    assert (flat.drawdown_e9, flat.drawdown_max_e9) == (0, 200_000)  # the peak is now the end: 5 ticks, fees of 6
