"""Where the levels of one side live: a window of slots indexed by tick, and a table for what lies outside it.

A **rank** orders prices on both sides alike: the tick of a bid, minus the tick of an ask; larger is better. Each
side's window covers ranks `base_rank` to `base_rank + width - 1`, so one code path serves both. It moves when the best
level would leave it; levels outside are kept in an open-addressing table, never lost.
"""

from typing import Any

import numpy as np

from mm_core.compiled import Record, compiled, int64

NO_RANK = -(1 << 62)
BID = int64(0)
ASK = int64(1)
NO_LOTS = int64(0)
WIDTH = 1 << 16
FAR = 1 << 15


def book_dtype(width: int = WIDTH, far: int = FAR) -> np.dtype[Any]:
    """A book whose windows hold `width` ticks a side and whose tables hold `far` levels a side (powers of two).

    The sizes are part of the type: each pair of them is compiled once.
    """
    return np.dtype(
        [
            ("base_rank", "i8", (2,)),  # rank of key 0 of the side's window
            ("best", "i8", (2,)),  # rank of the best level, NO_RANK without one
            ("hidden", "i8", (2,)),  # best rank that a crossing update hid, NO_RANK without one
            ("far_used", "i8", (2,)),
            ("lots", "i8", (2 * width,)),
            ("far_rank", "i8", (2, far)),  # 0: never used (no price has tick 0)
            ("far_lots", "i8", (2, far)),
        ]
    )


@compiled
def _far_slot(book: Record, side: int, rank: int) -> int:
    """Slot of `rank` in the far table, or the free slot where it would go (linear probing, Fibonacci hashing)."""
    mask = book.far_rank.shape[1] - 1
    slot = (((rank & 0x7FFFFFFF) * 2654435761) >> 16) & mask
    while book.far_rank[side, slot] != 0 and book.far_rank[side, slot] != rank:
        slot = (slot + 1) & mask
    return slot


@compiled
def far_lots(book: Record, side: int, rank: int) -> int:
    """Lots at a rank outside the window."""
    return book.far_lots[side, _far_slot(book, side, rank)]


@compiled
def far_set(book: Record, side: int, rank: int, lots: int) -> int:
    """Set a level outside the window and return what it held. OverflowError when the table is full of live levels."""
    slot = _far_slot(book, side, rank)
    if book.far_rank[side, slot] == 0:
        if lots == 0:
            return NO_LOTS
        capacity = book.far_rank.shape[1]
        if 4 * (book.far_used[side] + 1) > 3 * capacity:
            _far_rebuild(book, side)
            if 4 * (book.far_used[side] + 1) > 3 * capacity:
                raise OverflowError(
                    "the book holds more levels far from the touch than its table: give it a larger one"
                )
            slot = _far_slot(book, side, rank)
        book.far_rank[side, slot] = rank
        book.far_used[side] += 1
    previous = book.far_lots[side, slot]
    book.far_lots[side, slot] = lots
    return previous


@compiled
def _far_rebuild(book: Record, side: int) -> None:
    """Drop the removed levels from the table; they keep their slots until now."""
    ranks = book.far_rank[side].copy()
    lots = book.far_lots[side].copy()
    book.far_rank[side, :] = 0
    book.far_lots[side, :] = 0
    book.far_used[side] = 0
    for i in range(ranks.shape[0]):
        if lots[i] != 0:
            slot = _far_slot(book, side, ranks[i])
            book.far_rank[side, slot] = ranks[i]
            book.far_lots[side, slot] = lots[i]
            book.far_used[side] += 1


@compiled
def far_best_below(book: Record, side: int, rank: int) -> int:
    """Best rank in the far table below `rank`, NO_RANK if there is none. Looks at the whole table."""
    best = NO_RANK
    for i in range(book.far_rank.shape[1]):
        found = book.far_rank[side, i]
        if best < found < rank and book.far_lots[side, i] != 0:
            best = found
    return best


@compiled
def move_window(book: Record, side: int, rank: int) -> None:
    """Move the side's window so that `rank` has three quarters of it below; no level is lost.

    Bounded work: one pass over the window and one over the far table.
    """
    width = book.lots.shape[0] >> 1
    base = rank - 3 * (width >> 2)
    shift = base - book.base_rank[side]
    offset = side * width
    _leave_window(book, side, base)
    book.base_rank[side] = base
    for i in range(width):  # walk so that a level is read before its slot is written
        key = i if shift > 0 else width - 1 - i
        source = key + shift
        book.lots[offset + key] = book.lots[offset + source] if 0 <= source < width else 0
    for i in range(book.far_rank.shape[1]):
        key = book.far_rank[side, i] - base
        if book.far_lots[side, i] != 0 and 0 <= key < width:
            book.lots[offset + key] = book.far_lots[side, i]
            book.far_lots[side, i] = 0


@compiled
def _leave_window(book: Record, side: int, base: int) -> None:
    """Put the levels that a window from `base` on does not cover into the far table."""
    width = book.lots.shape[0] >> 1
    for key in range(width):
        rank = book.base_rank[side] + key
        lots = book.lots[side * width + key]
        if lots != 0 and not 0 <= rank - base < width:
            far_set(book, side, rank, lots)
