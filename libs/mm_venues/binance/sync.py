"""Diffs and snapshots of a Binance book to a proven sequence of root events. Pure.

Rules:
1. Everything that decides whether the book is proven lives here; nothing here knows frames, sockets, clocks or books.
2. Input comes in order of arrival; output is what to append to the log, in order. Nothing is said before the first
   diff, because no exchange time is known before it.
3. A diff is placed by its ids U..u against the book's id (the snapshot's L, later the last applied u):
   OLD u < id, DUPLICATE u == id, NEXT U <= id + 1 <= u, AHEAD U > id + 1. An overlapping diff (U <= id < u) is NEXT and
   is applied in full: its quantities are absolute. U == L + 1 is as good as U <= L.
4. A snapshot is held until a diff confirms it, and is said together with that diff and VALID. One whose id is too low
   for the first buffered diff proves nothing and is refused: `wants_snapshot` stays true.
5. After a gap the book is void: GAP, then SYNCING in a new epoch. Diffs are buffered again; a hole among them voids
   those before it.
6. A snapshot that comes while VALID was not asked for. One that is ahead of the book is kept in case a gap follows (a
   recorder that reconnects may write it before the first diff of the new connection); others are refused.
7. A lost connection voids everything at once, also what waits: what the venue said meanwhile is not known until ids
   prove it. GAP unless no snapshot was there, then SYNCING in a new epoch. The hole in the ids that follows is the
   same loss: counted as a disconnect, not as a gap.

| phase | input | then | says |
|---|---|---|---|
| WAITING | diff | WAITING, buffered | |
| WAITING | snapshot, no diff after it buffered | HOLDING | |
| WAITING | snapshot and diffs that follow it | VALID | BookSnapshot, BookDelta .., VALID |
| HOLDING | NEXT | VALID | BookSnapshot, BookDelta, VALID |
| HOLDING | AHEAD | WAITING, snapshot refused | |
| VALID | NEXT | VALID | BookDelta |
| VALID | AHEAD | WAITING (or HOLDING, rule 6) in the next epoch | GAP, SYNCING |
| HOLDING, VALID | OLD, DUPLICATE | unchanged, dropped | |
| WAITING | connection lost | WAITING in the next epoch | SYNCING |
| HOLDING, VALID | connection lost | WAITING in the next epoch | GAP, SYNCING |
"""

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import ClassVar

import msgspec

from mm_core.events import BookDelta, BookSnapshot, FeedStatus
from mm_core.types import INT64_MAX, BookState

BookFact = FeedStatus | BookSnapshot | BookDelta

# 10,000 diffs are 1,000 s of depth@100ms: far more than a snapshot ever takes.
BUFFERED_DIFFS_MAX = 10_000


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
    """Rule 3."""
    if diff.update_id <= book_id:
        return Place.DUPLICATE if diff.update_id == book_id else Place.OLD
    return Place.AHEAD if diff.first_update_id > book_id + 1 else Place.NEXT


class SyncCounts(msgspec.Struct):
    """What became of the diffs: received = applied + dropped + those still buffered.

    Dropped are diffs that are older than the book, repeated (`depth_duplicates`), or voided by a gap or a lost
    connection. `gaps` are holes in the sequence of update ids, `disconnects` lost connections.
    """

    depth_received: int = 0
    depth_dropped: int = 0
    depth_applied: int = 0
    depth_duplicates: int = 0
    gaps: int = 0
    snapshots: int = 0
    snapshots_refused: int = 0
    disconnects: int = 0


class Sync:
    """The machine for one instrument. `depth_ns` is the last E of the depth feed, 0 before any."""

    def __init__(self, instrument_id: str) -> None:
        self.counts = SyncCounts()
        self.depth_ns = 0
        self.epoch = 0
        self._instrument_id = instrument_id
        self._phase = Phase.WAITING
        self._held: BookSnapshot | None = None
        self._buffer: deque[BookDelta] = deque()
        self._last_id = -1  # u of the last diff of the stream, whether applied or not
        self._book_id = 0

    @property
    def wants_snapshot(self) -> bool:
        """True while a snapshot should be fetched, paced by the caller, once the first diff is there."""
        return self._phase is Phase.WAITING

    @property
    def is_valid(self) -> bool:
        """True while the book is proven."""
        return self._phase is Phase.VALID

    def on_diff(self, diff: BookDelta) -> list[BookFact]:
        """Take the next diff of the stream."""
        self.counts.depth_received += 1
        self.depth_ns = diff.ts_ns
        said = [] if self.epoch else [self._next_epoch(diff.recv_ns, "start")]
        # A hole while no book is proven is a loss too, though there is no book to void.
        if self._phase is not Phase.VALID and 0 <= self._last_id < diff.first_update_id - 1:
            self.counts.gaps += 1
            self._drop_buffer()
        self._last_id = max(self._last_id, diff.update_id)
        return said + self._step(diff)

    def on_snapshot(self, snapshot: BookSnapshot) -> list[BookFact]:
        """Take a snapshot of the book, whose ts_ns is the depth feed's last E or 0."""
        self.counts.snapshots += 1
        if not self._is_usable(snapshot):
            self.counts.snapshots_refused += 1
            return []
        self._held = snapshot
        if self._phase is Phase.VALID:
            return []
        self._phase, self._book_id = Phase.HOLDING, snapshot.update_id
        while self._buffer and self._buffer[0].update_id <= snapshot.update_id:
            self._buffer.popleft()
            self.counts.depth_dropped += 1
        if not self._buffer:
            return []
        following = list(self._buffer)
        self._buffer.clear()
        return self._confirm(following, snapshot.recv_ns)

    def disconnected(self, recv_ns: int, reason: str) -> list[BookFact]:
        """Rule 7; `reason` is said with it."""
        self.counts.disconnects += 1
        had_snapshot = self._phase is not Phase.WAITING
        self._drop_buffer()
        self._held, self._phase, self._last_id = None, Phase.WAITING, -1
        if not self.epoch:
            return []
        said: list[BookFact] = [self._status(BookState.GAP, recv_ns, reason)] if had_snapshot else []
        return [*said, self._next_epoch(recv_ns, "disconnected")]

    def _is_usable(self, snapshot: BookSnapshot) -> bool:
        """Rule 4; and of two snapshots the newer one counts."""
        if self._phase is Phase.WAITING:
            return not self._buffer or snapshot.update_id + 1 >= self._buffer[0].first_update_id
        return snapshot.update_id > self._book_id

    def _step(self, diff: BookDelta) -> list[BookFact]:
        if self._phase is Phase.WAITING:
            return self._keep(diff)
        return self._ON_DIFF[self._phase, place(diff, self._book_id)](self, diff)

    def _keep(self, diff: BookDelta) -> list[BookFact]:
        if self._buffer and diff.update_id <= self._buffer[-1].update_id:
            return self._ignore_repeated(diff) if diff.update_id == self._buffer[-1].update_id else self._ignore(diff)
        if len(self._buffer) >= BUFFERED_DIFFS_MAX:
            self._buffer.popleft()
            self.counts.depth_dropped += 1
        self._buffer.append(diff)
        return []

    def _ignore(self, _: BookDelta) -> list[BookFact]:
        self.counts.depth_dropped += 1
        return []

    def _ignore_repeated(self, diff: BookDelta) -> list[BookFact]:
        self.counts.depth_duplicates += 1
        return self._ignore(diff)

    def _apply(self, diff: BookDelta) -> list[BookFact]:
        self.counts.depth_applied += 1
        self._book_id = diff.update_id
        return [diff]

    def _confirm_by(self, diff: BookDelta) -> list[BookFact]:
        return self._confirm([diff], diff.recv_ns)

    def _confirm(self, following: list[BookDelta], recv_ns: int) -> list[BookFact]:
        """Say the held snapshot, the diffs that follow it, and VALID."""
        assert self._held is not None
        snapshot = self._held
        if not snapshot.ts_ns:
            snapshot = msgspec.structs.replace(snapshot, ts_ns=following[0].ts_ns)
        self._held, self._phase = None, Phase.VALID
        said: list[BookFact] = [snapshot]
        for diff in following:
            said += self._apply(diff)
        # The worst known prices bound what is known. A side without levels is known to be empty to its end.
        low_ticks = snapshot.bid_ticks[-1] if snapshot.bid_ticks else 0
        high_ticks = snapshot.ask_ticks[-1] if snapshot.ask_ticks else INT64_MAX
        said.append(self._status(BookState.VALID, recv_ns, "snapshot confirmed", low_ticks, high_ticks))
        return said

    def _refuse_held(self, diff: BookDelta) -> list[BookFact]:
        """The held snapshot is too old for the first diff that could follow it."""
        self.counts.snapshots_refused += 1
        self._held, self._phase = None, Phase.WAITING
        return self._keep(diff)

    def _lose(self, diff: BookDelta) -> list[BookFact]:
        """Rule 5; a snapshot that waits already may prove the next book at once."""
        self.counts.gaps += 1
        reason = f"update ids {self._book_id + 1} to {diff.first_update_id - 1} are missing"
        said: list[BookFact] = [
            self._status(BookState.GAP, diff.recv_ns, reason),
            self._next_epoch(diff.recv_ns, "gap"),
        ]
        self._phase = Phase.WAITING
        if self._held is not None and self._held.update_id > self._book_id:
            self._phase, self._book_id = Phase.HOLDING, self._held.update_id
        return said + self._step(diff)

    def _next_epoch(self, recv_ns: int, reason: str) -> FeedStatus:
        self.epoch += 1
        return self._status(BookState.SYNCING, recv_ns, reason)

    def _drop_buffer(self) -> None:
        self.counts.depth_dropped += len(self._buffer)
        self._buffer.clear()

    def _status(
        self, state: BookState, recv_ns: int, reason: str, low_ticks: int = 0, high_ticks: int = 0
    ) -> FeedStatus:
        return FeedStatus(
            instrument_id=self._instrument_id,
            ts_ns=self.depth_ns,
            recv_ns=recv_ns,
            state=state,
            epoch=self.epoch,
            complete_low_ticks=low_ticks,
            complete_high_ticks=high_ticks,
            reason=reason,
        )

    # What a diff does once there is a snapshot. While WAITING, every diff is kept.
    _ON_DIFF: ClassVar[dict[tuple[Phase, Place], Callable[["Sync", BookDelta], list[BookFact]]]] = {
        (Phase.HOLDING, Place.OLD): _ignore,
        (Phase.HOLDING, Place.DUPLICATE): _ignore,
        (Phase.HOLDING, Place.NEXT): _confirm_by,
        (Phase.HOLDING, Place.AHEAD): _refuse_held,
        (Phase.VALID, Place.OLD): _ignore,
        (Phase.VALID, Place.DUPLICATE): _ignore_repeated,
        (Phase.VALID, Place.NEXT): _apply,
        (Phase.VALID, Place.AHEAD): _lose,
    }
