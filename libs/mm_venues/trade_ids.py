"""Which trades are repeated, late, or the first of a sequence that began again. Pure."""

from collections import deque

from mm_core.events import Trade

REMEMBERED = 65_536

_Content = tuple[int, int, int]


class TradeIds:
    """The trade ids of one feed in order of arrival.

    A trade is repeated if one of the same id, time, price and quantity came before. An id below the highest that
    nobody has seen is late. Two of those in sequence, the second newer than all before, or a known id with another
    content: the ids began again, or the highest was a spike, and the sequence goes on from there.
    """

    def __init__(self) -> None:
        self.gaps = self.repeated = self.restarts = 0
        self.late = 0  # trades that are late by id or by time
        self._seen: dict[int, _Content] = {}
        self._order: deque[int] = deque()
        self._last_id = -1  # of the sequence
        self._last_ns = 0
        self._candidate_id = -1  # of a sequence that may have begun again
        self._candidate_late = 0

    def is_new(self, trade: Trade, venue_ns: int, depth_ns: int) -> bool:
        """Count a trade; False if it is repeated.

        `venue_ns` is its time as the venue gave it, `depth_ns` the highest depth time so far.
        """
        content = venue_ns, trade.price_ticks, trade.qty_lots
        known = self._seen.get(trade.trade_id)
        if known == content:
            self.repeated += 1
            return False
        self._place(trade, is_known=known is not None, is_late=trade.ts_ns < depth_ns)
        self._remember(trade.trade_id, content)
        return True

    def disconnected(self) -> None:
        """The sequence has a hole here that is no gap; what was seen stays known."""
        self._last_id = self._candidate_id = -1
        self._last_ns = 0

    def _place(self, trade: Trade, *, is_known: bool, is_late: bool) -> None:
        trade_id = trade.trade_id
        if trade_id > self._last_id:
            self.gaps += 0 <= self._last_id < trade_id - 1 and trade_id - 1 not in self._seen
            self._go_on(trade, is_late)
        elif is_known or (0 <= self._candidate_id == trade_id - 1 and trade.ts_ns > self._last_ns):
            self.restarts += 1
            self.late -= self._candidate_late if not is_known else 0
            self._go_on(trade, is_late)
        else:
            self.late += 1
            self._candidate_id = trade_id if trade.ts_ns >= self._last_ns else -1
            self._candidate_late = not is_late

    def _go_on(self, trade: Trade, is_late: bool) -> None:
        self.late += is_late
        self._last_id, self._last_ns = trade.trade_id, trade.ts_ns
        self._candidate_id = -1

    def _remember(self, trade_id: int, content: _Content) -> None:
        if trade_id not in self._seen:
            self._order.append(trade_id)
        self._seen[trade_id] = content
        if len(self._order) > REMEMBERED:
            del self._seen[self._order.popleft()]
