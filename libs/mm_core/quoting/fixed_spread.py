"""A constant half-spread around the mid. Inventory skews it through the shared skew beyond N* (0: from the start)."""

from mm_core.compiled import Record, compiled

NAME = "fixed_spread"
HALF_SPREAD_TICKS = 0
PARAMETER_NAMES = ("half_spread_ticks",)


@compiled
def fixed_spread(terms: Record, top: Record) -> None:
    """Fair price is the mid; so is the reservation price."""
    terms.fair_ticks = (top.bid_ticks + top.ask_ticks) / 2.0
    terms.reservation_ticks = terms.fair_ticks
    terms.half_spread_ticks = terms.parameters[HALF_SPREAD_TICKS]
