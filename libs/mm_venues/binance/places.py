"""What the sync machine works with: phases, where a diff lies, what it counts, and diffs whose ids began again."""

from enum import IntEnum
from typing import Protocol

import msgspec

from mm_core.events import BookDelta, BookSnapshot, FeedStatus
from mm_venues.complete import Window

BookFact = FeedStatus | BookSnapshot | BookDelta

RESTART_DIFFS = 3


class Phase(IntEnum):
    """What the machine has: no snapshot, an unconfirmed one, or a proven book."""

    WAITING = 0
    HOLDING = 1
    VALID = 2


class Place(IntEnum):
    """Where a diff lies against the id of the book."""

    OLD = 0
    DUPLICATE = 1
    NEXT = 2
    AHEAD = 3


def place(diff: BookDelta, book_id: int) -> Place:
    """Where its ids lie: by `u`, and by `U` where it is newer."""
    if diff.update_id <= book_id:
        return Place.DUPLICATE if diff.update_id == book_id else Place.OLD
    return Place.AHEAD if diff.first_update_id > book_id + 1 else Place.NEXT


class SyncCounts(msgspec.Struct):
    """What became of the diffs: received = applied + dropped + those that wait.

    Dropped, by reason in `dropped`: `old` or `duplicate` against the book (`depth_duplicates`), voided by a `gap`, a
    lost connection (`disconnected`) or ids that began again (`restart`), or more than the buffer holds (`overflow`).
    `gaps` are holes in the sequence of update ids, `disconnects` lost connections.
    """

    depth_received: int = 0
    depth_dropped: int = 0
    depth_applied: int = 0
    depth_duplicates: int = 0
    gaps: int = 0
    snapshots: int = 0
    snapshots_refused: int = 0
    disconnects: int = 0
    id_restarts: int = 0
    dropped: dict[str, int] = {}

    def drop(self, reason: str, count: int = 1) -> None:
        """Count diffs that are not used."""
        if count:
            self.depth_dropped += count
            self.dropped[reason] = self.dropped.get(reason, 0) + count


class Prover(Protocol):
    """Whoever rebuilds the book and knows what speaks against it; see `mm_venues.proof`."""

    @property
    def window(self) -> Window:
        """Where the book is known to be complete."""
        ...

    @property
    def needs_renewal(self) -> bool:
        """True while the touch is close to the end of the window."""
        ...

    def begin(self, snapshot: BookSnapshot, following: list[BookDelta]) -> str:
        """Rebuild the book; what speaks against it, empty if nothing does."""
        ...

    def step(self, diff: BookDelta) -> str:
        """Take a diff into the book; what speaks against it then."""
        ...

    def renew(self, snapshot: BookSnapshot, merged: BookSnapshot) -> str:
        """Put a snapshot in the book's place, `merged` with the diffs behind it; what speaks against either."""
        ...

    def clear(self) -> None:
        """The book is void."""
        ...

    def restart(self) -> None:
        """The book is void, and update ids begin anew."""
        ...


class Run:
    """Diffs in sequence that are older than the stream by id and newer by time: they wait here for what they are.

    `last_id` is the highest id of the stream, -1 before any.
    """

    def __init__(self) -> None:
        self.last_id = -1
        self._last_ns = 0
        self._diffs: list[BookDelta] = []

    @property
    def is_complete(self) -> bool:
        """True once there are enough of them."""
        return len(self._diffs) >= RESTART_DIFFS

    @property
    def first_id(self) -> int:
        """The first id of the first of them."""
        return self._diffs[0].first_update_id

    def takes(self, diff: BookDelta) -> bool:
        """Hold a diff if it is the next one of such a run, or the first."""
        is_newer_by_time_only = diff.update_id <= self.last_id and diff.ts_ns > self._last_ns
        follows = not self._diffs or diff.first_update_id == self._diffs[-1].update_id + 1
        if is_newer_by_time_only and follows:
            self._diffs.append(diff)
            return True
        return False

    def broken(self) -> list[BookDelta]:
        """Give back what waits: another diff came first."""
        diffs, self._diffs = self._diffs, []
        return diffs

    def last(self, diff: BookDelta) -> None:
        """A diff of the stream as it was."""
        if diff.update_id > self.last_id:
            self.last_id, self._last_ns = diff.update_id, diff.ts_ns

    def restart(self) -> list[BookDelta]:
        """The ids began again with these."""
        diffs = self.broken()
        self.last_id = -1
        self.last(diffs[-1])
        return diffs
