"""How far the weighted mid has been moving: its spread over the last Ticks."""

import math

import numpy as np

from mm_core.compiled import Record, compiled

MICRO_PRICES = 50

MICRO = np.dtype([("enabled", "i8"), ("count", "i8"), ("ticks", "f8", (MICRO_PRICES,))])


@compiled
def micro_price(micro: Record, top: Record) -> None:
    """Standard deviation (n - 1), minimum and maximum of the last 50 weighted mids, one a tick."""
    if micro.enabled == 0:
        return
    micro.ticks[micro.count % MICRO_PRICES] = top.weighted_mid_ticks
    micro.count += 1
    n = min(micro.count, MICRO_PRICES)
    mean = 0.0
    low = math.inf
    high = -math.inf
    for i in range(n):
        value = micro.ticks[i]
        mean += value
        low = min(low, value)
        high = max(high, value)
    mean /= n
    squares = 0.0
    for i in range(n):
        away = micro.ticks[i] - mean
        squares += away * away  # a power differs in the last place between compiled and plain Python
    top.micro_stdev_ticks = math.sqrt(squares / (n - 1)) if n > 1 else math.nan
    top.micro_min_ticks = low
    top.micro_max_ticks = high
