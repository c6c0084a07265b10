"""What a session made of a fault: figures of its log, and what is wrong with them."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.livefaults.market import TICK, Touch

from mm_core import events as e
from mm_core.types import NS_PER_S, BookReason, BookState

DELAY_S = 3.5  # an order that is stored longer after its cause than this was decided too late


class Span(NamedTuple):
    """When the fault began, from when on nothing may be ordered or filled, and when it was over; ns."""

    start_ns: int
    quiet_ns: int
    end_ns: int

    def is_quiet(self, *times_ns: int) -> bool:
        """True if one of these lies where nothing may be ordered or filled."""
        return any(self.quiet_ns <= time_ns < self.end_ns for time_ns in times_ns)


class Change(NamedTuple):
    """The state of the book from here on, and why."""

    at: int  # place in the log
    local_ns: int
    state: BookState
    reason: str


def changes(log: Sequence[e.AnyEvent]) -> Iterator[Change]:
    """The states of the book along the log, the feed's own and those of the nodes' book."""
    state: BookState | None = None
    for at, event in enumerate(log):
        match event:
            case e.FeedStatus(reason=reason):
                pass
            case e.Book(reason=why):
                reason = BookReason(why).name.lower() if why else ""
            case _:
                continue
        if event.state != state or (reason and isinstance(event, e.FeedStatus)):
            state = event.state
            yield Change(at, event.local_ns, state, reason)


class Healing(NamedTuple):
    """How a book came back: when it was void, why, when it was proven again, and when an order followed. 0: never."""

    void_ns: int = 0
    reasons: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    valid_ns: int = 0
    order_ns: int = 0


def healing(log: Sequence[e.AnyEvent], start: int, end_ns: int) -> Healing:
    """How the book of a log came back after a fault that was over at `end_ns` or is not.

    It began when the log had `start` events: a GAP may be as old as the event before it.
    """
    seen = [change for change in changes(log) if change.at >= start]
    void = [change for change in seen if change.state is not BookState.VALID]
    if not void:
        return Healing()
    reasons = tuple(dict.fromkeys(change.reason for change in void if change.reason))
    states = tuple(change.state.name for change in seen)
    back = [
        change
        for change in seen
        if change.state is BookState.VALID and change.local_ns >= end_ns and change.at > void[0].at
    ]
    if not back:
        return Healing(void[0].local_ns, reasons, states)
    orders = (event.local_ns for event in log[back[0].at :] if isinstance(event, e.SubmitOrder))
    return Healing(void[0].local_ns, reasons, states, back[0].local_ns, next(orders, 0))


def ordered(log: Sequence[e.AnyEvent], span: Span) -> int:
    """Orders where there may be none."""
    return sum(isinstance(event, e.SubmitOrder) and span.is_quiet(event.local_ns) for event in log)


def filled(log: Sequence[e.AnyEvent], span: Span) -> int:
    """Fills where there may be none, by the exchange's time or by ours."""
    return sum(isinstance(event, e.OrderFilled) and span.is_quiet(event.ts_ns, event.local_ns) for event in log)


def untrue(log: Sequence[e.AnyEvent], truth: dict[int, Touch], unnoticed: Span) -> int:
    """Books that were VALID, and not the venue's own of that update id, but in the time where that is right."""
    valid = (event for event in log if isinstance(event, e.Book) and event.state is BookState.VALID)
    return sum(not (_is_true(book, truth) or unnoticed.is_quiet(book.local_ns)) for book in valid)


def _is_true(book: e.Book, truth: dict[int, Touch]) -> bool:
    if book.update_id not in truth:
        return False
    touch = truth[book.update_id]
    return touch == (book.bid_ticks * TICK, book.bid_lots, book.ask_ticks * TICK, book.ask_lots)


def late(log: Sequence[e.AnyEvent], stored_ns: Sequence[int]) -> int:
    """Orders that came long after their cause."""
    return sum(
        isinstance(event, e.SubmitOrder) and at_ns - event.local_ns > DELAY_S * NS_PER_S
        for event, at_ns in zip(log, stored_ns, strict=False)
    )


def ahead_ns(log: Sequence[e.AnyEvent], stored_ns: Sequence[int]) -> int:
    """How far the log's time was ahead of the clock at most."""
    return max(
        (event.local_ns - at_ns for event, at_ns in zip(log, stored_ns, strict=False) if isinstance(event, e.Root)),
        default=0,
    )


def backlog(log: Sequence[e.AnyEvent], span: Span) -> int:
    """Prints and diffs on the log that the exchange made inside of the quiet time."""
    return sum(isinstance(event, e.Trade | e.BookDelta) and span.is_quiet(event.ts_ns) for event in log)


def lag_ns(log: Sequence[e.AnyEvent]) -> int:
    """The longest time from a diff's exchange time to its own on the log, in either direction."""
    return max((abs(event.local_ns - event.ts_ns) for event in log if isinstance(event, e.BookDelta)), default=0)


def outputs(reasons: Sequence[str], pattern: str) -> bool:
    """True if one of the reasons is what is right."""
    return any(re.search(pattern, reason) for reason in reasons)
