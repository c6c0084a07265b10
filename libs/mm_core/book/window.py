"""Where the levels of one side live: a window of slots indexed by tick, and a table for what lies outside it.

A **rank** orders prices on both sides alike: the tick of a bid, minus the tick of an ask; larger is better. Each
side's window covers ranks `base_rank` to `base_rank + width - 1`, so one code path serves both. It moves when the best
level would leave it. Levels outside are in a sorted table, best first, with free places in between: a new level
moves those up to the next free place, and where none is near all are spread anew. A full table drops the quarter that
lies farthest from the touch: from `cut_rank` on downwards the side is then no longer known to be complete.
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
SHIFT_MAX = 256  # levels that one new level moves at most
SPACING = 5  # a table that is spread anew has one free place in so many
NONE_NEAR = -1


def book_dtype(width: int = WIDTH, far: int = FAR) -> np.dtype[Any]:
    """A book whose windows hold `width` ticks a side (a power of two) and whose tables hold `far` levels a side.

    The sizes are part of the type: each pair of them is compiled once.
    """
    return np.dtype(
        [
            ("base_rank", "i8", (2,)),  # rank of key 0 of the side's window
            ("best", "i8", (2,)),  # rank of the best level, NO_RANK without one
            ("hidden", "i8", (2,)),  # best rank that a crossing update hid, NO_RANK without one
            ("cut_rank", "i8", (2,)),  # best rank that was dropped for lack of room, NO_RANK if none was
            ("far_used", "i8", (2,)),  # places taken in the side's table
            ("lots", "i8", (2 * width,)),
            ("far_rank", "i8", (2, far)),  # falling
            ("far_lots", "i8", (2, far)),  # 0: a free place, where a level was
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
    free = _far_free(book, side, at)
    if free == NONE_NEAR:
        _far_rebuild(book, side)
        at = _far_at(book, side, rank)
        free = _far_free(book, side, at)
    _far_insert(book, side, at, free, rank, lots)
    return NO_LOTS


@in_bounds
def _far_free(book: Record, side: int, at: int) -> int:
    """The first free place of the table from `at` on, if it is near."""
    used = book.far_used[side]
    stop = min(used, at + SHIFT_MAX)
    free = at
    while free < stop and book.far_lots[side, free] != 0:
        free += 1
    if free == book.far_rank.shape[1] or (free == stop and stop < used):
        return NONE_NEAR
    return free


@in_bounds
def _far_insert(book: Record, side: int, at: int, free: int, rank: int, lots: int) -> None:
    """Put a level at its place: those from there up to the free place move by one."""
    book.far_used[side] = max(book.far_used[side], free + 1)
    for i in range(free, at, -1):
        book.far_rank[side, i] = book.far_rank[side, i - 1]
        book.far_lots[side, i] = book.far_lots[side, i - 1]
    book.far_rank[side, at] = rank
    book.far_lots[side, at] = lots


@compiled
def _far_rebuild(book: Record, side: int) -> None:
    """Spread the levels of the table, a free place after every few; drop what is beyond three quarters of it."""
    capacity = book.far_rank.shape[1]
    used = book.far_used[side]
    ranks = book.far_rank[side, :used].copy()
    lots = book.far_lots[side, :used].copy()
    room = 3 * capacity >> 2
    book.far_used[side] = 0
    for i in range(used):
        if lots[i] != 0 and room > 0:
            _far_append(book, side, ranks[i], lots[i])
            room -= 1
        elif lots[i] != 0:
            _cut(book, side, ranks[i])


@compiled
def _far_append(book: Record, side: int, rank: int, lots: int) -> None:
    """Put a level behind all of the table, with a free place after every few; drop it where there is no room."""
    at = book.far_used[side]
    if at >= book.far_rank.shape[1]:
        _cut(book, side, rank)
        return
    book.far_rank[side, at] = rank
    book.far_lots[side, at] = lots
    if at % SPACING == SPACING - 2 and at + 1 < book.far_rank.shape[1]:
        at += 1
        book.far_rank[side, at] = rank
        book.far_lots[side, at] = 0
    book.far_used[side] = at + 1


@compiled
def _cut(book: Record, side: int, rank: int) -> None:
    """The level at `rank` is dropped."""
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
    """Put a level, best first, into the window or the table; what does not fit is dropped."""
    width = book.lots.shape[0] >> 1
    key = rank - book.base_rank[side]
    if lots == 0:  # a free place of the table: a level of the same rank may be beside it
        return
    if 0 <= key < width:
        book.lots[side * width + key] = lots
    else:
        _far_append(book, side, rank, lots)


@compiled
def is_cut(book: Record, side: int) -> bool:
    """True if the side's best level may not be its best: better ones may have been dropped for lack of room."""
    rank = book.cut_rank[side]
    return rank != NO_RANK and book.best[side] <= rank
