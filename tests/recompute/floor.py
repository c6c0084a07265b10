"""What the market does to resting orders: the venue's finest book, crossing, queues, prints and partial fills."""

from collections.abc import Callable

from tests.recompute.book import NONE, Book, rank_of
from tests.recompute.frames import Levels
from tests.recompute.queue import Place

TAKEN_MAX = 16  # levels a side
PLENTY = 1 << 62

Sides = tuple[Levels, Levels]
# (order, lots, leaves, time): an order is filled as maker, at its own price
Report = Callable[["Order", int, int], None]


class Order:
    """A resting order; it feels nothing that is older than `accepted_ns`."""

    def __init__(self, order_id: int, side: int, price_ticks: int, leaves_lots: int, place: Place, ts_ns: int) -> None:
        self.order_id, self.side, self.price_ticks = order_id, side, price_ticks
        self.rank = rank_of(side, price_ticks)
        self.leaves_lots = leaves_lots
        self.place = place
        self.accepted_ns = ts_ns


class Floor:
    """Book and resting orders of the venue; `report` is called with each fill."""

    def __init__(self, report: Report, *, is_partial: bool, has_top: bool) -> None:
        self.book = Book()
        self._by_depth = Book()  # of depth alone
        self._shown: tuple[dict[int, None], dict[int, None]] = ({}, {})  # ranks that differ from depth
        self.orders: tuple[list[Order], list[Order]] = ([], [])  # by price, then time
        self._report = report
        self._is_partial, self._has_top = is_partial, has_top
        self._taken: tuple[dict[int, int], dict[int, int]] = ({}, {})  # lots of a displayed level that we used
        self._depth_ns = self._book_ns = 0  # of the newest depth, of the newest depth or top
        self._depth_id = self._top_id = 0
        self._top: Sides | None = None  # the last one that was newer than the depth; a side of no lots is empty

    def add(self, order: Order) -> None:
        """An order joins, behind all of its price."""
        self.orders[order.side].append(order)
        self.orders[order.side].sort(key=lambda each: -each.rank)  # stable

    def depth(self, update_id: int, sides: Sides, ts_ns: int, *, is_snapshot: bool) -> None:
        """Each level in its order; what is older than the top leaves alone what is as good as the top or better.

        After any other each level is that of depth.
        """
        is_behind = self._top is not None and update_id < self._top_id
        self._depth_id = update_id
        if is_snapshot:
            self.book.clear()
            self._by_depth.clear()
        for side in (0, 1):
            for ticks, lots in sides[side]:
                self._level(side, rank_of(side, ticks), lots, ts_ns, is_behind=is_behind)
        if sides[0] or sides[1]:
            self._depth_ns, self._book_ns = max(self._depth_ns, ts_ns), max(self._book_ns, ts_ns)
        if not is_behind:
            self._back_to_depth(ts_ns)
        elif is_snapshot:
            self._put_top(ts_ns)

    def _level(self, side: int, rank: int, lots: int, ts_ns: int, *, is_behind: bool) -> None:
        self._by_depth.set(side, rank, lots)
        is_news = not is_behind or rank < self._top_rank(side)
        if not is_news:
            self._shown[side][rank] = None
        is_better = is_news and self._show(side, rank, lots)
        self._move_queues(side, rank, lots, ts_ns)
        if is_better:
            self._reach(side, ts_ns)

    def top(self, update_id: int, best: tuple[tuple[int, int], tuple[int, int]], ts_ns: int) -> None:
        """The venue's own top, if it is newer than what is known."""
        if update_id > max(self._depth_id, self._top_id) and self._has_top:
            self._top_id = update_id
            self._top = ([best[0]], [best[1]])
            self._put_top(ts_ns)

    def trade(self, taker: int, price_ticks: int, lots: int, ts_ns: int) -> None:
        """A print fills what it went through, then at its price whose queue is used up; no lot of it twice.

        A print older than the depth is in that depth already: it moves no queue.
        """
        side = 1 - taker
        rank = rank_of(side, price_ticks)
        left = lots
        for order in [each for each in self.orders[side] if each.rank >= rank and each.accepted_ns <= ts_ns]:
            fill_lots = min(order.leaves_lots, left) if self._is_partial else order.leaves_lots
            if order.rank == rank:
                if ts_ns < self._depth_ns:
                    break
                order.place.trade(left)
                fill_lots = self._reached(order, fill_lots)
            if fill_lots and left:
                left -= min(left, self._fill(order, fill_lots, ts_ns))
        if self._top is not None and ts_ns > self._book_ns:
            self._clear_better(side, rank, ts_ns)

    def unused(self, side: int, rank: int) -> int:
        """Displayed lots of a level that no order of ours has used."""
        return self.book.lots[side].get(rank, 0) - self._taken[side].get(rank, 0)

    def use(self, side: int, rank: int, lots: int) -> None:
        """Our orders took displayed lots."""
        taken = self._taken[side]
        if rank not in taken and len(taken) == TAKEN_MAX:
            del taken[next(iter(taken))]
        taken[rank] = taken.get(rank, 0) + lots

    def _reached(self, order: Order, fill_lots: int) -> int:
        beyond = order.place.reached_lots()
        if not beyond or not self._is_partial:
            return fill_lots if beyond else 0
        order.place.ahead = 0.0
        return min(fill_lots, beyond)

    def _fill(self, order: Order, lots: int, ts_ns: int) -> int:
        lots = min(lots, order.leaves_lots)
        order.leaves_lots -= lots
        if not order.leaves_lots:
            self.orders[order.side].remove(order)
        self._report(order, lots, ts_ns)
        return lots

    def _show(self, side: int, rank: int, lots: int) -> bool:
        """Put a level; another quantity is all unused. True if it is the new best of its side."""
        before = self.book.best[side]
        if self.book.set(side, rank, lots) != lots:
            self._taken[side].pop(rank, None)
        return self.book.best[side] > before

    def _move_queues(self, side: int, rank: int, lots: int, ts_ns: int) -> None:
        for order in self.orders[side]:
            if order.rank == rank and order.accepted_ns <= ts_ns:
                order.place.depth(lots)

    def _reach(self, side: int, ts_ns: int) -> None:
        """A better best price fills what it reaches on the other side, with what is displayed and unused."""
        best = self.book.best[side]
        left = unused = self.unused(side, best) if self._is_partial else PLENTY
        for order in [each for each in self.orders[1 - side] if each.rank >= -best and each.accepted_ns <= ts_ns]:
            if left > 0:
                left -= self._fill(order, left, ts_ns)
        if self._is_partial and left < unused:
            self.use(side, best, unused - left)

    def _top_rank(self, side: int) -> int:
        assert self._top is not None
        ticks, lots = self._top[side][0]
        return rank_of(side, ticks) if lots else PLENTY

    def _put_top(self, ts_ns: int) -> None:
        """What is better than the top is removed; then the top is set. Neither moves a queue."""
        self._book_ns = max(self._book_ns, ts_ns)
        for side in (0, 1):
            self._clear_better(side, self._top_rank(side), ts_ns)
        assert self._top is not None
        for side in (0, 1):
            ticks, lots = self._top[side][0]
            if lots:
                self._shown[side][rank_of(side, ticks)] = None
                if self._show(side, rank_of(side, ticks), lots):
                    self._reach(side, ts_ns)

    def _clear_better(self, side: int, rank: int, ts_ns: int) -> None:
        while self.book.best[side] > rank and self.book.best[side] != NONE:
            self._shown[side][self.book.best[side]] = None
            if self._show(side, self.book.best[side], 0):
                self._reach(side, ts_ns)

    def _back_to_depth(self, ts_ns: int) -> None:
        for side in (0, 1):
            for rank in self._shown[side]:
                if self._show(side, rank, self._by_depth.lots[side].get(rank, 0)):
                    self._reach(side, ts_ns)
            self._shown[side].clear()
