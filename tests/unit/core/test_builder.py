"""The book builder: what the feed proves, downgraded where the book or the clock shows worse."""

import math
import statistics

import numpy as np
import pytest
from tests.unit.core import calls
from tests.unit.core.calls import BUY, SELL

from mm_core.signals.builder import new_builder
from mm_core.types import BookReason, BookState

S = 1_000_000_000
VALID = int(BookState.VALID)
STALE = int(BookState.STALE)
GAP = int(BookState.GAP)
SYNCING = int(BookState.SYNCING)


def event(builder: calls.State, now_ns: int, *levels: tuple[int, int, int]) -> None:
    """One delta: all its levels, then its end."""
    sides, ticks, lots = (np.array(column, np.int64) for column in zip(*levels, strict=True))
    calls.builder_event(builder, sides, ticks, lots, now_ns)


def valid_builder() -> calls.State:
    """A VALID book 100/101 of 5 and 6 lots, received at 1 s."""
    builder = new_builder(calls.WIDTH, calls.FAR)
    calls.builder_status(builder, VALID, 1)
    event(builder, S, (BUY, 100, 5), (SELL, 101, 6), (BUY, 99, 4), (SELL, 102, 7))
    return builder


def top(builder: calls.State, name: str) -> float:
    return float(builder["top"][name][0])


def test_a_new_builder_is_syncing() -> None:
    builder = new_builder(calls.WIDTH, calls.FAR)
    calls.builder_publish(builder, S)
    assert top(builder, "state") == SYNCING
    assert math.isnan(top(builder, "weighted_mid_ticks"))


def test_it_publishes_the_touch_after_the_complete_event() -> None:
    builder = valid_builder()
    calls.builder_publish(builder, S)
    names = ("state", "epoch", "bid_ticks", "bid_lots", "ask_ticks", "ask_lots", "local_ns")
    assert [top(builder, name) for name in names] == [VALID, 1, 100, 5, 101, 6, S]
    assert top(builder, "weighted_mid_ticks") == pytest.approx(100 + 5 / 11)


@pytest.mark.parametrize(("silence_ns", "state"), [(60 * S, VALID), (60 * S + 1, STALE)])
def test_silence_makes_the_book_stale(silence_ns: int, state: int) -> None:
    builder = valid_builder()
    calls.builder_tick(builder, S + silence_ns)
    assert top(builder, "state") == state


def test_a_delta_that_leaves_the_book_crossed_is_a_gap_until_the_feed_proves_another_book() -> None:
    builder = valid_builder()
    event(builder, 2 * S, (BUY, 101, 1))
    calls.builder_publish(builder, 2 * S)
    assert top(builder, "state") == GAP
    assert int(builder["crossed"][0]) == 1
    event(builder, 3 * S, (BUY, 98, 1))
    calls.builder_publish(builder, 3 * S)
    assert (top(builder, "state"), top(builder, "reason")) == (GAP, BookReason.CROSSED)
    calls.builder_clear(builder)
    event(builder, 4 * S, (BUY, 100, 5), (SELL, 101, 6))
    calls.builder_status(builder, VALID, 2)
    calls.builder_publish(builder, 4 * S)
    assert [top(builder, name) for name in ("state", "epoch", "reason")] == [VALID, 2, BookReason.NONE]


def test_a_delta_that_removes_what_it_crosses_is_no_gap() -> None:
    builder = valid_builder()
    event(builder, 2 * S, (BUY, 101, 1), (SELL, 101, 0))
    calls.builder_publish(builder, 2 * S)
    assert (top(builder, "state"), top(builder, "bid_ticks"), top(builder, "ask_ticks")) == (VALID, 101, 102)


def test_flow_is_taken_over_complete_events_and_summed_over_the_window_of_ticks() -> None:
    builder = valid_builder()
    builder["flow"]["window_ticks"] = 2
    sums = []
    for i, lots in enumerate((8, 9, 9, 9), start=2):
        event(builder, i * S, (BUY, 100, 1), (BUY, 100, lots))  # the step in between is not seen
        calls.builder_tick(builder, i * S)
        sums.append(top(builder, "ofi_lots"))
    assert sums == [3, 3 + 1, 1, 0]


def test_a_crossed_book_and_a_snapshot_seed_the_flow_anew() -> None:
    builder = valid_builder()
    event(builder, 2 * S, (BUY, 101, 50))
    calls.builder_clear(builder)
    event(builder, 3 * S, (BUY, 100, 500), (SELL, 101, 6))
    calls.builder_tick(builder, 3 * S)
    assert top(builder, "ofi_lots") == 0


def test_the_change_across_a_hole_in_the_data_is_no_volatility() -> None:
    changes = []
    for hole in ((BUY, 101, 1), None):  # a crossed book; a gap of the feed
        builder = valid_builder()
        calls.builder_tick(builder, 2 * S)
        if hole is None:
            calls.builder_status(builder, GAP, 1)
        else:
            event(builder, 3 * S, hole)
        calls.builder_clear(builder)
        event(builder, 4 * S, (BUY, 200, 5), (SELL, 201, 6))
        calls.builder_status(builder, VALID, 2)
        calls.builder_tick(builder, 4 * S)
        changes.append(float(builder["volatility"]["squares"][0]))
    assert changes == [0, 0]


def test_the_change_across_a_stale_book_is_volatility() -> None:
    builder = valid_builder()
    calls.builder_tick(builder, 2 * S)
    calls.builder_status(builder, STALE, 1)
    event(builder, 3 * S, (BUY, 100, 0), (SELL, 101, 0), (BUY, 99, 5), (SELL, 102, 6), (BUY, 101, 5))
    calls.builder_status(builder, VALID, 1)
    calls.builder_tick(builder, 4 * S)
    assert float(builder["volatility"]["squares"][0]) == 1.0  # the mid went from 100.5 to 101.5


@pytest.mark.parametrize("gap", [GAP, SYNCING])
def test_after_a_long_gap_nothing_is_known_of_the_volatility(gap: int) -> None:
    builder = valid_builder()
    builder["volatility"]["half_life_s"] = 4.0
    for second in range(2, 42):
        event(builder, second * S, (BUY, 100, 0 if second % 2 else 5))
        calls.builder_tick(builder, second * S)
    assert top(builder, "volatility_ticks_sqrt_s") == pytest.approx(0.5)
    calls.builder_status(builder, gap, 1)
    calls.builder_clear(builder)
    event(builder, 3_600 * S, (BUY, 200, 5), (SELL, 201, 6))
    calls.builder_status(builder, VALID, 2)
    warm_s = []
    for tenth in range(1, 120):  # the book is VALID again between two points of the grid
        calls.builder_tick(builder, 3_600 * S + tenth * S // 10)
        if not math.isnan(top(builder, "volatility_ticks_sqrt_s")):
            warm_s.append(tenth / 10)
            assert top(builder, "volatility_ticks_sqrt_s") < 1e-9  # the mid stood still since, and 0.5 is forgotten
    assert warm_s[0] == 7.0  # six seconds have the weight of 4 s


def test_signals_that_are_disabled_are_not_computed() -> None:
    builder = valid_builder()
    builder["micro"]["enabled"] = 0
    builder["flow"]["window_ticks"] = 0
    builder["volatility"]["sample_ns"] = 0
    for i in (2, 3):
        event(builder, i * S, (BUY, 100, 5 + i))
        calls.builder_tick(builder, i * S)
    assert [top(builder, name) for name in ("micro_stdev_ticks", "ofi_lots")] == [0, 0]
    assert math.isnan(top(builder, "volatility_ticks_sqrt_s"))


def test_the_micro_price_range_covers_the_last_fifty_ticks() -> None:
    builder = valid_builder()
    mids = []
    for i in range(60):
        event(builder, (i + 2) * S, (BUY, 100, 1 + i))
        calls.builder_tick(builder, (i + 2) * S)
        mids.append((1 + i) / (7 + i) + 100)
    assert top(builder, "micro_stdev_ticks") == pytest.approx(statistics.stdev(mids[-50:]))
    assert top(builder, "micro_min_ticks") == pytest.approx(min(mids[-50:]))
    assert top(builder, "micro_max_ticks") == pytest.approx(max(mids[-50:]))


def test_executable_spreads_are_taken_at_ticks_where_sizes_are_configured() -> None:
    builder = valid_builder()
    builder["executable"]["sizes_lots"] = [0, 0, 5, 100]
    calls.builder_tick(builder, 2 * S)
    assert builder["executable"]["spread_bps"][0, 2] == pytest.approx(1 / 100.5 * 1e4)
    assert builder["executable"]["fillable_fraction"][0, 3] == pytest.approx(9 / 100)
