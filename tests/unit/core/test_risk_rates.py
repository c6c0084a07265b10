"""The fill rate counts orders, each once; a halt by it cools down; a resume starts losses and the rate anew."""

import pytest
from tests.unit.core import calls, gates
from tests.unit.core.calls import BUY, SELL
from tests.unit.core.test_risk import ACTIVE, DAY, HALTED, OPERATOR, REDUCING, S, answers, fill, gate, intent

from mm_core.messages import CANCEL, TRADING_STATE
from mm_core.risk.reason import Reason
from mm_core.risk.state import RATE

NEVER = 0


def prints(risk: calls.State, order_id: int, leaves: range, ts_ns: int = 0) -> None:
    """Fills of one lot each of a buy, with these lots left."""
    for leaves_lots in leaves:
        gates.risk_filled(risk, order_id, BUY, 100, 1, leaves_lots, 0, ts_ns)


def fill_orders(risk: calls.State, *times_ns: int) -> None:
    """One order a time, filled by one print; what it is worth is the mid."""
    for ts_ns in times_ns:
        gates.risk_filled(risk, 1_000 + int(risk["filled"]["count"][0]), BUY, 100, 1, 0, 0, ts_ns)


def at(risk: calls.State, local_ns: int, bid: int = 99, ask: int = 101, **top: int) -> tuple[int, Reason]:
    """(trading state, its reason) after a book of that time."""
    gates.risk_book(risk, calls.new_top(bid, ask, local_ns=local_ns, **top))
    return int(risk["trading_state"][0]), Reason(int(risk["reason"][0]))


def filled_orders(risk: calls.State) -> int:
    return int(risk["filled"]["count"][0])


@pytest.mark.parametrize(("now_ns", "halts"), [(S + 9, True), (S + 10, False)])
def test_too_many_orders_filled_in_the_window_halt_at_the_next_book(now_ns: int, halts: bool) -> None:
    risk = gate(fills_per_window_max=3, window_ns=S)
    fill_orders(risk, 10, 11, 12)
    assert at(risk, now_ns) == ((HALTED, Reason.FILL_RATE) if halts else (ACTIVE, Reason.NONE))


def test_five_prints_of_one_order_count_as_one_order_filled() -> None:
    risk = gate(fills_per_window_max=2, window_ns=S)
    intent(risk, BUY, 5, order_id=1)
    prints(risk, 1, range(4, -1, -1))
    assert (filled_orders(risk), int(risk["filled_lots"][0])) == (1, 5)
    assert at(risk, 1) == (ACTIVE, Reason.NONE)
    intent(risk, BUY, 5, order_id=2)
    prints(risk, 2, range(4, 3, -1))  # the first print of a second order
    assert at(risk, 2) == (HALTED, Reason.FILL_RATE)


def test_an_order_filled_behind_its_end_counts_once_whether_it_was_filled_before_or_not() -> None:
    risk = gate()
    intent(risk, BUY, 5, order_id=1)
    prints(risk, 1, range(4, 2, -1))
    gates.risk_closed(risk, 1)  # canceled with 3 lots left
    prints(risk, 1, range(2, 0, -1))  # printed before the cancel, received after it
    assert filled_orders(risk) == 1
    intent(risk, BUY, 5, order_id=2)
    gates.risk_closed(risk, 2)
    prints(risk, 2, range(4, 1, -1))
    assert filled_orders(risk) == 2


def test_an_order_is_remembered_behind_its_end_for_as_many_orders_as_a_rate_can_count() -> None:
    risk = gate()
    prints(risk, 1, range(1, 0, -1))
    fill_orders(risk, *range(RATE - 1))
    prints(risk, 1, range(1, 0, -1))
    assert filled_orders(risk) == RATE


def test_orders_cancels_and_quantities_are_counted() -> None:
    risk = gate(position_lots_max=7)
    intent(risk, BUY, 5, order_id=1)
    intent(risk, BUY, 5, order_id=2)  # cut to 2
    gates.risk_cancel_intent(risk, 2, 0)
    gates.risk_cancel_intent(risk, 2, 0)
    prints(risk, 1, range(4, 1, -1))
    counted = [int(risk[name][0]) for name in ("cancels", "submitted_lots", "filled_lots")]
    assert (int(risk["submitted"]["count"][0]), counted) == (2, [1, 7, 3])


def halted(**limits: int) -> calls.State:
    """A gate of one order filled a second, halted by it at 10 s; a sell of one lot works."""
    risk = gate(fills_per_window_max=1, window_ns=S, **limits)
    at(risk, 9 * S)
    intent(risk, SELL, 1, order_id=7)
    fill_orders(risk, 10 * S)
    assert at(risk, 10 * S) == (HALTED, Reason.FILL_RATE)
    assert answers(risk) == [(TRADING_STATE, 0), (CANCEL, 7)]
    return risk


@pytest.mark.parametrize(("local_ns", "resumes"), [(70 * S - 1, False), (70 * S, True), (99 * S, True)])
def test_a_halt_by_the_fill_rate_ends_at_the_first_book_of_its_time(local_ns: int, resumes: bool) -> None:
    risk = halted(rate_halt_ns=60 * S)
    assert int(risk["resumes_ns"][0]) == 70 * S
    assert at(risk, local_ns) == ((ACTIVE, Reason.COOLED_DOWN) if resumes else (HALTED, Reason.FILL_RATE))
    assert answers(risk) == ([(TRADING_STATE, 0)] if resumes else [])
    assert int(risk["resumes_ns"][0]) == (NEVER if resumes else 70 * S)
    assert at(risk, 100 * S) == (ACTIVE, Reason.COOLED_DOWN)


def test_a_halt_of_no_length_waits_for_the_operator() -> None:
    risk = halted(rate_halt_ns=0)
    assert at(risk, DAY - S) == (HALTED, Reason.FILL_RATE)


def test_only_a_valid_book_of_both_sides_ends_it() -> None:
    risk = halted(rate_halt_ns=60 * S)
    for top in ({"state": 2}, {"lots": 0}):
        assert at(risk, 80 * S, **top) == (HALTED, Reason.FILL_RATE)
    assert at(risk, 81 * S) == (ACTIVE, Reason.COOLED_DOWN)


def test_what_was_filled_before_does_not_halt_again_and_what_is_filled_later_does() -> None:
    risk = halted(rate_halt_ns=S // 2)  # the fill is still in the window when it ends
    fill_orders(risk, 10 * S + 1)  # and one was under way
    assert at(risk, 10 * S + S // 2) == (ACTIVE, Reason.COOLED_DOWN)
    assert at(risk, 10 * S + S // 2 + 1) == (ACTIVE, Reason.COOLED_DOWN)
    fill_orders(risk, 11 * S)
    assert at(risk, 11 * S) == (HALTED, Reason.FILL_RATE)
    assert int(risk["resumes_ns"][0]) == 11 * S + S // 2


def test_a_limit_set_while_it_lasts_counts_from_the_next_halt_on() -> None:
    risk = halted(rate_halt_ns=60 * S)
    risk["limits"]["rate_halt_ns"] = 5 * S
    assert at(risk, 69 * S) == (HALTED, Reason.FILL_RATE)
    assert at(risk, 70 * S) == (ACTIVE, Reason.COOLED_DOWN)
    fill_orders(risk, 71 * S)
    at(risk, 71 * S)
    assert int(risk["resumes_ns"][0]) == 76 * S


# One lot bought at 100 and marked at 98: 2 ticks x lots of 1e-9 lost, 20 at a mid of 80.
@pytest.mark.parametrize(
    ("limit", "reason"), [("loss_session_e9_max", Reason.LOSS_SESSION), ("loss_day_e9_max", Reason.LOSS_DAY)]
)
@pytest.mark.parametrize("local_ns", [20 * S, 70 * S])
def test_a_loss_makes_it_a_halt_that_waits_for_the_operator(limit: str, reason: Reason, local_ns: int) -> None:
    risk = halted(rate_halt_ns=60 * S, **{limit: 19})
    assert at(risk, local_ns, bid=79, ask=81) == (HALTED, reason)
    assert answers(risk) == [(TRADING_STATE, 0)]  # its order is canceled already
    assert at(risk, 99 * S) == (HALTED, reason)  # the loss is made good: it waits all the same


def test_a_command_in_between_stays() -> None:
    for state in (HALTED, REDUCING):
        risk = halted(rate_halt_ns=60 * S)
        gates.risk_command(risk, state, OPERATOR, 20 * S)
        assert at(risk, 70 * S) == (state, Reason.OPERATOR)
    risk = halted(rate_halt_ns=60 * S)
    gates.risk_flatten(risk, OPERATOR, 20 * S)
    assert at(risk, 70 * S) == (REDUCING, Reason.OPERATOR)


def test_reducing_before_is_reducing_again() -> None:
    risk = gate(fills_per_window_max=1, window_ns=S, rate_halt_ns=60 * S)
    gates.risk_command(risk, REDUCING, OPERATOR, 9 * S)
    fill_orders(risk, 10 * S)
    assert at(risk, 10 * S) == (HALTED, Reason.FILL_RATE)
    assert at(risk, 70 * S) == (REDUCING, Reason.COOLED_DOWN)


def test_a_resume_starts_the_fill_rate_anew() -> None:
    risk = halted(rate_halt_ns=60 * S)
    gates.risk_command(risk, ACTIVE, OPERATOR, 10 * S + 1)
    assert at(risk, 10 * S + 2) == (ACTIVE, Reason.OPERATOR)


# Bought 10 lots at 100: every tick that the mid falls loses 10.
def test_a_resume_takes_the_loss_so_far_as_the_new_start_of_the_day() -> None:
    risk = gate(loss_day_e9_max=19)
    fill(risk, BUY, 10)
    assert at(risk, 1 * S, 97, 99) == (HALTED, Reason.LOSS_DAY)  # 20 lost
    gates.risk_command(risk, ACTIVE, OPERATOR, 2 * S)
    assert at(risk, 3 * S, 97, 99) == (ACTIVE, Reason.OPERATOR)
    assert at(risk, 4 * S, 96, 98) == (ACTIVE, Reason.OPERATOR)  # 10 more
    assert at(risk, 5 * S, 95, 97) == (HALTED, Reason.LOSS_DAY)  # 20 more
    gates.risk_command(risk, ACTIVE, OPERATOR, 6 * S)
    assert at(risk, DAY - 1, 94, 96) == (ACTIVE, Reason.OPERATOR)  # 10
    assert at(risk, DAY, 93, 95) == (ACTIVE, Reason.OPERATOR)  # a new day begins with this result
    assert at(risk, DAY + 1, 92, 94) == (ACTIVE, Reason.OPERATOR)  # 10 of the new day
    assert at(risk, DAY + 2, 91, 93) == (HALTED, Reason.LOSS_DAY)  # 20


def test_a_new_day_does_not_end_a_halt_by_the_loss_of_the_day() -> None:
    risk = gate(loss_day_e9_max=19)
    fill(risk, BUY, 10)
    assert at(risk, 1 * S, 97, 99) == (HALTED, Reason.LOSS_DAY)
    assert at(risk, DAY, 97, 99) == (HALTED, Reason.LOSS_DAY)
    gates.risk_command(risk, ACTIVE, OPERATOR, DAY + 1)
    assert at(risk, DAY + 2, 97, 99) == (ACTIVE, Reason.OPERATOR)
