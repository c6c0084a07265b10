"""What a size costs to trade now: executable spread and the fraction that can be filled."""

import math

import numpy as np

from mm_core.book.book import best_below, lots_at
from mm_core.book.window import NO_RANK
from mm_core.compiled import Array, Record, compiled
from mm_core.types import INT64_MAX

SIZES = 4


@compiled
def walk(book: Record, side: int, sizes_lots: Array, filled_lots: Array, tick_lots: Array) -> None:
    """Take each of the ascending sizes from a side: write the lots filled and their value in ticks x lots.

    A value of 2^63 or more is not counted: from that size on none is filled.
    """
    rank = book.best[side]
    lots_sum = 0
    value = 0
    for i in range(sizes_lots.shape[0]):
        size = sizes_lots[i]
        while rank != NO_RANK and lots_at(book, side, rank) <= size - lots_sum:
            lots = lots_at(book, side, rank)
            if not _fits(value, lots, rank):
                break
            lots_sum += lots
            value += lots * abs(rank)
            rank = best_below(book, side, rank)
        rest_lots = size - lots_sum
        is_filled = rank != NO_RANK and _fits(value, rest_lots, rank)
        filled_lots[i] = size if is_filled else min(lots_sum, size)
        tick_lots[i] = value + rest_lots * abs(rank) if is_filled else value


@compiled
def _fits(value: int, lots: int, rank: int) -> bool:
    """True if the value of some more lots at a price is below 2^63."""
    return lots <= (INT64_MAX - value) // abs(rank)


@compiled
def executable(book: Record, sizes_lots: Array, work: Array, spread_bps: Array, fraction: Array) -> None:
    """Write the executable spread and the fillable fraction of each ascending size.

    Spread of the two VWAPs in bps of the mid, NaN where depth is short; fraction of the worse side. `work` is int64 of
    shape (2, 2, sizes).
    """
    for side in range(2):
        walk(book, side, sizes_lots, work[side, 0], work[side, 1])
    mid = 0.5 * (book.best[0] - book.best[1])
    for i in range(sizes_lots.shape[0]):
        size = sizes_lots[i]
        spread_bps[i] = math.nan
        fraction[i] = math.nan
        if size == 0:
            continue
        fraction[i] = min(work[0, 0, i], work[1, 0, i]) / size
        if work[0, 0, i] == size and work[1, 0, i] == size and book.best[0] != NO_RANK:
            spread_bps[i] = (work[1, 1, i] - work[0, 1, i]) / size / mid * 1e4


EXECUTABLE = np.dtype(
    [
        ("sizes_lots", "i8", (SIZES,)),  # ascending; 0: unused
        ("work", "i8", (2, 2, SIZES)),
        ("spread_bps", "f8", (SIZES,)),
        ("fillable_fraction", "f8", (SIZES,)),
    ]
)
