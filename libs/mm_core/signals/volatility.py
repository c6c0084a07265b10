"""EWMA-ratio volatility (QUANT 3): no seed, safe for equal times, exact for equal spacing."""

import math

import numpy as np

from mm_core.compiled import Record, compiled
from mm_core.types import NS_PER_S

VOLATILITY = np.dtype(
    [
        ("sample_ns", "i8"),  # grid of the mid's previous-tick samples; 0: no volatility
        ("half_life_s", "f8"),
        ("mid_half", "i8"),  # last sample, 0 before the first
        ("ts_ns", "i8"),
        ("squares", "f8"),  # S: decayed sum of squared changes, ticks^2
        ("seconds", "f8"),  # W: decayed sum of time
    ]
)


@compiled
def volatility_sample(volatility: Record, mid_half: int, now_ns: int) -> None:
    """Take the mid at a point of the grid (half-ticks); other times are ignored."""
    if volatility.sample_ns == 0 or now_ns % volatility.sample_ns != 0:
        return
    if volatility.mid_half != 0:
        seconds = (now_ns - volatility.ts_ns) / NS_PER_S
        change = 0.5 * (mid_half - volatility.mid_half)
        weight = 2.0 ** (-seconds / volatility.half_life_s)
        volatility.squares = volatility.squares * weight + change * change
        volatility.seconds = volatility.seconds * weight + seconds
    volatility.mid_half = mid_half
    volatility.ts_ns = now_ns


@compiled
def volatility_ticks_sqrt_s(volatility: Record) -> float:
    """Arithmetic volatility in ticks per root second; NaN until a half-life of data is in."""
    if volatility.sample_ns == 0 or volatility.seconds < volatility.half_life_s:
        return math.nan
    return math.sqrt(volatility.squares / volatility.seconds)


@compiled
def volatility_reseed(volatility: Record) -> None:
    """Forget the last sample: the change across a hole in the data is not one."""
    volatility.mid_half = 0
