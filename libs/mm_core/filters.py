"""The venue's filters as numbers. Risk respects them, and the paper exchange rejects what breaks them.

A filter that is off is a bound that nothing reaches. No product of a price and a size is made: it may not fit.
"""

from typing import Any

import numpy as np

from mm_core.compiled import Record, compiled, new
from mm_core.types import INT64_MAX

PPM = 1_000_000

FILTERS = np.dtype(
    [
        ("lots_min", "i8"),
        ("lots_max", "i8"),
        ("tick_lots_min", "i8"),  # value of an order, in ticks x lots
        ("tick_lots_max", "i8"),
        ("price_ticks_min", "i8"),
        ("price_ticks_max", "i8"),
        ("up_ppm", "i8", (2,)),  # by side: most and least that a price may be of the reference price; 0: no bound
        ("down_ppm", "i8", (2,)),
        ("orders_max", "i8"),  # open orders of both sides
    ]
)


def new_filters() -> np.ndarray[Any, Any]:
    """Filters that are all off: one lot or more at any price."""
    state = new(FILTERS)
    for name in ("lots_max", "tick_lots_max", "price_ticks_max", "orders_max"):
        state[name] = INT64_MAX
    state["lots_min"] = 1
    return state


@compiled
def value_lots_min(filters: Record, price_ticks: int) -> int:
    """Fewest lots that are worth the least value at a price."""
    return -(-filters.tick_lots_min // price_ticks)


@compiled
def value_lots_max(filters: Record, price_ticks: int) -> int:
    """Most lots that are worth no more than the greatest value at a price."""
    return filters.tick_lots_max // price_ticks


@compiled
def is_price_within(filters: Record, price_ticks: int) -> bool:
    """True between the least and the greatest price, both included."""
    return filters.price_ticks_min <= price_ticks <= filters.price_ticks_max


@compiled
def is_price_near(filters: Record, side: int, price_ticks: int, reference_half: int) -> bool:
    """True if the price deviates no more from the reference price (in half ticks; 0: none) than its side allows."""
    if reference_half == 0:
        return True
    up_ppm, down_ppm = filters.up_ppm[side], filters.down_ppm[side]
    whole, part = reference_half // PPM, reference_half % PPM
    if up_ppm != 0 and 2 * price_ticks > whole * up_ppm + part * up_ppm // PPM:
        return False
    return 2 * price_ticks >= whole * down_ppm - (-part * down_ppm // PPM)
