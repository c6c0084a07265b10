"""Updates and queries of the book. State is one record of `book_dtype`; prices come as ticks or ranks, sizes as lots.

When an update crosses the other side, the newer level wins: the other side's best moves behind it and the levels in
between are **hidden**, not removed, because the same delta usually removes them next (`is_crossed`: if it did not).
"""

from typing import Any

import numpy as np

from mm_core.book.window import FAR, NO_LOTS, NO_RANK, WIDTH, book_dtype, far_best_below, far_lots, far_set, move_window
from mm_core.compiled import Array, Record, compiled, hot, new


def new_book(width: int = WIDTH, far: int = FAR) -> np.ndarray[Any, Any]:
    """An empty book, as an array of one record."""
    state = new(book_dtype(width, far))
    clear_book(state[0])
    return state


@hot
def rank_of(side: int, price_ticks: int) -> int:
    """Rank of a price: larger is better on both sides. Without a branch: rows change sides at random."""
    return (price_ticks ^ -side) + side


@compiled
def clear_book(book: Record) -> None:
    """Remove every level."""
    for side in range(2):
        book.base_rank[side] = 0
        book.best[side] = NO_RANK
        book.hidden[side] = NO_RANK
        book.cut_rank[side] = NO_RANK
        book.far_used[side] = 0
    book.lots[:] = 0


@hot
def set_level(book: Record, side: int, rank: int, lots: int) -> int:
    """Set the absolute lots of a level (0 removes it) and return what it held before."""
    width = book.lots.shape[0] >> 1
    key = rank - book.base_rank[side]
    if key < 0 or key >= width:
        return _set_outside(book, side, rank, lots)
    slot = np.uint64(side * width + key)  # unsigned: no code for negative indices
    previous = book.lots[slot]
    book.lots[slot] = lots
    best = book.best[side]
    if rank > best:
        if lots != 0:
            _improve(book, side, rank)
    elif rank == best and lots == 0:
        _retreat(book, side)
    return previous


@compiled
def _improve(book: Record, side: int, rank: int) -> None:
    """`rank` is the new best of its side; what it crosses on the other side is hidden."""
    book.best[side] = rank
    other = 1 - side
    if book.best[other] >= -rank:
        book.hidden[other] = max(book.hidden[other], book.best[other])
        book.best[other] = best_below(book, other, -rank)
        _keep_in_window(book, other)


@compiled
def _retreat(book: Record, side: int) -> None:
    """The best level was removed: the next one is the best."""
    book.best[side] = best_below(book, side, book.best[side])
    _keep_in_window(book, side)


@compiled
def _keep_in_window(book: Record, side: int) -> None:
    """Move the window when the best level has left it downwards; a rare step."""
    best = book.best[side]
    if best != NO_RANK and best < book.base_rank[side]:
        move_window(book, side, best)


@compiled
def _set_outside(book: Record, side: int, rank: int, lots: int) -> int:
    """Set a level that the window does not cover; the window follows when it is the new best."""
    if lots == 0 or rank <= book.best[side]:
        return far_set(book, side, rank, lots)
    move_window(book, side, rank)
    width = book.lots.shape[0] >> 1
    slot = side * width + rank - book.base_rank[side]
    previous = book.lots[slot]
    book.lots[slot] = lots
    _improve(book, side, rank)
    return previous


@compiled
def best_below(book: Record, side: int, rank: int) -> int:
    """Best rank with lots strictly below `rank`, NO_RANK if there is none; hidden levels count."""
    width = book.lots.shape[0] >> 1
    base = book.base_rank[side]
    if rank > base + width:  # only hidden levels can lie above the window
        level = far_best_below(book, side, rank)
        if level >= base + width:
            return level
    offset = side * width
    key = min(rank - base, width) - 1
    while key >= 0:
        if book.lots[np.uint64(offset + key)] != 0:
            return base + key
        key -= 1
    return far_best_below(book, side, min(rank, base))


@compiled
def lots_at(book: Record, side: int, rank: int) -> int:
    """Lots displayed at a rank, 0 without a level."""
    width = book.lots.shape[0] >> 1
    key = rank - book.base_rank[side]
    if 0 <= key < width:
        return book.lots[side * width + key]
    return far_lots(book, side, rank)


@compiled
def best_ticks(book: Record, side: int) -> int:
    """Price of the best level in ticks, 0 without one."""
    rank = book.best[side]
    if rank == NO_RANK:
        return NO_LOTS
    return rank if side == 0 else -rank


@compiled
def best_lots(book: Record, side: int) -> int:
    """Lots at the best level, 0 without one. The window always covers the best level."""
    rank = book.best[side]
    if rank == NO_RANK:
        return NO_LOTS
    return book.lots[side * (book.lots.shape[0] >> 1) + rank - book.base_rank[side]]


@compiled
def clear_to(book: Record, side: int, rank: int) -> None:
    """Remove the best levels of a side down to `rank`, included."""
    level = best_below(book, side, max(book.best[side], book.hidden[side]) + 1)
    while level != NO_RANK and level >= rank:
        _remove(book, side, level)
        level = best_below(book, side, level)
    if book.best[side] >= rank:
        _retreat(book, side)


@compiled
def _remove(book: Record, side: int, rank: int) -> None:
    """Remove a level; the best of the side stays what it was."""
    width = book.lots.shape[0] >> 1
    key = rank - book.base_rank[side]
    if 0 <= key < width:
        book.lots[side * width + key] = 0
    else:
        far_set(book, side, rank, NO_LOTS)


@compiled
def copy_side(book: Record, other: Record, side: int) -> None:
    """Make one side what it is in another book of the same size."""
    width = book.lots.shape[0] >> 1
    begin, end, far = side * width, (side + 1) * width, other.far_used[side]
    book.lots[begin:end] = other.lots[begin:end]
    book.far_rank[side, :far] = other.far_rank[side, :far]
    book.far_lots[side, :far] = other.far_lots[side, :far]
    book.far_used[side] = other.far_used[side]
    book.base_rank[side] = other.base_rank[side]
    book.best[side] = other.best[side]
    book.hidden[side] = other.hidden[side]
    book.cut_rank[side] = other.cut_rank[side]


@compiled
def is_crossed(book: Record) -> bool:
    """True if a hidden level still holds lots: after a complete delta that is a wrong book."""
    for side in range(2):
        hidden = book.hidden[side]
        if hidden > book.best[side] and best_below(book, side, hidden + 1) > book.best[side]:
            return True
        book.hidden[side] = NO_RANK
    return False


@compiled
def top_levels(book: Record, side: int, ticks: Array, lots: Array) -> int:
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
def _mix(side: int, rank: int, lots: int) -> np.uint64:
    """64-bit mix of one level (the finaliser of splitmix64 over its three numbers)."""
    z = np.uint64(rank) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(lots) * np.uint64(0xD1B54A32D192ED03)
    z = z + np.uint64(side + 1)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def state_hash(book: Record) -> np.uint64:
    """64-bit hash of all levels and of nothing else: any correct book of the same levels has the same."""
    total = np.uint64(0)
    width = book.lots.shape[0] >> 1
    for side in range(2):
        for key in range(width):
            if book.lots[side * width + key] != 0:
                total += _mix(side, book.base_rank[side] + key, book.lots[side * width + key])
        for i in range(book.far_used[side]):
            if book.far_lots[side, i] != 0:
                total += _mix(side, book.far_rank[side, i], book.far_lots[side, i])
    return total


@compiled
def apply_levels(state: Array, side: int, ticks: Array, lots: Array) -> None:
    """Live entry: set many levels of one side, from int64 arrays, in their order."""
    book = state[0]
    for i in range(ticks.shape[0]):
        set_level(book, side, rank_of(side, ticks[i]), lots[i])
