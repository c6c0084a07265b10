"""A paper exchange of dictionaries: requests arrive, the market moves, orders fill; answers come back later.

Exchange time decides what could have happened, local time what is known.
"""

from bisect import bisect_left
from collections import deque
from fractions import Fraction
from typing import NamedTuple

from tests.recompute.book import NONE, rank_of
from tests.recompute.feed import Root
from tests.recompute.floor import Floor, Order
from tests.recompute.frames import Print, Top
from tests.recompute.queue import Place, Share

GTX, IOC = 1, 2
WOULD_TAKE, TOO_MANY = 1, 2
ORDERS_MAX = 16  # a side
LAG_GROWTH = 10_000
CROWDED = 768  # answers in flight, from which on fills are joined


class Terms(NamedTuple):
    """The venue's terms in a configuration: ns, 1e-9, and the value of one tick x one lot in 1e-9 of the quote."""

    entry_ns: int
    cancel_ns: int
    response_ns: int
    share: Share | None
    is_partial: bool
    has_top: bool
    maker_ppb: int
    taker_ppb: int
    value_e9: Fraction


class Answer(NamedTuple):
    """What the venue reports, by the name of its event; 0 where the event has no such field."""

    kind: str
    order_id: int
    ts_ns: int
    due_ns: int
    side: int = 0
    price_ticks: int = 0
    lots: int = 0
    leaves_lots: int = 0
    fee_e9: int = 0
    is_maker: int = 0
    mid_half: int = 0
    reason: int = 0


class Request(NamedTuple):
    """A submit, or a cancel."""

    is_cancel: bool
    order_id: int
    side: int = 0
    price_ticks: int = 0
    lots: int = 0
    flag: int = 0


def _terms_of(request: Request) -> dict[str, int]:
    return {"side": request.side, "price_ticks": request.price_ticks, "lots": request.lots}


class Lag:
    """The shortest delay of what is dated; it may have grown since by a ten-thousandth of the time."""

    def __init__(self) -> None:
        self._delay_ns: int | None = None
        self._at_ns = 0

    def at(self, local_ns: int) -> int | None:
        """The lag at a local time, None before anything dated."""
        if self._delay_ns is None:
            return None
        return self._delay_ns + max(local_ns - self._at_ns, 0) // LAG_GROWTH

    def take(self, ts_ns: int, local_ns: int) -> None:
        """A depth update or a trade came."""
        grown_ns, delay_ns = self.at(local_ns), local_ns - ts_ns
        self._delay_ns = delay_ns if grown_ns is None else min(delay_ns, grown_ns)
        self._at_ns = local_ns


class Venue:
    """One instrument's venue. `on_root` gives the answers that are due; `send` takes what follows from the root."""

    def __init__(self, terms: Terms) -> None:
        self.mid_times: list[int] = []  # of the changes of the venue's mid, in the market's time
        self.mids: list[int] = []
        self.tops: list[tuple[int, int, int]] = []  # (exchange time, bid, ask) of the venue's own, as they came
        self._terms = terms
        self._floor = Floor(self._made, is_partial=terms.is_partial, has_top=terms.has_top)
        self._inbox: deque[tuple[int, Request]] = deque()
        self._outbox: deque[Answer] = deque()
        self._arrival_ns = self._due_ns = self.market_ns = self._known_ns = 0
        self._sent_lots: dict[int, int] = {}  # by order
        self._lag = Lag()

    def send(self, request: Request, local_ns: int) -> None:
        """A request leaves at `local_ns`; the connection keeps its order."""
        latency_ns = self._terms.cancel_ns if request.is_cancel else self._terms.entry_ns
        self._arrival_ns = max(self._arrival_ns, local_ns + latency_ns)
        self._inbox.append((self._arrival_ns, request))

    def on_root(self, root: Root) -> list[Answer]:
        """Take one root, to the answers that are here by its local time."""
        if root.kind == "InstrumentDefined":
            return []
        self._known_ns = root.local_ns
        if root.kind == "Tick":
            self._arrive(root.local_ns - (self._lag.at(root.local_ns) or 0))
        else:
            self._market(root)
        answers = []
        while self._outbox and self._outbox[0].due_ns <= root.local_ns:
            answers.append(self._outbox.popleft())
        return answers

    def mid_before(self, ts_ns: int) -> int:
        """Best bid + ask just before a time; the oldest of a time before all, 0 without any."""
        at = bisect_left(self.mid_times, ts_ns)
        return self.mids[max(at - 1, 0)] if self.mids else 0

    def _market(self, root: Root) -> None:
        ts_ns, lag_ns = root.ts_ns, self._lag.at(root.local_ns)
        if isinstance(root.body, Top) and lag_ns is not None:
            ts_ns = root.local_ns - lag_ns  # it has no time of its own
        self._arrive(ts_ns - 1)
        if root.kind in {"BookDelta", "Trade"}:
            self._lag.take(ts_ns, root.local_ns)
        self._move(root, ts_ns)
        self.market_ns = max(self.market_ns, ts_ns)
        mid_half = self._floor.book.mid_half()
        if mid_half and self.mids[-1:] != [mid_half]:
            self.mid_times.append(self.market_ns)
            self.mids.append(mid_half)

    def _move(self, root: Root, ts_ns: int) -> None:
        body = root.body
        if root.kind in {"BookDelta", "BookSnapshot"}:
            self._floor.depth(body.update_id, body.sides, ts_ns, is_snapshot=root.kind == "BookSnapshot")
        elif isinstance(body, Top):
            self._floor.top(body.update_id, body.best, ts_ns)
            self.tops.append((ts_ns, body.best[0][0], body.best[1][0]))
        elif isinstance(body, Print):
            self._floor.trade(body.taker, body.price_ticks, body.lots, ts_ns)

    def _answer(self, ts_ns: int, kind: str, order_id: int, **fields: int) -> None:
        self._due_ns = max(self._due_ns, ts_ns + self._terms.response_ns, self._known_ns)
        self._outbox.append(Answer(kind, order_id, ts_ns, self._due_ns, **fields))
        assert len(self._outbox) < CROWDED, "more answers in flight than are recomputed"

    def _arrive(self, until_ns: int) -> None:
        while self._inbox and self._inbox[0][0] <= until_ns:
            arrival_ns, request = self._inbox.popleft()
            ts_ns = max(arrival_ns, self.market_ns)
            if request.is_cancel:
                self._cancel(request, ts_ns)
            else:
                self._submit(request, ts_ns)

    def _cancel(self, request: Request, ts_ns: int) -> None:
        order_id = request.order_id
        resting = [each for orders in self._floor.orders for each in orders if each.order_id == order_id]
        for order in resting:
            self._floor.orders[order.side].remove(order)
            terms = {"side": order.side, "price_ticks": order.price_ticks, "lots": self._sent_lots[order_id]}
            self._answer(ts_ns, "OrderCanceled", order_id, **terms, leaves_lots=order.leaves_lots)
        if not resting:
            self._answer(ts_ns, "CancelRejected", order_id, **_terms_of(request))

    def _submit(self, request: Request, ts_ns: int) -> None:
        other = self._floor.book.best[1 - request.side]
        leaves_lots = self._sent_lots[request.order_id] = request.lots
        if other != NONE and rank_of(request.side, request.price_ticks) >= -other:
            if request.flag == GTX:
                self._reject(request, WOULD_TAKE, ts_ns)
                return
            leaves_lots = self._take(request, ts_ns)
        if leaves_lots and request.flag == IOC:
            self._answer(ts_ns, "OrderExpired", request.order_id, **_terms_of(request), leaves_lots=leaves_lots)
        elif leaves_lots:
            self._rest(request, leaves_lots, ts_ns)

    def _reject(self, request: Request, reason: int, ts_ns: int) -> None:
        terms = _terms_of(request) | {"leaves_lots": request.lots, "reason": reason}
        self._answer(ts_ns, "OrderRejected", request.order_id, **terms)

    def _rest(self, request: Request, leaves_lots: int, ts_ns: int) -> None:
        if len(self._floor.orders[request.side]) == ORDERS_MAX:
            self._reject(request, TOO_MANY, ts_ns)
            return
        rank = rank_of(request.side, request.price_ticks)
        place = Place(self._terms.share, self._floor.book.lots[request.side].get(rank, 0))
        self._floor.add(Order(request.order_id, request.side, request.price_ticks, leaves_lots, place, ts_ns))
        self._answer(ts_ns, "OrderAccepted", request.order_id, **_terms_of(request), leaves_lots=leaves_lots)

    def _take(self, request: Request, ts_ns: int) -> int:
        """Take what is displayed within the limit; what is left. Whole fills take all at the best price."""
        side, leaves_lots, book = 1 - request.side, request.lots, self._floor.book
        rank, limit = book.best[side], -rank_of(request.side, request.price_ticks)
        while leaves_lots and rank != NONE and rank >= limit:
            lots = min(leaves_lots, self._floor.unused(side, rank)) if self._terms.is_partial else leaves_lots
            if lots > 0:
                leaves_lots -= lots
                if self._terms.is_partial:
                    self._floor.use(side, rank, lots)
                fill = {"side": request.side, "price_ticks": abs(rank), "lots": lots, "leaves_lots": leaves_lots}
                self._filled(request.order_id, ts_ns, self._terms.taker_ppb, fill)
            rank = book.below(side, rank)
        return leaves_lots

    def _made(self, order: Order, lots: int, ts_ns: int) -> None:
        """A resting order is filled at its own price."""
        fill = {"side": order.side, "price_ticks": order.price_ticks, "lots": lots, "leaves_lots": order.leaves_lots}
        self._filled(order.order_id, ts_ns, self._terms.maker_ppb, fill | {"is_maker": 1})

    def _filled(self, order_id: int, ts_ns: int, rate_ppb: int, fill: dict[str, int]) -> None:
        value_e9 = round(fill["price_ticks"] * fill["lots"] * self._terms.value_e9)  # of a Fraction: half to even
        fee_e9 = round(Fraction(value_e9 * rate_ppb, 10**9))
        self._answer(ts_ns, "OrderFilled", order_id, **fill, fee_e9=fee_e9, mid_half=self.mid_before(ts_ns))
