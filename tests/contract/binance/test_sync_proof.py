"""The sync machine and whoever finds its book wrong: voided, refused, renewed, given up."""

import pytest
from tests.venue.sync_facts import Trusting, diff, new_sync, run, short, snapshot

from mm_core.events import BookDelta, BookSnapshot, FeedStatus
from mm_venues.binance.sync import HELD_DIFFS_MAX, Sync


@pytest.mark.parametrize(
    ("problems", "inputs", "expected"),
    [
        # what a diff leads to is wrong: it is not published, and is the first of the next epoch
        (
            {2: "crossed"},
            [diff(1, 1), snapshot(0), diff(2, 2), diff(3, 3), snapshot(1), snapshot(2)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2 snapshot1 2-2 3-3 VALID2 snapshot3 VALID2",
        ),
        # a snapshot and the diffs behind it lead to a wrong book: refused, nothing of it published, nothing lost
        ({2: "crossed"}, [diff(1, 1), diff(2, 2), snapshot(0)], "SYNCING1"),
        (
            {2: "crossed"},
            [diff(1, 1), diff(2, 2), snapshot(0), diff(3, 3), snapshot(1)],
            "SYNCING1 snapshot1 2-2 3-3 VALID1",
        ),
        ({1: "crossed"}, [snapshot(0), diff(1, 1), diff(2, 2), snapshot(1)], "SYNCING1 snapshot1 2-2 VALID1"),
        # the book is wrong while a newer snapshot waits: that one proves the next book
        (
            {2: "crossed"},
            [diff(1, 1), snapshot(0), snapshot(2), diff(2, 2), diff(3, 3)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2 snapshot2 3-3 VALID2",
        ),
        # a snapshot that is not our book: void, and the next diff proves the snapshot, at the book's id
        (
            {-2: "another touch"},
            [diff(1, 1), snapshot(0), diff(2, 2), snapshot(1), diff(3, 3)],
            "SYNCING1 snapshot0 1-1 VALID1 2-2 GAP1 SYNCING2 snapshot2 3-3 VALID2",
        ),
    ],
)
def test_a_book_that_something_speaks_against_is_void(
    problems: dict[int, str], inputs: list[BookDelta | BookSnapshot], expected: str
) -> None:
    assert short(run(new_sync(problems), inputs)) == expected.split()


def test_the_gap_names_what_contradicts_the_book() -> None:
    published = run(new_sync({2: "crossed: bid 102, ask 101"}), [diff(1, 1), snapshot(0), diff(2, 2)])
    assert [event.reason for event in published if isinstance(event, FeedStatus)][2:] == [
        "crossed: bid 102, ask 101",
        "resync",
    ]


def test_who_finds_the_book_wrong_voids_it_once() -> None:
    sync = new_sync()
    run(sync, [diff(1, 1), snapshot(0)])
    assert short(sync.void(7, "the venue's touch is another")) == ["GAP1", "SYNCING2"]
    assert sync.void(8, "again") == []
    assert short(run(sync, [diff(2, 2), snapshot(1)])) == ["snapshot1", "2-2", "VALID2"]


def test_a_snapshot_is_requested_before_the_touch_leaves_its_window() -> None:
    prover = Trusting()
    sync = Sync("binance.ETHUSDT", prover)
    run(sync, [diff(1, 1), snapshot(0)])
    assert not sync.needs_snapshot
    prover.needs_renewal = True
    assert sync.needs_snapshot
    assert sync.is_valid
    sync.on_snapshot(snapshot(3))
    assert not sync.needs_snapshot  # one waits for the book to reach it


def test_a_snapshot_that_the_stream_does_not_reach_is_given_up() -> None:
    sync = new_sync()
    run(sync, [snapshot(10_000)])
    for last in range(1, HELD_DIFFS_MAX + 2):
        assert not sync.needs_snapshot
        sync.on_diff(diff(last, last))
    assert sync.needs_snapshot
    assert short(sync.on_snapshot(snapshot(HELD_DIFFS_MAX))) == [f"snapshot{HELD_DIFFS_MAX}", "101-101", "VALID1"]


def test_dropped_diffs_are_counted_by_reason() -> None:
    sync = new_sync()
    run(sync, [diff(1, 2), diff(3, 3), snapshot(2), diff(3, 3), diff(1, 2), diff(6, 6), diff(9, 9)])
    sync.disconnected(1, "lost")
    assert sync.counts.dropped == {"old": 2, "duplicate": 1, "gap": 1, "disconnected": 1}
    assert sync.counts.depth_dropped == 5
