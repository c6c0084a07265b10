"""The touch audit: compares the book that we rebuild with the venue's own best bid and ask.

Continuity of update ids cannot see a removal that was ignored or two sides that were swapped; this can.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from mm_core.book.book import apply_levels, best_lots, best_ticks, clear_book, is_crossed, new_book
from mm_core.compiled import compiled
from mm_core.events import BookDelta, BookSnapshot, BookTop

# bookTicker runs ahead of depth@100ms by at most a few hundred messages.
TOPS_WAITING_MAX = 10_000


class Touch(NamedTuple):
    """Best bid and ask after a complete delta; a side without levels has 0 lots at price 0."""

    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    is_crossed: bool

    def __str__(self) -> str:
        """Both sides in ticks and lots, as messages show them."""
        return f"{self.bid_lots} lots at {self.bid_ticks} / {self.ask_lots} at {self.ask_ticks}"


class TouchBook(Protocol):
    """What the audit needs of a book: `apply` one snapshot or delta, and the touch after it."""

    def apply(self, event: BookSnapshot | BookDelta) -> Touch:
        """Replace the book by a snapshot, or take a delta into it."""


class AuditCounts(msgspec.Struct):
    """How often the venue's touch named an update id that our book had, how often they agreed, and crossed books.

    `contradictions` are touches that the venue, or a snapshot of it, has otherwise at the same update id.
    """

    touch_checked: int = 0
    touch_equal: int = 0
    crossed: int = 0
    contradictions: int = 0


class TouchAudit:
    """Compares every applied delta with the BookTop of the same update id, whichever comes first.

    `touch` is that of the last delta, `contradiction` how the venue's own touch contradicted it since the last
    snapshot, `first_contradiction` the first one of all; empty without any.
    """

    def __init__(self, book: TouchBook) -> None:
        self.counts = AuditCounts()
        self.touch = Touch(0, 0, 0, 0, is_crossed=False)
        self.contradiction = self.first_contradiction = ""
        self._book = book
        self._update_id = -1
        self._waiting: deque[BookTop] = deque(maxlen=TOPS_WAITING_MAX)

    def snapshot(self, snapshot: BookSnapshot) -> None:
        """The book begins anew. Not compared: the first delta behind it is, and until then the feed is not VALID."""
        self.clear()
        self.touch = self._book.apply(snapshot)

    def renew(self, snapshot: BookSnapshot) -> None:
        """Another snapshot of the book that we have takes its place."""
        self.touch = self._book.apply(snapshot)

    def delta(self, delta: BookDelta) -> None:
        """The next step of the book."""
        self.touch = self._book.apply(delta)
        self._update_id = delta.update_id
        self.counts.crossed += self.touch.is_crossed
        while self._waiting and self._waiting[0].update_id <= delta.update_id:
            self._compare(self._waiting.popleft())

    def top(self, top: BookTop) -> None:
        """The venue's own touch; it waits for its delta."""
        if top.update_id > self._update_id:
            while self._waiting and self._waiting[-1].update_id > top.update_id:
                self._waiting.pop()  # its id was a spike, which no delta reaches
            self._waiting.append(top)
        else:
            self._compare(top)

    def ahead(self) -> Iterable[BookTop]:
        """The venue's touches that wait for their delta."""
        return self._waiting

    def clear(self) -> None:
        """The book is void: nothing is compared with it."""
        self._update_id = -1
        self.contradiction = ""

    def restart(self) -> None:
        """Update ids begin anew: what waits for its delta waits in vain."""
        self.clear()
        self._waiting.clear()

    def note(self, contradiction: str) -> None:
        """Something speaks against the book."""
        self.counts.contradictions += 1
        self.contradiction = self.contradiction or contradiction
        self.first_contradiction = self.first_contradiction or contradiction

    def _compare(self, top: BookTop) -> None:
        if top.update_id != self._update_id:
            return
        self.counts.touch_checked += 1
        if self.touch[:4] == (top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots):
            self.counts.touch_equal += 1
            return
        venue = Touch(top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots, is_crossed=False)
        self.note(f"at update id {top.update_id} the venue's touch is {venue}, the book's {self.touch}")


class CompiledBook:
    """The book of mm_core as the audit sees it: the same code that the deciding nodes run."""

    def __init__(self) -> None:
        self._state = new_book()

    def apply(self, event: BookSnapshot | BookDelta) -> Touch:
        """Replace the book by a snapshot, or take a delta into it."""
        if isinstance(event, BookSnapshot):
            clear_book(self._state[0])
        touch = _apply(
            self._state,
            np.array(event.bid_ticks, np.int64),
            np.array(event.bid_lots, np.int64),
            np.array(event.ask_ticks, np.int64),
            np.array(event.ask_lots, np.int64),
        )
        return Touch(*touch)


@compiled
def _apply(
    state: np.ndarray[Any, Any],
    bid_ticks: np.ndarray[Any, Any],
    bid_lots: np.ndarray[Any, Any],
    ask_ticks: np.ndarray[Any, Any],
    ask_lots: np.ndarray[Any, Any],
) -> tuple[int, int, int, int, bool]:
    """One call for one delta: a record of this size costs microseconds to pass from Python, an array does not."""
    apply_levels(state, 0, bid_ticks, bid_lots)
    apply_levels(state, 1, ask_ticks, ask_lots)
    book = state[0]
    crossed = is_crossed(book)
    return best_ticks(book, 0), best_lots(book, 0), best_ticks(book, 1), best_lots(book, 1), crossed


def warm_book() -> None:
    """Compile what the audit calls, or load it."""
    levels: dict[str, Any] = {"bid_ticks": (1,), "bid_lots": (1,), "ask_ticks": (3,), "ask_lots": (1,)}
    CompiledBook().apply(BookDelta(instrument_id="", ts_ns=1, **levels, first_update_id=1, update_id=1))
