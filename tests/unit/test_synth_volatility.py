"""The displayed mid of a synthetic market has the stated volatility, whatever its takers eat."""

from bisect import bisect_right
from itertools import pairwise
from math import sqrt

import msgspec
import pytest

from mm_core.events import BookTop
from mm_core.types import NS_PER_S
from mm_research.synth.market import market_events
from mm_research.synth.params import NOISE_SHARE_1S, Params, refill_per_s

STANDARD_ERRORS = 3.0


def displayed_mids(params: Params) -> list[tuple[int, float]]:
    """(ns from the start, displayed mid in ticks) at each change of the touch, in exchange time."""
    tops = (event for event in market_events(params) if isinstance(event, BookTop))
    return [(top.ts_ns - params.start_ns, (top.bid_ticks + top.ask_ticks) / 2) for top in tops]


def volatility(mids: list[tuple[int, float]], step_s: float, duration_ns: int) -> tuple[float, int]:
    """Realised volatility of the mid, previous tick on a grid: ticks per square root of a second, and the steps."""
    times, values = zip(*mids, strict=True)
    step_ns = round(step_s * NS_PER_S)
    grid = range(times[0] // step_ns * step_ns + step_ns, duration_ns, step_ns)
    samples = [values[bisect_right(times, due_ns) - 1] for due_ns in grid]
    steps = len(samples) - 1
    return sqrt(sum((after - before) ** 2 for before, after in pairwise(samples)) / (steps * step_s)), steps


@pytest.mark.parametrize(
    "truth",
    [
        Params(seed=41, a_per_s=3.0),  # as the sample
        Params(seed=42),
        Params(
            seed=43, sigma_ticks_sqrt_s=0.3, a_per_s=20.0, k_per_tick=0.3
        ),  # ten times as much, with levels back at 20/s
        Params(seed=44, a_per_s=10.0, k_per_tick=1.2, spread_ticks=3.0),
        Params(seed=45, a_per_s=6.0, size_lots=1),  # the last level of an order is often eaten whole
    ],
)
def test_the_displayed_mid_has_the_stated_volatility_at_every_grid_within_3_standard_errors(truth: Params) -> None:
    """Noise of 1 % of the variance over 1 s is all that eaten levels add, whatever the step."""
    duration_ns = 3_600 * NS_PER_S
    mids = displayed_mids(msgspec.structs.replace(truth, duration_ns=duration_ns))
    sigma = truth.sigma_ticks_sqrt_s
    for step_s in (0.1, 1, 5, 10, 60):
        found, steps = volatility(mids, step_s, duration_ns)
        expected = sigma * sqrt(1 + NOISE_SHARE_1S / step_s)
        margin = 1 + sqrt((2 + 1 / (sigma**2 * step_s)) / (4 * steps)) * STANDARD_ERRORS  # kurtosis above 3
        assert expected / margin < found < expected * margin, (step_s, found)
        assert margin < 1.3  # the test is sharp enough: 4 % at 1 s where sigma is 1


def test_a_volatile_market_needs_no_haste_and_one_that_stands_still_has_no_noise() -> None:
    assert refill_per_s(Params(sigma_ticks_sqrt_s=5.0)) == 20.0
    still = Params(sigma_ticks_sqrt_s=0.0, duration_ns=60 * NS_PER_S, a_per_s=5.0)
    assert volatility(displayed_mids(still), 0.001, still.duration_ns)[0] == 0.0
    assert refill_per_s(Params(refill_per_s=3.0)) == 3.0
