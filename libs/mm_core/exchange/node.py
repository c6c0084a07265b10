"""The paper exchange as a node: market data and our requests in, what a venue would answer out.

A definition of the instrument brings the venue's filters; `handlers` has the order of what a root does.
"""

from collections.abc import Sequence
from typing import get_args

from mm_core import events as e
from mm_core.compiled import new
from mm_core.events.records import MESSAGE, to_event, to_row
from mm_core.exchange.handlers import new_exchange, on_book, on_order, on_status, on_tick, on_top, on_trade
from mm_core.node import Filters, Node, State, columns

Inputs = (
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
Outputs = e.OrderAccepted | e.OrderRejected | e.OrderCanceled | e.CancelRejected | e.OrderExpired | e.OrderFilled


class _PaperExchange:
    """The step of the node, with the views of the state that it reads."""

    def __init__(self, instrument_id: str, state: State, filters: Filters) -> None:
        self._instrument_id = instrument_id
        self._state = state
        self._filters = filters
        self._order = new(MESSAGE)
        outbox = state["sets"]["venue"]["outbox"][0]
        self._head = outbox["head"]
        self._ring = outbox["ring"][0]

    def step(self, event: Inputs) -> Sequence[Outputs]:
        match event:
            case e.MarketEvent():
                return self._market(event)
            case e.Tick():
                return self._due(on_tick(self._state, event.ts_ns))
            case e.SubmitOrder() | e.CancelOrder():
                self._order[0] = to_row(event)
                on_order(self._state, self._order)
        return ()

    def _market(self, event: e.MarketEvent) -> Sequence[Outputs]:
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

    def _due(self, count: int) -> Sequence[Outputs]:
        """The `count` answers in front of the head of the queue, as events."""
        if not count:
            return ()
        head, size = int(self._head[0]), len(self._ring)
        return [to_event(self._ring[at % size].item(), self._instrument_id) for at in range(head - count, head)]


def exchange_node(instrument_id: str, venue: State, book: State, filters: Filters, *, uses_top: bool) -> Node:
    """The paper exchange of one instrument with the terms of `venue`, an array of one VENUE; `book` is an empty one.

    `filters`: those of a definition. `uses_top`: see `new_exchange`.
    """
    state = new_exchange(venue, book, uses_top)
    return Node(
        name="paper_exchange",
        rank=0,
        inputs=get_args(Inputs),
        outputs=get_args(Outputs),
        step=_PaperExchange(instrument_id, state, filters).step,
        state=state,
    )
