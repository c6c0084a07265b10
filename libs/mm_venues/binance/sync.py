"""Diffs and snapshots of a Binance book to a proven sequence of root events. Pure.

Rules:
1. Everything that decides whether the book is proven is decided here; nothing here knows frames, sockets, clocks or
   books. What a book looks like is judged by a `Prover`; whoever else finds it wrong calls `void`.
2. Input comes in order of arrival; output is what to append to the log, in order. Nothing is published before the
   first diff, because no exchange time is known before it.
3. A diff is placed by its ids U..u against the book's id (the snapshot's L, later the last applied u):
   OLD u < id, DUPLICATE u == id, NEXT U <= id + 1 <= u, AHEAD U > id + 1. An overlapping diff (U <= id < u) is NEXT and
   is applied in full: its quantities are absolute. U == L + 1 is as good as U <= L.
4. A snapshot is held until a diff confirms it, and is published together with that diff and VALID. One whose id is too
   low for the first buffered diff, or that leads to a book that something speaks against, proves nothing and is
   refused: `needs_snapshot` stays true. So is one that the stream does not reach (HELD_DIFFS_MAX).
5. After a gap the book is void: GAP, then SYNCING in a new epoch. Diffs are buffered again; a hole among them voids
   those before it. A diff after which something speaks against the book is not published; it is the first one buffered.
6. A snapshot that comes while VALID renews the book: with the diffs behind it, at the book's own id, it takes the
   book's place in one step and sets the window. One that is ahead waits until the book is there, or for a gap (a
   recorder that reconnects may write it before the first diff of the new connection). If its touch is not the book's,
   the book is void and the next diff proves the snapshot.
7. A lost connection voids everything at once, also what waits: what the venue sent meanwhile is not known until ids
   prove it. GAP unless no snapshot was there, then SYNCING in a new epoch. The hole in the ids that follows is the
   same loss: counted as a disconnect, not as a gap.
8. RESTART_DIFFS diffs in sequence that are older than the stream by their ids and newer by their times: the ids began
   again, or the highest was a spike. The book is void; those diffs are the first ones buffered, and a snapshot that
   was refused for its low id is tried again.

| phase | input | then | publishes |
|---|---|---|---|
| WAITING | diff | WAITING, buffered | |
| WAITING | snapshot, no diff after it buffered | HOLDING | |
| WAITING | snapshot and diffs that follow it | VALID | BookSnapshot, BookDelta .., VALID |
| HOLDING | NEXT | VALID | BookSnapshot, BookDelta, VALID |
| HOLDING | AHEAD | WAITING, snapshot refused | |
| VALID | NEXT | VALID | BookDelta |
| VALID | NEXT, wrong behind it; AHEAD | WAITING (or HOLDING, rule 6) in the next epoch | GAP, SYNCING |
| VALID | snapshot that the book has reached | VALID | BookSnapshot, VALID |
| HOLDING, VALID | OLD, DUPLICATE | unchanged, dropped | |
| WAITING | connection lost | WAITING in the next epoch | SYNCING |
| HOLDING, VALID | connection lost | WAITING in the next epoch | GAP, SYNCING |
"""

from collections import deque
from collections.abc import Callable
from typing import ClassVar

import msgspec

from mm_core.events import BookDelta, BookSnapshot, FeedStatus
from mm_core.types import BookState
from mm_venues.binance.places import BookFact, Phase, Place, Prover, Run, SyncCounts, place
from mm_venues.binance.recent import Recent

BUFFERED_DIFFS_MAX = 10_000  # 1,000 s of depth@100ms: far more than a snapshot ever takes
HELD_DIFFS_MAX = 100  # a snapshot is ahead of the stream by a diff or two


class Sync:
    """The machine for one instrument. `depth_ns` is the last E of the depth feed, 0 before any."""

    def __init__(self, instrument_id: str, prover: Prover) -> None:
        self.counts = SyncCounts()
        self.depth_ns = 0
        self.epoch = 0
        self._instrument_id = instrument_id
        self._prover = prover
        self._phase = Phase.WAITING
        self._held: BookSnapshot | None = None
        self._refused: BookSnapshot | None = None  # the last one
        self._held_diffs = 0  # that were older than the held snapshot
        self._buffer: deque[BookDelta] = deque()
        self._recent = Recent()
        self._run = Run()
        self._book_id = 0

    @property
    def needs_snapshot(self) -> bool:
        """True while a snapshot should be fetched, paced by the caller, once the first diff is there."""
        return self._phase is Phase.WAITING or (self.is_valid and self._held is None and self._prover.needs_renewal)

    @property
    def is_valid(self) -> bool:
        """True while the book is proven."""
        return self._phase is Phase.VALID

    def on_diff(self, diff: BookDelta) -> list[BookFact]:
        """Take the next diff of the stream."""
        self.counts.depth_received += 1
        self.depth_ns = diff.ts_ns
        published: list[BookFact] = [] if self.epoch else [self._next_epoch(diff.recv_ns, "start")]
        if self._run.takes(diff):
            return published + (self._restart() if self._run.is_complete else [])
        for old in self._run.broken():
            published += self._step(old)
        if self._run.takes(diff):
            return published
        # A hole while no book is proven is a loss too, though there is no book to void.
        if self._phase is not Phase.VALID and 0 <= self._run.last_id < diff.first_update_id - 1:
            self.counts.gaps += 1
            self._drop_buffer("gap")
        self._run.last(diff)
        return published + self._step(diff)

    def on_snapshot(self, snapshot: BookSnapshot) -> list[BookFact]:
        """Take a snapshot of the book, whose ts_ns is the depth feed's last E or 0."""
        self.counts.snapshots += 1
        return self._on_snapshot(snapshot) if self._is_usable(snapshot) else self.refuse(snapshot)

    def refuse(self, snapshot: BookSnapshot) -> list[BookFact]:
        """Count a snapshot that proves nothing."""
        self.counts.snapshots_refused += 1
        self._refused = snapshot
        return []

    def disconnected(self, recv_ns: int, reason: str) -> list[BookFact]:
        """Rule 7; `reason` is published with it."""
        self.counts.disconnects += 1
        self._drop_buffer("disconnected")
        self.counts.drop("disconnected", len(self._run.broken()))
        self._run = Run()
        self._refused = None
        return self._void(recv_ns, reason, "disconnected")

    def void(self, recv_ns: int, reason: str) -> list[BookFact]:
        """Somebody found the book wrong: GAP with that reason, and a new epoch. Nothing if no book is proven."""
        return self._void(recv_ns, reason, "resync") if self.is_valid else []

    def status(self, state: BookState, recv_ns: int, reason: str) -> FeedStatus:
        """A status of the current epoch; with the window while the book is proven."""
        window = self._prover.window[:2] if self.is_valid and state is not BookState.GAP else (0, 0)
        return FeedStatus(
            instrument_id=self._instrument_id,
            ts_ns=self.depth_ns,
            recv_ns=recv_ns,
            state=state,
            epoch=self.epoch,
            complete_low_ticks=window[0],
            complete_high_ticks=window[1],
            reason=reason,
        )

    def _on_snapshot(self, snapshot: BookSnapshot) -> list[BookFact]:
        self._held, self._held_diffs = snapshot, 0
        if self._phase is Phase.VALID:
            return self._renew(snapshot.recv_ns)
        self._phase, self._book_id = Phase.HOLDING, snapshot.update_id
        while self._buffer and self._buffer[0].update_id <= snapshot.update_id:
            self._buffer.popleft()
            self.counts.drop("old")
        following = list(self._buffer)
        self._buffer.clear()
        return self._confirm(following, snapshot.recv_ns) if following else []

    def _is_usable(self, snapshot: BookSnapshot) -> bool:
        """Rule 4; and of two snapshots the newer one counts."""
        match self._phase:
            case Phase.WAITING:
                return not self._buffer or snapshot.update_id + 1 >= self._buffer[0].first_update_id
            case Phase.HOLDING:
                return snapshot.update_id > self._book_id
            case _:
                return snapshot.update_id > self._book_id or self._recent.merged(snapshot) is not None

    def _step(self, diff: BookDelta) -> list[BookFact]:
        if self._phase is Phase.WAITING:
            return self._hold(diff)
        return self._ON_DIFF[self._phase, place(diff, self._book_id)](self, diff)

    def _hold(self, diff: BookDelta) -> list[BookFact]:
        if self._buffer and diff.update_id <= self._buffer[-1].update_id:
            return self._ignore_repeated(diff) if diff.update_id == self._buffer[-1].update_id else self._ignore(diff)
        if len(self._buffer) >= BUFFERED_DIFFS_MAX:
            self._buffer.popleft()
            self.counts.drop("overflow")
        self._buffer.append(diff)
        return []

    def _ignore(self, _: BookDelta) -> list[BookFact]:
        self.counts.drop("old")
        return []

    def _ignore_repeated(self, _: BookDelta) -> list[BookFact]:
        self.counts.depth_duplicates += 1
        self.counts.drop("duplicate")
        return []

    def _ignore_held(self, diff: BookDelta) -> list[BookFact]:
        """The held snapshot is ahead of the stream, but not for long."""
        self._held_diffs += 1
        return self._refuse_held(diff) if self._held_diffs > HELD_DIFFS_MAX else self._ignore(diff)

    def _apply(self, diff: BookDelta) -> list[BookFact]:
        problem = self._prover.step(diff)
        if problem:
            return [*self._void(diff.recv_ns, problem, "resync", keep_held=True), *self._resume(diff)]
        return [*self._applied([diff]), *self._renew(diff.recv_ns)]

    def _applied(self, diffs: list[BookDelta]) -> list[BookDelta]:
        self.counts.depth_applied += len(diffs)
        self._recent.add(diffs)
        self._book_id = diffs[-1].update_id
        return diffs

    def _confirm_by(self, diff: BookDelta) -> list[BookFact]:
        return self._confirm([diff], diff.recv_ns)

    def _confirm(self, following: list[BookDelta], recv_ns: int) -> list[BookFact]:
        """Publish the held snapshot, the diffs that follow it, and VALID; or refuse it."""
        assert self._held is not None
        snapshot = self._held
        if not snapshot.ts_ns:
            snapshot = msgspec.structs.replace(snapshot, ts_ns=following[0].ts_ns)
        self._held = None
        if self._prover.begin(snapshot, following):
            self._prover.clear()
            self._phase = Phase.WAITING
            self._buffer.extend(following)
            return self.refuse(snapshot)
        self._phase = Phase.VALID
        return [snapshot, *self._applied(following), self.status(BookState.VALID, recv_ns, "snapshot confirmed")]

    def _refuse_held(self, diff: BookDelta) -> list[BookFact]:
        """The held snapshot is too old for the first diff that could follow it, or the stream does not reach it."""
        assert self._held is not None
        self.refuse(self._held)
        self._held, self._phase = None, Phase.WAITING
        return self._hold(diff)

    def _renew(self, recv_ns: int) -> list[BookFact]:
        """Rule 6, once the book has reached the held snapshot."""
        snapshot = self._held
        if snapshot is None or snapshot.update_id > self._book_id:
            return []
        self._held = None
        merged = self._recent.merged(snapshot)
        if merged is None:
            return self.refuse(snapshot)
        problem = self._prover.renew(snapshot, merged)
        if not problem:
            return [merged, self.status(BookState.VALID, recv_ns, "snapshot renewed")]
        published = self._void(recv_ns, problem, "resync")
        self._held, self._held_diffs, self._phase = merged, 0, Phase.HOLDING
        return published

    def _lose(self, diff: BookDelta) -> list[BookFact]:
        """Rule 5."""
        self.counts.gaps += 1
        reason = f"update ids {self._book_id + 1} to {diff.first_update_id - 1} are missing"
        return [*self._void(diff.recv_ns, reason, "gap", keep_held=True), *self._resume(diff)]

    def _resume(self, diff: BookDelta) -> list[BookFact]:
        """A diff begins the new epoch; a snapshot that waits already may prove the next book at once."""
        if self._held is not None:
            self._phase, self._book_id, self._held_diffs = Phase.HOLDING, self._held.update_id, 0
        return self._step(diff)

    def _restart(self) -> list[BookFact]:
        """Rule 8."""
        self.counts.id_restarts += 1
        self._drop_buffer("restart")
        reason = f"update ids began again at {self._run.first_id}, after {self._run.last_id}"
        diffs = self._run.restart()
        published = self._void(diffs[-1].recv_ns, reason, "ids began again")
        self._prover.restart()
        self._buffer.extend(diffs)
        refused, self._refused = self._refused, None
        if refused is not None and diffs[0].first_update_id - 1 <= refused.update_id <= diffs[-1].update_id:
            published += self._on_snapshot(refused)
        return published

    def _void(self, recv_ns: int, reason: str, why: str, *, keep_held: bool = False) -> list[BookFact]:
        """GAP if there was a snapshot, and SYNCING in the next epoch, which begins without any."""
        had_snapshot = self._phase is not Phase.WAITING
        self._phase = Phase.WAITING
        self._held = self._held if keep_held else None
        self._recent.clear()
        self._prover.clear()
        if not self.epoch:
            return []
        published: list[BookFact] = [self.status(BookState.GAP, recv_ns, reason)] if had_snapshot else []
        return [*published, self._next_epoch(recv_ns, why)]

    def _next_epoch(self, recv_ns: int, reason: str) -> FeedStatus:
        self.epoch += 1
        return self.status(BookState.SYNCING, recv_ns, reason)

    def _drop_buffer(self, reason: str) -> None:
        self.counts.drop(reason, len(self._buffer))
        self._buffer.clear()

    # What a diff does once there is a snapshot. While WAITING, every diff is held.
    _ON_DIFF: ClassVar[dict[tuple[Phase, Place], Callable[["Sync", BookDelta], list[BookFact]]]] = {
        (Phase.HOLDING, Place.OLD): _ignore_held,
        (Phase.HOLDING, Place.DUPLICATE): _ignore,
        (Phase.HOLDING, Place.NEXT): _confirm_by,
        (Phase.HOLDING, Place.AHEAD): _refuse_held,
        (Phase.VALID, Place.OLD): _ignore,
        (Phase.VALID, Place.DUPLICATE): _ignore_repeated,
        (Phase.VALID, Place.NEXT): _apply,
        (Phase.VALID, Place.AHEAD): _lose,
    }
