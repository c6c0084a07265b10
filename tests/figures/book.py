"""The venue's book, clock and mids once more: plain Python, dicts of levels, the rules of docs/figures.md."""

from collections.abc import Sequence
from typing import Any

from mm_core import events as e

NONE, ALL = -(1 << 62), (1 << 62, 0)  # ranks: a bid's is its price, an ask's the negative; better is larger


class Venue:
    """Takes the market data of a log. `mids` are in half-ticks; `times`: from which exchange time each holds."""

    def __init__(self, uses_top: bool) -> None:
        self.times, self.mids, self.market_ns = [0], [0], 0
        self._levels: list[dict[int, int]] = [{}, {}]
        self._best, self._top, self._uses_top, self._has_top = [NONE, NONE], [ALL, ALL], uses_top, False
        self._epoch = self._book_id = self._top_id = self._book_ns = self._delay_ns = self._dated_ns = 0

    def take(self, root: Any) -> None:
        """Take the next root."""
        ts_ns, delay_ns = root.ts_ns, self._delay_ns + (root.local_ns - self._dated_ns) // 10_000
        if isinstance(root, e.BookDelta | e.Trade):
            own_ns = root.local_ns - ts_ns
            self._delay_ns, self._dated_ns = min(own_ns, delay_ns) if self._dated_ns else own_ns, root.local_ns
        match root:
            case e.FeedStatus() if root.epoch != self._epoch:
                self._epoch, self._book_id, self._top_id = root.epoch, 0, 0
            case e.BookDelta() | e.BookSnapshot():
                self._depth(root)
            case e.BookTop():
                ts_ns = root.local_ns - delay_ns if self._dated_ns else ts_ns
                self._new_top(root, ts_ns)
            case e.Trade() if self._has_top and ts_ns > self._book_ns:
                self._clear_better(1 - root.side, root.price_ticks if root.side else -root.price_ticks)
        self.market_ns = max(self.market_ns, ts_ns)
        if NONE not in self._best and self._best[0] - self._best[1] != self.mids[-1]:
            self.times.append(self.market_ns)
            self.mids.append(self._best[0] - self._best[1])

    def _depth(self, root: Any) -> None:
        self._book_id, is_behind = root.update_id, self._uses_top and root.update_id < self._top_id
        if isinstance(root, e.BookSnapshot):
            self._levels, self._best = [{}, {}], [NONE, NONE]
        self._set_levels(0, root.bid_ticks, root.bid_lots, is_behind)
        self._set_levels(1, [-ticks for ticks in root.ask_ticks], root.ask_lots, is_behind)
        if root.bid_ticks or root.ask_ticks:
            self._book_ns = max(self._book_ns, root.ts_ns)
        if isinstance(root, e.BookSnapshot) and is_behind:
            self._put_top(root.ts_ns)

    def _set_levels(self, side: int, ranks: Sequence[int], lots: Sequence[int], is_behind: bool) -> None:
        for rank, each in zip(ranks, lots, strict=True):
            if not is_behind or rank < self._top[side][0]:
                self._set(side, rank, each)

    def _new_top(self, root: Any, ts_ns: int) -> None:
        if root.update_id > max(self._book_id, self._top_id):
            self._top_id = root.update_id
            sides = (root.bid_ticks, root.bid_lots), (-root.ask_ticks, root.ask_lots)
            self._top = [side if side[1] else ALL for side in sides]
            if self._uses_top:
                self._put_top(ts_ns)

    def _put_top(self, ts_ns: int) -> None:
        self._has_top, self._book_ns = True, max(self._book_ns, ts_ns)
        for side in (0, 1):
            self._clear_better(side, self._top[side][0])
        for side in (0, 1):
            if self._top[side][1]:
                self._set(side, *self._top[side])

    def _clear_better(self, side: int, rank: int) -> None:
        while self._best[side] > rank:
            self._set(side, self._best[side], 0)

    def _set(self, side: int, rank: int, lots: int) -> None:
        self._levels[side].pop(rank, None)
        if lots:
            self._levels[side][rank] = lots
            if rank > self._best[side]:
                self._best[side] = rank
                if self._best[1 - side] >= -rank:
                    self._best[1 - side] = self._below(1 - side, -rank)
        elif rank == self._best[side]:
            self._best[side] = self._below(side, rank)

    def _below(self, side: int, rank: int) -> int:
        return max((each for each in self._levels[side] if each < rank), default=NONE)
