"""The paper exchange on a small market, driven row by row in the order of the engine.

Requests that arrive before a row's exchange time are processed before it; a row at the same time comes first.
"""

from typing import Any, NamedTuple

import numpy as np
from tests.unit.core.calls import FAR, WIDTH, State

from mm_core import messages
from mm_core.book.book import new_book, rank_of
from mm_core.book.window import NO_RANK, book_dtype
from mm_core.compiled import compiled, new
from mm_core.events.records import MESSAGE
from mm_core.exchange import market as markets
from mm_core.exchange.clock import CLOCK
from mm_core.exchange.requests import send
from mm_core.exchange.venue import INDEX, VENUE, new_index
from mm_core.filters import FILTERS, new_filters
from mm_core.messages import bus_due_ns, bus_pop

GTC, GTX, IOC = 0, 1, 2
SETS = 2  # two venues share the market, as the parameter sets of a sweep do

MARKET = np.dtype(
    [
        ("clock", CLOCK),
        ("index", INDEX),
        ("sets", np.dtype([("venue", VENUE)]), (SETS,)),
        ("book", book_dtype(WIDTH, FAR)),
    ]
)


@compiled
def _market_ns(state: State, ts_ns: int) -> None:
    market = state[0]
    markets.arrivals(market, market.book, ts_ns - 1)
    market.clock.market_ns = max(market.clock.market_ns, ts_ns)


@compiled
def _depth(state: State, side: int, price_ticks: int, lots: int, ts_ns: int) -> None:
    market = state[0]
    _market_ns(state, ts_ns)
    market.clock.depth_ns = max(market.clock.depth_ns, ts_ns)
    markets.depth_row(market, market.book, side, rank_of(side, price_ticks), lots, ts_ns)


@compiled
def _trade(state: State, taker: int, price_ticks: int, lots: int, ts_ns: int) -> None:
    market = state[0]
    _market_ns(state, ts_ns)
    markets.trade_row(market, taker, price_ticks, lots, ts_ns)


@compiled
def _send(state: State, s: int, order: State) -> None:
    send(state[0].sets[s].venue, order[0])


@compiled
def _arrive(state: State, until_ns: int) -> Any:
    return markets.arrivals(state[0], state[0].book, until_ns)


@compiled
def _answer(state: State, s: int, until_ns: int, copy: State) -> Any:
    """Take the next answer that is due into `copy`; False without one."""
    outbox = state[0].sets[s].venue.outbox
    if bus_due_ns(outbox) > until_ns:
        return False
    copy[0] = bus_pop(outbox)
    return True


class Answer(NamedTuple):
    """An answer of the venue, and when we receive it."""

    kind: str
    order_id: int
    price_ticks: int
    qty_lots: int
    leaves_lots: int
    ts_ns: int
    local_ns: int
    side: int
    maker: bool
    fee_e9: int
    reason: int
    mid_half_ticks: int


_NAMES = ("ACCEPTED", "REJECTED", "CANCELED", "CANCEL_REJECTED", "EXPIRED", "FILLED")
_KINDS = {int(getattr(messages, name)): name for name in _NAMES}


class Exchange:
    """A market with a bid of 10 lots at 100 and an ask of 10 at 102, both at 1 ns; the clock advances by 1 a step."""

    def __init__(self, **terms: Any) -> None:
        self.state = new(MARKET)
        self.state["index"] = new_index()
        self.state["book"] = new_book(WIDTH, FAR)
        values = {"best": NO_RANK, "value_num": 1, "value_den": 1, "queue_power": 1.0, "lot_base": 1.0, **terms}
        venue = self.state["sets"]["venue"]
        venue["filters"] = new_filters()
        for name, value in values.items():
            (venue["filters"] if name in (FILTERS.names or ()) else venue)[name] = value
        self.now_ns = 1
        self.bid(100, 10, 1)
        self.ask(102, 10, 1)

    def _time(self, ts_ns: int | None) -> int:
        self.now_ns = self.now_ns + 1 if ts_ns is None else max(self.now_ns, ts_ns)
        return self.now_ns if ts_ns is None else ts_ns

    def bid(self, price_ticks: int, lots: int, ts_ns: int | None = None) -> None:
        """A bid level shows `lots` from now on."""
        _depth(self.state, 0, price_ticks, lots, self._time(ts_ns))

    def ask(self, price_ticks: int, lots: int, ts_ns: int | None = None) -> None:
        """An ask level shows `lots` from now on."""
        _depth(self.state, 1, price_ticks, lots, self._time(ts_ns))

    def sold(self, price_ticks: int, lots: int, ts_ns: int | None = None) -> None:
        """A seller took `lots` at a price."""
        _trade(self.state, 1, price_ticks, lots, self._time(ts_ns))

    def bought(self, price_ticks: int, lots: int, ts_ns: int | None = None) -> None:
        """A buyer took `lots` at a price."""
        _trade(self.state, 0, price_ticks, lots, self._time(ts_ns))

    def submit(
        self, order_id: int, side: int, price_ticks: int, lots: int, *, flag: int = GTX,
        ts_ns: int | None = None, s: int = 0,
    ) -> None:  # fmt: skip
        """Send an order; without latency it arrives before the next row."""
        order = {"order_id": order_id, "side": side, "price_ticks": price_ticks, "qty_lots": lots}
        self._request(s, messages.SUBMIT, ts_ns, **order, time_in_force=flag)

    def buy(self, order_id: int, price_ticks: int, lots: int, **values: Any) -> None:
        """Submit on the bid side."""
        self.submit(order_id, 0, price_ticks, lots, **values)

    def sell(self, order_id: int, price_ticks: int, lots: int, **values: Any) -> None:
        """Submit on the ask side."""
        self.submit(order_id, 1, price_ticks, lots, **values)

    def cancel(self, order_id: int, *, ts_ns: int | None = None, s: int = 0) -> None:
        """Send a cancel."""
        self._request(s, messages.CANCEL, ts_ns, order_id=order_id)

    def _request(self, s: int, kind: int, ts_ns: int | None, **fields: int) -> None:
        order = new(MESSAGE)
        for name, value in {"kind": kind, "local_ns": self._time(ts_ns), **fields}.items():
            order[name] = value
        _send(self.state, s, order)

    def answers(self, until_ns: int = 1 << 60, *, s: int = 0) -> list[Answer]:
        """All answers that reach us by then; requests that arrive by then are processed first."""
        _arrive(self.state, until_ns)
        copy, answers = new(MESSAGE), []
        while _answer(self.state, s, until_ns, copy):
            m = {name: int(copy[name][0]) for name in Answer._fields}
            m["maker"] = bool(m["maker"])
            answers.append(Answer(**{**m, "kind": _KINDS[m["kind"]]}))  # type: ignore[arg-type]
        return answers

    def answer_lots(self, **values: int) -> list[tuple[str, int, int]]:
        """(kind, order id, lots of a fill or else open lots) of all answers."""
        return [
            (a.kind, a.order_id, a.qty_lots if a.kind == "FILLED" else a.leaves_lots) for a in self.answers(**values)
        ]

    def fills(self, **values: int) -> list[tuple[int, int]]:
        """(order id, lots) of all fills."""
        return [(a.order_id, a.qty_lots) for a in self.answers(**values) if a.kind == "FILLED"]
