"""The sequencer's rule: stamps, Ticks, and that roots which decide nothing change nothing."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.events import BookTop, FeedStatus, InstrumentDefined, OperatorCommand, Root, RootEvent, Tick, Trade
from mm_core.stamper import Stamper
from mm_core.types import BookState, Command, Side

PERIOD_NS = 100
NAME = "binance.TEST"


def trade(ts_ns: int, recv_ns: int) -> Trade:
    return Trade(instrument_id=NAME, ts_ns=ts_ns, recv_ns=recv_ns, trade_id=1, side=Side.BUY, price_ticks=1, qty_lots=1)


def status(ts_ns: int, recv_ns: int) -> FeedStatus:
    return FeedStatus(instrument_id=NAME, ts_ns=ts_ns, recv_ns=recv_ns, state=BookState.VALID, epoch=1)


def top(ts_ns: int, recv_ns: int) -> BookTop:
    levels: dict[str, Any] = {"bid_ticks": 1, "bid_lots": 1, "ask_ticks": 2, "ask_lots": 1}
    return BookTop(instrument_id=NAME, ts_ns=ts_ns, recv_ns=recv_ns, update_id=1, **levels)


def definition(ts_ns: int, recv_ns: int) -> InstrumentDefined:
    sizes: dict[str, Any] = {"venue_symbol": "TEST", "tick_size": "1", "lot_size": "1"}
    return InstrumentDefined(instrument_id=NAME, ts_ns=ts_ns, recv_ns=recv_ns, **sizes)


def log(roots: list[RootEvent], offset_ns: int = 0) -> list[RootEvent]:
    """All that is appended for some roots, the end included."""
    stamper = Stamper(PERIOD_NS, offset_ns)
    return [stamped for root in roots for stamped in stamper.stamp(root)] + stamper.finish()


def decides(root: RootEvent) -> bool:
    return not isinstance(root, InstrumentDefined)


times_ns = st.integers(1_000, 2_500)
roots = st.lists(
    st.builds(
        lambda make, ts_ns, recv_ns: make(ts_ns, recv_ns),
        st.sampled_from([trade, status, top, definition]),
        times_ns,
        times_ns,
    ),
    max_size=30,
)


@pytest.mark.parametrize(
    ("ts_ns", "recv_ns", "offset_ns", "local_ns"),
    [
        (1_010, 1_020, 0, 1_020),  # received after it happened
        (1_010, 1_020, 25, 1_045),  # our clock is behind
        (1_050, 1_020, 0, 1_050),  # nothing is received before it happens
        (900, 950, 0, 1_005),  # time never runs back
    ],
)
def test_the_local_time_is_the_latest_of_reception_exchange_and_last_root(
    ts_ns: int, recv_ns: int, offset_ns: int, local_ns: int
) -> None:
    stamper = Stamper(PERIOD_NS, offset_ns)
    stamper.stamp(trade(1_005, 1_005 - offset_ns))
    assert stamper.stamp(trade(ts_ns, recv_ns))[0].local_ns == local_ns


def test_a_time_a_day_ahead_is_some_thousand_ticks_and_then_they_are_dense_again() -> None:
    second_ns, day_ns = 10**9, 86_400 * 10**9
    stamper = Stamper(second_ns // 10)
    stamper.stamp(trade(day_ns, day_ns))
    behind = stamper.stamp(trade(2 * day_ns, 2 * day_ns))
    assert len(behind) == 6_000 + 1_430 + 1
    assert [tick.local_ns for tick in stamper.stamp(trade(2 * day_ns, 2 * day_ns + second_ns // 5))[:-1]] == [
        2 * day_ns + second_ns // 10,
        2 * day_ns + second_ns // 5,
    ]


def test_a_log_resumed_in_a_long_silence_continues_sparsely() -> None:
    stamper, again = Stamper(10**8), Stamper(10**8)
    stamper.stamp(trade(10**9, 10**9))
    for _ in range(6_010):
        (tick,) = stamper.finish()
    again.resume(stamper.root_seq, stamper.local_ns, 10**9)
    assert again.finish() == stamper.finish()
    assert again.due_ns - tick.local_ns == 120 * 10**9


def test_roots_are_numbered_from_one_with_the_ticks_among_them() -> None:
    appended = log([definition(1_050, 1_050), trade(1_050, 1_050), top(1_060, 1_060), trade(1_310, 1_310)])
    assert [root.root_seq for root in appended] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [type(root).__name__ for root in appended] == [
        *("InstrumentDefined", "Trade", "BookTop"),
        *("Tick", "Tick", "Tick"),
        *("Trade", "Tick"),
    ]


def test_ticks_fall_on_multiples_of_the_period_before_the_first_root_at_or_after_them() -> None:
    appended = log([trade(1_000, 1_000), trade(1_199, 1_199), trade(1_200, 1_200)])
    assert [(type(root).__name__, root.local_ns) for root in appended] == [
        ("Trade", 1_000),  # no Tick at its own time: the first is the one after the first root
        ("Tick", 1_100),
        ("Trade", 1_199),
        ("Tick", 1_200),
        ("Trade", 1_200),
        ("Tick", 1_300),
    ]
    ticks = [root for root in appended if isinstance(root, Tick)]
    assert [(tick.ts_ns, tick.recv_ns) for tick in ticks] == [(tick.local_ns, tick.local_ns) for tick in ticks]


def test_without_a_root_that_decides_there_is_no_tick() -> None:
    appended = log([definition(1_000, 1_000), definition(1_500, 1_500)])
    assert [type(root) for root in appended] == [InstrumentDefined, InstrumentDefined]


def test_the_venue_s_own_top_moves_time_as_any_market_data() -> None:
    appended = log([top(1_000, 1_000), top(1_150, 1_150)])
    assert [(type(root).__name__, root.local_ns) for root in appended] == [
        ("BookTop", 1_000),
        ("Tick", 1_100),
        ("BookTop", 1_150),
        ("Tick", 1_200),
    ]


def test_a_command_has_no_market_time_and_is_stamped_with_its_reception() -> None:
    appended = log([trade(1_000, 1_000), OperatorCommand(ts_ns=0, recv_ns=1_120, command=Command.HALT)])
    assert [(type(root).__name__, root.local_ns) for root in appended[1:]] == [
        ("Tick", 1_100),
        ("OperatorCommand", 1_120),
        ("Tick", 1_200),
    ]


@given(roots, st.integers(-500, 500))
def test_roots_that_decide_nothing_change_nothing_else(drawn: list[RootEvent], offset_ns: int) -> None:
    with_all = [root for root in log(drawn, offset_ns) if decides(root)]
    without = log([root for root in drawn if decides(root)], offset_ns)
    assert [unnumbered(root) for root in with_all] == [unnumbered(root) for root in without]


def unnumbered(root: Root) -> Root:
    return msgspec.structs.replace(root, root_seq=0)


@given(roots, st.integers(-500, 500))
def test_time_never_runs_back_and_equals_the_rule_of_the_tape(drawn: list[RootEvent], offset_ns: int) -> None:
    appended = [root for root in log(drawn, offset_ns) if decides(root)]
    local_ns = [root.local_ns for root in appended]
    assert local_ns == sorted(local_ns)
    market = [root for root in appended if not isinstance(root, Tick)]
    latest = np.maximum.accumulate([max(root.recv_ns + offset_ns, root.ts_ns) for root in market] or [0])
    assert [root.local_ns for root in market] == latest.tolist()[: len(market)]


@given(roots)
def test_every_multiple_between_the_first_and_the_last_root_has_its_tick(drawn: list[RootEvent]) -> None:
    appended = [root for root in log(drawn) if decides(root)]
    due_ns = [root.ts_ns for root in appended if isinstance(root, Tick)]
    first, last = (appended[0].local_ns, appended[-2].local_ns) if appended else (0, 0)
    expected = range(first // PERIOD_NS + 1, last // PERIOD_NS + 2) if appended else range(0)
    assert due_ns == [PERIOD_NS * count for count in expected]


def test_a_resumed_log_does_not_go_back_in_time() -> None:
    stamper = Stamper(PERIOD_NS)
    stamper.resume(7, 1_050, 1_050)
    (stamped,) = stamper.stamp(top(900, 900))
    assert (stamped.root_seq, stamped.local_ns, stamper.due_ns) == (8, 1_050, 1_100)


def test_a_log_without_a_deciding_root_is_resumed_without_a_tick() -> None:
    stamper = Stamper(PERIOD_NS)
    stamper.resume(2, 0, 0)
    assert (stamper.due_ns, stamper.finish()) == (0, [])
