"""The venue's own book, in the venue's own text: prices and quantities stay the text that came. Pure."""

from decimal import Decimal

import msgspec

from mm_venues.binance import wire

Levels = list[tuple[str, str]]
# A recording whose snapshot does not come would fill the memory.
WAITING_MAX = 10_000


class TextBook:
    """A book that is known from the first snapshot on, until a hole in the update ids voids it.

    Diffs in front of a snapshot wait for it, as at any client.
    """

    def __init__(self) -> None:
        self.update_id = -1
        self.is_known = False
        self._sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._waiting: list[wire.Depth] = []

    def replace(self, snapshot: wire.DepthSnapshot) -> None:
        """Take a recorded snapshot; one that is too old for the diffs around it changes nothing."""
        if self.is_known and snapshot.update_id <= self.update_id:
            return
        following = [diff for diff in self._waiting if diff.update_id > snapshot.update_id]
        if following and following[0].first_update_id > snapshot.update_id + 1:
            return
        self._sides = (dict(snapshot.bids), dict(snapshot.asks))
        self.update_id, self.is_known = snapshot.update_id, True
        self._waiting = []
        for diff in following:
            self._set(diff)

    def apply(self, diff: wire.Depth) -> None:
        """Take the next diff of the stream."""
        if not self.is_known:
            if self._waiting and diff.first_update_id > self._waiting[-1].update_id + 1:
                self._waiting.clear()
            self._waiting = [*self._waiting[-WAITING_MAX:], diff]
        elif diff.first_update_id > self.update_id + 1:
            self.is_known = False
            self._waiting = [diff]
        elif diff.update_id > self.update_id:
            self._set(diff)

    def _set(self, diff: wire.Depth) -> None:
        for side, levels in zip(self._sides, (diff.bids, diff.asks), strict=True):
            for price, quantity in levels:
                if quantity.strip("0."):
                    side[price] = quantity
                else:
                    side.pop(price, None)
        self.update_id = diff.update_id

    def snapshot(self, limit: int) -> bytes:
        """The body of a REST snapshot of at most `limit` levels a side."""
        bids, asks = (
            sorted(side.items(), key=lambda level: Decimal(level[0]), reverse=is_bid)[:limit]
            for side, is_bid in zip(self._sides, (True, False), strict=True)
        )
        return snapshot_body(self.update_id, bids, asks)


def snapshot_body(update_id: int, bids: Levels, asks: Levels) -> bytes:
    """A REST snapshot as the venue writes it."""
    return msgspec.json.encode({"lastUpdateId": update_id, "bids": bids, "asks": asks})
