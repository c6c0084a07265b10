"""The risk gate as a node: intents in, requests to the venue or denials out; an operator's word at once.

What risk says on its own (a state and its cancels, a changed limit) answers a Book or a command; everything else
answers an intent. A definition of the instrument brings the venue's filters and is not answered.
"""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from mm_core import events as e
from mm_core import messages as m
from mm_core.compiled import Record, compiled, new
from mm_core.node import Filters, Node, Settings, State, put
from mm_core.risk.reason import Reason
from mm_core.risk.risk import (
    risk_book,
    risk_cancel_intent,
    risk_command,
    risk_filled,
    risk_flatten,
    risk_gone,
    risk_intent,
)
from mm_core.risk.state import RISK
from mm_core.signals.builder import TOP
from mm_core.types import Command, Side, TimeInForce, TradeState

Hears = (
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
Says = e.SubmitOrder | e.CancelOrder | e.OrderDenied | e.TradingState | e.LimitChanged
STATE = np.dtype([("top", TOP), ("risk", RISK)])
SIDES = (Side.BUY, Side.SELL)
TIMES_IN_FORCE = tuple(TimeInForce)
TRADE_STATES = tuple(TradeState)
COMMANDED = {
    Command.HALT: TradeState.HALTED,
    Command.REDUCE: TradeState.REDUCING,
    Command.RESUME: TradeState.ACTIVE,
}
OPERATOR = int(Reason.OPERATOR)


@compiled
def _said(risk: Record) -> int:
    """Number of messages in the outbox, which counts as read from here on."""
    count: int = risk.said
    risk.said = 0
    return count


@compiled
def on_book(
    state: State, local_ns: int, book_state: int, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int
) -> int:
    """A new book; returns the number of answers in the outbox, as all below."""
    top = state[0].top
    top.local_ns = local_ns
    top.state = book_state
    top.bid_ticks = bid_ticks
    top.bid_lots = bid_lots
    top.ask_ticks = ask_ticks
    top.ask_lots = ask_lots
    risk_book(state[0].risk, top)
    return _said(state[0].risk)


@compiled
def on_intent(state: State, order_id: int, side: int, price_ticks: int, qty_lots: int, flag: int, local_ns: int) -> int:
    """A wanted order."""
    risk_intent(state[0].risk, order_id, side, price_ticks, qty_lots, flag, local_ns)
    return _said(state[0].risk)


@compiled
def on_cancel_intent(state: State, order_id: int, local_ns: int) -> int:
    """A wanted cancel."""
    risk_cancel_intent(state[0].risk, order_id, local_ns)
    return _said(state[0].risk)


@compiled
def on_command(state: State, trading_state: int, local_ns: int) -> int:
    """The operator's word."""
    risk_command(state[0].risk, trading_state, OPERATOR, local_ns)
    return _said(state[0].risk)


@compiled
def on_flatten(state: State, local_ns: int) -> int:
    """The operator wants no position."""
    risk_flatten(state[0].risk, OPERATOR, local_ns)
    return _said(state[0].risk)


@compiled
def on_fill(
    state: State,
    order_id: int,
    side: int,
    price_ticks: int,
    qty_lots: int,
    leaves_lots: int,
    fee_e9: int,
    mid_half: int,
    local_ns: int,
) -> None:
    """A fill."""
    risk_filled(state[0].risk, order_id, side, price_ticks, qty_lots, leaves_lots, fee_e9, mid_half, local_ns)


@compiled
def on_gone(state: State, order_id: int) -> None:
    """The order is rejected, canceled or has expired."""
    risk_gone(state[0].risk, order_id)


class _Risk:
    """The step of the node, with the view of the outbox that it reads."""

    def __init__(self, instrument_id: str, state: State, settings: Settings, filters: Filters) -> None:
        self._instrument_id = instrument_id
        self._state = state
        self._settings = settings
        self._filters = filters
        self._outbox = state["risk"]["outbox"][0]

    def step(self, event: Hears) -> Sequence[Says]:
        state = self._state
        match event:
            case e.Book():
                touch = event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots
                return self._say(event.local_ns, on_book(state, event.local_ns, int(event.state), *touch))
            case e.OrderIntent():
                terms = int(event.side), event.price_ticks, event.qty_lots, int(event.time_in_force)
                return self._say(event.local_ns, on_intent(state, event.order_id, *terms, event.local_ns))
            case e.CancelIntent():
                return self._say(event.local_ns, on_cancel_intent(state, event.order_id, event.local_ns))
            case e.OrderFilled():
                fill = event.price_ticks, event.qty_lots, event.leaves_lots, event.fee_e9, event.mid_half_ticks
                on_fill(state, event.order_id, int(event.side), *fill, event.local_ns)
            case e.OrderRejected() | e.OrderCanceled() | e.OrderExpired():
                on_gone(state, event.order_id)
            case e.OperatorCommand():
                return self._command(event)
            case e.InstrumentDefined():
                self._define(event)
        return ()

    def _define(self, event: e.InstrumentDefined) -> None:
        filters = self._filters(event)
        if filters is not None:
            self._state["risk"]["filters"] = filters

    def _command(self, event: e.OperatorCommand) -> Sequence[Says]:
        if event.command == Command.FLATTEN:
            return self._say(event.local_ns, on_flatten(self._state, event.local_ns))
        if event.command in COMMANDED:
            state = int(COMMANDED[event.command])
            return self._say(event.local_ns, on_command(self._state, state, event.local_ns))
        setting = self._settings(event.key, event.value)
        if setting is None:
            return ()
        put(self._state["risk"], *setting)
        times: dict[str, Any] = {"ts_ns": event.local_ns, "local_ns": event.local_ns}
        value = int(setting[1])
        return [
            e.LimitChanged(instrument_id=self._instrument_id, **times, name=event.key, value=value, text=event.value)
        ]

    def _say(self, local_ns: int, count: int) -> Sequence[Says]:
        return [self._event(local_ns, self._outbox[at]) for at in range(count)] if count else ()

    def _event(self, local_ns: int, message: Any) -> Says:
        said: dict[str, Any] = {"instrument_id": self._instrument_id, "ts_ns": local_ns, "local_ns": local_ns}
        kind, reason = int(message["kind"]), int(message["reason"])
        if kind == m.TRADING_STATE:
            resumes_ns = int(self._state["risk"]["resumes_ns"][0])
            return e.TradingState(**said, state=TRADE_STATES[message["side"]], reason=reason, resumes_ns=resumes_ns)
        said["order_id"] = int(message["order_id"])
        if kind == m.CANCEL:
            return e.CancelOrder(**said)
        if kind == m.DENIED:
            return e.OrderDenied(**said, reason=reason)
        assert kind == m.SUBMIT, kind
        return e.SubmitOrder(
            **said,
            side=SIDES[message["side"]],
            price_ticks=int(message["price_ticks"]),
            qty_lots=int(message["qty_lots"]),
            time_in_force=TIMES_IN_FORCE[message["flag"]],
            adjusted_reason=reason,
        )


def risk_node(instrument_id: str, risk: State, settings: Settings, filters: Filters) -> Node:
    """The gate of one instrument from `risk`: an array of one RISK.

    `settings`: what a SET changes, fields of RISK. `filters`: those of a definition.
    """
    state = new(STATE)
    state["risk"] = risk
    return Node(
        name="risk",
        rank=3,
        hears=get_args(Hears),
        says=get_args(Says),
        step=_Risk(instrument_id, state, settings, filters).step,
        state=state,
    )
