"""State of the paper exchange: terms, resting orders, the two connections, and an index of where orders rest.

The index lets one row of market data find out in one look that no order cares: a table of marks by side and price
(hashed: a false alarm is harmless), and the best rank of any own order per side. Many parameter sets share one index,
a bit each.
"""

from typing import Any

import numpy as np

from mm_core.book.window import NO_RANK
from mm_core.compiled import compiled, hot, new
from mm_core.messages import BUS

ORDERS = 16  # resting orders a side
MARKS = 1 << 9

ORDER = np.dtype(
    [
        ("order_id", "i8"),  # 0: free
        ("rank", "i8"),
        ("qty_lots", "i8"),
        ("leaves_lots", "i8"),
        ("front_lots", "f8"),
        ("traded_lots", "i8"),  # traded at the price since its displayed quantity last changed
        ("arrival", "i8"),  # order of arrival: time priority
    ]
)
VENUE = np.dtype(
    [
        ("entry_ns", "i8"),
        ("cancel_ns", "i8"),
        ("response_ns", "i8"),
        ("queue_model", "i8"),
        ("queue_power", "f8"),
        ("partial_fills", "i8"),
        ("maker_fee_ppb", "i8"),  # 1e-9 of the traded value
        ("taker_fee_ppb", "i8"),
        ("value_num", "i8"),  # one tick x one lot is value_num / value_den of 1e-9 quote
        ("value_den", "i8"),
        ("arrivals", "i8"),
        ("best", "i8", (2,)),  # best rank of our resting orders, NO_RANK without one
        ("orders", ORDER, (2, ORDERS)),
        ("inbox", BUS),  # requests on their way to the venue, due at arrival
        ("outbox", BUS),  # answers on their way to us, due at reception
    ]
)
# Where the venue stands in the market's time; shared by all parameter sets of one run.
CLOCK = np.dtype(
    [
        ("market_ns", "i8"),  # latest exchange time seen in market data
        ("depth_ns", "i8"),  # latest exchange time of a depth event
    ]
)
INDEX = np.dtype([("marks", "u4", (2, MARKS)), ("best", "i8", (2,))])


class Reject:
    """Why the venue said no; values of `OrderRejected.reason`."""

    WOULD_TAKE = 1  # a post-only order would have taken liquidity
    NO_MARKET = 2  # the side to trade against is empty
    TOO_MANY_ORDERS = 3


WOULD_TAKE = Reject.WOULD_TAKE
NO_MARKET = Reject.NO_MARKET
TOO_MANY_ORDERS = Reject.TOO_MANY_ORDERS


def new_index() -> np.ndarray[Any, Any]:
    """An index without any order."""
    state = new(INDEX)
    state["best"] = NO_RANK
    return state


@hot
def mark_of(rank):
    """Where a rank is marked."""
    return rank & (MARKS - 1)


@compiled
def index_order(venue, index, bit, side, rank):
    """Mark a price after an order there came or went, and find the side's best own rank again."""
    best = NO_RANK
    here = False
    for i in range(ORDERS):
        order = venue.orders[side, i]
        if order.order_id != 0:
            best = max(best, order.rank)
            here = here or mark_of(order.rank) == mark_of(rank)
    venue.best[side] = best
    mask = np.uint32(1) << np.uint32(bit)
    if here:
        index.marks[side, mark_of(rank)] |= mask
    else:
        index.marks[side, mark_of(rank)] &= ~mask
    # An upper bound over all sets; `index_best` tightens it.
    index.best[side] = max(index.best[side], best)


@compiled
def find_order(venue, side, order_id):
    """Slot of a resting order, -1 if it does not rest on this side."""
    for i in range(ORDERS):
        if venue.orders[side, i].order_id == order_id:
            return i
    return -1


@compiled
def next_in_priority(venue, side, after_rank, after_arrival):
    """Slot of our next order in price, then time priority after the given one; -1 at the end."""
    found = -1
    rank = NO_RANK
    arrival = 0
    for i in range(ORDERS):
        order = venue.orders[side, i]
        if order.order_id == 0 or order.rank > after_rank:
            continue
        if order.rank == after_rank and order.arrival <= after_arrival:
            continue
        if found < 0 or order.rank > rank or (order.rank == rank and order.arrival < arrival):
            found = i
            rank = order.rank
            arrival = order.arrival
    return found
