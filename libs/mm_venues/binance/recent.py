"""The last diffs of a proven book, and a snapshot of the venue brought up to them. Pure."""

from collections import deque
from collections.abc import Sequence

import msgspec

from mm_core.events import BookDelta, BookSnapshot

# 25 s of depth@100ms; a snapshot takes a second or two.
RECENT_DIFFS = 256


class Recent:
    """The diffs that were applied last, in order, without a hole."""

    def __init__(self) -> None:
        self._diffs: deque[BookDelta] = deque(maxlen=RECENT_DIFFS)

    def add(self, diffs: Sequence[BookDelta]) -> None:
        """The next applied diffs."""
        self._diffs.extend(diffs)

    def clear(self) -> None:
        """The book is void."""
        self._diffs.clear()

    def merged(self, snapshot: BookSnapshot) -> BookSnapshot | None:
        """The snapshot with every diff behind it, at the id and the time of the last one; None if one is missing."""
        later = [diff for diff in self._diffs if diff.update_id > snapshot.update_id]
        if not self._diffs or (later and later[0].first_update_id > snapshot.update_id + 1):
            return None
        if not later and self._diffs[-1].update_id != snapshot.update_id:
            return None
        last = self._diffs[-1]
        steps: list[BookSnapshot | BookDelta] = [snapshot, *later]
        bids = _levels([(step.bid_ticks, step.bid_lots) for step in steps])
        asks = _levels([(step.ask_ticks, step.ask_lots) for step in steps])
        return msgspec.structs.replace(
            snapshot,
            update_id=last.update_id,
            ts_ns=last.ts_ns,
            recv_ns=max(snapshot.recv_ns, last.recv_ns),
            bid_ticks=tuple(reversed(bids)),
            bid_lots=tuple(reversed(bids.values())),
            ask_ticks=tuple(asks),
            ask_lots=tuple(asks.values()),
        )


def _levels(steps: Sequence[tuple[Sequence[int], Sequence[int]]]) -> dict[int, int]:
    """The levels with lots after all steps, from the lowest price."""
    levels: dict[int, int] = {}
    for ticks, lots in steps:
        levels.update(zip(ticks, lots, strict=True))
    return {ticks: levels[ticks] for ticks in sorted(levels) if levels[ticks]}
