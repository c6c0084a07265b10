"""EWMA-ratio volatility (README.md): no seed, safe for equal times, exact for equal spacing.

What was seen loses its weight with time, whether data comes or not: a short hole leaves the estimate, one of more than
about half a half-life after a long market makes it NaN until enough data is in again.
"""

import math

import numpy as np

from mm_core.compiled import Record, compiled
from mm_core.types import NS_PER_S

VOLATILITY = np.dtype(
    [
        ("sample_ns", "i8"),  # grid of the mid's previous-tick samples; 0: no volatility
        ("half_life_s", "f8"),
        ("mid_half", "i8"),  # last sample, 0 before the first and after a hole
        ("ts_ns", "i8"),  # time of the last sample, before the hole too
        ("squares", "f8"),  # S: decayed sum of squared changes, ticks^2
        ("seconds", "f8"),  # W: decayed sum of time
    ]
)


@compiled
def _weight(volatility: Record, seconds: float) -> float:
    """What is left of the weight of the data after so long."""
    weight: float = 2.0 ** (-seconds / volatility.half_life_s)
    return weight


@compiled
def volatility_sample(volatility: Record, mid_half: int, now_ns: int) -> None:
    """Take the mid at a point of the grid (half-ticks); other times are ignored.

    Over more than a half-life without a sample the change is one number, no estimate: it is left out, as across a hole.
    """
    if volatility.sample_ns == 0 or now_ns % volatility.sample_ns != 0:
        return
    seconds = (now_ns - volatility.ts_ns) / NS_PER_S
    weight = _weight(volatility, seconds)
    volatility.squares *= weight
    volatility.seconds *= weight
    if volatility.mid_half != 0 and seconds <= volatility.half_life_s:
        change = 0.5 * (mid_half - volatility.mid_half)
        volatility.squares += change * change
        volatility.seconds += seconds
    volatility.mid_half = mid_half
    volatility.ts_ns = now_ns


@compiled
def volatility_ticks_sqrt_s(volatility: Record, now_ns: int) -> float:
    """Arithmetic volatility in ticks per root second; NaN unless data of the weight of a half-life is in by now."""
    if volatility.sample_ns == 0:
        return math.nan
    seconds = volatility.seconds
    missed_ns = now_ns - volatility.ts_ns
    if missed_ns > volatility.sample_ns:  # the next sample would find the data this old, and it may be off
        seconds *= _weight(volatility, missed_ns / NS_PER_S)
    if seconds < volatility.half_life_s:
        return math.nan
    return math.sqrt(volatility.squares / volatility.seconds)


@compiled
def volatility_reseed(volatility: Record) -> None:
    """Forget the last sample, not its time: the change across a hole in the data is not one, its length is."""
    volatility.mid_half = 0
