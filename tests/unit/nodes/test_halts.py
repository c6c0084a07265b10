"""The risk node's halts and their ends: by loss until a RESUME, by the fill rate for a while; prints of one order."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.unit.nodes.events import QUOTER, RISK, S, book, filled, intent, market, node, step, terms
from tests.unit.nodes.test_operator import QUOTES, command, working

from mm_core import events as e
from mm_core.risk.reason import Reason
from mm_core.types import Command, Side, TradeState

DAY_NS = 86_400 * S


# 4 lots bought at 98, one tick x one lot is 0.00001 quote: every tick that the mid falls loses 0.00004.
def test_a_resume_after_the_loss_of_the_day_takes_a_new_start_and_the_next_loss_halts_again() -> None:
    risk = working(loss_day_max_quote=Decimal("0.0001"))

    def at(local_ns: int, mid: int) -> Any:
        return [(each.state, each.reason) for each in step(risk, book(local_ns, bid=mid - 1, ask=mid + 1))[:1]]

    halted, resume = [(TradeState.HALTED, Reason.LOSS_DAY)], Command.RESUME
    assert at(2 * S, 96) == []  # 8 lost of the value at 98, and a fee
    assert at(3 * S, 95) == halted  # 12
    assert at(4 * S, 90) == []  # halted once
    resumed = step(risk, command(5 * S, resume))
    assert resumed == [e.TradingState(**market(5 * S), state=TradeState.ACTIVE, reason=Reason.OPERATOR)]
    assert (at(6 * S, 88), at(7 * S, 87)) == ([], halted)  # 8 and 12 from the new start
    step(risk, command(8 * S, resume))
    assert at(DAY_NS - 1, 85) == []  # 8 of this day
    assert (at(DAY_NS, 83), at(DAY_NS + S, 81), at(DAY_NS + 2 * S, 80)) == ([], [], halted)  # a day of its own


def test_a_halt_by_the_fill_rate_has_its_end_and_ends_then() -> None:
    risk = working(fills_per_window_max=1, rate_halt_s=5)
    halted, canceled = step(risk, book(1 * S + 1))
    known: dict[str, Any] = {"state": TradeState.HALTED, "reason": Reason.FILL_RATE, "resumes_ns": 6 * S + 1}
    assert halted == e.TradingState(**market(1 * S + 1), **known)
    assert canceled == e.CancelOrder(**market(1 * S + 1), **terms(2, Side.SELL, 102))
    assert step(risk, book(6 * S)) == ()
    assert [type(each) for each in step(risk, intent(6 * S, 3, Side.BUY, 98))] == [e.OrderDenied]
    (resumed,) = step(risk, book(6 * S + 1))
    assert resumed == e.TradingState(**market(6 * S + 1), state=TradeState.ACTIVE, reason=Reason.COOLED_DOWN)
    assert [type(each) for each in step(risk, intent(6 * S + 1, 4, Side.BUY, 98))] == [e.SubmitOrder]


@pytest.mark.parametrize("kind", [Command.HALT, Command.REDUCE, Command.FLATTEN])
def test_a_command_during_a_halt_by_the_fill_rate_stays(kind: Command) -> None:
    risk = working(fills_per_window_max=1, rate_halt_s=5)
    step(risk, book(1 * S + 1))
    (output,) = step(risk, command(3 * S, kind))
    assert (output.reason, output.resumes_ns) == (Reason.OPERATOR, 0)
    assert [step(risk, book(at * S)) for at in (4, 7, 99)] == [(), (), ()]


def test_five_prints_of_one_order_do_not_halt_the_gate_of_two_orders_filled() -> None:
    risk = node(RISK, risk={"fills_per_window_max": 2})
    step(risk, book(1 * S))
    for order_id in (1, 2):
        step(risk, intent(1 * S, order_id, Side.BUY, 98, qty_lots=5))
    for leaves_lots in range(4, -1, -1):
        step(risk, msgspec.structs.replace(filled(1 * S, 1, Side.BUY, 98, leaves_lots), qty_lots=1))
    assert step(risk, book(1 * S + 1)) == ()
    step(risk, msgspec.structs.replace(filled(1 * S + 1, 2, Side.BUY, 98, 4), qty_lots=1))
    assert step(risk, book(1 * S + 2))[0].reason == Reason.FILL_RATE


def test_the_quoter_quotes_both_sides_again_when_a_halt_has_cooled_down() -> None:
    quoter = node(QUOTER, quoter=QUOTES)
    halted = {"state": TradeState.HALTED, "reason": Reason.FILL_RATE, "resumes_ns": 6 * S}
    step(quoter, e.TradingState(**market(1 * S), **halted))  # type: ignore[arg-type]
    assert step(quoter, book(2 * S)) == []
    step(quoter, e.TradingState(**market(6 * S), state=TradeState.ACTIVE, reason=Reason.COOLED_DOWN))
    assert [each.side for each in step(quoter, book(7 * S))] == [Side.BUY, Side.SELL]
