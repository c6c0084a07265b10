"""Which structure for the levels of a book? The tick-indexed window of mm_core against sorted arrays, measured.

    python tests/bench/book_structures.py

Both take the same updates of absolute quantities and must end with the same levels. About 15,000 levels stand. Deep:
any of them changes. Near: distances from the mid are exponential, mean 5 ticks. Far: one update in ten is beyond the
window, where levels pile up. Times are the best of five passes, compiled before, in ns an update.
"""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numba
import numpy as np
from typer import echo

from mm_core.book.book import new_book, set_level, state_hash
from mm_core.compiled import compiled, new

Array = np.ndarray[Any, Any]

LEVELS = 16_384  # most levels a side of the sorted book
UPDATES = 200_000
PASSES = 5
MID_TICKS = 600_000
PRICES_A_SIDE = 9_600  # of which 78 % stand at any time
REACH_TICKS = 20_000
REMOVED = 0.22

SORTED = np.dtype([("count", "i8", (2,)), ("rank", "i8", (2, LEVELS)), ("lots", "i8", (2, LEVELS))])


# Without bounds checks, so that the shifts become block moves: the best that this structure can do.
unchecked = numba.njit(cache=True, error_model="numpy")


@unchecked
def sorted_set_level(book: Any, side: int, rank: int, lots: int) -> Any:
    """The alternative: ranks ascending, so that the best is last; binary search, then a shift of what is better."""
    low, high = 0, book.count[side]
    while low < high:
        middle = (low + high) >> 1
        if book.rank[side, middle] < rank:
            low = middle + 1
        else:
            high = middle
    count = book.count[side]
    if low < count and book.rank[side, low] == rank:
        previous = book.lots[side, low]
        if lots != 0:
            book.lots[side, low] = lots
            return previous
        for i in range(low, count - 1):
            book.rank[side, i] = book.rank[side, i + 1]
            book.lots[side, i] = book.lots[side, i + 1]
        book.count[side] = count - 1
        return previous
    if lots != 0:
        for i in range(count, low, -1):
            book.rank[side, i] = book.rank[side, i - 1]
            book.lots[side, i] = book.lots[side, i - 1]
        book.rank[side, low] = rank
        book.lots[side, low] = lots
        book.count[side] = count + 1
    return 0


@compiled
def window_pass(state: Array, sides: Array, ranks: Array, lots: Array) -> Any:
    """All updates into the window book; the sum of the best ranks, so that each update's best is needed."""
    book, total = state[0], 0
    for i in range(ranks.shape[0]):
        set_level(book, sides[i], ranks[i], lots[i])
        total += book.best[sides[i]]
    return total


@unchecked
def sorted_pass(state: Array, sides: Array, ranks: Array, lots: Array) -> Any:
    """All updates into the sorted book; the same sum."""
    book, total = state[0], 0
    for i in range(ranks.shape[0]):
        side = sides[i]
        sorted_set_level(book, side, ranks[i], lots[i])
        total += book.rank[side, book.count[side] - 1]
    return total


@compiled
def window_hash(state: Array) -> Any:
    """The hash of the levels."""
    return state_hash(state[0])


@compiled
def sorted_hash(state: Array, other: Array) -> Any:
    """The hash of the levels of a sorted book, by way of a window book."""
    for side in range(2):
        for i in range(state[0].count[side]):
            set_level(other[0], side, state[0].rank[side, i], state[0].lots[side, i])
    return state_hash(other[0])


def updates(kind: str, count: int, prices: Array, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """(sides, ranks, lots) of a stream whose bids stay below the mid and asks above it."""
    sides = random.integers(0, 2, count)
    distance = random.choice(prices, count)
    if kind == "near":
        distance = 1 + random.exponential(5, count).astype(np.int64)
    elif kind == "far":
        distance = np.where(random.random(count) < 0.1, distance + 100_000, distance)
    ranks = np.where(sides == 0, MID_TICKS - distance, -(MID_TICKS + distance))
    lots = np.where(random.random(count) < REMOVED, 0, random.integers(1, 1_000, count))
    return sides, ranks, lots


def best_ns(run: Callable[..., Any], start: Array, stream: tuple[Array, Array, Array]) -> tuple[float, Any, Array]:
    """(ns an update of the best pass, what it returned, the book after it); each pass starts from the same book."""
    run(start.copy(), *(column[:10] for column in stream))
    times = []
    for _ in range(PASSES):
        book = start.copy()
        started_ns = perf_counter_ns()
        result = run(book, *stream)
        times.append(perf_counter_ns() - started_ns)
    return min(times) / UPDATES, result, book


def compare(kind: str) -> dict[str, float]:
    """Levels that stand, and ns an update of both structures. AssertionError if they do not agree."""
    random = np.random.default_rng(1)
    prices = random.choice(np.arange(1, REACH_TICKS), PRICES_A_SIDE, replace=False)
    fill = updates("deep", 20 * PRICES_A_SIDE, prices, random)
    stream = updates(kind, UPDATES, prices, random)
    window, ordered = new_book(), new(SORTED)
    assert window_pass(window, *fill) is not None
    assert sorted_pass(ordered, *fill) is not None
    window_ns, window_sum, window = best_ns(window_pass, window, stream)
    sorted_ns, sorted_sum, ordered = best_ns(sorted_pass, ordered, stream)
    assert window_sum == sorted_sum, "the best levels differ"
    assert window_hash(window) == sorted_hash(ordered, new_book()), "the levels differ"
    return {"levels": float(ordered["count"].sum()), "window_ns": window_ns, "sorted_ns": sorted_ns}


def main() -> None:
    """Print the comparison."""
    echo(f"{'updates':8} {'levels':>7} {'window ns':>10} {'sorted ns':>10} {'ratio':>7}")
    for kind in ("deep", "near", "far"):
        found = compare(kind)
        ratio = found["sorted_ns"] / found["window_ns"]
        echo(f"{kind:8} {found['levels']:7.0f} {found['window_ns']:10.1f} {found['sorted_ns']:10.1f} {ratio:7.1f}")


if __name__ == "__main__":
    main()
