"""State of the paper exchange: terms, resting orders, the two connections, and an index of where orders rest.

The index lets one row of market data find out in one lookup that no order is affected: a table of marks by side and
price (hashed: a false alarm is harmless), and the best rank of any own order per side. Many parameter sets share one
index, a bit each.
"""

from enum import IntEnum
from typing import Any

import numpy as np

from mm_core.book.window import NO_RANK
from mm_core.compiled import Record, compiled, hot, int64, new
from mm_core.filters import FILTERS
from mm_core.messages import ANSWERS, BUS

ORDERS = 16  # resting orders a side
MARKS = 1 << 9
TAKEN = 16  # levels a side of which it is remembered how much of them we took

ORDER = np.dtype(
    [
        ("order_id", "i8"),
        ("rank", "i8"),
        ("qty_lots", "i8"),
        ("leaves_lots", "i8"),
        ("front_lots", "f8"),
        ("shown_lots", "i8"),  # displayed at its price by the last depth event, or at its acceptance
        ("traded_lots", "i8"),  # traded at the price since its displayed quantity last changed
        ("accepted_ns", "i8"),  # exchange time from which on events fill it and move its queue
    ]
)
# Lots of a displayed level that our orders used, since its displayed quantity last changed.
TAKE = np.dtype([("rank", "i8"), ("lots", "i8")])
VENUE = np.dtype(
    [
        ("entry_ns", "i8"),
        ("cancel_ns", "i8"),
        ("response_ns", "i8"),
        ("queue_model", "i8"),
        ("queue_power", "f8"),
        ("lot_base", "f8"),  # one lot in the base: the unit of the queue models with a logarithm
        ("partial_fills", "i8"),
        ("maker_fee_ppb", "i8"),  # 1e-9 of the traded value
        ("taker_fee_ppb", "i8"),
        ("value_num", "i8"),  # one tick x one lot is value_num / value_den of 1e-9 quote
        ("value_den", "i8"),
        ("filters", FILTERS),
        ("known_ns", "i8"),  # local time of what causes the next answers: none is known before its cause
        ("mid_half", "i8"),  # the venue's mid just before what causes the next fills
        ("best", "i8", (2,)),  # best rank of our resting orders, NO_RANK without one
        ("resting", "i8", (2,)),  # how many orders rest a side
        ("orders", ORDER, (2, ORDERS)),  # in priority: price, then time; the first `resting` of a side are alive
        ("taken", "i8", (2,)),  # how many levels of a side were taken from
        ("takes", TAKE, (2, TAKEN)),  # oldest first
        ("inbox", BUS),  # requests in flight to the venue, due at arrival
        ("outbox", ANSWERS),  # answers in flight to us, due at reception
    ]
)
INDEX = np.dtype([("marks", "u4", (2, MARKS)), ("best", "i8", (2,))])


class Reject(IntEnum):
    """Why the venue rejected an order; values of `OrderRejected.reason`."""

    WOULD_TAKE = 1  # a post-only order would have taken liquidity
    TOO_MANY_ORDERS = 2  # the paper exchange holds no more of our orders on a side
    NOTIONAL = 3  # the venue's filters, as all below
    LOT_SIZE = 4
    PRICE_FILTER = 5
    PERCENT_PRICE = 6
    MAX_ORDERS = 7


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
def _mark(venue: Record, index: Record, bit: int, side: int, rank: int) -> None:
    """Mark a price if an order rests there or its level was taken from."""
    mask = np.uint32(1) << np.uint32(bit)
    index.marks[side, mark_of(rank)] &= ~mask
    for i in range(venue.resting[side]):
        if mark_of(venue.orders[side, i].rank) == mark_of(rank):
            index.marks[side, mark_of(rank)] |= mask
    for i in range(venue.taken[side]):
        if mark_of(venue.takes[side, i].rank) == mark_of(rank):
            index.marks[side, mark_of(rank)] |= mask


@compiled
def _index(venue: Record, index: Record, bit: int, side: int, rank: int) -> None:
    """Mark a price after an order there came or went; the side's best over all sets only grows here."""
    _mark(venue, index, bit, side, rank)
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


@compiled
def taken_lots(venue: Record, side: int, rank: int) -> int:
    """Lots of a displayed level that our orders have used already."""
    for i in range(venue.taken[side]):
        if venue.takes[side, i].rank == rank:
            lots: int = venue.takes[side, i].lots
            return lots
    return 0


@compiled
def remember_taken(venue: Record, index: Record, bit: int, side: int, rank: int, lots: int) -> None:
    """Our orders used `lots` of a displayed level; with a full table the oldest level is dropped."""
    for i in range(venue.taken[side]):
        if venue.takes[side, i].rank == rank:
            venue.takes[side, i].lots += lots
            return
    if venue.taken[side] == TAKEN:
        forget_taken(venue, index, bit, side, venue.takes[side, 0].rank)
    take = venue.takes[side, venue.taken[side]]
    venue.taken[side] += 1
    take.rank = rank
    take.lots = lots
    _mark(venue, index, bit, side, rank)


@compiled
def forget_taken(venue: Record, index: Record, bit: int, side: int, rank: int) -> None:
    """The displayed quantity of a level changed: all of it is new."""
    for i in range(venue.taken[side]):
        if venue.takes[side, i].rank == rank:
            venue.taken[side] -= 1
            for j in range(i, venue.taken[side]):
                venue.takes[side, j] = venue.takes[side, j + 1]
            _mark(venue, index, bit, side, rank)
            return
