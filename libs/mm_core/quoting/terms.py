"""The terms of one decision: what a strategy reads and writes, and the last step that all strategies share."""

import math

import numpy as np

from mm_core.compiled import compiled

PARAMETERS = 16  # numbers of a strategy; each strategy names its own slots

TERMS = np.dtype(
    [
        ("parameters", "f8", (PARAMETERS,)),
        ("position_lots", "i8"),
        ("lot_lots", "i8"),  # lots of one order: the unit of inventory, n = position / lot
        # What the strategy says; NaN in any of them means no quote.
        ("fair_ticks", "f8"),
        ("reservation_ticks", "f8"),
        ("half_spread_ticks", "f8"),
        # Bounds of every strategy.
        ("half_spread_bps_min", "f8"),
        ("half_spread_bps_max", "f8"),  # 0: no bound
        ("join_only", "i8"),  # 1: never better than the touch; 0: never through it
        ("position_lots_max", "i8"),  # no buy at or above it, no sell at or below minus it
        ("inventory_threshold", "f8"),  # N*: lots of n beyond which `inventory_skew_ticks` leans on top
        ("inventory_skew_ticks", "f8"),  # per unit of n beyond the threshold
        # The decision.
        ("want", "i8", (2,)),  # 1 where that side is quoted
        ("price_ticks", "i8", (2,)),
    ]
)


@compiled
def inventory(terms):
    """Inventory n in orders of `lot_lots`."""
    return terms.position_lots / terms.lot_lots


@compiled
def decide_prices(terms, bid_ticks, ask_ticks):
    """Turn reservation price and half-spread into two tick prices, or into no quote.

    The half-spread is bounded in bps of the fair price; beyond N* the pair leans further against the inventory; prices
    round outward (bid down, ask up) and never take: a bid stays below the best ask, an ask above the best bid, and
    with `join_only` neither improves the touch.
    """
    terms.want[0] = 0
    terms.want[1] = 0
    half = terms.half_spread_ticks
    middle = terms.reservation_ticks
    if math.isnan(half) or math.isnan(middle) or math.isinf(half) or math.isinf(middle):
        return
    half = _bounded(terms, half)
    middle -= _lean_ticks(terms)
    if terms.join_only != 0:
        bid_limit = bid_ticks
        ask_limit = ask_ticks
    else:
        bid_limit = ask_ticks - 1
        ask_limit = bid_ticks + 1
    terms.price_ticks[0] = min(int(math.floor(middle - half)), bid_limit)
    terms.price_ticks[1] = max(int(math.ceil(middle + half)), ask_limit)
    if terms.position_lots < terms.position_lots_max and terms.price_ticks[0] > 0:
        terms.want[0] = 1
    if terms.position_lots > -terms.position_lots_max:
        terms.want[1] = 1


@compiled
def _bounded(terms, half):
    """The half-spread within its bounds in bps of the fair price."""
    half = max(half, terms.half_spread_bps_min * terms.fair_ticks * 1e-4)
    if terms.half_spread_bps_max > 0.0:
        half = min(half, terms.half_spread_bps_max * terms.fair_ticks * 1e-4)
    return half


@compiled
def _lean_ticks(terms):
    """Extra skew beyond N* units of inventory: > 0 when long, so that both prices move down."""
    n = inventory(terms)
    if n > terms.inventory_threshold:
        return (n - terms.inventory_threshold) * terms.inventory_skew_ticks
    if n < -terms.inventory_threshold:
        return (n + terms.inventory_threshold) * terms.inventory_skew_ticks
    return 0.0
