"""Where the levels of one side live: a window of slots indexed by tick, and a table for what lies outside it.

A **rank** orders prices on both sides alike: the tick of a bid, minus the tick of an ask; larger is better. Each
side's window covers ranks `base_rank` to `base_rank + width - 1`, so one code path serves both. It moves when the best
level would leave it. Levels outside are kept in a sorted table, best first; a removed one stays as 0 lots, so that the
next insertion near it finds a place. A full table forgets its removed levels, or the quarter that lies farthest from
the touch: from `cut_rank` on downwards the side is then no longer known to be complete.
"""

from typing import Any

import numpy as np

from mm_core.compiled import Record, compiled, in_bounds, int64

NO_RANK = -(1 << 62)
BID = int64(0)
ASK = int64(1)
NO_LOTS = int64(0)
WIDTH = 1 << 16
FAR = 1 << 16


def book_dtype(width: int = WIDTH, far: int = FAR) -> np.dtype[Any]:
    """A book whose windows hold `width` ticks a side (a power of two) and whose tables hold `far` levels a side.

    The sizes are part of the type: each pair of them is compiled once.
    """
    return np.dtype(
        [
            ("base_rank", "i8", (2,)),  # rank of key 0 of the side's window
            ("best", "i8", (2,)),  # rank of the best level, NO_RANK without one
            ("hidden", "i8", (2,)),  # best rank that a crossing update hid, NO_RANK without one
            ("cut_rank", "i8", (2,)),  # best rank that was forgotten for want of room, NO_RANK if none was
            ("far_used", "i8", (2,)),  # places taken in the side's table
            ("lots", "i8", (2 * width,)),
            ("far_rank", "i8", (2, far)),  # falling
            ("far_lots", "i8", (2, far)),  # 0: removed
        ]
    )


@in_bounds
def _far_at(book: Record, side: int, rank: int) -> int:
    """Place of the best level of the table at `rank` or worse; the number of places taken without one."""
    low, high = 0, int(book.far_used[side])
    while low < high:  # so that low <= middle < high <= places taken
        middle = (low + high) >> 1
        if book.far_rank[side, middle] > rank:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def far_lots(book: Record, side: int, rank: int) -> int:
    """Lots at a rank outside the window."""
    at = _far_at(book, side, rank)
    if at < book.far_used[side] and book.far_rank[side, at] == rank:
        return book.far_lots[side, at]
    return NO_LOTS


@compiled
def far_set(book: Record, side: int, rank: int, lots: int) -> int:
    """Set a level outside the window and return what it held."""
    at = _far_at(book, side, rank)
    if at < book.far_used[side] and book.far_rank[side, at] == rank:
        previous = book.far_lots[side, at]
        book.far_lots[side, at] = lots
        return previous
    if lots == 0:
        return NO_LOTS
    if book.far_used[side] == book.far_rank.shape[1]:
        _far_make_room(book, side)
        at = _far_at(book, side, rank)
    _far_insert(book, side, at, rank, lots)
    return NO_LOTS


@in_bounds
def _far_insert(book: Record, side: int, at: int, rank: int, lots: int) -> None:
    """Put a level at its place: levels behind move by one, up to the next removed one. The table has a free place."""
    used = book.far_used[side]
    if at > 0 and book.far_lots[side, at - 1] == 0:  # the order holds: it was better than `rank`, and all before it are
        book.far_rank[side, at - 1] = rank
        book.far_lots[side, at - 1] = lots
        return
    end = at
    while end < used and book.far_lots[side, end] != 0:
        end += 1
    if end == used:
        book.far_used[side] = used + 1
    for i in range(end, at, -1):
        book.far_rank[side, i] = book.far_rank[side, i - 1]
        book.far_lots[side, i] = book.far_lots[side, i - 1]
    book.far_rank[side, at] = rank
    book.far_lots[side, at] = lots


@compiled
def _far_make_room(book: Record, side: int) -> None:
    """Forget the removed levels of a full table, and what lies beyond three quarters of it."""
    capacity = book.far_rank.shape[1]
    used = book.far_used[side]
    kept = 0
    for i in range(used):
        if book.far_lots[side, i] != 0:
            book.far_rank[side, kept] = book.far_rank[side, i]
            book.far_lots[side, kept] = book.far_lots[side, i]
            kept += 1
    room = 3 * capacity >> 2
    if kept > room:
        _cut(book, side, book.far_rank[side, room])
        kept = room
    book.far_used[side] = kept


@compiled
def _cut(book: Record, side: int, rank: int) -> None:
    """The level at `rank` is forgotten."""
    book.cut_rank[side] = max(book.cut_rank[side], rank)


@compiled
def far_best_below(book: Record, side: int, rank: int) -> int:
    """Best rank in the far table below `rank`, NO_RANK if there is none."""
    at = _far_at(book, side, rank - 1)
    used = book.far_used[side]
    while at < used:
        if book.far_lots[side, at] != 0:
            return book.far_rank[side, at]
        at += 1
    return NO_RANK


@compiled
def move_window(book: Record, side: int, rank: int) -> None:
    """Move the side's window so that `rank` has three quarters of it below. Bounded work: every level is put anew.

    The far table has no level within the old window, so that its levels, best first, come before or after all of it.
    """
    width = book.lots.shape[0] >> 1
    window = book.lots[side * width : (side + 1) * width]
    old_base = book.base_rank[side]
    keys = np.flatnonzero(window)
    lots = window[keys]
    used = book.far_used[side]
    above = _far_at(book, side, old_base)
    far_ranks = book.far_rank[side, :used].copy()
    far_sizes = book.far_lots[side, :used].copy()
    window[:] = 0
    book.far_used[side] = 0
    book.base_rank[side] = rank - 3 * (width >> 2)
    for i in range(above):
        _put_back(book, side, far_ranks[i], far_sizes[i])
    for i in range(keys.shape[0] - 1, -1, -1):
        _put_back(book, side, old_base + keys[i], lots[i])
    for i in range(above, used):
        _put_back(book, side, far_ranks[i], far_sizes[i])


@compiled
def _put_back(book: Record, side: int, rank: int, lots: int) -> None:
    """Put a level, best first, into the window or the table; what does not fit is forgotten."""
    width = book.lots.shape[0] >> 1
    key = rank - book.base_rank[side]
    at = book.far_used[side]
    if 0 <= key < width:
        book.lots[side * width + key] = lots
    elif lots != 0 and at < book.far_rank.shape[1]:
        book.far_rank[side, at] = rank
        book.far_lots[side, at] = lots
        book.far_used[side] = at + 1
    elif lots != 0:
        _cut(book, side, rank)


@compiled
def is_cut(book: Record, side: int) -> bool:
    """True if the side's best level may not be its best: better ones may have been forgotten for want of room."""
    rank = book.cut_rank[side]
    return rank != NO_RANK and book.best[side] <= rank
