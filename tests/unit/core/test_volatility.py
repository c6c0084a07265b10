"""Volatility over holes and silences: what was seen decays over their time, and restarts after a long one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core import calls

from mm_core.compiled import new
from mm_core.signals.volatility import VOLATILITY

S = 1_000_000_000
HALF_LIFE_S = 30
FULL_S = 20 * HALF_LIFE_S  # the weight of all that was before is 1e-6
MID_HALF = 20_000
STEP_HALF = 4  # up and down by 2 ticks a second
SIGMA = 2.0


def new_volatility(half_life_s: float = HALF_LIFE_S, sample_ns: int = S) -> calls.State:
    volatility = new(VOLATILITY)
    volatility["sample_ns"] = sample_ns
    volatility["half_life_s"] = half_life_s
    return volatility


def run(volatility: calls.State, from_s: int, until_s: int, step_half: int = STEP_HALF) -> float:
    """Samples each second of a mid that goes up and down; the estimate after the last."""
    value = math.nan
    for at_s in range(from_s, until_s):
        value = calls.sample_volatility(volatility, MID_HALF + at_s % 2 * step_half, at_s * S)
    return value


def long_market() -> calls.State:
    volatility = new_volatility()
    assert run(volatility, 0, FULL_S + 1) == pytest.approx(SIGMA)
    return volatility


# 43.78 s is the weight of a long market sampled each second, 2^(-g / 30) of it is left after a hole of g seconds.
@pytest.mark.parametrize(
    ("hole_s", "is_warm"),
    [(1, True), (2, True), (16, True), (17, False), (HALF_LIFE_S, False), (3_600, False)],
)
def test_a_short_hole_keeps_the_estimate_and_a_long_one_ends_it(hole_s: int, is_warm: bool) -> None:
    volatility = long_market()
    calls.reseed_volatility(volatility)
    at_s = FULL_S + hole_s
    value = calls.sample_volatility(volatility, 2 * MID_HALF, at_s * S)  # as far away as may be: that is no change
    assert value == pytest.approx(SIGMA if is_warm else math.nan, nan_ok=True)
    weight_s = 1 / (1 - 2 ** (-1 / HALF_LIFE_S)) * 2 ** (-hole_s / HALF_LIFE_S)
    assert float(volatility["seconds"][0]) == pytest.approx(weight_s, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("hole_s", "warm_after_s"),
    [(0, 0), (16, 0), (17, 2), (HALF_LIFE_S, 21), (10 * HALF_LIFE_S, 50), (3_600, 51)],
)
def test_after_a_long_hole_the_estimate_is_of_what_came_after_it(hole_s: int, warm_after_s: int) -> None:
    volatility = long_market()
    calls.reseed_volatility(volatility)
    start_s = FULL_S + hole_s
    values = [run(volatility, at_s, at_s + 1, 3 * STEP_HALF) for at_s in range(start_s, start_s + 200)]
    assert [math.isnan(value) for value in values] == [True] * warm_after_s + [False] * (200 - warm_after_s)
    if hole_s >= 10 * HALF_LIFE_S:  # 1/1000 of the weight is from before
        assert values[51] == pytest.approx(3 * SIGMA, rel=2e-3)


def test_a_new_estimate_is_as_long_in_coming_as_one_after_an_hour() -> None:
    volatility = new_volatility()
    assert math.isnan(run(volatility, 0, 51))
    assert run(volatility, 51, 52) == pytest.approx(SIGMA)


def test_until_the_first_sample_after_a_hole_the_estimate_is_as_old_as_it_is() -> None:
    """The book is VALID again between two points of the grid: nothing may be quoted on the volatility from before."""
    volatility = long_market()
    calls.reseed_volatility(volatility)
    for after_ns, is_warm in ((0, True), (S, True), (15 * S + 1, True), (17 * S + 1, False), (3_600 * S + 1, False)):
        value = calls.read_volatility(volatility, FULL_S * S + after_ns)
        assert value == pytest.approx(SIGMA if is_warm else math.nan, nan_ok=True)


def test_between_two_samples_a_warm_estimate_stays_warm() -> None:
    volatility = new_volatility(half_life_s=1.0)
    calls.sample_volatility(volatility, 200, 0)
    assert calls.sample_volatility(volatility, 202, S) == 1.0  # the weight is the half-life, exactly
    assert [calls.read_volatility(volatility, at_ns) for at_ns in (S, 2 * S - 1, 2 * S)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("silence_s", "is_change"), [(1, True), (HALF_LIFE_S, True), (HALF_LIFE_S + 1, False)])
def test_a_change_over_more_than_a_half_life_is_left_out(silence_s: int, is_change: bool) -> None:
    """A STALE book takes no samples, and has no hole: the change across it counts for the time it took, if short."""
    volatility = new_volatility()
    calls.sample_volatility(volatility, 200, 0)
    calls.sample_volatility(volatility, 220, silence_s * S)
    squares, seconds = float(volatility["squares"][0]), float(volatility["seconds"][0])
    assert (squares, seconds) == ((100.0, silence_s) if is_change else (0.0, 0.0))


def test_the_first_sample_after_an_hour_is_no_estimate() -> None:
    volatility = long_market()
    assert math.isnan(run(volatility, FULL_S + 3_600, FULL_S + 3_601))
    assert run(volatility, FULL_S + 3_601, FULL_S + 3_652) == pytest.approx(SIGMA)


def test_equal_spacing_is_exact_whatever_holes_were_between() -> None:
    volatility = long_market()
    for hole_s in (5, 100, 7_200):
        calls.reseed_volatility(volatility)
        start_s = int(volatility["ts_ns"][0]) // S + hole_s
        run(volatility, start_s, start_s + 100)
    squares, seconds = float(volatility["squares"][0]), float(volatility["seconds"][0])
    assert squares / seconds == pytest.approx(SIGMA**2, rel=1e-12)


steps = st.lists(
    st.tuples(
        st.sampled_from([0, S // 4, S, 2 * S, 29 * S, 30 * S, 31 * S, 3_600 * S]),
        st.integers(1, 1 << 40),
        st.booleans(),
    ),
    max_size=60,
)


@given(steps, st.integers(0, 1 << 60))
def test_any_times_give_a_number_or_none_and_the_same_again(drawn: list[tuple[int, int, bool]], start_ns: int) -> None:
    states = [new_volatility(), new_volatility()]
    for volatility in states:
        now_ns = start_ns
        for step_ns, mid_half, is_hole in drawn:
            now_ns += step_ns
            if is_hole:
                calls.reseed_volatility(volatility)
            value = calls.sample_volatility(volatility, mid_half, now_ns)
            seconds = float(volatility["seconds"][0])
            assert 0 <= seconds < math.inf
            assert 0 <= float(volatility["squares"][0]) < math.inf
            assert math.isnan(value) or value >= 0
    assert states[0].tobytes() == states[1].tobytes()
