"""The sync machine: by table for each rule, by property against a book that is known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue.sync_facts import IT, Levels, diff, low, new_sync, run, short, snapshot

from mm_core.events import BookDelta, BookSnapshot, FeedStatus
from mm_core.types import INT64_MAX, BookState
from mm_venues.binance.places import BookFact
from mm_venues.binance.sync import BUFFERED_DIFFS_MAX


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        # the snapshot comes after the first diffs: older ones are dropped, the rest follows it
        ([diff(1, 5), diff(6, 9), diff(10, 14), snapshot(10)], "SYNCING1 snapshot10 10-14 VALID1"),
        # on the boundary U == L + 1
        ([diff(6, 10), diff(11, 14), snapshot(10)], "SYNCING1 snapshot10 11-14 VALID1"),
        ([diff(11, 14), snapshot(10)], "SYNCING1 snapshot10 11-14 VALID1"),
        # the snapshot comes first, or is newer than everything buffered: it waits for a diff that confirms it
        ([snapshot(10), diff(11, 12)], "SYNCING1 snapshot10 11-12 VALID1"),
        ([diff(1, 5), snapshot(10)], "SYNCING1"),
        ([diff(1, 5), snapshot(10), diff(6, 10), diff(11, 11)], "SYNCING1 snapshot10 11-11 VALID1"),
        # too old: refused, the buffer stays for the next one
        ([diff(12, 14), snapshot(10)], "SYNCING1"),
        ([diff(12, 14), diff(15, 16), snapshot(10), snapshot(13)], "SYNCING1 snapshot13 12-14 15-16 VALID1"),
        ([snapshot(10), diff(13, 14), snapshot(12)], "SYNCING1 snapshot12 13-14 VALID1"),
        # of two snapshots that wait, the newer one
        ([snapshot(10), snapshot(12), snapshot(11), diff(11, 13)], "SYNCING1 snapshot12 11-13 VALID1"),
        # a gap voids the book at once
        (
            [diff(1, 1), snapshot(0), diff(4, 4), diff(5, 5), snapshot(4)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2 snapshot4 5-5 VALID2",
        ),
        ([diff(1, 1), snapshot(0), diff(3, 3)], "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2"),
        # a late diff after the gap it caused is ignored: one new start, not two
        (
            [diff(1, 1), snapshot(0), diff(4, 4), diff(2, 3), diff(5, 5), snapshot(3)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2 snapshot3 4-4 5-5 VALID2",
        ),
        # a hole among buffered diffs voids those before it
        ([diff(1, 1), diff(4, 4), snapshot(0), snapshot(3)], "SYNCING1 snapshot3 4-4 VALID1"),
        # repeated, older and overlapping diffs
        (
            [diff(1, 2), snapshot(0), diff(1, 2), diff(1, 1), diff(2, 4), diff(3, 3)],
            "SYNCING1 snapshot0 1-2 VALID1 2-4",
        ),
        # a snapshot nobody requested renews the book, at once or when the book has reached it
        ([diff(1, 1), snapshot(0), snapshot(1), diff(2, 2)], "SYNCING1 snapshot0 1-1 VALID1 snapshot1 VALID1 2-2"),
        (
            [diff(1, 1), snapshot(0), diff(2, 2), snapshot(1), diff(3, 3)],
            "SYNCING1 snapshot0 1-1 VALID1 2-2 snapshot2 VALID1 3-3",
        ),
        (
            [diff(1, 1), snapshot(0), snapshot(2), diff(2, 3), diff(4, 4)],
            "SYNCING1 snapshot0 1-1 VALID1 2-3 snapshot3 VALID1 4-4",
        ),
        # one from before the diffs that we know is refused; after a gap one that waited is of use
        ([diff(5, 5), snapshot(4), diff(6, 6), snapshot(2)], "SYNCING1 snapshot4 5-5 VALID1 6-6"),
        (
            [diff(1, 1), snapshot(0), snapshot(9), diff(10, 10)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2 snapshot9 10-10 VALID2",
        ),
        (
            [diff(1, 1), snapshot(0), snapshot(9), diff(12, 12)],
            "SYNCING1 snapshot0 1-1 VALID1 GAP1 SYNCING2",
        ),
        # ids that begin again, or go on below a spike: the third diff shows it, and none is lost
        (
            [diff(900, 901), snapshot(900), low(11, 11), low(12, 13), low(14, 14), snapshot(10), low(15, 15)],
            "SYNCING1 snapshot900 900-901 VALID1 GAP1 SYNCING2 snapshot10 11-11 12-13 14-14 VALID2 15-15",
        ),
        (
            [diff(900, 901), snapshot(900), low(11, 11), snapshot(11), low(12, 13), low(14, 14)],
            "SYNCING1 snapshot900 900-901 VALID1 GAP1 SYNCING2 snapshot11 12-13 14-14 VALID2",
        ),
        (
            [diff(1, 2), snapshot(0), diff(3, 900), low(4, 5), low(6, 6), low(7, 7), snapshot(6)],
            "SYNCING1 snapshot0 1-2 VALID1 3-900 GAP1 SYNCING2 snapshot6 7-7 VALID2",
        ),
        # also while waiting, and while holding a snapshot from before
        (
            [diff(900, 901), low(11, 11), low(12, 12), low(13, 13), snapshot(10)],
            "SYNCING1 SYNCING2 snapshot10 11-11 12-12 13-13 VALID2",
        ),
        (
            [diff(900, 901), snapshot(905), low(11, 11), low(12, 12), low(13, 13), snapshot(10)],
            "SYNCING1 GAP1 SYNCING2 snapshot10 11-11 12-12 13-13 VALID2",
        ),
        # two are too few, a hole among them or an older time breaks the run
        (
            [diff(900, 901), snapshot(900), low(11, 11), low(12, 12), diff(902, 902)],
            "SYNCING1 snapshot900 900-901 VALID1 902-902",
        ),
        (
            [diff(900, 901), snapshot(900), low(11, 11), low(13, 13), low(14, 14), low(15, 15), snapshot(14)],
            "SYNCING1 snapshot900 900-901 VALID1 GAP1 SYNCING2 snapshot14 15-15 VALID2",
        ),
        (
            [diff(900, 901), snapshot(900), diff(11, 11), diff(12, 12), diff(13, 13), diff(902, 902)],
            "SYNCING1 snapshot900 900-901 VALID1 902-902",
        ),
    ],
)
def test_the_book_is_published_only_when_it_is_proven(inputs: list[BookDelta | BookSnapshot], expected: str) -> None:
    assert short(run(new_sync(), inputs)) == expected.split()


def test_what_became_of_every_diff_is_counted() -> None:
    sync = new_sync()
    run(sync, [diff(1, 5), diff(6, 9), snapshot(7), diff(6, 9), diff(8, 8), snapshot(3), diff(20, 21), diff(20, 21)])
    counts = sync.counts
    assert (counts.depth_received, counts.depth_dropped, counts.depth_applied) == (6, 4, 1)
    assert (counts.depth_duplicates, counts.gaps, counts.snapshots, counts.snapshots_refused) == (2, 1, 2, 1)
    assert sync.needs_snapshot


def test_valid_names_what_proved_it_and_the_gap_what_is_missing() -> None:
    published = run(new_sync(), [snapshot(10), diff(11, 12), diff(15, 15)])
    _, first, _, valid, gap, syncing = published
    assert first.ts_ns == 1_012
    assert first.recv_ns == 5_000
    assert valid == FeedStatus(
        **IT,
        ts_ns=1_012,
        recv_ns=2_012,
        state=BookState.VALID,
        epoch=1,
        complete_low_ticks=0,
        complete_high_ticks=INT64_MAX,
        reason="snapshot confirmed",
    )
    assert gap == FeedStatus(
        **IT, ts_ns=1_015, recv_ns=2_015, state=BookState.GAP, epoch=1, reason="update ids 13 to 14 are missing"
    )
    assert syncing == FeedStatus(**IT, ts_ns=1_015, recv_ns=2_015, state=BookState.SYNCING, epoch=2, reason="gap")


def test_a_snapshot_keeps_the_time_of_the_last_diff_before_it() -> None:
    published = run(new_sync(), [diff(9, 10), snapshot(10, ts_ns=1_010), diff(11, 12)])
    assert published[1].ts_ns == 1_010


def test_a_side_without_levels_is_complete_to_its_end() -> None:
    valid = run(new_sync(), [snapshot(10, {}), diff(11, 12)])[-1]
    assert isinstance(valid, FeedStatus)
    assert (valid.complete_low_ticks, valid.complete_high_ticks) == (0, INT64_MAX)


def test_the_buffer_is_bounded_and_drops_the_oldest() -> None:
    sync = new_sync()
    for last in range(1, BUFFERED_DIFFS_MAX + 3):
        sync.on_diff(diff(last, last))
    assert sync.counts.depth_dropped == 2
    assert sync.on_snapshot(snapshot(1)) == []
    assert len(sync.on_snapshot(snapshot(2))) == 1 + BUFFERED_DIFFS_MAX + 1


class Follower:
    """A naive book that believes what the machine publishes."""

    def __init__(self) -> None:
        self.levels: Levels = {}
        self.update_id = -1
        self.is_valid = False
        self.epochs: list[int] = []

    def take(self, event: BookFact) -> None:
        """Take the next event; a diff must not go back."""
        match event:
            case FeedStatus():
                self.is_valid = event.state is BookState.VALID
                self.epochs.append(event.epoch)
            case BookSnapshot():
                self.levels = {}
                self._set(event)
            case BookDelta():
                assert self.update_id < event.update_id
                self._set(event)

    def _set(self, event: BookSnapshot | BookDelta) -> None:
        self.update_id = event.update_id
        bids = zip(event.bid_ticks, event.bid_lots, strict=True)
        asks = zip(event.ask_ticks, event.ask_lots, strict=True)
        changes = {(0, ticks): lots for ticks, lots in bids} | {(1, ticks): lots for ticks, lots in asks}
        self.levels = {at: lots for at, lots in (self.levels | changes).items() if lots}


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[Levels], list[BookDelta | int]]:
    """A book after each update id, and what arrives: diffs (lost, repeated, late, overlapping) and snapshot ids."""
    change = st.tuples(st.tuples(st.integers(0, 1), st.integers(1, 6)), st.integers(0, 99))
    changes = draw(st.lists(change, min_size=1, max_size=30))
    truth: list[Levels] = [{(0, 3): 1, (1, 4): 1}]
    for at, lots in changes:
        truth.append({key: held for key, held in (truth[-1] | {at: lots}).items() if held})
    arrivals: list[BookDelta | int] = []
    last = 0
    while last < len(changes):
        first, last = last + 1, draw(st.integers(last + 1, min(last + 3, len(changes))))
        covered = range(max(1, first - draw(st.sampled_from([0, 0, 0, 1, 2]))), last + 1)
        keys = dict.fromkeys(changes[update_id - 1][0] for update_id in covered)
        content = {key: truth[last].get(key, 0) for key in keys}
        arrivals += [diff(covered.start, last, content)] * draw(st.sampled_from([1, 1, 0, 2]))
        arrivals += draw(st.lists(st.integers(0, len(changes)), max_size=1))
    if draw(st.booleans()):
        late = draw(st.integers(0, len(arrivals)))
        arrivals[late : late + 2] = arrivals[late : late + 2][::-1]
    return truth, arrivals


@settings(max_examples=400)
@given(markets())
def test_whatever_arrives_a_valid_book_is_the_true_book(market: tuple[list[Levels], list[BookDelta | int]]) -> None:
    truth, arrivals = market
    sync, follower = new_sync(), Follower()
    for each in arrivals:
        for event in run(sync, [snapshot(each, truth[each]) if isinstance(each, int) else each]):
            follower.take(event)
        if follower.is_valid:
            assert follower.levels == truth[follower.update_id]
        assert follower.is_valid <= (not sync.needs_snapshot)
    buffered = sync.counts.depth_received - sync.counts.depth_applied - sync.counts.depth_dropped
    assert buffered >= 0
    assert buffered == 0 or not follower.is_valid


@given(markets())
def test_a_fresh_snapshot_always_heals(market: tuple[list[Levels], list[BookDelta | int]]) -> None:
    truth, arrivals = market
    sync, follower = new_sync(), Follower()
    end = len(truth)
    inputs = [snapshot(each, truth[each]) if isinstance(each, int) else each for each in arrivals]
    for event in run(sync, [*inputs, diff(end, end, {(0, 1): 7})]):
        follower.take(event)
    if sync.needs_snapshot:
        for event in sync.on_snapshot(snapshot(end - 1, truth[-1])):
            follower.take(event)
    assert follower.is_valid
    assert follower.levels == truth[-1] | {(0, 1): 7}
    assert follower.epochs == sorted(follower.epochs)
