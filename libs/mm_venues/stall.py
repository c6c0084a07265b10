"""A depth stream that stands still while the market goes on. Pure.

A trade takes from the book, so a depth event follows it: within 0.11 s on BTCUSDT (6,495 depth events, 19,904 trades),
within 1.25 s on NEXOUSDT (68,182 depth events of a day), and within 0.36 s where it printed through the touch. A quiet
market, without trades, is no stall, and a depth event that comes at last proves by its ids that nothing was missed.
"""

from mm_core.types import NS_PER_S

THROUGH_NS = NS_PER_S  # after a trade through the touch
TRADE_NS = 5 * NS_PER_S  # after any trade


class Stall:
    """Ask `reason` with every frame that is no depth event."""

    def __init__(self) -> None:
        self._trade_ns = self._through_ns = 0  # when the first one since the last depth event came; 0: none

    @property
    def is_watched(self) -> bool:
        """True while a trade waits for its depth event."""
        return self._trade_ns > 0

    def clear(self) -> None:
        """A depth event came, or the book is void."""
        self._trade_ns = self._through_ns = 0

    def trade(self, recv_ns: int, *, is_through: bool) -> None:
        """A trade on a proven book came, better for the maker than the touch or not."""
        self._trade_ns = self._trade_ns or recv_ns
        if is_through:
            self._through_ns = self._through_ns or recv_ns

    def reason(self, recv_ns: int) -> str:
        """Why the depth stream is taken as stalled at this receive time; empty while it is not."""
        if self._through_ns and recv_ns - self._through_ns > THROUGH_NS:
            return f"depth stalled: none in {_seconds(recv_ns - self._through_ns)} s after a trade through the touch"
        if self._trade_ns and recv_ns - self._trade_ns > TRADE_NS:
            return f"depth stalled: none in {_seconds(recv_ns - self._trade_ns)} s after a trade"
        return ""


def _seconds(time_ns: int) -> str:
    return f"{time_ns / NS_PER_S:.1f}"
