"""Facts to the roots of a log: snapshot and updates joined as Binance documents it, then Ticks and local times.

Recordings without a hole only: whatever would end a proven book is an AssertionError here, not a rule.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.recompute.book import Book, rank_of
from tests.recompute.frames import Diff, Fact, Print, Snapshot, Top

UNBOUNDED = 2**63 - 1
SILENCE_NS, SPARSE_NS = 600 * 10**9, 60 * 10**9
SYNCING, VALID, STALE = 0, 1, 2


class Root(NamedTuple):
    """One root by the name of its event; `body` is the fact, of a status (state, low, high)."""

    kind: str
    ts_ns: int
    recv_ns: int
    body: Any = None
    local_ns: int = 0


class Feed:
    """Facts in order of arrival to roots without local times."""

    def __init__(self) -> None:
        self._depth_ns = 0  # E of the last update: the time of what has none
        self._book_id = -1
        self._snapshot: Snapshot | None = None  # not confirmed yet
        self._snapshot_ns = 0  # E of the last update before it
        self._is_valid = False
        self._buffer: list[Diff] = []
        self._trade_ids: dict[int, None] = {}
        self._is_open = False
        self._window = Window()

    def take(self, fact: Fact) -> list[Root]:
        """The roots that a fact leads to; the definition is the first of all."""
        match fact:
            case Diff():
                roots = self._diff(fact)
            case Snapshot():
                roots = self._snapshot_comes(fact)
            case Top():
                roots = self._top(fact)
            case Print():
                roots = self._print(fact)
        if roots and not self._is_open:
            self._is_open = True
            return [Root("InstrumentDefined", roots[0].ts_ns, roots[0].recv_ns), *roots]
        return roots

    def _diff(self, diff: Diff) -> list[Root]:
        roots = [] if self._depth_ns else [Root("FeedStatus", diff.ts_ns, diff.recv_ns, (SYNCING, 0, 0))]
        self._depth_ns = diff.ts_ns
        if self._book_id < 0:
            self._buffer.append(diff)
        elif diff.update_id > self._book_id:
            assert diff.first_id <= self._book_id + 1, f"updates before {diff.first_id} are missing"
            roots += self._next(diff) if self._is_valid else self._confirm([diff], diff.recv_ns)
        return roots

    def _next(self, diff: Diff) -> list[Root]:
        self._book_id = diff.update_id
        self._window.step(diff)
        return self._with_status([_delta(diff)], diff.recv_ns)

    def _snapshot_comes(self, snapshot: Snapshot) -> list[Root]:
        assert not self._is_valid, "a second snapshot"
        if self._buffer and snapshot.update_id + 1 < self._buffer[0].first_id:
            return []  # too old for what is buffered
        self._snapshot, self._book_id, self._snapshot_ns = snapshot, snapshot.update_id, self._depth_ns
        following = [diff for diff in self._buffer if diff.update_id > snapshot.update_id]
        self._buffer.clear()
        return self._confirm(following, snapshot.recv_ns) if following else []

    def _confirm(self, following: list[Diff], recv_ns: int) -> list[Root]:
        """The snapshot, what follows it, and VALID. One that came before any update has the time of the next."""
        assert self._snapshot is not None
        ts_ns = self._snapshot_ns or following[0].ts_ns
        assert following[0].first_id <= self._book_id + 1 <= following[0].update_id, "the snapshot is not reached"
        self._window.begin(self._snapshot, following)
        self._is_valid, self._book_id = True, following[-1].update_id
        first = Root("BookSnapshot", ts_ns, self._snapshot.recv_ns, self._snapshot)
        self._window.look()
        state = STALE if self._window.is_outside else VALID
        return [first, *[_delta(diff) for diff in following], self._status(state, recv_ns)]

    def _top(self, top: Top) -> list[Root]:
        if not self._depth_ns:
            return []
        self._window.top(top)
        root = Root("BookTop", self._depth_ns, top.recv_ns, top)
        return self._with_status([root], top.recv_ns) if self._is_valid and self._window.is_outside else [root]

    def _print(self, trade: Print) -> list[Root]:
        if trade.trade_id in self._trade_ids:
            return []
        self._trade_ids[trade.trade_id] = None
        return [Root("Trade", trade.ts_ns, trade.recv_ns, trade)]

    def _with_status(self, roots: list[Root], recv_ns: int) -> list[Root]:
        """What makes the book worse comes before the roots, and a wider window too; what makes it better behind."""
        was_outside, before = self._window.is_outside, self._window.published
        self._window.look()
        if self._window.is_outside:
            return roots if was_outside else [self._status(STALE, recv_ns), *roots]
        if was_outside:
            return [*roots, self._status(VALID, recv_ns)]
        return roots if before == self._window.published else [self._status(VALID, recv_ns), *roots]

    def _status(self, state: int, recv_ns: int) -> Root:
        return Root("FeedStatus", self._depth_ns, recv_ns, (state, *self._window.published))


def _delta(diff: Diff) -> Root:
    return Root("BookDelta", diff.ts_ns, diff.recv_ns, diff)


class Window:
    """Where the book is known to be complete: within the snapshot's levels, and between the venue's own best prices."""

    def __init__(self) -> None:
        self.published = (0, UNBOUNDED)
        self.is_outside = False  # the touch is outside of what was published
        self._known = self.published
        self._snapshot_id = -1
        self._tops: list[Top] = []  # those before the snapshot
        self._book = Book()

    def begin(self, snapshot: Snapshot, following: list[Diff]) -> None:
        """A snapshot; a side as long as the other, of a hundred levels or more, is cut off behind its last."""
        bids, asks = snapshot.sides
        bid_cut, ask_cut = (_is_cut(len(a), len(b)) for a, b in ((bids, asks), (asks, bids)))
        self._known = (bids[-1][0] if bid_cut else 0, asks[-1][0] if ask_cut else UNBOUNDED)
        self._snapshot_id = snapshot.update_id
        for top in self._tops:
            self.top(top)
        _put(self._book, snapshot.sides)
        for diff in following:
            _put(self._book, diff.sides)
        self.published = self._known

    def step(self, diff: Diff) -> None:
        """The next update."""
        _put(self._book, diff.sides)

    def top(self, top: Top) -> None:
        """No level lies between the venue's own best prices, from the snapshot on."""
        if self._snapshot_id < 0:
            self._tops.append(top)
        elif top.update_id >= self._snapshot_id:
            low, high = self._known
            self._known = min(low, top.best[0][0]), max(high, top.best[1][0] or UNBOUNDED)

    def look(self) -> None:
        """Publish what is known where the touch has left what was published, and see whether that holds it."""
        if self._has_left():
            self.published = self._known
        self.is_outside = self._has_left()

    def _has_left(self) -> bool:
        bid_ticks, _, ask_ticks, _ = self._book.touch()
        return 0 < bid_ticks < self.published[0] or ask_ticks > self.published[1]


def _is_cut(levels: int, others: int) -> bool:
    return levels >= 100 and (levels == others or levels in {100, 500, 1000, 5000})


def _put(book: Book, sides: tuple[list[tuple[int, int]], list[tuple[int, int]]]) -> None:
    for side in (0, 1):
        for ticks, lots in sides[side]:
            book.set(side, rank_of(side, ticks), lots)


class Clock:
    """Ticks between the roots, and local times: max(receive time + offset, exchange time, the last one)."""

    def __init__(self, period_ns: int, offset_ns: int) -> None:
        self._period_ns, self._offset_ns = period_ns, offset_ns
        self._local_ns = self._root_ns = self._due_ns = 0

    def stamp(self, root: Root) -> Iterator[Root]:
        """The Ticks that are due, and the root; a definition moves nothing."""
        local_ns = max(root.recv_ns + self._offset_ns, root.ts_ns, self._local_ns)
        if root.kind != "InstrumentDefined":
            while 0 < self._due_ns <= local_ns:
                yield self.tick()
            self._local_ns = self._root_ns = local_ns
            self._due_ns = (local_ns // self._period_ns + 1) * self._period_ns
        yield root._replace(local_ns=local_ns)

    def tick(self) -> Root:
        """The next Tick; ten minutes into a silence they come once a minute."""
        due_ns = self._local_ns = self._due_ns
        period_ns = self._period_ns
        if due_ns - self._root_ns >= SILENCE_NS:
            period_ns = max(period_ns, SPARSE_NS)
        self._due_ns = (due_ns // period_ns + 1) * period_ns
        return Root("Tick", due_ns, due_ns, None, due_ns)
