"""The risk gate as a node: intents in, requests to the venue or denials out; operator commands take effect at once.

Risk's own outputs (a state and its cancels, a changed limit) follow a Book or a command; all others
follow an intent. A definition of the instrument brings the venue's filters and has no output.
"""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from mm_core import events as e
from mm_core.compiled import Record, compiled, new
from mm_core.events.records import KIND_AT, MESSAGE, OrderKind, Row, to_event, to_row
from mm_core.node import Filters, Node, Setter, State, put
from mm_core.risk.reason import Reason
from mm_core.risk.risk import risk_book, risk_command, risk_flatten
from mm_core.risk.state import RISK
from mm_core.risk.take import risk_take
from mm_core.signals.builder import TOP
from mm_core.types import Command, TradeState

Inputs = (
    e.Book
    | e.OrderIntent
    | e.CancelIntent
    | e.OrderRejected
    | e.OrderCanceled
    | e.OrderExpired
    | e.OrderFilled
    | e.OperatorCommand
    | e.InstrumentDefined
)
Outputs = e.SubmitOrder | e.CancelOrder | e.OrderDenied | e.TradingState | e.LimitChanged
STATE = np.dtype([("top", TOP), ("risk", RISK)])
COMMANDED = {
    Command.HALT: TradeState.HALTED,
    Command.REDUCE: TradeState.REDUCING,
    Command.RESUME: TradeState.ACTIVE,
}
OPERATOR = int(Reason.OPERATOR)


@compiled
def _drain(risk: Record) -> int:
    """Number of messages in the outbox, which counts as read from here on."""
    count: int = risk.outbox_count
    risk.outbox_count = 0
    return count


@compiled
def on_book(
    state: State, local_ns: int, book_state: int, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int
) -> int:
    """A new book; returns the number of messages in the outbox, as all below."""
    top = state[0].top
    top.local_ns = local_ns
    top.state = book_state
    top.bid_ticks = bid_ticks
    top.bid_lots = bid_lots
    top.ask_ticks = ask_ticks
    top.ask_lots = ask_lots
    risk_book(state[0].risk, top)
    return _drain(state[0].risk)


@compiled
def on_order(state: State, order: State) -> int:
    """An order event, an array of one MESSAGE."""
    risk_take(state[0].risk, order[0])
    return _drain(state[0].risk)


@compiled
def on_command(state: State, trading_state: int, local_ns: int) -> int:
    """A command of the operator."""
    risk_command(state[0].risk, trading_state, OPERATOR, local_ns)
    return _drain(state[0].risk)


@compiled
def on_flatten(state: State, local_ns: int) -> int:
    """The operator flattens the position."""
    risk_flatten(state[0].risk, OPERATOR, local_ns)
    return _drain(state[0].risk)


class _Risk:
    """The step of the node, with the view of the outbox that it reads."""

    def __init__(self, instrument_id: str, state: State, setter: Setter, filters: Filters) -> None:
        self._instrument_id = instrument_id
        self._state = state
        self._setter = setter
        self._filters = filters
        self._order = new(MESSAGE)
        self._outbox = state["risk"]["outbox"][0]

    def step(self, event: Inputs) -> Sequence[Outputs]:
        state = self._state
        match event:
            case e.Book():
                touch = event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots
                return self._outputs(on_book(state, event.local_ns, int(event.state), *touch))
            case e.OrderEvent():
                self._order[0] = to_row(event)
                return self._outputs(on_order(state, self._order))
            case e.OperatorCommand():
                return self._command(event)
            case e.InstrumentDefined():
                self._define(event)
        return ()

    def _define(self, event: e.InstrumentDefined) -> None:
        filters = self._filters(event)
        if filters is not None:
            self._state["risk"]["filters"] = filters

    def _command(self, event: e.OperatorCommand) -> Sequence[Outputs]:
        if event.command == Command.FLATTEN:
            return self._outputs(on_flatten(self._state, event.local_ns))
        if event.command in COMMANDED:
            state = int(COMMANDED[event.command])
            return self._outputs(on_command(self._state, state, event.local_ns))
        setting = self._setter(event.key, event.value)
        if setting is None:
            return ()
        put(self._state["risk"], *setting)
        times: dict[str, Any] = {"ts_ns": event.local_ns, "local_ns": event.local_ns}
        value = int(setting[1])
        return [
            e.LimitChanged(instrument_id=self._instrument_id, **times, name=event.key, value=value, text=event.value)
        ]

    def _outputs(self, count: int) -> Sequence[Outputs]:
        return [self._event(self._outbox[at].item()) for at in range(count)] if count else ()

    def _event(self, row: Row) -> Outputs:
        if row[KIND_AT] != OrderKind.TRADING_STATE:
            return to_event(row, self._instrument_id)
        resumes_ns = int(self._state["risk"]["resumes_ns"][0])
        return to_event(row, self._instrument_id, resumes_ns=resumes_ns)


def risk_node(instrument_id: str, risk: State, setter: Setter, filters: Filters) -> Node:
    """The gate of one instrument from `risk`: an array of one RISK.

    `setter`: what a SET changes, fields of RISK. `filters`: those of a definition.
    """
    state = new(STATE)
    state["risk"] = risk
    return Node(
        name="risk",
        rank=3,
        inputs=get_args(Inputs),
        outputs=get_args(Outputs),
        step=_Risk(instrument_id, state, setter, filters).step,
        state=state,
    )
