"""The benchmark job against the port of hftbacktest's venue: our side of it in plain Python."""

import math
from collections import deque
from typing import Any, NamedTuple

from neutral_tapes import Columns, reception_order, venue_order  # type: ignore[import-not-found]  # beside this script
from peer_port import (  # type: ignore[import-not-found]  # beside this script
    CLEAR,
    NO_RANK,
    TRADE,
    Book,
    InvalidOrderStatusError,
    Rules,
    Venue,
    prepared,
)

NS_PER_MS = 1_000_000
END_OF_DATA, INVALID_ORDER_STATUS = 1, 14
_FREE = 1 << 62  # a rank that no order has


class Terms(NamedTuple):
    """The numbers of the job, as options of `crypto-mm bench`."""

    tick: str
    lot: str
    qty: str
    maxpos: str
    half_spread: float = 0.5
    skew: float = 0.5
    step_ms: int = 100
    entry_ms: int = 10
    response_ms: int = 10
    maker_fee: float = 0.0002


class _Us:
    """What we know: the book, our orders as (side, rank, is_live), and the account."""

    def __init__(self, terms: Terms, rules: Rules) -> None:
        self.terms, self.rules = terms, rules
        self.book = Book()
        self.orders: dict[int, tuple[int, int, bool]] = {}
        self.next_id = 1
        self.fills = 0
        self.position = self.balance = self.fee = self.traded_value = 0.0
        self._touch = [0, 0]
        self._takes = [_FREE, _FREE]  # a post-only order of this rank or a better one would take

    def hear(self, answer: tuple[str, int, int, int, float, float, int]) -> None:
        """The venue answers a request, or fills."""
        kind, order_id, side, rank, qty, leaves, _ = answer
        if kind == "accepted":
            self.orders[order_id] = side, rank, True
        elif kind == "filled":
            if leaves == 0.0 or not self.rules.whole_only:
                self._account(1 - 2 * side, abs(rank) * float(self.terms.tick), qty)
            if leaves == 0.0:
                self.orders.pop(order_id, None)
        elif kind != "cancel_rejected":
            self.orders.pop(order_id, None)
            if kind == "rejected":
                self._takes[side] = min(self._takes[side], rank)

    def _account(self, sign: int, price: float, qty: float) -> None:
        self.fills += 1
        self.position += sign * qty
        self.balance -= sign * qty * price
        self.traded_value += qty * price
        self.fee += qty * price * self.terms.maker_fee

    def decide(self) -> list[tuple[int, int, int]]:
        """Requests as (order id, side, rank); side -1 cancels."""
        touch = list(self.book.best)
        if touch != self._touch:
            self._touch, self._takes = touch, [_FREE, _FREE]
        if NO_RANK in touch:
            return []
        wanted = self._wanted(*touch)
        requests = []
        missing = list(wanted)
        for order_id, (side, rank, is_live) in self.orders.items():
            if rank == wanted[side]:
                missing[side] = NO_RANK
            elif is_live:
                requests.append((order_id, -1, 0))
        for side, rank in enumerate(missing):
            if rank != NO_RANK and rank < self._takes[side]:
                requests.append((self.next_id, side, rank))
                self.orders[self.next_id] = side, rank, False
                self.next_id += 1
        return requests

    def _wanted(self, best_bid: int, best_ask: int) -> list[int]:
        """The wanted rank a side, NO_RANK for no quote."""
        most, qty = float(self.terms.maxpos) - 1e-9, float(self.terms.qty)
        middle = (best_bid - best_ask) / 2.0 - self.terms.skew * (self.position / qty)
        bid = min(math.floor(middle - self.terms.half_spread), best_bid)
        ask = min(-math.ceil(middle + self.terms.half_spread), best_ask)
        return [bid if self.position < most else NO_RANK, ask if self.position > -most else NO_RANK]


class Job:
    """One run of the job over a neutral tape."""

    def __init__(self, columns: Columns, terms: Terms, rules: Rules) -> None:
        tick, lot = float(terms.tick), float(terms.lot)
        self._rows = prepared(venue_order(columns), tick, lot)
        self._local = prepared(reception_order(columns), tick, lot)
        self._terms = terms
        self.venue = Venue(rules, lot)
        self._us = _Us(terms, rules)
        self._row = self._local_row = self._heard = 0
        self._requests: deque[tuple[int, int, int, int]] = deque()  # due_ns, then as decided

    def run(self) -> dict[str, Any]:
        """The results, under the names that `bench` gives them, and the engine's code at the end."""
        step_ns = self._terms.step_ms * NS_PER_MS
        now_ns, steps, ended = self._rows[0][5] + step_ns, 0, END_OF_DATA
        try:
            while self._advance(now_ns):
                for request in self._us.decide():
                    self._requests.append((now_ns + self._terms.entry_ms * NS_PER_MS, *request))
                steps += 1
                now_ns += step_ns
        except InvalidOrderStatusError as error:
            self._see(error.now_ns)
            ended = INVALID_ORDER_STATUS
        us = self._us
        results = {name: getattr(us, name) for name in ("fills", "traded_value", "balance", "fee", "position")}
        counts = {"partials": self.venue.partials, "caps": self.venue.caps, "nans": self.venue.share.nans}
        return {"steps": steps, "next_order_id": us.next_id, **results, "ended": ended, **counts}

    def _advance(self, now_ns: int) -> bool:
        """All that happens up to now, at the venue and here; False if nothing is left to come."""
        rows, venue = self._rows, self.venue
        while self._row < len(rows) and rows[self._row][5] <= now_ns:
            kind, side, rank, qty, lots, exch_ns, _ = rows[self._row]
            self._arrive(exch_ns - 1)  # at one time the market comes first
            venue.row(kind, side, rank, qty, lots, exch_ns)
            self._row += 1
        self._arrive(now_ns)
        self._see(now_ns)
        is_data_left = self._row < len(rows) or self._local_row < len(self._local)
        return is_data_left or bool(self._requests) or self._heard < len(venue.answers)

    def _arrive(self, until_ns: int) -> None:
        while self._requests and self._requests[0][0] <= until_ns:
            due_ns, order_id, side, rank = self._requests.popleft()
            if side < 0:
                self.venue.cancel(order_id, due_ns)
            else:
                self.venue.submit(order_id, side, rank, float(self._terms.qty), due_ns)

    def _see(self, now_ns: int) -> None:
        """Rows and answers that have reached us by now."""
        rows, book = self._local, self._us.book
        while self._local_row < len(rows) and rows[self._local_row][6] <= now_ns:
            kind, side, rank, qty, lots, _, _ = rows[self._local_row]
            if kind == CLEAR:
                book.clear()
            elif kind != TRADE:
                book.set(side, rank, qty, lots)
            self._local_row += 1
        answers, latest_ns = self.venue.answers, now_ns - self._terms.response_ms * NS_PER_MS
        while self._heard < len(answers) and answers[self._heard][-1] <= latest_ns:
            self._us.hear(answers[self._heard])
            self._heard += 1
