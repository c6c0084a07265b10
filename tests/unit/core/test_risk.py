"""The risk gate by table: one case per reason, to the lot; halts, resumes and rates to the nanosecond."""

from typing import Any

import pytest
from tests.unit.core import calls, gates
from tests.unit.core.calls import BUY, SELL

from mm_core.filters import FILTERS
from mm_core.messages import CANCEL, DENIED, SUBMIT, TRADING_STATE
from mm_core.risk.reason import Reason
from mm_core.risk.state import ORDERS, RATE, new_risk
from mm_core.types import INT64_MAX, BookState, TradeState

S = 1_000_000_000
DAY = 86_400 * S
HALTED = int(TradeState.HALTED)
REDUCING = int(TradeState.REDUCING)
ACTIVE = int(TradeState.ACTIVE)
OPERATOR = int(Reason.OPERATOR)


def gate(**limits: Any) -> calls.State:
    """A gate with these limits and filters of the venue on the book 99/101, mid 100, at time 0."""
    risk = new_risk()
    for name, value in limits.items():
        risk["filters" if name in (FILTERS.names or ()) else "limits"][name] = value
    gates.risk_book(risk, calls.new_top(99, 101))
    return risk


def fill(risk: calls.State, side: int, qty_lots: int, price_ticks: int = 100, ts_ns: int = 0) -> None:
    """A fill of an order that is not open here."""
    gates.risk_filled(risk, 999_999, side, price_ticks, qty_lots, 0, 0, ts_ns)


def intent(
    risk: calls.State, side: int, qty_lots: int, price_ticks: int = 100, *, order_id: int = 1, ts_ns: int = 0
) -> tuple[int, int, Reason]:
    """(kind, lots, reason) of the answer."""
    gates.risk_intent(risk, order_id, side, price_ticks, qty_lots, ts_ns)
    (m,) = calls.outbox(risk)
    assert (int(m["order_id"]), int(m["side"]), int(m["price_ticks"])) == (order_id, side, price_ticks)
    return int(m["kind"]), int(m["qty_lots"]), Reason(int(m["reason"]))


def answers(risk: calls.State) -> list[tuple[int, int]]:
    """(kind, order id) of its last messages."""
    return [(int(m["kind"]), int(m["order_id"])) for m in calls.outbox(risk)]


def with_position(risk: calls.State, lots: int) -> calls.State:
    fill(risk, BUY if lots > 0 else SELL, abs(lots))
    return risk


def working(risk: calls.State, side: int, lots: int) -> calls.State:
    assert intent(risk, side, lots, order_id=77)[0] == SUBMIT
    return risk


def in_state(risk: calls.State, state: int) -> calls.State:
    gates.risk_command(risk, state, OPERATOR, 0)
    return risk


def on_book(risk: calls.State, **values: Any) -> calls.State:
    gates.risk_book(risk, calls.new_top(99, 101, **values))
    return risk


CASES = {
    "no limit": (gate(), BUY, 10, 100, SUBMIT, 10, Reason.NONE),
    "halted": (in_state(gate(), HALTED), BUY, 10, 100, DENIED, 10, Reason.HALTED),
    "reducing, flat": (in_state(gate(), REDUCING), BUY, 10, 100, DENIED, 10, Reason.REDUCING),
    "reducing, adds": (in_state(with_position(gate(), 5), REDUCING), BUY, 1, 100, DENIED, 1, Reason.REDUCING),
    "reducing, too much": (in_state(with_position(gate(), 5), REDUCING), SELL, 8, 100, SUBMIT, 5, Reason.REDUCING),
    "reducing, short": (in_state(with_position(gate(), -5), REDUCING), BUY, 5, 100, SUBMIT, 5, Reason.NONE),
    "reducing, all of it working": (
        in_state(working(with_position(gate(), 5), SELL, 5), REDUCING), SELL, 1, 100, DENIED, 1, Reason.REDUCING,
    ),
    "syncing": (on_book(gate(), state=int(BookState.SYNCING)), BUY, 1, 100, DENIED, 1, Reason.BOOK_NOT_VALID),
    "stale": (on_book(gate(), state=int(BookState.STALE)), BUY, 1, 100, DENIED, 1, Reason.BOOK_NOT_VALID),
    "gap": (on_book(gate(), state=int(BookState.GAP)), BUY, 1, 100, DENIED, 1, Reason.BOOK_NOT_VALID),
    "empty book": (on_book(gate(), lots=0), BUY, 1, 100, DENIED, 1, Reason.BOOK_EMPTY),
    "no book yet": (new_risk(), BUY, 1, 100, DENIED, 1, Reason.BOOK_NOT_VALID),
    "order lots": (gate(order_lots_max=7), BUY, 10, 100, SUBMIT, 7, Reason.ORDER_LOTS),
    "order lots, just": (gate(order_lots_max=7), BUY, 7, 100, SUBMIT, 7, Reason.NONE),
    "order value": (gate(order_tick_lots_max=999), BUY, 10, 100, SUBMIT, 9, Reason.ORDER_VALUE),
    "order value, just": (gate(order_tick_lots_max=1_000), BUY, 10, 100, SUBMIT, 10, Reason.NONE),
    "position": (with_position(gate(position_lots_max=12), 5), BUY, 10, 100, SUBMIT, 7, Reason.POSITION),
    "position, other side": (with_position(gate(position_lots_max=12), 5), SELL, 20, 100, SUBMIT, 17, Reason.POSITION),
    "position, working": (working(gate(position_lots_max=12), BUY, 9), BUY, 10, 100, SUBMIT, 3, Reason.POSITION),
    "position, none left": (with_position(gate(position_lots_max=5), 5), BUY, 1, 100, DENIED, 1, Reason.POSITION),
    "position, beyond": (with_position(gate(position_lots_max=5), 9), BUY, 1, 100, DENIED, 1, Reason.POSITION),
    "notional": (with_position(gate(notional_tick_lots_max=1_099), 5), BUY, 9, 100, SUBMIT, 5, Reason.NOTIONAL),
    "the first of two limits is the reason": (
        gate(order_lots_max=7, position_lots_max=3), BUY, 10, 100, SUBMIT, 3, Reason.ORDER_LOTS,
    ),
    "collar, just above": (gate(collar_bps=100), BUY, 1, 101, SUBMIT, 1, Reason.NONE),
    "collar, above": (gate(collar_bps=100), BUY, 1, 102, DENIED, 1, Reason.PRICE_COLLAR),
    "collar, below": (gate(collar_bps=100), SELL, 1, 98, DENIED, 1, Reason.PRICE_COLLAR),
    "spot, sells what it holds": (gate(spot=1, base_lots=5), SELL, 8, 100, SUBMIT, 5, Reason.SPOT_BALANCE),
    "spot, no short": (gate(spot=1), SELL, 1, 100, DENIED, 1, Reason.SPOT_BALANCE),
    "spot, buys what it can pay": (gate(spot=1, quote_tick_lots=999), BUY, 10, 100, SUBMIT, 9, Reason.SPOT_BALANCE),
    "spot, bought before": (
        with_position(gate(spot=1, quote_tick_lots=999), 4), BUY, 10, 100, SUBMIT, 5, Reason.SPOT_BALANCE,
    ),
    "spot, sells what it bought": (
        with_position(gate(spot=1, base_lots=5), 4), SELL, 10, 100, SUBMIT, 9, Reason.SPOT_BALANCE,
    ),
    "spot, working": (
        working(gate(spot=1, quote_tick_lots=999), BUY, 4), BUY, 10, 100, SUBMIT, 5, Reason.SPOT_BALANCE,
    ),
    "below the venue's minimum": (gate(lots_min=5), BUY, 4, 100, DENIED, 4, Reason.BELOW_MINIMUM),
    "adjusted below the minimum": (
        gate(lots_min=5, position_lots_max=4), BUY, 10, 100, DENIED, 10, Reason.POSITION,
    ),
    "worth too little": (gate(tick_lots_min=901), BUY, 9, 100, DENIED, 9, Reason.MIN_NOTIONAL),
    "worth just enough": (gate(tick_lots_min=900), BUY, 9, 100, SUBMIT, 9, Reason.NONE),
    "adjusted to be worth too little": (
        gate(tick_lots_min=500, position_lots_max=4), BUY, 10, 100, DENIED, 10, Reason.POSITION,
    ),
    "the venue's largest order": (gate(lots_max=6), BUY, 10, 100, SUBMIT, 6, Reason.VENUE_QTY_MAX),
    "the venue's greatest value": (gate(tick_lots_max=799), BUY, 10, 100, SUBMIT, 7, Reason.VENUE_NOTIONAL_MAX),
    "the venue's greatest value, just": (gate(tick_lots_max=800), BUY, 8, 100, SUBMIT, 8, Reason.NONE),
    "below the venue's prices": (gate(price_ticks_min=100), BUY, 1, 99, DENIED, 1, Reason.PRICE_BOUNDS),
    "the venue's least price": (gate(price_ticks_min=99), BUY, 1, 99, SUBMIT, 1, Reason.NONE),
    "above the venue's prices": (gate(price_ticks_max=100), SELL, 1, 101, DENIED, 1, Reason.PRICE_BOUNDS),
    "the venue's greatest price": (gate(price_ticks_max=101), SELL, 1, 101, SUBMIT, 1, Reason.NONE),
    "a bid too far down": (gate(down_ppm=(900_000, 0)), BUY, 1, 89, DENIED, 1, Reason.PRICE_DEVIATION),
    "a bid just not too far down": (gate(down_ppm=(900_000, 0)), BUY, 1, 90, SUBMIT, 1, Reason.NONE),
    "an ask, of which bids are bounded": (gate(down_ppm=(900_000, 0)), SELL, 1, 50, SUBMIT, 1, Reason.NONE),
    "an ask too far up": (gate(up_ppm=(0, 1_100_000)), SELL, 1, 111, DENIED, 1, Reason.PRICE_DEVIATION),
    "an ask just not too far up": (gate(up_ppm=(0, 1_100_000)), SELL, 1, 110, SUBMIT, 1, Reason.NONE),
    "the collar comes before the venue's prices": (
        gate(collar_bps=100, price_ticks_max=101), BUY, 1, 102, DENIED, 1, Reason.PRICE_COLLAR,
    ),
    "halted comes before the book": (
        on_book(in_state(gate(), HALTED), lots=0), BUY, 1, 100, DENIED, 1, Reason.HALTED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_order_is_allowed_adjusted_or_blocked_with_its_reason(case: str) -> None:
    risk, side, qty_lots, price_ticks, *expected = CASES[case]
    assert list(intent(risk.copy(), side, qty_lots, price_ticks)) == expected


def test_too_many_open_orders_are_blocked_until_one_is_closed() -> None:
    risk = gate()
    for order_id in range(1, ORDERS + 1):
        assert intent(risk, BUY, 1, order_id=order_id)[0] == SUBMIT
    assert intent(risk, BUY, 1, order_id=99)[::2] == (DENIED, Reason.TOO_MANY_ORDERS)
    gates.risk_closed(risk, 5)
    assert intent(risk, BUY, 1, order_id=99)[0] == SUBMIT


def test_the_venue_counts_the_open_orders_of_both_sides() -> None:
    risk = gate(orders_max=2)
    assert intent(risk, BUY, 1, order_id=1)[0] == SUBMIT
    assert intent(risk, SELL, 1, order_id=2)[0] == SUBMIT
    assert intent(risk, SELL, 1, order_id=3)[::2] == (DENIED, Reason.VENUE_ORDERS)
    gates.risk_closed(risk, 1)
    assert intent(risk, SELL, 1, order_id=3)[0] == SUBMIT


@pytest.mark.parametrize(("wait_ns", "kind"), [(S - 1, DENIED), (S, SUBMIT)])
def test_the_order_rate_counts_to_the_edge_of_its_window(wait_ns: int, kind: int) -> None:
    risk = gate(orders_per_window_max=2, window_ns=S)
    assert intent(risk, BUY, 1, order_id=1, ts_ns=5 * S)[0] == SUBMIT
    assert intent(risk, BUY, 1, order_id=2, ts_ns=5 * S + 1)[0] == SUBMIT
    assert intent(risk, BUY, 1, order_id=3, ts_ns=5 * S + 2)[2] == Reason.ORDER_RATE
    assert intent(risk, BUY, 1, order_id=4, ts_ns=5 * S + wait_ns)[0] == kind


def test_a_rate_of_none_lets_nothing_through() -> None:
    risk = gate(orders_per_window_max=0)
    assert intent(risk, BUY, 1, ts_ns=5 * S)[2] == Reason.ORDER_RATE


def test_a_rate_as_large_as_its_ring_is_still_a_limit() -> None:
    risk = gate(orders_per_window_max=RATE, window_ns=S)
    for order_id in range(1, RATE + 1):
        assert intent(risk, BUY, 1, order_id=order_id, ts_ns=1)[0] == SUBMIT
        gates.risk_closed(risk, order_id)
    assert intent(risk, BUY, 1, order_id=RATE + 1, ts_ns=1)[2] == Reason.ORDER_RATE


def test_a_cancel_is_sent_once_and_only_for_an_open_order() -> None:
    risk = gate()
    intent(risk, BUY, 5)
    for order_id, expected in ((1, [(CANCEL, 1)]), (1, []), (2, [])):
        gates.risk_cancel_intent(risk, order_id, 0)
        assert answers(risk) == expected


def test_a_halt_cancels_every_open_order_once() -> None:
    risk = gate()
    for order_id in (1, 2, 3):
        intent(risk, SELL, 5, order_id=order_id)
    gates.risk_cancel_intent(risk, 2, 0)
    gates.risk_command(risk, HALTED, OPERATOR, 9)
    assert answers(risk) == [(TRADING_STATE, 0), (CANCEL, 1), (CANCEL, 3)]
    assert (int(calls.outbox(risk)["state"][0]), int(calls.outbox(risk)["reason"][0])) == (HALTED, OPERATOR)
    gates.risk_command(risk, HALTED, OPERATOR, 10)
    assert answers(risk) == [(TRADING_STATE, 0)]


# Bought 10 lots at 100 (mid 100). At a mid of 98 the loss is 20 ticks x lots of 1e-9 each.
@pytest.mark.parametrize(
    ("limit", "reason"), [("loss_session_e9_max", Reason.LOSS_SESSION), ("loss_day_e9_max", Reason.LOSS_DAY)]
)
@pytest.mark.parametrize(("most_e9", "halts"), [(19, True), (20, False)])
def test_a_loss_beyond_its_limit_halts(limit: str, reason: Reason, most_e9: int, halts: bool) -> None:
    risk = gate(**{limit: most_e9})
    intent(risk, SELL, 1)
    fill(risk, BUY, 10)
    gates.risk_book(risk, calls.new_top(97, 99))
    assert answers(risk) == ([(TRADING_STATE, 0), (CANCEL, 1)] if halts else [])
    assert int(risk["trading_state"][0]) == (HALTED if halts else ACTIVE)
    assert int(risk["reason"][0]) == (reason if halts else Reason.NONE)


def test_fees_count_as_losses() -> None:
    risk = gate(loss_session_e9_max=4)
    gates.risk_filled(risk, 1, BUY, 100, 1, 0, 5, 0)
    gates.risk_book(risk, calls.new_top(99, 101))
    assert answers(risk) == [(TRADING_STATE, 0)]


def test_resuming_takes_the_loss_so_far_as_the_new_start() -> None:
    risk = gate(loss_session_e9_max=19)
    fill(risk, BUY, 10)
    gates.risk_book(risk, calls.new_top(97, 99))
    assert int(risk["trading_state"][0]) == HALTED
    gates.risk_command(risk, ACTIVE, OPERATOR, 0)
    gates.risk_book(risk, calls.new_top(96, 98))  # 10 more lost
    assert int(risk["trading_state"][0]) == ACTIVE
    gates.risk_book(risk, calls.new_top(95, 97))  # 20 more
    assert int(risk["trading_state"][0]) == HALTED


@pytest.mark.parametrize(("local_ns", "halts"), [(DAY - 1, True), (DAY, False)])
def test_a_new_utc_day_starts_its_loss_anew(local_ns: int, halts: bool) -> None:
    risk = gate(loss_day_e9_max=19)
    fill(risk, BUY, 10)
    gates.risk_book(risk, calls.new_top(97, 99, local_ns=local_ns))
    assert (int(risk["trading_state"][0]) == HALTED) == halts


def test_a_partial_fill_leaves_its_rest_working() -> None:
    risk = gate(position_lots_max=10)
    intent(risk, BUY, 8)
    gates.risk_filled(risk, 1, BUY, 100, 3, 5, 0, 0)
    assert intent(risk, BUY, 9, order_id=2)[1] == 2  # 3 held, 5 working
    gates.risk_closed(risk, 1)
    assert intent(risk, BUY, 9, order_id=3)[1] == 5  # 3 held, 2 working


def test_the_loss_by_default_is_a_share_of_the_largest_position_at_the_first_valid_mid() -> None:
    risk = new_risk()
    risk["limits"]["position_lots_max"] = 50
    risk["limits"]["loss_auto_bps"] = 200
    gates.risk_book(risk, calls.new_top(99, 101, state=BookState.GAP))
    assert risk["limits"]["loss_session_e9_max"][0] == INT64_MAX
    for bid, ask in ((99, 101), (199, 201)):  # the first one counts
        gates.risk_book(risk, calls.new_top(bid, ask))
        assert risk["limits"]["loss_session_e9_max"][0] == 50 * 100 * 2 // 100
    assert risk["limits"]["loss_auto_bps"][0] == 0


@pytest.mark.parametrize(
    ("position_lots_max", "loss_session_e9_max", "expected"),
    [(50, 7, 7), (INT64_MAX, INT64_MAX, INT64_MAX), (INT64_MAX // 200, INT64_MAX, round(INT64_MAX // 200 * 2))],
)
def test_a_loss_that_was_set_or_that_no_position_can_reach_is_left(
    position_lots_max: int, loss_session_e9_max: int, expected: int
) -> None:
    risk = gate(position_lots_max=position_lots_max, loss_session_e9_max=loss_session_e9_max, loss_auto_bps=200)
    assert risk["limits"]["loss_session_e9_max"][0] == expected
