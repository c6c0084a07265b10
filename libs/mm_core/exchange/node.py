"""The paper exchange as a node: market data and our requests in, what a venue would say out.

Order of one root of exchange time E: the requests that arrive before E, the root's levels, top or trade, then every
answer that is due by the root's `local_ns`. A Tick moves the connections only: answers that are due by it, and requests
that have arrived before what the feed may still bring of earlier times (`clock.lag_at`). The venue's own top has the
exchange time that `clock.top_ns` finds. A definition of the instrument brings the venue's filters.
"""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from mm_core import events as e
from mm_core import messages as m
from mm_core.book.book import clear_book, rank_of, set_level
from mm_core.book.ids import IDS, take_depth, take_epoch, take_top
from mm_core.book.window import ASK, BID
from mm_core.compiled import Record, compiled, new
from mm_core.exchange.clock import CLOCK, lag_at, take_dated, top_ns
from mm_core.exchange.market import (
    arrivals,
    back_to_depth,
    depth_row,
    end_event,
    note_top,
    older_depth_row,
    put_print,
    put_top,
    trade_row,
)
from mm_core.exchange.matching import send
from mm_core.exchange.venue import INDEX, VENUE, new_index
from mm_core.messages import bus_due_ns, bus_pop
from mm_core.node import Column, Filters, Node, State, columns
from mm_core.types import Side

Hears = (
    e.BookSnapshot
    | e.BookDelta
    | e.BookTop
    | e.Trade
    | e.FeedStatus
    | e.Tick
    | e.SubmitOrder
    | e.CancelOrder
    | e.InstrumentDefined
)
Says = e.OrderAccepted | e.OrderRejected | e.OrderCanceled | e.CancelRejected | e.OrderExpired | e.OrderFilled
SIDES = (Side.BUY, Side.SELL)


def new_exchange(venue: State, book: State, uses_top: bool) -> State:
    """State of an exchange with the terms of `venue` (an array of one VENUE) over a copy of `book`, an empty one.

    It is what `exchange.market` needs: the clock, the index, and one set with the venue. `uses_top`: its book takes the
    venue's own top and prints.
    """
    sets = np.dtype([("venue", VENUE)])
    books = [("book", book.dtype), ("depth", book.dtype)]  # the venue's, and what depth alone says
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
    if bid_ticks.shape[0] + ask_ticks.shape[0] > 0:
        market.clock.depth_ns = max(market.clock.depth_ns, ts_ns)
        market.clock.book_ns = max(market.clock.book_ns, ts_ns)
    if snapshot and is_behind:
        put_top(market, market.book, ts_ns)
    elif not is_behind:
        back_to_depth(market, market.book, market.depth, ts_ns)
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
def on_request(
    state: State, kind: int, order_id: int, side: int, price_ticks: int, qty_lots: int, flag: int, local_ns: int
) -> None:
    """A request leaves for the venue."""
    send(state[0].sets[0].venue, kind, order_id, side, price_ticks, qty_lots, flag, local_ns)


class _PaperExchange:
    """The step of the node, with the views of the state that it reads."""

    def __init__(self, instrument_id: str, state: State, filters: Filters) -> None:
        self._instrument_id = instrument_id
        self._state = state
        self._filters = filters
        outbox = state["sets"]["venue"]["outbox"][0]
        self._head = outbox["head"]
        self._ring = outbox["ring"][0]

    def step(self, event: Hears) -> Sequence[Says]:
        match event:
            case e.MarketEvent():
                return self._market(event)
            case e.Tick():
                return self._due(on_tick(self._state, event.ts_ns))
            case e.SubmitOrder():
                terms = int(event.side), event.price_ticks, event.qty_lots, int(event.time_in_force)
                on_request(self._state, m.SUBMIT, event.order_id, *terms, event.local_ns)
            case e.CancelOrder():
                on_request(self._state, m.CANCEL, event.order_id, 0, 0, 0, 0, event.local_ns)
        return ()

    def _market(self, event: e.MarketEvent) -> Sequence[Says]:
        times = event.ts_ns, event.local_ns
        match event:
            case e.BookDelta() | e.BookSnapshot():
                is_snapshot = isinstance(event, e.BookSnapshot)
                return self._due(on_book(self._state, is_snapshot, event.update_id, *times, *columns(event)))
            case e.BookTop():
                touch = event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots
                return self._due(on_top(self._state, event.update_id, *times, *touch))
            case e.Trade():
                trade = int(event.side), event.price_ticks, event.qty_lots
                return self._due(on_trade(self._state, *times, *trade))
            case e.FeedStatus():
                return self._due(on_status(self._state, event.epoch, *times))
            case e.InstrumentDefined():
                self._define(event)
        return ()

    def _define(self, event: e.InstrumentDefined) -> None:
        filters = self._filters(event)
        if filters is not None:
            self._state["sets"]["venue"]["filters"] = filters

    def _due(self, count: int) -> Sequence[Says]:
        """The `count` answers in front of the head of the queue, as events."""
        if not count:
            return ()
        head, size = int(self._head[0]), len(self._ring)
        return [self._said(*self._ring[at % size].item()) for at in range(head - count, head)]

    def _said(  # the fields of a MESSAGE, in its order
        self,
        ts_ns: int,
        due_ns: int,
        order_id: int,
        price_ticks: int,
        qty_lots: int,
        leaves_lots: int,
        fee_e9: int,
        kind: int,
        side: int,
        reason: int,
        flag: int,
        mid_half: int,
    ) -> Says:
        order: dict[str, Any] = {
            "instrument_id": self._instrument_id,
            "ts_ns": ts_ns,
            "local_ns": due_ns,
            "order_id": order_id,
        }
        if kind == m.CANCEL_REJECTED:
            return e.CancelRejected(**order)
        order |= {"side": SIDES[side], "price_ticks": price_ticks}
        match kind:
            case m.ACCEPTED:
                return e.OrderAccepted(**order, qty_lots=qty_lots)
            case m.REJECTED:
                return e.OrderRejected(**order, qty_lots=qty_lots, reason=reason)
            case m.CANCELED:
                return e.OrderCanceled(**order, leaves_lots=leaves_lots)
            case m.EXPIRED:
                return e.OrderExpired(**order, leaves_lots=leaves_lots)
        assert kind == m.FILLED, kind
        order |= {"qty_lots": qty_lots, "leaves_lots": leaves_lots, "fee_e9": fee_e9, "mid_half_ticks": mid_half}
        return e.OrderFilled(**order, maker=flag == 1)


def exchange_node(instrument_id: str, venue: State, book: State, filters: Filters, *, uses_top: bool) -> Node:
    """The paper exchange of one instrument with the terms of `venue`, an array of one VENUE; `book` is an empty one.

    `filters`: those of a definition. `uses_top`: see `new_exchange`.
    """
    state = new_exchange(venue, book, uses_top)
    return Node(
        name="paper_exchange",
        rank=0,
        hears=get_args(Hears),
        says=get_args(Says),
        step=_PaperExchange(instrument_id, state, filters).step,
        state=state,
    )
