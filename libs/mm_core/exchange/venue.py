"""State of the paper exchange: terms, resting orders, the two connections, and an index of where orders rest.

The index lets one row of market data find out in one look that no order cares: a table of marks by side and price
(hashed: a false alarm is harmless), and the best rank of any own order per side. Many parameter sets share one index,
a bit each.
"""

from enum import IntEnum
from typing import Any

import numpy as np

from mm_core.book.window import NO_RANK
from mm_core.compiled import Record, compiled, hot, int64, new
from mm_core.messages import ANSWERS, BUS

ORDERS = 16  # resting orders a side
MARKS = 1 << 9

ORDER = np.dtype(
    [
        ("order_id", "i8"),
        ("rank", "i8"),
        ("qty_lots", "i8"),
        ("leaves_lots", "i8"),
        ("front_lots", "f8"),
        ("traded_lots", "i8"),  # traded at the price since its displayed quantity last changed
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
        ("known_ns", "i8"),  # local time of what causes the next answers: none is known before its cause
        ("best", "i8", (2,)),  # best rank of our resting orders, NO_RANK without one
        ("resting", "i8", (2,)),  # how many orders rest a side
        ("orders", ORDER, (2, ORDERS)),  # in priority: price, then time; the first `resting` of a side are alive
        ("inbox", BUS),  # requests on their way to the venue, due at arrival
        ("outbox", ANSWERS),  # answers on their way to us, due at reception
    ]
)
# Where the venue stands in the market's time; shared by all parameter sets of one run.
CLOCK = np.dtype(
    [
        ("market_ns", "i8"),  # latest exchange time seen in market data
        ("depth_ns", "i8"),  # latest exchange time of a depth event
        ("known_ns", "i8"),  # local time of the current root, in the log's order; else 0
    ]
)
INDEX = np.dtype([("marks", "u4", (2, MARKS)), ("best", "i8", (2,))])


class Reject(IntEnum):
    """Why the venue said no; values of `OrderRejected.reason`."""

    WOULD_TAKE = 1  # a post-only order would have taken liquidity
    TOO_MANY_ORDERS = 2  # the venue holds no more of our orders


WOULD_TAKE = int64(Reject.WOULD_TAKE)
TOO_MANY_ORDERS = int64(Reject.TOO_MANY_ORDERS)


def new_index() -> np.ndarray[Any, Any]:
    """An index without any order."""
    state = new(INDEX)
    state["best"] = NO_RANK
    return state


@hot
def mark_of(rank: int) -> int:
    """Where a rank is marked."""
    return rank & (MARKS - 1)


@compiled
def _index(venue: Record, index: Record, bit: int, side: int, rank: int) -> None:
    """Mark a price after an order there came or went; the side's best over all sets only grows here."""
    mask = np.uint32(1) << np.uint32(bit)
    index.marks[side, mark_of(rank)] &= ~mask
    for i in range(venue.resting[side]):
        if mark_of(venue.orders[side, i].rank) == mark_of(rank):
            index.marks[side, mark_of(rank)] |= mask
    best = venue.orders[side, 0].rank if venue.resting[side] > 0 else NO_RANK
    venue.best[side] = best
    index.best[side] = max(index.best[side], best)


@compiled
def insert_order(venue: Record, index: Record, bit: int, side: int, rank: int) -> int:
    """Make room for an order behind all of its price or better, and return its slot; -1 if the side is full."""
    slot = venue.resting[side]
    if slot == ORDERS:
        return -1
    venue.resting[side] += 1
    while slot > 0 and venue.orders[side, slot - 1].rank < rank:
        venue.orders[side, slot] = venue.orders[side, slot - 1]
        slot -= 1
    venue.orders[side, slot].rank = rank
    _index(venue, index, bit, side, rank)
    return slot


@compiled
def remove_order(venue: Record, index: Record, bit: int, side: int, slot: int) -> None:
    """Take an order out of the book of ours."""
    rank = venue.orders[side, slot].rank
    venue.resting[side] -= 1
    for i in range(slot, venue.resting[side]):
        venue.orders[side, i] = venue.orders[side, i + 1]
    _index(venue, index, bit, side, rank)


@compiled
def find_order(venue: Record, side: int, order_id: int) -> int:
    """Slot of a resting order, -1 if it does not rest on this side."""
    for i in range(venue.resting[side]):
        if venue.orders[side, i].order_id == order_id:
            return i
    return -1
