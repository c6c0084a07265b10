"""The events of a log as the rows that the compiled loop records, so that sessions are made by the same code.

The loop handles risk's own answer to a Book before the intents, and each intent with its answer; a log has all the
intents first. What events leave out (a cancel names an order, nothing else) comes from the order's earlier events.
"""

from typing import Any

import msgspec
import numpy as np

from mm_core import events as e
from mm_core import messages as m
from mm_core.accounting.account import ACCOUNT
from mm_core.accounting.node import on_fill, on_mid
from mm_core.compiled import new
from mm_core.types import BookState, Side, TimeInForce
from mm_research.engine.state import SAMPLE

Intent = e.OrderIntent | e.CancelIntent
RiskAnswer = e.SubmitOrder | e.CancelOrder | e.OrderDenied | e.TradingState
VenueAnswer = e.OrderAccepted | e.OrderRejected | e.OrderCanceled | e.CancelRejected | e.OrderExpired | e.OrderFilled
Row = tuple[int, ...]


class _Order(msgspec.Struct):
    """What has been heard of one order: as wanted, as sent, and what is left of both."""

    side: Side
    price_ticks: int
    wanted_lots: int  # open, as the quoter has it
    sent_lots: int = 0
    leaves_lots: int = 0  # open, as risk has it
    canceling_lots: int = 0  # of a cancel on its way


class EventRows:
    """Collects the rows of a log; `hear` every event in its order. `account` is an array of one ACCOUNT, up to date."""

    def __init__(self) -> None:
        self.account = new(ACCOUNT)
        self._messages: list[Row] = []
        self._samples: list[tuple[Any, ...]] = []
        self._orders: dict[int, _Order] = {}
        self._intents: list[Intent] = []
        self._answers: list[RiskAnswer] = []
        self._mid_half = 0  # of the last Book, 0 if it was not VALID with both sides

    def hear(self, event: e.Event) -> None:
        """Take the next event of the log."""
        match event:
            case e.OrderIntent() | e.CancelIntent():
                self._intents.append(event)
            case e.SubmitOrder() | e.CancelOrder() | e.OrderDenied() | e.TradingState():
                self._answers.append(event)
            case e.Book():
                self.end_decision()
                self._sample(event)
            case e.Root():
                self.end_decision()
            case e.OrderEvent():
                self.end_decision()
                self._venue_answer(event)  # type: ignore[arg-type]  # the order events of quoter and risk are above
            case _:
                pass

    def messages(self) -> np.ndarray[Any, Any]:
        """All order messages: an array of MESSAGE."""
        self.end_decision()
        return np.array(self._messages, m.MESSAGE)

    def samples(self) -> np.ndarray[Any, Any]:
        """The touch and the account at every Book: an array of SAMPLE."""
        return np.array(self._samples, SAMPLE)

    @property
    def count(self) -> int:
        """How many of both there are."""
        return len(self._messages) + len(self._samples)

    def drain(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Give the messages and samples so far away; a decision that is not whole stays."""
        drained = np.array(self._messages, m.MESSAGE), np.array(self._samples, SAMPLE)
        self._messages.clear()
        self._samples.clear()
        return drained

    def _sample(self, book: e.Book) -> None:
        self._mid_half = 0
        if book.state == BookState.VALID and book.bid_lots and book.ask_lots:
            self._mid_half = book.bid_ticks + book.ask_ticks
            on_mid(self.account, self._mid_half)
        account = dict(zip(ACCOUNT.names or (), self.account[0].item(), strict=True))
        names = SAMPLE.names or ()
        self._samples.append(tuple(account[name] if name in account else getattr(book, name) for name in names))

    def end_decision(self) -> None:
        """Rows of the last decision in the loop's order; by itself it ends with the next event that is none of it."""
        if not (self._intents or self._answers):
            return
        answers = iter(self._answers)
        answer = next(answers, None)
        if isinstance(answer, e.TradingState):
            # All that risk says on its own begins with the state; then only a halt's cancels follow.
            self._risk_answer(answer)
            answer = next(answers, None)
            while isinstance(answer, e.CancelOrder):
                self._risk_answer(answer)
                answer = next(answers, None)
        for intent in self._intents:
            self._intent(intent)
            if isinstance(answer, e.OrderEvent) and answer.order_id == intent.order_id:
                self._risk_answer(answer)
                answer = next(answers, None)
        assert answer is None, f"{answer} answers no intent"
        self._intents.clear()
        self._answers.clear()

    def _add(self, event: e.Said, kind: int, order_id: int = 0, **fields: int) -> None:
        message = {"ts_ns": event.ts_ns, "due_ns": event.local_ns, "kind": kind, "order_id": order_id} | fields
        self._messages.append(tuple(message.get(name, 0) for name in m.MESSAGE.names or ()))

    def _intent(self, event: Intent) -> None:
        if isinstance(event, e.CancelIntent):
            order = self._orders[event.order_id]
            self._add_order(event, m.CANCEL_INTENT, order, qty_lots=order.wanted_lots, flag=TimeInForce.GTX)
            return
        order = _Order(event.side, event.price_ticks, event.qty_lots)
        self._orders[event.order_id] = order
        decided = {"flag": event.time_in_force, "mid_half": self._mid_half}
        self._add_order(event, m.INTENT, order, qty_lots=event.qty_lots, **decided)

    def _risk_answer(self, event: RiskAnswer) -> None:
        if isinstance(event, e.TradingState):
            self._add(event, m.TRADING_STATE, side=event.state, reason=event.reason)
            return
        order = self._orders[event.order_id]
        match event:
            case e.SubmitOrder():
                order.sent_lots = order.leaves_lots = event.qty_lots
                sent = {"qty_lots": event.qty_lots, "leaves_lots": event.qty_lots, "flag": event.time_in_force}
                self._add_order(event, m.SUBMIT, order, reason=event.adjusted_reason, **sent)
            case e.CancelOrder():
                order.canceling_lots = order.leaves_lots
                self._add_order(event, m.CANCEL, order, qty_lots=order.leaves_lots, leaves_lots=order.leaves_lots)
            case e.OrderDenied():
                lots = order.wanted_lots
                self._add_order(event, m.DENIED, order, qty_lots=lots, leaves_lots=lots, reason=event.reason)
                del self._orders[event.order_id]

    def _venue_answer(self, event: VenueAnswer) -> None:
        order = self._orders[event.order_id]
        match event:
            case e.OrderAccepted():
                order.wanted_lots = min(order.wanted_lots, order.leaves_lots)
                self._add_order(event, m.ACCEPTED, order, qty_lots=event.qty_lots, leaves_lots=order.leaves_lots)
            case e.OrderFilled():
                self._fill(event, order)
            case e.OrderRejected():
                lots = event.qty_lots
                self._add_order(event, m.REJECTED, order, qty_lots=lots, leaves_lots=lots, reason=event.reason)
                self._end_order(event.order_id, order)
            case e.CancelRejected():
                self._add_order(event, m.CANCEL_REJECTED, order, qty_lots=order.canceling_lots)
                del self._orders[event.order_id]
            case e.OrderExpired():
                self._add_order(event, m.EXPIRED, order, qty_lots=order.sent_lots, leaves_lots=event.leaves_lots)
                self._end_order(event.order_id, order)
            case e.OrderCanceled():
                self._add_order(event, m.CANCELED, order, qty_lots=order.sent_lots, leaves_lots=event.leaves_lots)
                del self._orders[event.order_id]

    def _fill(self, event: e.OrderFilled, order: _Order) -> None:
        order.wanted_lots = order.leaves_lots = event.leaves_lots
        filled = {"qty_lots": event.qty_lots, "leaves_lots": event.leaves_lots, "fee_e9": event.fee_e9}
        filled["mid_half"] = event.mid_half_ticks
        # At the fill's own price: a taker's may be better than its order's.
        self._add_order(event, m.FILLED, order, price_ticks=event.price_ticks, flag=event.maker, **filled)
        on_fill(self.account, int(event.side), event.price_ticks, event.qty_lots, event.fee_e9, event.mid_half_ticks)
        if not event.leaves_lots:
            self._end_order(event.order_id, order)

    def _end_order(self, order_id: int, order: _Order) -> None:
        """Forget an order, unless a cancel on its way will still be answered."""
        if not order.canceling_lots:
            del self._orders[order_id]

    def _add_order(self, event: e.OrderEvent, kind: int, order: _Order, **fields: int) -> None:
        fields = {"side": order.side, "price_ticks": order.price_ticks} | fields
        self._add(event, kind, order_id=event.order_id, **fields)
