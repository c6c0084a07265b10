"""A lost connection at the sync machine and at the feed: by table, and whatever else happens."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue.market import ETH, FIRST_NS, book, diff, short, trade

from mm_core.events import BookDelta, BookSnapshot, FeedStatus, RootEvent
from mm_core.types import BookState
from mm_venues import control
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed
from mm_venues.frame_error import FrameError

LOST = control.disconnected("closed by the venue: 1001")


def new_feed() -> Feed:
    """A feed that has seen nothing."""
    return Feed(ETH, TouchAudit(CompiledBook()))


def fed(feed: Feed, *frames: bytes) -> list[RootEvent]:
    """What it publishes for frames that come a nanosecond apart."""
    return [event for at, frame in enumerate(frames) for event in feed.feed(FIRST_NS + at, frame)]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        # before the first diff there is nothing to void and no time to publish it with
        ([LOST, LOST], ""),
        ([book(0), LOST, diff(1, 1)], "SYNCING1"),
        # while waiting: the buffer is void, a snapshot that would have proven it is refused
        ([diff(1, 1), LOST, book(0), diff(3, 3)], "SYNCING1 SYNCING2"),
        ([diff(1, 1), diff(2, 2), LOST, diff(5, 5), book(1), book(4)], "SYNCING1 SYNCING2 snapshot4 5-5 VALID2"),
        # while holding: the snapshot is void too
        ([diff(1, 1), book(4), LOST, diff(5, 5)], "SYNCING1 GAP1 SYNCING2"),
        # while valid, and again before it is valid anew
        (
            [diff(1, 1), book(0), LOST, LOST, diff(2, 2), book(1)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2 SYNCING3 snapshot1 2-2 VALID3",
        ),
        # a snapshot that was held in case of a gap does not prove what comes behind the loss
        (
            [diff(1, 1), book(0), book(5), LOST, diff(6, 6), book(6), diff(7, 7)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2 snapshot6 7-7 VALID2",
        ),
        # the new connection may be a little behind the old one
        (
            [diff(1, 4), book(0), LOST, diff(3, 4), book(2), diff(5, 5)],
            "SYNCING1 snapshot0 1-4 VALID1 GAP1 SYNCING2 snapshot2 3-4 VALID2 5-5",
        ),
        # a hole on the new connection is a gap of its own
        (
            [diff(1, 1), book(0), LOST, diff(5, 5), diff(8, 8), book(4), book(7)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2 snapshot7 8-8 VALID2",
        ),
    ],
)
def test_a_lost_connection_voids_everything(frames: list[bytes], expected: str) -> None:
    assert short(fed(new_feed(), *frames)) == expected


def test_the_loss_is_counted_once_and_reported_with_its_time_and_reason() -> None:
    feed = new_feed()
    gap, syncing = fed(feed, diff(1, 1), book(0), diff(2, 2), LOST)[-2:]
    assert feed.sync.needs_snapshot
    fed(feed, diff(9, 9), trade(1))
    counts = feed.counts()
    assert (counts.disconnects, counts.gaps, counts.depth_received, counts.depth_dropped) == (1, 0, 3, 0)
    at: dict[str, Any] = {
        "instrument_id": "binance.ETHUSDT",
        "ts_ns": 1_790_000_000_002_000_000,
        "recv_ns": FIRST_NS + 3,
    }
    assert gap == FeedStatus(**at, state=BookState.GAP, epoch=1, reason="closed by the venue: 1001")
    assert syncing == FeedStatus(**at, state=BookState.SYNCING, epoch=2, reason="disconnected")


def test_diffs_that_waited_are_counted_as_dropped() -> None:
    feed = new_feed()
    fed(feed, diff(1, 1), diff(2, 2), LOST)
    assert (feed.counts().depth_received, feed.counts().depth_dropped) == (2, 2)


@pytest.mark.parametrize("frame", [b'{"crypto_mm":"reconnected","reason":""}', b'{"crypto_mm":"disconnected"}'])
def test_a_control_frame_that_we_do_not_write_is_an_error(frame: bytes) -> None:
    with pytest.raises(FrameError, match=r"^disconnected of ETHUSDT: "):
        new_feed().feed(1, frame)


@given(st.text(), st.binary())
def test_a_control_frame_is_one_line_whatever_it_quotes(reason: str, frame: bytes) -> None:
    written = control.disconnected(reason.encode(errors="replace").decode(), frame)
    assert b"\n" not in written
    assert control.read(written).frame == frame.decode(errors="backslashreplace")


UPDATES = 24
arrivals = st.lists(
    st.one_of(
        st.tuples(st.just("diff"), st.integers(0, 2)),  # so many updates are lost before it
        st.tuples(st.just("diff"), st.just(0)),
        st.tuples(st.just("book"), st.integers(-3, 2)),  # a snapshot so far ahead of the stream
        st.tuples(st.just("lost"), st.integers(0, 2)),
    ),
    max_size=UPDATES,
)


@settings(max_examples=400)
@given(arrivals)
def test_a_book_is_valid_only_by_a_snapshot_and_diffs_without_a_hole_of_one_connection(
    steps: list[tuple[str, int]],
) -> None:
    feed, is_valid, book_id, at = new_feed(), False, -1, 5
    seen: list[int] = []  # first ids of the diffs of this connection
    for at_ns, (what, shift) in enumerate(steps):
        at += shift if what != "book" else 0
        if what == "diff":
            at += 1
            seen.append(at)
        frame = {"diff": diff(at, at), "book": book(at + shift), "lost": LOST}[what]
        seen = [] if what == "lost" else seen
        for event in feed.feed(FIRST_NS + at_ns, frame):
            match event:
                case FeedStatus():
                    is_valid = event.state is BookState.VALID
                case BookSnapshot():
                    book_id = event.update_id
                case BookDelta():
                    assert event.first_update_id == book_id + 1
                    assert event.first_update_id in seen
                    book_id = event.update_id
        if what == "lost":
            assert not is_valid
        assert is_valid <= (not feed.sync.needs_snapshot)
        assert not is_valid or book_id == at
    counts = feed.counts()
    assert counts.disconnects == sum(what == "lost" for what, _ in steps)
    assert counts.depth_received >= counts.depth_applied + counts.depth_dropped


@given(arrivals)
def test_after_anything_a_diff_and_a_fresh_snapshot_heal(steps: list[tuple[str, int]]) -> None:
    feed, at = new_feed(), 5
    for what, shift in [*steps, ("lost", 0)]:
        at += 1 + shift if what == "diff" else 0
        feed.feed(FIRST_NS, {"diff": diff(at, at), "book": book(at + shift), "lost": LOST}[what])
    published = fed(feed, diff(at + 5, at + 5), book(at + 4))
    assert short(published).endswith(f"snapshot{at + 4} {at + 5}-{at + 5} VALID{feed.sync.epoch}")
    status = [event for event in published if isinstance(event, FeedStatus)]
    assert msgspec.structs.asdict(status[-1])["reason"] == "snapshot confirmed"
