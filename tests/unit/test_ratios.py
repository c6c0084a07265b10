"""Ratios of orders and quantities, not of prints; the largest drawdown of a run, at its fills and its books."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_core import events as e
from mm_core.accounting.account import ACCOUNT
from mm_core.accounting.node import accountant_node
from mm_core.compiled import new
from mm_core.events.records import MESSAGE
from mm_core.messages import CANCEL, FILLED, SUBMIT
from mm_core.types import BookState, Side
from mm_research.drawdown import drawdown_max
from mm_research.engine.state import SAMPLE
from mm_research.log_rows import LogRows
from mm_research.ratios import ratios
from mm_research.recording import Recording

# One tick x one lot is 0.01 x 0.001 quote: 10,000 of 1e-9.
INSTRUMENT = e.InstrumentDefined(
    instrument_id="binance.TEST", ts_ns=0, venue_symbol="TEST", tick_size="0.01", lot_size="0.001"
)


def recording(*rows: tuple[Any, int, int]) -> Recording:
    """A run of these messages (kind, order id, lots); its account at the end is that of the fills."""
    messages = np.zeros(len(rows), MESSAGE)
    for name, values in zip(("kind", "order_id", "qty_lots"), zip(*rows, strict=True), strict=False):
        messages[name] = values
    messages["price_ticks"] = 100
    samples = np.zeros(1, SAMPLE)
    bought = int(messages["qty_lots"][messages["kind"] == FILLED].sum())
    samples["position_lots"], samples["cash_half"] = bought, -200 * bought
    samples["state"], samples["bid_lots"], samples["ask_lots"] = BookState.VALID, 1, 1
    samples["bid_ticks"], samples["ask_ticks"] = 99, 101
    return Recording(INSTRUMENT, messages, samples)


PRINTS = [(FILLED, 1, 1)] * 5


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], (None, None, None, None)),
        ([(SUBMIT, 1, 5)], (0.0, 0.0, 0.0, None)),
        ([(SUBMIT, 1, 5), *PRINTS], (1.0, 1.0, 0.0, 1.0)),
        ([(SUBMIT, 1, 5), (SUBMIT, 2, 15), *PRINTS, (CANCEL, 2, 15)], (0.5, 0.25, 0.5, 3.0)),
        (
            [
                (SUBMIT, 1, 5),
                (SUBMIT, 2, 5),
                (SUBMIT, 3, 10),
                *PRINTS[:2],
                (CANCEL, 1, 3),
                (FILLED, 1, 1),
                (FILLED, 3, 1),
            ],
            (2 / 3, 0.2, 1 / 3, 2.0),
        ),
    ],
    ids=["no order", "no fill", "five prints of one order", "and one that is canceled", "filled in part"],
)
def test_orders_are_counted_and_not_their_prints(
    rows: list[tuple[Any, int, int]], expected: tuple[float | None, ...]
) -> None:
    assert tuple(ratios(recording(*rows)).values()) == pytest.approx(expected)


class Session:
    """An accountant and the rows of its log."""

    def __init__(self) -> None:
        self.rows = LogRows()
        self.node = accountant_node("binance.TEST", new(ACCOUNT), 10_000, 1)
        self.outputs: list[Any] = []
        self._orders = 0

    def take(self, event: Any) -> None:
        """Let both have the next event."""
        self.rows.take(event)
        self.outputs += self.node.step(event)

    def book(self, local_ns: int, mid_ticks: int, state: BookState = BookState.VALID) -> None:
        """A book two ticks wide."""
        touch: dict[str, Any] = {"bid_ticks": mid_ticks - 1, "ask_ticks": mid_ticks + 1, "bid_lots": 5, "ask_lots": 5}
        floats = ("weighted_mid_ticks", "volatility_ticks_sqrt_s", "micro_stdev_ticks", "micro_min_ticks")
        rest: dict[str, Any] = {"executable_spread_bps": (), "fillable_fraction": (), "micro_max_ticks": 0.0}
        rest |= dict.fromkeys(floats, 0.0) | {"mid_half_ticks": 2 * mid_ticks, "ofi_lots": 0, "update_id": 1}
        times: dict[str, Any] = {"instrument_id": "binance.TEST", "ts_ns": local_ns, "local_ns": local_ns}
        self.take(e.Book(**times, **touch, **rest, state=state, epoch=1))

    def fill(self, local_ns: int, side: Side, price_ticks: int, qty_lots: int, fee_e9: int) -> None:
        """A fill of an order of its own."""
        self._orders += 1
        it: dict[str, Any] = {"instrument_id": "binance.TEST", "ts_ns": local_ns, "local_ns": local_ns}
        it |= {"order_id": self._orders}
        it |= {"side": side, "price_ticks": price_ticks, "qty_lots": qty_lots, "leaves_lots": 0}
        self.rows.take(e.OrderIntent(**it))
        self.rows.take(e.SubmitOrder(**it, time_in_force=1))  # type: ignore[arg-type]  # an IntEnum
        self.take(e.OrderFilled(**it, maker=True, fee_e9=fee_e9))

    def drawdown_max(self) -> float:
        """That of the recording."""
        return drawdown_max(Recording(INSTRUMENT, *self.rows.rows()))

    def state(self) -> tuple[int, int, int]:
        """(peak, drawdown, largest drawdown) of the accountant, 1e-9 quote."""
        peak, drawdown, largest = self.node.state["drawdown"][0].item()
        return peak, drawdown, largest


def test_the_drawdown_begins_at_the_result_of_no_fills_and_sees_every_fill_and_book() -> None:
    session = Session()
    session.book(1, 100)
    assert session.state() == (0, 0, 0)
    session.fill(2, Side.BUY, 101, 1, 500)  # a tick above the mid, and a fee
    assert session.state() == (0, 10_500, 10_500)
    session.fill(2, Side.BUY, 98, 2, 0)  # four ticks x lots gained
    assert session.state() == (29_500, 0, 10_500)
    session.book(3, 90)  # 3 lots, 10 ticks
    assert session.state() == (29_500, 300_000, 300_000)
    session.book(4, 10, BookState.GAP)  # no mid
    session.book(5, 95)
    assert session.state() == (29_500, 150_000, 300_000)
    assert [each.drawdown_max_e9 for each in session.outputs] == [10_500, 10_500]
    assert session.drawdown_max() == 0.0003


def test_a_fill_that_is_soon_made_good_counts_though_no_book_saw_it() -> None:
    session = Session()
    session.book(1, 100)
    session.fill(1, Side.BUY, 110, 5, 0)
    session.fill(1, Side.SELL, 110, 5, 0)
    session.book(1, 100)
    assert session.state() == (0, 0, 500_000)
    assert session.drawdown_max() == 0.0005


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("book"), st.integers(0, 1), st.integers(90, 110), st.sampled_from([1, 1, 1, 3])),
        st.tuples(st.just("fill"), st.integers(0, 1), st.integers(90, 110), st.integers(1, 9)),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(STEPS, st.integers(-20_000, 20_000))
def test_the_largest_drawdown_of_a_recording_is_the_accountants(
    steps: list[tuple[str, int, int, int]], fee_e9: int
) -> None:
    """Many fall on one time: only their order in the log shows what came first."""
    session = Session()
    session.book(0, 100)
    now_ns = 0
    for kind, number, ticks, other in steps:
        now_ns += number
        if kind == "book":
            session.book(now_ns, ticks, BookState(other))
        else:
            session.fill(now_ns, Side(number), ticks, other, fee_e9)
    session.book(now_ns + 1, 100)
    peak, drawdown, largest = session.state()
    assert 0 <= drawdown <= largest
    assert session.drawdown_max() == largest / 10**9
    state = session.node.dump()
    again = accountant_node("binance.TEST", new(ACCOUNT), 10_000, 1)
    again.load(state)
    assert again.state["drawdown"][0].item() == (peak, drawdown, largest)
