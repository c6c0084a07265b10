"""The venue's side of one row of market data, for one venue or many that share the market (parameter sets of a sweep).

`market` is a record with `clock`, `index` and `sets`, each set with a `venue`: the paper exchange's own state, or the
state of a run. The book is passed beside it, because a run may share it with the book builder.

The venue's book is the finest there is: depth, its own top in between, and prints behind both. A level of a top or a
print is put into the book itself: nothing better than the top is left there. After the next depth event that is newer
every such level is again that of depth: a depth event leaves out what came and went since the one before. Queues move
by depth and prints alone, as the queue models have it: a top often comes before the print that made it, and both would
count.
"""

import numpy as np

from mm_core.book.book import best_ticks, copy_side, lots_at, rank_of, set_level
from mm_core.book.window import ASK, BID, NO_RANK
from mm_core.compiled import Record, compiled, hot, int64
from mm_core.exchange.clock import SHOWN, mid_before, remember_mid
from mm_core.exchange.matching import on_best, on_depth, on_level, on_trade
from mm_core.exchange.requests import arrive
from mm_core.exchange.venue import mark_of
from mm_core.messages import bus_due_ns
from mm_core.types import INT64_MAX

NOTHING_BETTER = int64(1 << 62)  # a rank that no level has
NO_LOTS = int64(0)


@compiled
def _depth_reaches(market: Record, side: int, rank: int, previous_lots: int, lots: int, ts_ns: int) -> None:
    marks = market.index.marks[side, mark_of(rank)]
    for s in range(market.sets.shape[0]):
        if (marks >> np.uint32(s)) & np.uint32(1) != 0:
            on_level(market.sets[s].venue, market.index, s, side, rank, previous_lots, lots)
            on_depth(market.sets[s].venue, side, rank, lots, ts_ns)


@compiled
def _level_reaches(market: Record, side: int, rank: int, previous_lots: int, lots: int) -> None:
    for s in range(market.sets.shape[0]):
        on_level(market.sets[s].venue, market.index, s, side, rank, previous_lots, lots)


@compiled
def _best_reaches(market: Record, book: Record, side: int, ts_ns: int) -> None:
    mine = 1 - side
    reached = -book.best[side]
    mid_half = mid_before(market.clock, ts_ns)
    for s in range(market.sets.shape[0]):
        if market.sets[s].venue.best[mine] >= reached:
            market.sets[s].venue.known_ns = market.clock.known_ns
            market.sets[s].venue.mid_half = mid_half
            on_best(market.sets[s].venue, market.index, s, book, side, ts_ns)
    _tighten(market, mine)


@compiled
def _trade_reaches(market: Record, taker: int, price_ticks: int, lots: int, ts_ns: int, late: bool) -> None:
    mine = 1 - taker
    rank = rank_of(mine, price_ticks)
    mid_half = mid_before(market.clock, ts_ns)
    for s in range(market.sets.shape[0]):
        if market.sets[s].venue.best[mine] >= rank:
            market.sets[s].venue.known_ns = market.clock.known_ns
            market.sets[s].venue.mid_half = mid_half
            on_trade(market.sets[s].venue, market.index, s, taker, price_ticks, lots, ts_ns, late)
    _tighten(market, mine)


@compiled
def _tighten(market: Record, side: int) -> None:
    """Find the best own rank of a side again, over all sets."""
    best = market.sets[0].venue.best[side]
    for s in range(1, market.sets.shape[0]):
        best = max(best, market.sets[s].venue.best[side])
    market.index.best[side] = best


@hot
def depth_row(market: Record, book: Record, side: int, rank: int, lots: int, ts_ns: int) -> bool:
    """Set one level and apply it to our orders. True if the best levels of the side may have changed."""
    best = book.best[side]
    previous = set_level(book, side, rank, lots)
    if market.index.marks[side, mark_of(rank)] != 0:
        _depth_reaches(market, side, rank, previous, lots, ts_ns)
    if rank < best:
        return False
    if book.best[side] > best and market.index.best[1 - side] >= -book.best[side]:
        _best_reaches(market, book, side, ts_ns)
    return True


@hot
def trade_row(market: Record, taker: int, price_ticks: int, lots: int, ts_ns: int) -> None:
    """Let one trade reach our orders; it is late if it is older than depth already processed."""
    market.clock.trade_ticks = price_ticks
    if market.index.best[1 - taker] >= rank_of(1 - taker, price_ticks):
        _trade_reaches(market, taker, price_ticks, lots, ts_ns, ts_ns < market.clock.depth_ns)


@compiled
def older_depth_row(market: Record, book: Record, side: int, rank: int, lots: int, ts_ns: int) -> None:
    """One level of a depth event that is older than the top, which knows better what there is down to its own price."""
    if rank < market.clock.top_rank[side]:
        depth_row(market, book, side, rank, lots, ts_ns)
        return
    _note_shown(market.clock, side, rank)
    if market.index.marks[side, mark_of(rank)] != 0:
        _depth_reaches(market, side, rank, lots, lots, ts_ns)


@compiled
def _note_shown(clock: Record, side: int, rank: int) -> None:
    """A level differs from depth; more of them than there is room for are only counted."""
    count = min(clock.shown[side], SHOWN)
    for i in range(max(count - 4, 0), count):  # a top often changes the same level again
        if clock.shown_rank[side, i] == rank:
            return
    if clock.shown[side] < SHOWN:
        clock.shown_rank[side, clock.shown[side]] = rank
    clock.shown[side] += 1


@compiled
def _set_shown(market: Record, book: Record, side: int, rank: int, lots: int, ts_ns: int) -> None:
    """Set one level to its lots in the top or a print."""
    _note_shown(market.clock, side, rank)
    _set_to(market, book, side, rank, lots, ts_ns)


@compiled
def _set_to(market: Record, book: Record, side: int, rank: int, lots: int, ts_ns: int) -> None:
    best = book.best[side]
    previous = set_level(book, side, rank, lots)
    if market.index.marks[side, mark_of(rank)] != 0:
        _level_reaches(market, side, rank, previous, lots)
    if book.best[side] > best and market.index.best[1 - side] >= -book.best[side]:
        _best_reaches(market, book, side, ts_ns)


@compiled
def note_top(clock: Record, side: int, price_ticks: int, lots: int) -> None:
    """One side of the venue's own top; a side without lots is unknown."""
    clock.top_rank[side] = rank_of(side, price_ticks) if lots > 0 else NOTHING_BETTER
    clock.top_lots[side] = lots


@compiled
def _clear_better(market: Record, book: Record, side: int, rank: int, ts_ns: int) -> None:
    """Nothing better than `rank` is left on a side."""
    while book.best[side] > rank:
        _set_shown(market, book, side, book.best[side], NO_LOTS, ts_ns)


@compiled
def put_top(market: Record, book: Record, ts_ns: int) -> None:
    """Put the top that was noted into the book: first removals on both sides, then its levels."""
    clock = market.clock
    clock.has_top = 1
    clock.book_ns = max(clock.book_ns, ts_ns)
    for side in range(2):
        _clear_better(market, book, side, clock.top_rank[side], ts_ns)
    for side in range(2):
        if clock.top_lots[side] > 0:
            _set_shown(market, book, side, clock.top_rank[side], clock.top_lots[side], ts_ns)


@compiled
def put_print(market: Record, book: Record, taker: int, price_ticks: int, ts_ns: int) -> None:
    """A print that is newer than the book: nothing better than its price is left on the side that was hit."""
    clock = market.clock
    if clock.uses_top != 0 and clock.has_top != 0 and ts_ns > clock.book_ns:
        _clear_better(market, book, 1 - taker, rank_of(1 - taker, price_ticks), ts_ns)


@compiled
def end_depth(
    market: Record, book: Record, depth: Record, has_levels: bool, is_snapshot: bool, is_behind: bool, ts_ns: int
) -> None:
    """The levels of a depth event are in: the book is of its time, and equal to depth unless the top is newer.

    `is_behind`: the venue's book uses a top that is newer; a snapshot has cleared it, so it is put in again.
    """
    clock = market.clock
    if has_levels:
        clock.depth_ns = max(clock.depth_ns, ts_ns)
        clock.book_ns = max(clock.book_ns, ts_ns)
    if not is_behind:
        _back_to_depth(market, book, depth, ts_ns)
    elif is_snapshot:
        put_top(market, book, ts_ns)


@compiled
def _back_to_depth(market: Record, book: Record, depth: Record, ts_ns: int) -> None:
    """A depth event that is newer than top and prints is done: every level is that of `depth`, a book of depth."""
    clock = market.clock
    for side in range(2):
        if clock.shown[side] > SHOWN:
            copy_side(book, depth, side)
        for i in range(min(clock.shown[side], SHOWN)):
            rank = clock.shown_rank[side, i]
            lots = lots_at(depth, side, rank)
            if lots != lots_at(book, side, rank):
                _set_to(market, book, side, rank, lots, ts_ns)
        clock.shown[side] = 0


@compiled
def end_event(market: Record, book: Record, ts_ns: int) -> None:
    """An event is complete: the market's time moves, and its mid is noted where there is one."""
    clock = market.clock
    clock.market_ns = max(clock.market_ns, ts_ns)
    if book.best[BID] != NO_RANK and book.best[ASK] != NO_RANK:
        remember_mid(clock, best_ticks(book, BID) + best_ticks(book, ASK))


@compiled
def arrivals(market: Record, book: Record, until_ns: int) -> int:
    """Let every venue process what has arrived by `until_ns`, and return when the next request arrives."""
    nearest_ns = INT64_MAX
    for s in range(market.sets.shape[0]):
        venue = market.sets[s].venue
        if bus_due_ns(venue.inbox) <= until_ns:
            venue.known_ns = market.clock.known_ns
            arrive(venue, market.index, s, book, market.clock, until_ns)
        nearest_ns = min(nearest_ns, bus_due_ns(venue.inbox))
    return nearest_ns
