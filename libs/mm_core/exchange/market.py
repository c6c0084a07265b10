"""The venue's side of one row of market data, for one venue or many that share the market (parameter sets of a sweep).

`market` is a record with `clock`, `index` and `sets`, each set with a `venue`: the paper exchange's own state, or the
state of a run. The book is passed beside it, because a run shares it with the book builder.
"""

import numpy as np

from mm_core.book.book import rank_of, set_level
from mm_core.compiled import Record, compiled, hot
from mm_core.exchange.matching import arrive, on_best, on_depth, on_trade
from mm_core.exchange.venue import mark_of
from mm_core.messages import bus_due_ns
from mm_core.types import INT64_MAX


@compiled
def _depth_reaches(market: Record, side: int, rank: int, previous_lots: int, lots: int) -> None:
    marks = market.index.marks[side, mark_of(rank)]
    for s in range(market.sets.shape[0]):
        if (marks >> np.uint32(s)) & np.uint32(1) != 0:
            on_depth(market.sets[s].venue, market.index, s, side, rank, previous_lots, lots)


@compiled
def _best_reaches(market: Record, book: Record, side: int, ts_ns: int) -> None:
    mine = 1 - side
    reached = -book.best[side]
    for s in range(market.sets.shape[0]):
        if market.sets[s].venue.best[mine] >= reached:
            market.sets[s].venue.known_ns = market.clock.known_ns
            on_best(market.sets[s].venue, market.index, s, book, side, ts_ns)
    _tighten(market, mine)


@compiled
def _trade_reaches(market: Record, taker: int, price_ticks: int, lots: int, ts_ns: int, late: bool) -> None:
    mine = 1 - taker
    rank = rank_of(mine, price_ticks)
    for s in range(market.sets.shape[0]):
        if market.sets[s].venue.best[mine] >= rank:
            market.sets[s].venue.known_ns = market.clock.known_ns
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
    """Set one level and let our orders feel it. True if the best levels of the side may have changed."""
    best = book.best[side]
    previous = set_level(book, side, rank, lots)
    if market.index.marks[side, mark_of(rank)] != 0:
        _depth_reaches(market, side, rank, previous, lots)
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
