"""The quoter as a node: a strategy's target quotes as intents, at every Book; operator commands and risk's state."""

from collections.abc import Sequence
from operator import attrgetter
from typing import get_args

import numpy as np

from mm_core import events as e
from mm_core.compiled import Strategy, compiled, new
from mm_core.events.records import KIND_AT, MESSAGE, OrderKind, Row, to_event, to_row
from mm_core.filters import FILTERS
from mm_core.node import Filters, Node, Setter, State, put
from mm_core.quoting.quoter import quoter_command, quoter_decide, quoter_limits_changed
from mm_core.quoting.state import QUOTER
from mm_core.quoting.take import quoter_take
from mm_core.signals.builder import TOP
from mm_core.types import Command

OrderUpdate = e.OrderDenied | e.OrderAccepted | e.OrderRejected | e.OrderCanceled | e.OrderExpired | e.OrderFilled
Inputs = e.InstrumentDefined | e.OperatorCommand | e.Book | OrderUpdate | e.TradingState | e.LimitChanged
Outputs = e.OrderIntent | e.CancelIntent
_top = attrgetter(*(TOP.names or ()))  # a Book as a TOP
STATE = np.dtype([("top", TOP), ("filters", FILTERS), ("quoter", QUOTER)])


@compiled
def on_book(state: State, strategy: Strategy) -> int:
    """A decision on the book in the state; returns the number of intents in the outbox."""
    quoter_decide(state[0].quoter, state[0].top, strategy)
    count: int = state[0].quoter.outbox_count
    return count


@compiled
def on_order(state: State, order: State) -> None:
    """What became of an order, or risk's state: an array of one MESSAGE."""
    quoter_take(state[0].quoter, order[0])


@compiled
def on_limits_changed(state: State) -> None:
    """A limit, a filter or a number of the quoter is another one."""
    quoter_limits_changed(state[0].quoter)


@compiled
def on_command(state: State, command: int) -> None:
    """A command of the operator."""
    quoter_command(state[0].quoter, command)


class _Quoter:
    """The step of the node, with the views of the state that it reads and writes."""

    def __init__(self, instrument_id: str, state: State, strategy: Strategy, setter: Setter, filters: Filters) -> None:
        self._instrument_id = instrument_id
        self._state = state
        self._strategy = strategy
        self._setter = setter
        self._filters = filters
        self._order = new(MESSAGE)
        self._top = state["top"]
        self._outbox = state["quoter"]["outbox"][0]
        terms = state["quoter"]["terms"]
        self._prices = terms["fair_ticks"], terms["reservation_ticks"], terms["half_spread_ticks"]
        self._position_lots = terms["position_lots"]

    def step(self, event: Inputs) -> Sequence[Outputs]:
        match event:
            case e.Book():
                self._top[0] = _top(event)
                count = on_book(self._state, self._strategy)
                return [self._intent(event, self._outbox[at].item()) for at in range(count)]
            case e.OrderEvent() | e.TradingState():
                self._order[0] = to_row(event)
                on_order(self._state, self._order)
            case e.OperatorCommand():
                self._command(event)
            case e.LimitChanged():
                on_limits_changed(self._state)
            case e.InstrumentDefined():
                self._define(event)
        return ()

    def _define(self, event: e.InstrumentDefined) -> None:
        filters = self._filters(event)
        if filters is not None and filters.tobytes() != self._state["filters"].tobytes():
            self._state["filters"] = filters
            on_limits_changed(self._state)

    def _command(self, event: e.OperatorCommand) -> None:
        if event.command != Command.SET:
            on_command(self._state, int(event.command))
        elif (setting := self._setter(event.key, event.value)) is not None:
            put(self._state["quoter"], *setting)
            on_limits_changed(self._state)

    def _intent(self, book: e.Book, row: Row) -> Outputs:
        if row[KIND_AT] == OrderKind.CANCEL_INTENT:
            return to_event(row, self._instrument_id)
        fair, reservation, half_spread = self._prices
        return to_event(
            row,
            self._instrument_id,
            fair_ticks=float(fair[0]),
            reservation_ticks=float(reservation[0]),
            half_spread_ticks=float(half_spread[0]),
            volatility_ticks_sqrt_s=book.volatility_ticks_sqrt_s,
            position_lots=int(self._position_lots[0]),
        )


def quoter_node(
    instrument_id: str, quoter: State, strategy: Strategy, setter: Setter, filters: Filters, defined: State
) -> Node:
    """The quoter of one instrument from `quoter` (an array of one QUOTER) with a compiled `strategy(terms, top)`.

    `setter`: what a SET changes, fields of QUOTER. `filters`: those of a definition; `defined`: those at the start.
    """
    state = new(STATE)
    state["quoter"] = quoter
    state["filters"] = defined
    return Node(
        name="quoter",
        rank=2,
        inputs=get_args(Inputs),
        outputs=get_args(Outputs),
        step=_Quoter(instrument_id, state, strategy, setter, filters).step,
        state=state,
    )
