"""The terms of one decision: what a strategy reads and writes, and the last step that all strategies share."""

import math

import numba
import numpy as np

from mm_core.compiled import JIT, Record, Strategy, compiled, hot
from mm_core.signals.builder import TOP

PARAMETERS = 16  # numbers of a strategy; each strategy names its own slots
TICKS_MAX = 2.0**53  # beyond it a float is no price: an integer made of it would wrap to the other end

TERMS = np.dtype(
    [
        ("parameters", "f8", (PARAMETERS,)),
        ("position_lots", "i8"),
        ("lot_lots", "i8"),  # lots of one order: the unit of inventory, n = position / lot
        # The strategy's outputs; NaN, or what no price can be, means no quote.
        ("fair_ticks", "f8"),
        ("reservation_ticks", "f8"),
        ("half_spread_ticks", "f8"),
        # Bounds of every strategy.
        ("half_spread_bps_min", "f8"),
        ("half_spread_bps_max", "f8"),  # 0: no bound
        ("join_only", "i8"),  # 1: never better than the touch; 0: never through it
        ("position_lots_max", "i8"),  # no buy at or above it, no sell at or below minus it
        ("inventory_threshold", "f8"),  # N*: units of n beyond which both skews apply
        ("inventory_skew_ticks", "f8"),  # per unit of n beyond the threshold
        ("inventory_skew_bps", "f8"),  # of the fair price, per unit of n beyond the threshold
        # The decision.
        ("quoted", "i8", (2,)),  # 1 where that side is quoted
        ("price_ticks", "i8", (2,)),
    ]
)


@compiled
def inventory(terms: Record) -> float:
    """Inventory n in orders of `lot_lots`."""
    return terms.position_lots / terms.lot_lots


@hot
def decide_prices(terms: Record, bid_ticks: int, ask_ticks: int) -> None:
    """Turn reservation price and half-spread into two tick prices, or into no quote.

    The half-spread is bounded in bps of the fair price; beyond N* the pair is skewed further against the inventory;
    prices round outward (bid down, ask up) and never take: a bid stays below the best ask, an ask above the best bid,
    and with `join_only` neither improves the touch.
    """
    terms.quoted[0] = 0
    terms.quoted[1] = 0
    half = terms.half_spread_ticks
    middle = terms.reservation_ticks - _skew_ticks(terms)
    if not abs(middle) + abs(half) < TICKS_MAX:  # so for NaN, too
        return
    half = _bounded(terms, half)
    if terms.join_only != 0:
        bid_limit = bid_ticks
        ask_limit = ask_ticks
    else:
        bid_limit = ask_ticks - 1
        ask_limit = bid_ticks + 1
    terms.price_ticks[0] = min(math.floor(middle - half), bid_limit)
    terms.price_ticks[1] = max(math.ceil(middle + half), ask_limit)
    if terms.position_lots < terms.position_lots_max and terms.price_ticks[0] > 0:
        terms.quoted[0] = 1
    if terms.position_lots > -terms.position_lots_max:
        terms.quoted[1] = 1


@compiled
def _bounded(terms: Record, half: float) -> float:
    """The half-spread within its bounds in bps of the fair price."""
    half = max(half, terms.half_spread_bps_min * terms.fair_ticks * 1e-4)
    if terms.half_spread_bps_max > 0.0:
        half = min(half, terms.half_spread_bps_max * terms.fair_ticks * 1e-4)
    return half


@compiled
def _skew_ticks(terms: Record) -> float:
    """Extra skew beyond N* units of inventory: > 0 when long, so that both prices move down."""
    n = inventory(terms)
    beyond = max(n - terms.inventory_threshold, 0.0) + min(n + terms.inventory_threshold, 0.0)
    if beyond == 0.0:
        return 0.0
    return beyond * (terms.inventory_skew_ticks + terms.inventory_skew_bps * terms.fair_ticks * 1e-4)


STRATEGY = numba.types.void(numba.from_dtype(TERMS), numba.from_dtype(TOP))


def as_strategy(function: Strategy) -> Strategy:
    """A strategy that the loop calls through its address: a new one compiles in 0.2 s and the loop not again.

    `function(terms, top)` is compiled with `@compiled`. Without the JIT it is returned as it is.
    """
    if not JIT:
        return function
    return numba.cfunc(STRATEGY, cache=True, error_model="numpy", boundscheck=True)(function.py_func)  # type: ignore[attr-defined]
