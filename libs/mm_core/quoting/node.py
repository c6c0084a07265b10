"""The quoter as a node: a strategy's wanted quotes as intents, at every Book; the operator's word and risk's state."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from mm_core import events as e
from mm_core import messages as m
from mm_core.compiled import Strategy, compiled, new
from mm_core.node import Node, Settings, State, put
from mm_core.quoting.quoter import (
    quoter_accepted,
    quoter_command,
    quoter_decide,
    quoter_denied,
    quoter_filled,
    quoter_gone,
    quoter_limits_changed,
    quoter_rejected,
    quoter_trading_state,
)
from mm_core.quoting.state import QUOTER
from mm_core.signals.builder import TOP
from mm_core.types import Command, Side, TimeInForce

OrderAnswer = e.OrderDenied | e.OrderAccepted | e.OrderRejected | e.OrderCanceled | e.OrderExpired | e.OrderFilled
Hears = e.InstrumentDefined | e.OperatorCommand | e.Book | OrderAnswer | e.TradingState | e.LimitChanged
Says = e.OrderIntent | e.CancelIntent
STATE = np.dtype([("top", TOP), ("quoter", QUOTER)])
SIDES = (Side.BUY, Side.SELL)
TIMES_IN_FORCE = tuple(TimeInForce)


@compiled
def on_book(state: State, strategy: Strategy) -> int:
    """A decision on the book in the state; returns the number of intents in the outbox."""
    quoter_decide(state[0].quoter, state[0].top, strategy)
    said: int = state[0].quoter.said
    return said


@compiled
def on_accepted(state: State, side: int, order_id: int, leaves_lots: int) -> None:
    """The order rests."""
    quoter_accepted(state[0].quoter, side, order_id, leaves_lots)


@compiled
def on_fill(state: State, side: int, order_id: int, qty_lots: int, leaves_lots: int) -> None:
    """A fill."""
    quoter_filled(state[0].quoter, side, order_id, qty_lots, leaves_lots)


@compiled
def on_gone(state: State, order_id: int) -> None:
    """The order is canceled or has expired."""
    quoter_gone(state[0].quoter, 0, order_id)
    quoter_gone(state[0].quoter, 1, order_id)


@compiled
def on_denied(state: State, order_id: int, reason: int) -> None:
    """The order is denied; a denial does not name the side."""
    quoter_denied(state[0].quoter, 0, order_id, reason)
    quoter_denied(state[0].quoter, 1, order_id, reason)


@compiled
def on_rejected(state: State, side: int, order_id: int, reason: int) -> None:
    """The order is rejected."""
    quoter_rejected(state[0].quoter, side, order_id, reason)


@compiled
def on_trading_state(state: State, trading_state: int) -> None:
    """Risk's state."""
    quoter_trading_state(state[0].quoter, trading_state)


@compiled
def on_limits_changed(state: State) -> None:
    """A limit, a filter or a number of the quoter is another one."""
    quoter_limits_changed(state[0].quoter)


@compiled
def on_command(state: State, command: int) -> None:
    """The operator's word."""
    quoter_command(state[0].quoter, command)


class _Quoter:
    """The step of the node, with the views of the state that it reads and writes."""

    def __init__(self, instrument_id: str, state: State, strategy: Strategy, settings: Settings) -> None:
        self._instrument_id = instrument_id
        self._state = state
        self._strategy = strategy
        self._settings = settings
        self._top = state["top"]
        self._outbox = state["quoter"]["outbox"][0]
        terms = state["quoter"]["terms"]
        self._prices = terms["fair_ticks"], terms["reservation_ticks"], terms["half_spread_ticks"]
        self._position_lots = terms["position_lots"]

    def step(self, event: Hears) -> Sequence[Says]:
        match event:
            case e.Book():
                self._top[0] = _top(event)
                count = on_book(self._state, self._strategy)
                return [self._said(event, self._outbox[at]) for at in range(count)]
            case e.OrderEvent():
                self._order(event)
            case e.OperatorCommand():
                self._command(event)
            case e.TradingState():
                on_trading_state(self._state, int(event.state))
            case e.LimitChanged() | e.InstrumentDefined():
                on_limits_changed(self._state)
        return ()

    def _order(self, event: OrderAnswer) -> None:
        match event:
            case e.OrderFilled():
                on_fill(self._state, int(event.side), event.order_id, event.qty_lots, event.leaves_lots)
            case e.OrderAccepted():
                on_accepted(self._state, int(event.side), event.order_id, event.qty_lots)
            case e.OrderCanceled() | e.OrderExpired():
                on_gone(self._state, event.order_id)
            case e.OrderDenied():
                on_denied(self._state, event.order_id, event.reason)
            case e.OrderRejected():
                on_rejected(self._state, int(event.side), event.order_id, event.reason)

    def _command(self, event: e.OperatorCommand) -> None:
        if event.command != Command.SET:
            on_command(self._state, int(event.command))
        elif (setting := self._settings(event.key, event.value)) is not None:
            put(self._state["quoter"], *setting)
            on_limits_changed(self._state)

    def _said(self, book: e.Book, message: Any) -> Says:
        order: dict[str, Any] = {
            "instrument_id": self._instrument_id,
            "ts_ns": book.local_ns,
            "local_ns": book.local_ns,
            "order_id": int(message["order_id"]),
        }
        if message["kind"] == m.CANCEL_INTENT:
            return e.CancelIntent(**order)
        fair, reservation, half_spread = self._prices
        return e.OrderIntent(
            **order,
            side=SIDES[message["side"]],
            price_ticks=int(message["price_ticks"]),
            qty_lots=int(message["qty_lots"]),
            time_in_force=TIMES_IN_FORCE[message["flag"]],
            fair_ticks=float(fair[0]),
            reservation_ticks=float(reservation[0]),
            half_spread_ticks=float(half_spread[0]),
            volatility_ticks_sqrt_s=book.volatility_ticks_sqrt_s,
            position_lots=int(self._position_lots[0]),
        )


def _top(book: e.Book) -> tuple[int | float, ...]:
    """A Book as a TOP, field by field."""
    return (
        book.local_ns,
        book.state,
        book.epoch,
        book.bid_ticks,
        book.bid_lots,
        book.ask_ticks,
        book.ask_lots,
        book.weighted_mid_ticks,
        book.volatility_ticks_sqrt_s,
        book.micro_stdev_ticks,
        book.micro_min_ticks,
        book.micro_max_ticks,
        book.ofi_lots,
        book.reason,
    )


def quoter_node(instrument_id: str, quoter: State, strategy: Strategy, settings: Settings) -> Node:
    """The quoter of one instrument from `quoter` (an array of one QUOTER) with a compiled `strategy(terms, top)`.

    `settings`: what a SET changes, fields of QUOTER.
    """
    state = new(STATE)
    state["quoter"] = quoter
    return Node(
        name="quoter",
        rank=2,
        hears=get_args(Hears),
        says=get_args(Says),
        step=_Quoter(instrument_id, state, strategy, settings).step,
        state=state,
    )
