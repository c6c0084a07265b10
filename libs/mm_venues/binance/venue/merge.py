"""Diffs of 100 ms to those of a second: what `<symbol>@depth` without a speed sends. Pure."""

import msgspec

from mm_core.types import NS_PER_S
from mm_venues.binance import wire


class SecondDiffs:
    """Collects diffs; the latest quantity of each price counts."""

    def __init__(self) -> None:
        self._diffs: list[wire.Depth] = []
        self._begin_ns = 0

    def add(self, recv_ns: int, diff: wire.Depth) -> None:
        """Take the next diff of the stream."""
        if not self._diffs:
            self._begin_ns = recv_ns
        self._diffs.append(diff)

    def is_due(self, now_ns: int) -> bool:
        """True when what was collected is a second old."""
        return bool(self._diffs) and now_ns - self._begin_ns >= NS_PER_S

    def take(self) -> bytes | None:
        """The payload of what was collected since the last one; None if that is nothing."""
        if not self._diffs:
            return None
        first, last = self._diffs[0], self._diffs[-1]
        bids = {price: quantity for diff in self._diffs for price, quantity in diff.bids}
        asks = {price: quantity for diff in self._diffs for price, quantity in diff.asks}
        self._diffs = []
        return msgspec.json.encode(
            {
                "e": "depthUpdate",
                "E": last.event_time,
                "s": last.symbol,
                "U": first.first_update_id,
                "u": last.update_id,
                "b": list(bids.items()),
                "a": list(asks.items()),
            }
        )
