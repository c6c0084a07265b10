"""What the paper exchange does with each event, compiled: `node` calls these event by event.

Order of one root of exchange time E: the requests that arrive before E, the root's levels, top or trade, then every
answer that is due by the root's `local_ns`. A Tick moves the connections only: answers that are due by it, and requests
that have arrived before what the feed may still bring of earlier times (`clock.lag_at`). The venue's own top has the
exchange time that `clock.top_ns` finds.
"""

import numpy as np

from mm_core.book.book import clear_book, rank_of, set_level
from mm_core.book.ids import IDS, take_depth, take_epoch, take_top
from mm_core.book.window import ASK, BID
from mm_core.compiled import Record, compiled, new
from mm_core.exchange.clock import CLOCK, lag_at, take_dated, top_ns
from mm_core.exchange.market import (
    arrivals,
    depth_row,
    end_depth,
    end_event,
    note_top,
    older_depth_row,
    put_print,
    put_top,
    trade_row,
)
from mm_core.exchange.requests import send
from mm_core.exchange.venue import INDEX, VENUE, new_index
from mm_core.messages import bus_due_ns, bus_pop
from mm_core.node import Column, State


def new_exchange(venue: State, book: State, uses_top: bool) -> State:
    """State of an exchange with the terms of `venue` (an array of one VENUE) over a copy of `book`, an empty one.

    It is what `exchange.market` needs: the clock, the index, and one set with the venue. `uses_top`: its book takes the
    venue's own top and prints.
    """
    sets = np.dtype([("venue", VENUE)])
    books = [("book", book.dtype), ("depth", book.dtype)]  # the venue's, and that of depth alone
    state = new(np.dtype([("clock", CLOCK), ("index", INDEX), ("sets", sets, (1,)), ("ids", IDS), *books]))
    state["clock"]["uses_top"] = uses_top
    state["sets"]["venue"] = venue
    state["index"] = new_index()
    state["book"] = state["depth"] = book
    return state


@compiled
def _begin(market: Record, ts_ns: int, local_ns: int) -> None:
    """A root comes: first what arrives before it; nothing of it is known before the root is."""
    market.clock.known_ns = local_ns
    arrivals(market, market.book, ts_ns - 1)


@compiled
def _end(market: Record, ts_ns: int, local_ns: int) -> int:
    """The root is done: the market's time moves, and what is due by now is released."""
    end_event(market, market.book, ts_ns)
    return _release(market, local_ns)


@compiled
def _release(market: Record, until_ns: int) -> int:
    """Take the answers due by `until_ns` off the connection and return how many: they are the last before its head."""
    outbox = market.sets[0].venue.outbox
    count = 0
    while bus_due_ns(outbox) <= until_ns:
        bus_pop(outbox)
        count += 1
    return count


@compiled
def _set_levels(market: Record, is_behind: bool, side: int, ticks: Column, lots: Column, ts_ns: int) -> None:
    for i in range(ticks.shape[0]):
        rank = rank_of(side, ticks[i])
        if market.clock.uses_top != 0:
            set_level(market.depth, side, rank, lots[i])
        if is_behind:
            older_depth_row(market, market.book, side, rank, lots[i], ts_ns)
        else:
            depth_row(market, market.book, side, rank, lots[i], ts_ns)


@compiled
def on_book(
    state: State,
    snapshot: bool,
    update_id: int,
    ts_ns: int,
    local_ns: int,
    bid_ticks: Column,
    bid_lots: Column,
    ask_ticks: Column,
    ask_lots: Column,
) -> int:
    """A snapshot or a delta; returns the number of answers that are due."""
    market = state[0]
    _begin(market, ts_ns, local_ns)
    is_behind = take_depth(market.ids, update_id) and market.clock.uses_top != 0
    if snapshot:
        clear_book(market.book)
        clear_book(market.depth)
    else:
        take_dated(market.clock.lag, ts_ns, local_ns)
    _set_levels(market, is_behind, BID, bid_ticks, bid_lots, ts_ns)
    _set_levels(market, is_behind, ASK, ask_ticks, ask_lots, ts_ns)
    has_levels = bid_ticks.shape[0] + ask_ticks.shape[0] > 0
    end_depth(market, market.book, market.depth, has_levels, snapshot, is_behind, ts_ns)
    return _end(market, ts_ns, local_ns)


@compiled
def on_top(
    state: State,
    update_id: int,
    ts_ns: int,
    local_ns: int,
    bid_ticks: int,
    bid_lots: int,
    ask_ticks: int,
    ask_lots: int,
) -> int:
    """The venue's own top; returns the number of answers that are due."""
    market = state[0]
    at_ns = top_ns(market.clock.lag, ts_ns, local_ns)
    _begin(market, at_ns, local_ns)
    if take_top(market.ids, update_id) and market.clock.uses_top != 0:
        note_top(market.clock, BID, bid_ticks, bid_lots)
        note_top(market.clock, ASK, ask_ticks, ask_lots)
        put_top(market, market.book, at_ns)
    return _end(market, at_ns, local_ns)


@compiled
def on_trade(state: State, ts_ns: int, local_ns: int, taker: int, price_ticks: int, qty_lots: int) -> int:
    """A trade; returns the number of answers that are due."""
    market = state[0]
    _begin(market, ts_ns, local_ns)
    take_dated(market.clock.lag, ts_ns, local_ns)
    trade_row(market, taker, price_ticks, qty_lots, ts_ns)
    put_print(market, market.book, taker, price_ticks, ts_ns)
    return _end(market, ts_ns, local_ns)


@compiled
def on_status(state: State, epoch: int, ts_ns: int, local_ns: int) -> int:
    """The feed's status moves the market's time like every root; returns the number of answers that are due."""
    market = state[0]
    take_epoch(market.ids, epoch)
    _begin(market, ts_ns, local_ns)
    return _end(market, ts_ns, local_ns)


@compiled
def on_tick(state: State, due_ns: int) -> int:
    """The clock; returns the number of answers that are due."""
    market = state[0]
    market.clock.known_ns = due_ns
    arrivals(market, market.book, due_ns - lag_at(market.clock.lag, due_ns))
    return _release(market, due_ns)


@compiled
def on_order(state: State, order: State) -> None:
    """A request, an array of one MESSAGE, leaves for the venue."""
    send(state[0].sets[0].venue, order[0])
