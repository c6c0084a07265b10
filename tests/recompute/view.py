"""The book that decisions see: the touch of the depth (or of the venue's own top) and how far the book is proven."""

from typing import NamedTuple

from tests.recompute.book import Book, rank_of
from tests.recompute.feed import STALE, VALID, Root
from tests.recompute.frames import Top

GAP = 3
Touch = tuple[int, int, int, int]


class Seen(NamedTuple):
    """A Book: its time, its state, and (bid ticks, bid lots, ask ticks, ask lots)."""

    local_ns: int
    state: int
    touch: Touch

    def mid_half(self) -> int:
        """Best bid + best ask of a proven book, else 0."""
        bid_ticks, bid_lots, ask_ticks, ask_lots = self.touch
        return bid_ticks + ask_ticks if self.state == VALID and bid_lots and ask_lots else 0


class View:
    """A Book at every Tick; with `decide_on` touch or top also where that changed."""

    def __init__(self, decide_on: str, stale_ns: int) -> None:
        self._decide_on, self._stale_ns = decide_on, stale_ns or 1 << 62
        self._book = Book()
        self._touch: Touch = (0, 0, 0, 0)
        self._state = self._low_ticks = self._high_ticks = 0
        self._depth_local_ns = 0
        self._depth_id = self._top_id = 0
        self._is_ahead = False  # the touch is the venue's own top, newer than the depth

    def on_root(self, root: Root) -> list[Seen]:
        """The Books that follow a root: one or none."""
        match root.kind:
            case "Tick":
                return [self._seen(root.local_ns)]
            case "FeedStatus":
                self._state, self._low_ticks, self._high_ticks = root.body
            case "BookSnapshot" | "BookDelta":
                if self._depth(root) and self._decide_on != "tick":
                    return [self._seen(root.local_ns)]
            case "BookTop":
                if self._decide_on == "top" and self._top(root.body):
                    return [self._seen(root.local_ns)]
            case _:
                pass
        return []

    def _depth(self, root: Root) -> bool:
        """Take depth in; True if its touch may have changed."""
        self._depth_local_ns, self._depth_id = root.local_ns, root.body.update_id
        is_touched = root.kind == "BookSnapshot"
        if is_touched:
            self._book.clear()
        for side in (0, 1):
            for ticks, lots in root.body.sides[side]:
                rank = rank_of(side, ticks)
                is_touched |= rank >= self._book.best[side]
                self._book.set(side, rank, lots)
        was_ahead, self._is_ahead = self._is_ahead, self._is_ahead and self._depth_id < self._top_id
        if not self._is_ahead:
            self._touch = self._book.touch()
        return is_touched or was_ahead != self._is_ahead

    def _top(self, top: Top) -> bool:
        if top.update_id <= max(self._depth_id, self._top_id):
            return False
        self._top_id, self._is_ahead = top.update_id, True
        self._touch = (*top.best[0], *top.best[1])
        return True

    def _seen(self, local_ns: int) -> Seen:
        state, (bid_ticks, bid_lots, ask_ticks, ask_lots) = self._state, self._touch
        if state == VALID:
            is_low = bid_lots > 0 and bid_ticks < self._low_ticks
            if local_ns - self._depth_local_ns > self._stale_ns:
                state = STALE
            elif is_low or (ask_lots > 0 and 0 < self._high_ticks < ask_ticks):
                state = GAP
        return Seen(local_ns, state, self._touch)
