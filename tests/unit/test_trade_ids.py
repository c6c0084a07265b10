"""Repeated, late and restarted trades: by table, and that nothing is lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.events import Trade
from mm_core.types import Side
from mm_venues import trade_ids
from mm_venues.trade_ids import TradeIds

Drawn = tuple[int, int, int]  # id, time, lots


def trade(trade_id: int, ts_ns: int, lots: int = 1) -> Trade:
    """A print."""
    at: dict[str, Any] = {"instrument_id": "binance.ETHUSDT", "ts_ns": ts_ns}
    return Trade(**at, trade_id=trade_id, side=Side.BUY, price_ticks=100, qty_lots=lots)


def run(ids: TradeIds, trades: list[Drawn], depth_ns: int = 0) -> list[int]:
    """The ids of those that are new."""
    return [each[0] for each in trades if ids.is_new(trade(*each), each[1], depth_ns)]


@pytest.mark.parametrize(
    ("trades", "passed", "gaps", "repeated", "late", "restarts"),
    [
        # in sequence, and with a hole
        ([(1, 1, 1), (2, 2, 1), (3, 3, 1)], [1, 2, 3], 0, 0, 0, 0),
        ([(1, 1, 1), (5, 2, 1)], [1, 5], 1, 0, 0, 0),
        # one overtook the other
        ([(1, 1, 1), (3, 3, 1), (2, 2, 7)], [1, 3, 2], 1, 0, 1, 0),
        ([(1, 1, 1), (3, 3, 1), (2, 2, 7), (4, 4, 1)], [1, 3, 2, 4], 1, 0, 1, 0),
        ([(1, 1, 1), (4, 3, 1), (2, 2, 1), (3, 2, 1), (5, 4, 1)], [1, 4, 2, 3, 5], 1, 0, 2, 0),
        # the same once more, at once and later
        ([(1, 1, 1), (1, 1, 1), (2, 2, 1), (1, 1, 1)], [1, 2], 0, 2, 0, 0),
        # ids that begin again, known ones and new ones
        ([(900, 1, 1), (901, 2, 1), (1, 3, 1), (2, 4, 1), (3, 5, 1)], [900, 901, 1, 2, 3], 0, 0, 0, 1),
        ([(1, 1, 1), (2, 2, 1), (1, 3, 2), (2, 4, 2), (3, 5, 2)], [1, 2, 1, 2, 3], 0, 0, 0, 1),
        # a spike: what follows in sequence is not late, and nothing is dropped
        ([(1, 1, 1), (1_000, 2, 1), (2, 3, 1), (3, 4, 1), (4, 5, 1)], [1, 1_000, 2, 3, 4], 1, 0, 0, 1),
    ],
)
def test_trades_are_distinguished(
    trades: list[Drawn], passed: list[int], gaps: int, repeated: int, late: int, restarts: int
) -> None:
    ids = TradeIds()
    assert run(ids, trades) == passed
    assert (ids.gaps, ids.repeated, ids.late, ids.restarts) == (gaps, repeated, late, restarts)


def test_a_trade_behind_a_later_depth_time_is_late() -> None:
    ids = TradeIds()
    assert run(ids, [(1, 4, 1), (2, 6, 1)], depth_ns=5) == [1, 2]
    assert ids.late == 1


def test_a_lost_connection_begins_the_sequence_again_but_knows_what_was_there() -> None:
    ids = TradeIds()
    run(ids, [(7, 1, 1), (8, 2, 1)])
    ids.disconnected()
    assert run(ids, [(8, 2, 1), (1, 3, 1), (2, 4, 1)]) == [1, 2]
    assert (ids.gaps, ids.repeated, ids.late, ids.restarts) == (0, 1, 0, 0)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_ids, "REMEMBERED", 2)
    ids = TradeIds()
    assert run(ids, [(1, 1, 1), (2, 2, 1), (3, 3, 1), (3, 3, 1), (2, 2, 1), (1, 1, 1)]) == [1, 2, 3, 1]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 2))))
def test_only_a_trade_that_was_there_with_the_same_content_is_dropped(trades: list[Drawn]) -> None:
    ids, last = TradeIds(), dict[int, tuple[int, int]]()
    for trade_id, ts_ns, lots in trades:
        is_repeated = last.get(trade_id) == (ts_ns, lots)
        assert ids.is_new(trade(trade_id, ts_ns, lots), ts_ns, 0) is not is_repeated
        last[trade_id] = ts_ns, lots
    assert 0 <= ids.late <= len(trades)
