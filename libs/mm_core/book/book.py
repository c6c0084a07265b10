"""Updates and look-ups of the book. State is one record of `book_dtype`; prices come as ticks or ranks, sizes as lots.

When an update crosses the other side, the newer level wins: the other side's best moves behind it and the levels in
between are **hidden**, not removed, because the same delta usually removes them next (`is_crossed` says if it did not).
"""

from typing import Any

import numpy as np

from mm_core.book.window import FAR, NO_RANK, WIDTH, book_dtype, far_best_below, far_lots, far_set, move_window
from mm_core.compiled import compiled, hot, new


def new_book(width: int = WIDTH, far: int = FAR) -> np.ndarray[Any, Any]:
    """An empty book, as an array of one record."""
    state = new(book_dtype(width, far))
    clear_book(state[0])
    return state


@hot
def rank_of(side, price_ticks):
    """Rank of a price: larger is better on both sides."""
    return price_ticks if side == 0 else -price_ticks


@compiled
def clear_book(book):
    """Remove every level."""
    for side in range(2):
        book.base_rank[side] = 0
        book.best[side] = NO_RANK
        book.hidden[side] = NO_RANK
        book.far_used[side] = 0
    book.lots[:] = 0
    book.far_rank[:, :] = 0
    book.far_lots[:, :] = 0


@hot
def set_level(book, side, rank, lots):
    """Set the absolute lots of a level (0 removes it) and return what it held before."""
    width = book.lots.shape[0] >> 1
    key = rank - book.base_rank[side]
    if key < 0 or key >= width:
        return _set_outside(book, side, rank, lots)
    slot = side * width + key
    previous = book.lots[slot]
    book.lots[slot] = lots
    if rank >= book.best[side]:
        _touch_level(book, side, rank, lots)
    return previous


@compiled
def _touch_level(book, side, rank, lots):
    """The level at the best rank, or better than it, has changed: find the best again."""
    if lots == 0:
        if rank == book.best[side]:
            book.best[side] = best_below(book, side, rank)
            _keep_in_window(book, side)
    elif rank > book.best[side]:
        book.best[side] = rank
        other = 1 - side
        if book.best[other] >= -rank:
            book.hidden[other] = max(book.hidden[other], book.best[other])
            book.best[other] = best_below(book, other, -rank)
            _keep_in_window(book, other)


@compiled
def _keep_in_window(book, side):
    """Move the window when the best level has left it downwards; a rare step."""
    best = book.best[side]
    if best != NO_RANK and best < book.base_rank[side]:
        move_window(book, side, best)


@compiled
def _set_outside(book, side, rank, lots):
    """Set a level that the window does not cover; the window follows when it is the new best."""
    if lots == 0 or rank <= book.best[side]:
        return far_set(book, side, rank, lots)
    move_window(book, side, rank)
    width = book.lots.shape[0] >> 1
    slot = side * width + rank - book.base_rank[side]
    previous = book.lots[slot]
    book.lots[slot] = lots
    _touch_level(book, side, rank, lots)
    return previous


@compiled
def best_below(book, side, rank):
    """Best rank with lots strictly below `rank`, NO_RANK if there is none; hidden levels count."""
    width = book.lots.shape[0] >> 1
    base = book.base_rank[side]
    offset = side * width
    key = min(rank - base, width) - 1
    while key >= 0:
        if book.lots[offset + key] != 0:
            return base + key
        key -= 1
    return far_best_below(book, side, min(rank, base))


@compiled
def lots_at(book, side, rank):
    """Lots displayed at a rank, 0 without a level."""
    width = book.lots.shape[0] >> 1
    key = rank - book.base_rank[side]
    if 0 <= key < width:
        return book.lots[side * width + key]
    return far_lots(book, side, rank)


@compiled
def best_ticks(book, side):
    """Price of the best level in ticks, 0 without one."""
    rank = book.best[side]
    if rank == NO_RANK:
        return np.int64(0)
    return rank if side == 0 else -rank


@compiled
def best_lots(book, side):
    """Lots at the best level, 0 without one."""
    rank = book.best[side]
    if rank == NO_RANK:
        return np.int64(0)
    return lots_at(book, side, rank)


@compiled
def clear_to(book, side, rank):
    """Remove the best levels of a side down to `rank`, included."""
    level = best_below(book, side, max(book.best[side], book.hidden[side]) + 1)
    while level != NO_RANK and level >= rank:
        set_level(book, side, level, 0)
        level = best_below(book, side, level)
    book.hidden[side] = NO_RANK


@compiled
def is_crossed(book):
    """True if a hidden level still holds lots: after a whole delta that is a book gone wrong."""
    for side in range(2):
        if book.hidden[side] > book.best[side]:
            if best_below(book, side, book.hidden[side] + 1) > book.best[side]:
                return True
        book.hidden[side] = NO_RANK
    return False


@compiled
def top_levels(book, side, ticks, lots):
    """Write the best levels of a side into two arrays, best first, and return how many there are."""
    count = 0
    rank = book.best[side]
    while count < ticks.shape[0] and rank != NO_RANK:
        ticks[count] = rank if side == 0 else -rank
        lots[count] = lots_at(book, side, rank)
        count += 1
        rank = best_below(book, side, rank)
    return count


@compiled
def _mix(side, rank, lots):
    """64-bit mix of one level (the finaliser of splitmix64 over its three numbers)."""
    z = np.uint64(rank) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(lots) * np.uint64(0xD1B54A32D192ED03)
    z = z + np.uint64(side + 1)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def state_hash(book):
    """64-bit hash of all levels and of nothing else: any correct book of the same levels has the same."""
    total = np.uint64(0)
    width = book.lots.shape[0] >> 1
    for side in range(2):
        for key in range(width):
            if book.lots[side * width + key] != 0:
                total += _mix(side, book.base_rank[side] + key, book.lots[side * width + key])
        for i in range(book.far_rank.shape[1]):
            if book.far_lots[side, i] != 0:
                total += _mix(side, book.far_rank[side, i], book.far_lots[side, i])
    return total


@compiled
def apply_levels(state, side, ticks, lots):
    """Live entry: set many levels of one side, from int64 arrays, in their order."""
    book = state[0]
    for i in range(ticks.shape[0]):
        set_level(book, side, rank_of(side, ticks[i]), lots[i])
