"""Signals against numbers computed by hand."""

import math

import numpy as np
import pytest
from tests.unit.core import calls
from tests.unit.core.calls import BUY, SELL

from mm_core.book.book import new_book
from mm_core.compiled import new
from mm_core.signals.builder import TOUCH
from mm_core.signals.volatility import VOLATILITY

S = 1_000_000_000
HAND_SERIES = (100, 101, 100.5, 100.5, 102.5, 102)  # mids a second apart
HAND_VOLATILITY = (1, 0.748772443, 0.553746539, 1.322491547, 1.102571069)  # half-life 2 s


def new_volatility(half_life_s: float) -> calls.State:
    volatility = new(VOLATILITY)
    volatility["sample_ns"] = S
    volatility["half_life_s"] = half_life_s
    return volatility


def test_the_hand_series_gives_the_reference_volatilities() -> None:
    volatility = new_volatility(2.0)
    ratios, found = [], []
    for i, mid in enumerate(HAND_SERIES):
        found.append(calls.sample_volatility(volatility, int(2 * mid), i * S))
        if i > 0:
            ratios.append(math.sqrt(volatility["squares"][0] / volatility["seconds"][0]))
    assert ratios == pytest.approx(HAND_VOLATILITY, abs=5e-10)
    assert [math.isnan(each) for each in found] == [True, True, True, False, False, False]  # until W >= half-life
    assert found[3:] == pytest.approx(HAND_VOLATILITY[2:], abs=5e-10)


def test_times_off_the_grid_are_not_sampled() -> None:
    volatility = new_volatility(2.0)
    calls.sample_volatility(volatility, 200, 0)
    calls.sample_volatility(volatility, 400, S // 2)
    calls.sample_volatility(volatility, 202, S)
    assert float(volatility["squares"][0]) == 1.0


def test_two_samples_at_one_time_do_no_harm() -> None:
    volatility = new_volatility(1.0)
    for mid_half, now_s in ((200, 0), (202, 1), (202, 1), (204, 2)):
        value = calls.sample_volatility(volatility, mid_half, now_s * S)
    assert value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("before", "after", "flow_lots"),
    [
        ((100, 5, 101, 6), (100, 8, 101, 6), 3),  # equal prices: the change of size
        ((100, 5, 101, 6), (100, 5, 101, 9), -3),
        ((100, 5, 101, 6), (101, 2, 102, 4), 2 + 6),  # bid up: its new size; ask up: its old size
        ((100, 5, 101, 6), (99, 2, 100, 4), -5 - 4),  # bid down: its old size; ask down: its new size
        ((100, 5, 101, 6), (100, 5, 101, 6), 0),
        ((0, 0, 101, 6), (100, 5, 101, 6), 0),  # a side was empty: seed
        ((100, 5, 101, 6), (0, 0, 101, 6), 0),  # a side is empty
    ],
)
def test_best_level_flow(before: tuple[int, ...], after: tuple[int, int, int, int], flow_lots: int) -> None:
    previous = new(TOUCH)
    for name, value in zip(("bid_ticks", "bid_lots", "ask_ticks", "ask_lots"), before, strict=True):
        previous[name] = value
    assert calls.flow(previous, *after) == flow_lots


def test_thirty_lots_bought_through_a_book_of_ten_a_level_move_the_mid_by_three_ticks() -> None:
    depth, bought = 10, 30
    ask, flow, touch = 101, 0, new(TOUCH)
    states = [(100, 10, 101, 10)]
    for _ in range(bought // depth):  # a level is eaten, then the bid follows, both of full depth
        ask += 1
        states += [(ask - 2, depth, ask, depth), (ask - 1, depth, ask, depth)]
    for state in states:
        flow += calls.flow(touch, *state)
        for name, value in zip(("bid_ticks", "bid_lots", "ask_ticks", "ask_lots"), state, strict=True):
            touch[name] = value
    assert flow == 60
    assert ask - 101 == flow / (2 * depth) == 3  # mid change = tick x OFI / (2 D)


@pytest.mark.parametrize(
    ("bid_lots", "ask_lots", "expected"), [(1, 1, 100.5), (3, 1, 100.75), (1, 3, 100.25), (999, 1, 100.999)]
)
def test_the_weighted_mid_leans_away_from_the_bigger_side(bid_lots: int, ask_lots: int, expected: float) -> None:
    assert calls.weighted_mid(100, bid_lots, 101, ask_lots) == pytest.approx(expected)


BOOK = ((BUY, 100, 5), (BUY, 99, 5), (BUY, 97, 10), (SELL, 102, 4), (SELL, 103, 6), (SELL, 106, 2))
# size -> (spread in bps of the mid 101, fillable fraction)
EXECUTABLE = {
    4: ((102 - 100) / 101 * 1e4, 1.0),
    8: ((4 * 102 + 4 * 103 - 5 * 100 - 3 * 99) / 8 / 101 * 1e4, 1.0),
    12: ((4 * 102 + 6 * 103 + 2 * 106 - 5 * 100 - 5 * 99 - 2 * 97) / 12 / 101 * 1e4, 1.0),  # all asks, to the lot
    16: (None, 12 / 16),  # never extrapolated
    40: (None, 12 / 40),
}


@pytest.mark.parametrize("sizes", [(4, 8, 12, 16), (0, 0, 8, 40), (0, 0, 0, 12)])
def test_executable_spreads_follow_the_book_level_by_level(sizes: tuple[int, ...]) -> None:
    book = new_book(calls.WIDTH, calls.FAR)
    for level in BOOK:
        calls.set_level(book, *level)
    spread_bps, fraction = np.zeros(4), np.zeros(4)
    calls.executable_spread(book, np.array(sizes), np.zeros((2, 2, 4), np.int64), spread_bps, fraction)
    for i, size in enumerate(sizes):
        expected_bps, expected_fraction = EXECUTABLE.get(size, (None, math.nan))
        assert spread_bps[i] == pytest.approx(math.nan if expected_bps is None else expected_bps, nan_ok=True)
        assert fraction[i] == pytest.approx(expected_fraction, nan_ok=True)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_empty_side_has_no_executable_spread(side: int) -> None:
    book = new_book(calls.WIDTH, calls.FAR)
    calls.set_level(book, side, 100, 5)
    spread_bps, fraction = np.zeros(4), np.zeros(4)
    calls.executable_spread(book, np.array([1, 2, 3, 4]), np.zeros((2, 2, 4), np.int64), spread_bps, fraction)
    assert np.isnan(spread_bps).all()
    assert fraction.tolist() == [0, 0, 0, 0]
