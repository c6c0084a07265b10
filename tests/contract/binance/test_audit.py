"""The touch audit, on a naive book, and the compiled book against the naive one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mm_core.events import BookDelta, BookSnapshot, BookTop
from mm_venues.audit import CompiledBook, Touch, TouchAudit

IT: dict[str, Any] = {"instrument_id": "binance.ETHUSDT", "ts_ns": 1}


class NaiveBook:
    """Two dicts, sorted at every look."""

    def __init__(self) -> None:
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def apply(self, event: BookSnapshot | BookDelta) -> Touch:
        """Replace the book by a snapshot, or take a delta into it."""
        if isinstance(event, BookSnapshot):
            self._bids, self._asks = {}, {}
        self._bids.update(zip(event.bid_ticks, event.bid_lots, strict=True))
        self._asks.update(zip(event.ask_ticks, event.ask_lots, strict=True))
        bid = max((ticks for ticks, lots in self._bids.items() if lots), default=0)
        ask = min((ticks for ticks, lots in self._asks.items() if lots), default=0)
        return Touch(bid, self._bids.get(bid, 0), ask, self._asks.get(ask, 0), 0 < ask <= bid)


def delta(update_id: int, bids: dict[int, int], asks: dict[int, int]) -> BookDelta:
    """One diff of one update id."""
    return BookDelta(
        **IT,
        first_update_id=update_id,
        update_id=update_id,
        bid_ticks=tuple(bids),
        bid_lots=tuple(bids.values()),
        ask_ticks=tuple(asks),
        ask_lots=tuple(asks.values()),
    )


def top(update_id: int, bid_ticks: int, bid_lots: int, ask_ticks: int = 12, ask_lots: int = 2) -> BookTop:
    """The venue's touch."""
    return BookTop(
        **IT, update_id=update_id, bid_ticks=bid_ticks, bid_lots=bid_lots, ask_ticks=ask_ticks, ask_lots=ask_lots
    )


def follow(audit: TouchAudit, *events: BookSnapshot | BookDelta | BookTop) -> None:
    """Let the audit see all of them."""
    for event in events:
        match event:
            case BookSnapshot():
                audit.snapshot(event)
            case BookDelta():
                audit.delta(event)
            case BookTop():
                audit.top(event)


SNAPSHOT = BookSnapshot(**IT, update_id=5, bid_ticks=(10, 9), bid_lots=(1, 4), ask_ticks=(12,), ask_lots=(2,))


def test_touches_of_one_update_id_are_compared_whichever_comes_first() -> None:
    audit = TouchAudit(NaiveBook())
    follow(audit, SNAPSHOT, top(6, 11, 3), top(7, 10, 1), delta(7, {10: 1}, {}), delta(8, {10: 0}, {}), top(8, 9, 4))
    assert (audit.counts.touch_checked, audit.counts.touch_equal, audit.counts.crossed) == (2, 2, 0)
    assert audit.first_contradiction == ""


def test_a_touch_that_differs_is_counted() -> None:
    audit = TouchAudit(NaiveBook())
    follow(audit, SNAPSHOT, delta(6, {11: 3}, {}), top(6, 11, 4), delta(7, {11: 4}, {}), top(7, 11, 4, 13))
    assert (audit.counts.touch_checked, audit.counts.touch_equal, audit.counts.contradictions) == (2, 0, 2)
    first = "at update id 6 the venue's touch is 4 lots at 11 / 2 at 12, the book's 3 lots at 11 / 2 at 12"
    assert audit.contradiction == audit.first_contradiction == first
    audit.clear()
    assert (audit.contradiction, audit.first_contradiction) == ("", first)


def test_a_spike_among_the_touches_hides_none_behind_it() -> None:
    audit = TouchAudit(NaiveBook())
    follow(audit, SNAPSHOT, top(1_000_000, 11, 3), top(7, 10, 1), delta(7, {10: 1}, {}))
    assert (audit.counts.touch_checked, audit.counts.touch_equal) == (1, 1)


def test_nothing_is_compared_with_a_book_that_is_void() -> None:
    audit = TouchAudit(NaiveBook())
    follow(audit, SNAPSHOT, delta(6, {11: 3}, {}))
    audit.clear()
    follow(audit, top(6, 11, 3))
    assert audit.counts.touch_checked == 0


def test_a_book_is_crossed_only_after_a_whole_delta() -> None:
    audit = TouchAudit(NaiveBook())
    audit.snapshot(SNAPSHOT)
    audit.delta(delta(6, {12: 1}, {12: 0, 13: 1}))
    assert audit.counts.crossed == 0
    audit.delta(delta(7, {13: 1}, {}))
    assert audit.counts.crossed == 1


sides = st.dictionaries(st.integers(1, 40), st.integers(0, 5), max_size=6)


@given(st.lists(st.tuples(sides, sides), min_size=1, max_size=12))
def test_the_compiled_book_has_the_touch_of_the_naive_one_while_not_crossed(
    changes: list[tuple[dict[int, int], dict[int, int]]],
) -> None:
    naive, compiled = NaiveBook(), CompiledBook()
    for update_id, (bids, asks) in enumerate(changes):
        change = delta(update_id, bids, asks)
        expected, found = naive.apply(change), compiled.apply(change)
        if expected.is_crossed:
            assert found.is_crossed
            return
        assert found == expected
