"""The venue of hftbacktest 2.4.4 in plain Python, written from its documentation: book, queue models, both exchanges.

It is what the compiled engine cannot be: with and without its defects. Quantities are floats in the base, as there.
A rank is a price in ticks, negated for asks, so that a larger one is the better price on both sides.
"""

import math
from typing import Any, NamedTuple

NO_RANK = -(1 << 62)
TRADE, CLEAR = 1, 3  # kinds of a neutral row


class Rules(NamedTuple):
    """What the venue does. The first five of these are hftbacktest's with its defaults, the last two are ours.

    exact_stays: an order whose fill is exactly what is left stays in the book, and its next fill is an error.
    whole_only: position, money and fees count the fill that completes an order, and no partial one before it.
    nan_to_back: a share that is not a number puts the order behind the whole level; else all cancelled was behind it.
    quantity_once: no more than a trade's own quantity fills us, nor more than what a best price displays.
    """

    queue: str
    partial_fills: bool = False
    exact_stays: bool = True
    whole_only: bool = True
    nan_to_back: bool = True
    quantity_once: bool = False


class InvalidOrderStatusError(Exception):
    """A fill of an order that is filled; the engine ends the run with code 14. Says the venue's time."""

    def __init__(self, now_ns: int) -> None:
        super().__init__(now_ns)
        self.now_ns = now_ns


class Order:
    """An order at the venue. `front` is ahead of it, `traded` at its price since its level last changed."""

    __slots__ = ("front", "is_filled", "leaves", "order_id", "rank", "side", "traded")

    def __init__(self, order_id: int, side: int, rank: int, qty: float) -> None:
        self.order_id, self.side, self.rank, self.leaves = order_id, side, rank, qty
        self.front = self.traded = 0.0
        self.is_filled = False


class Book:
    """Quantities by rank and side. A best price that crosses hides the other side's levels up to it."""

    def __init__(self) -> None:
        self.qty: tuple[dict[int, float], dict[int, float]] = {}, {}
        self.best = [NO_RANK, NO_RANK]
        self._worst = [-NO_RANK, -NO_RANK]

    def clear(self) -> None:
        """Forget all levels."""
        self.__init__()  # type: ignore[misc]  # an empty book

    def set(self, side: int, rank: int, qty: float, lots: int) -> float:
        """Set a level; returns what it was."""
        levels = self.qty[side]
        before = levels.get(rank, 0.0)
        if lots:
            levels[rank] = qty
            self._worst[side] = min(self._worst[side], rank)
            if rank > self.best[side]:
                self.best[side] = rank
                if self.best[1 - side] != NO_RANK and rank >= -self.best[1 - side]:
                    self.best[1 - side] = self._below(1 - side, -rank)
        elif before:
            del levels[rank]
            if rank == self.best[side]:
                self.best[side] = self._below(side, rank)
        return before

    def _below(self, side: int, rank: int) -> int:
        """The next level behind a rank."""
        levels = self.qty[side]
        for each in range(rank - 1, self._worst[side] - 1, -1):
            if each in levels:
                return each
        return NO_RANK


def _ln(x: float) -> float:
    """ln(1 + x) as floats have it."""
    if x > -1.0:
        return math.log(1.0 + x)
    return -math.inf if x == -1.0 else math.nan


def _ratio(above: float, below: float) -> float:
    if below != 0.0:
        return above / below
    return math.nan if above == 0.0 or math.isnan(above) else math.inf


class Share:
    """The share of a decrease that was behind the order, by the name of a queue model."""

    def __init__(self, queue: str) -> None:
        name, _, power = queue.partition(":")
        self._n = float(power or 1)
        self.of = getattr(self, f"_{name}", None)  # none: risk averse
        self.nans = 0

    def _f(self, x: float) -> float:
        if x == 0.0 or math.isinf(x):
            return abs(x)
        return float(x**self._n) if x > 0.0 or self._n.is_integer() else math.nan

    def _power_prob(self, front: float, back: float) -> float:
        return _ratio(self._f(back), self._f(back) + self._f(front))

    def _power_prob_2(self, front: float, back: float) -> float:
        return _ratio(self._f(back), self._f(back + front))

    def _power_prob_3(self, front: float, back: float) -> float:
        return 1.0 - self._f(_ratio(front, front + back))

    def _log_prob(self, front: float, back: float) -> float:
        return _ratio(_ln(back), _ln(back) + _ln(front))

    def _log_prob_2(self, front: float, back: float) -> float:
        return _ratio(_ln(back), _ln(back + front))


class Venue:
    """Requests and rows of the market in, answers out: (kind, order id, side, rank, qty, leaves, time)."""

    def __init__(self, rules: Rules, lot: float) -> None:
        self.rules, self.lot = rules, lot
        self.book = Book()
        self.orders: tuple[list[Order], list[Order]] = [], []
        self.share = Share(rules.queue)
        self.answers: list[tuple[str, int, int, int, float, float, int]] = []
        self.caps = 0  # how often `quantity_once` has made a fill smaller, or would have
        self.partials = 0

    def row(self, kind: int, side: int, rank: int, qty: float, lots: int, now_ns: int) -> None:
        """One row of the market; of a trade, side and rank are those of the orders that it meets."""
        if kind == TRADE:
            if self.orders[side]:
                self._trade(side, rank, qty, now_ns)
        elif kind == CLEAR:
            self.book.clear()
        else:
            best = self.book.best[side]
            before = self.book.set(side, rank, qty, lots)
            for order in self.orders[side]:
                if order.rank == rank:
                    self._level_changed(order, before, qty)
            if self.book.best[side] > best and self.orders[1 - side]:
                self._best_improved(side, now_ns)

    def submit(self, order_id: int, side: int, rank: int, qty: float, now_ns: int) -> None:
        """A post-only order arrives."""
        opposite = self.book.best[1 - side]
        if opposite != NO_RANK and rank >= -opposite:
            self.answers.append(("rejected", order_id, side, rank, qty, qty, now_ns))
            return
        order = Order(order_id, side, rank, qty)
        order.front = self.book.qty[side].get(rank, 0.0)
        self.orders[side].append(order)
        self.orders[side].sort(key=lambda each: -each.rank)  # stable: price, then time
        self.answers.append(("accepted", order_id, side, rank, qty, qty, now_ns))

    def cancel(self, order_id: int, now_ns: int) -> None:
        """A cancel arrives."""
        for orders in self.orders:
            for order in orders:
                if order.order_id == order_id:
                    orders.remove(order)
                    self.answers.append(("canceled", order_id, order.side, order.rank, 0.0, order.leaves, now_ns))
                    return
        self.answers.append(("cancel_rejected", order_id, 0, 0, 0.0, 0.0, now_ns))

    def _level_changed(self, order: Order, before: float, qty: float) -> None:
        if self.share.of is None:
            order.front = min(order.front, qty)
            return
        change = before - qty - order.traded
        order.traded = 0.0
        if change >= 0.0:
            back = before - order.front
            share = self.share.of(order.front, back)
            if math.isnan(share):
                self.share.nans += 1
                if self.rules.nan_to_back:
                    order.front = qty
                    return
                share = 1.0
            share = 1.0 if math.isinf(share) else share
            order.front += min(back - share * change, 0.0) - (1.0 - share) * change
        order.front = min(order.front, qty)

    def _best_improved(self, side: int, now_ns: int) -> None:
        reached = -self.book.best[side]
        left = self.book.qty[side][self.book.best[side]] if self.rules.partial_fills else math.inf
        for order in [each for each in self.orders[1 - side] if each.rank >= reached]:
            left -= self._fill(order, order.leaves, left, now_ns, may_stay=False)

    def _trade(self, side: int, rank: int, qty: float, now_ns: int) -> None:
        left = qty
        for order in [each for each in self.orders[side] if each.rank >= rank]:
            wanted = order.leaves
            if order.rank == rank:
                used = max(left, 0.0) if self.rules.quantity_once else qty
                order.front -= used
                order.traded += used
                wanted = self._executable(order)
                if wanted == 0.0:
                    continue
            left -= self._fill(order, wanted, left, now_ns, may_stay=order.rank == rank)

    def _executable(self, order: Order) -> float:
        """What trades have taken beyond the queue ahead: whole lots; without partial fills all that is open."""
        lots = math.floor(-order.front / self.lot + 0.5)
        if lots <= 0:
            return 0.0
        order.front = 0.0
        return lots * self.lot if self.rules.partial_fills or order.is_filled else order.leaves

    def _fill(self, order: Order, wanted: float, left: float, now_ns: int, *, may_stay: bool) -> float:
        """Fill what is wanted and open, or what is `left` of the quantity that causes it; returns what was filled."""
        if order.is_filled:
            raise InvalidOrderStatusError(now_ns)
        least = min(wanted, order.leaves) if self.rules.partial_fills else self.lot
        if left < least - self.lot / 2:
            self.caps += 1
            if self.rules.quantity_once:
                wanted = left
        if wanted < self.lot / 2:
            return 0.0
        stays = may_stay and self.rules.partial_fills and self.rules.exact_stays and wanted <= order.leaves
        filled = min(wanted, order.leaves)
        order.leaves -= filled
        order.is_filled = round(order.leaves / self.lot) <= 0
        self.partials += not order.is_filled
        if order.is_filled and not stays:
            self.orders[order.side].remove(order)
        leaves = 0.0 if order.is_filled else order.leaves
        self.answers.append(("filled", order.order_id, order.side, order.rank, filled, leaves, now_ns))
        return filled


def prepared(columns: Any, tick: float, lot: float) -> list[tuple[int, int, int, float, int, int, int]]:
    """Neutral columns as rows of (kind, side, rank, qty, lots, exch_ns, local_ns); a trade's side is whom it meets."""
    rows = []
    names = ("kind", "side", "price", "qty", "exch_ts_ns", "local_ts_ns")
    for kind, sign, price, qty, exch_ns, local_ns in zip(*(columns[name].tolist() for name in names), strict=True):
        side = int(sign > 0) if kind == TRADE else int(sign < 0)
        ticks = round(price / tick)
        rows.append((kind, side, -ticks if side else ticks, qty, round(qty / lot), exch_ns, local_ns))
    return rows
