"""A halt by the fill rate cools down and trading resumes: nodes and loop alike, and the drawdown of both is one."""

from decimal import Decimal
from random import Random

import pytest
from tests.parity.harness import Outcome, assert_equal, by_loop, by_nodes, small
from tests.parity.markets import INSTRUMENT, Market
from tests.property.test_operator import lively

from mm_core import events as e
from mm_core.accounting.drawdown import ACCOUNTANT
from mm_core.events import Event
from mm_core.risk.reason import Reason
from mm_core.setup.config import Config, to_config
from mm_core.setup.core import new_core
from mm_core.types import MONEY_E9, NS_PER_S, TradeState
from mm_research.activity import activity
from mm_research.drawdown import drawdown_max
from mm_research.ratios import ratios
from mm_research.recording import Recording

HALT_S = Decimal("0.5")
HALT_NS = int(HALT_S * NS_PER_S)
ORDERS = {"strategy": "fixed_spread", "order_qty_base": "0.004", "position_max_base": "0.020", "levels": 2}


def decided(seed: int, rate_halt_s: Decimal = HALT_S) -> tuple[Outcome, list[Event]]:
    """A lively market, traded by a gate that one order filled a second halts; nodes and loop agree."""
    config: Config = to_config(
        {
            "quoter": ORDERS,
            "fixed_spread": {"half_spread_ticks": 0.5},
            "risk": {"fills_per_window_max": 1, "rate_halt_s": rate_halt_s, "loss_session_max_quote": 1_000},
        },
        strict=False,
    )
    core = small(new_core(config, INSTRUMENT), 128, 64)
    events = Market().events(lively(Random(seed)))  # noqa: S311
    nodes, log = by_nodes(core, INSTRUMENT.instrument_id, events)
    assert_equal(nodes, by_loop(core, INSTRUMENT, events))
    return nodes, log


@pytest.fixture(scope="module", params=[1, 2, 3])
def played(request: pytest.FixtureRequest) -> tuple[Outcome, list[Event]]:
    """One market and what came of it."""
    return decided(request.param)


def states(log: list[Event]) -> list[e.TradingState]:
    """The trading states of a log."""
    return [event for event in log if isinstance(event, e.TradingState)]


def test_every_halt_ends_by_itself_and_trading_resumes(played: tuple[Outcome, list[Event]]) -> None:
    outcome, log = played
    published = states(log)
    assert len(published) >= 4
    halts, ends = published[::2], published[1::2]
    assert {(each.state, each.reason) for each in halts} == {(TradeState.HALTED, Reason.FILL_RATE)}
    assert {(each.state, each.reason) for each in ends} == {(TradeState.ACTIVE, Reason.COOLED_DOWN)}
    for halted, resumed in zip(halts, ends, strict=False):
        assert halted.resumes_ns == halted.local_ns + HALT_NS <= resumed.local_ns
        between = log[log.index(halted) + 1 : log.index(resumed)]
        assert not [event for event in between if isinstance(event, e.OrderIntent | e.SubmitOrder)]
    later = log[log.index(ends[0]) :]
    assert [event for event in later if isinstance(event, e.SubmitOrder)]
    found = activity(Recording(INSTRUMENT, outcome.messages, outcome.samples), HALT_NS).halts
    assert [each.time_ns for each in found] == [each.local_ns for each in halts]
    assert [each.resumed_ns for each in found[: len(ends)]] == [each.local_ns for each in ends]


def test_the_drawdown_of_the_recording_is_that_of_the_accountant(played: tuple[Outcome, list[Event]]) -> None:
    outcome, log = played
    *_, last = (event for event in log if isinstance(event, e.PositionChanged))
    found = drawdown_max(Recording(INSTRUMENT, outcome.messages, outcome.samples))
    assert found > 0
    assert found == outcome.accountant["drawdown"]["drawdown_max_e9"][0] / MONEY_E9
    assert outcome.accountant.dtype == ACCOUNTANT
    assert 0 <= last.drawdown_e9 <= last.drawdown_max_e9 <= found * MONEY_E9


def test_the_ratios_of_the_recording_are_the_sums_of_the_gate(played: tuple[Outcome, list[Event]]) -> None:
    outcome, log = played
    filled = {event.order_id for event in log if isinstance(event, e.OrderFilled)}
    prints = sum(isinstance(event, e.OrderFilled) for event in log)
    sent = [event for event in log if isinstance(event, e.SubmitOrder)]
    gate = outcome.gate
    assert int(gate["filled"]["count"][0]) == len(filled) <= prints
    assert int(gate["submitted"]["count"][0]) == len(sent)
    assert ratios(Recording(INSTRUMENT, outcome.messages, outcome.samples)) == {
        "fill_orders": len(filled) / len(sent),
        "fill_qty": int(gate["filled_lots"][0]) / int(gate["submitted_lots"][0]),
        "cancel": int(gate["cancels"][0]) / len(sent),
        "order_to_trade": (len(sent) + int(gate["cancels"][0])) / len(filled),
    }


def test_a_halt_of_no_length_is_the_end_without_a_command() -> None:
    _, log = decided(1, Decimal(0))
    (halted,) = states(log)
    assert (halted.state, halted.reason, halted.resumes_ns) == (TradeState.HALTED, Reason.FILL_RATE, 0)
