"""The window in which a book is complete: renewed in time, STALE outside of it, bounded by the venue's own touch."""

import pytest
from tests.venue.fed import PROVEN, Fed
from tests.venue.market_frames import book, depth, top

from mm_core.types import INT64_MAX


def deep(update_id: int, bid: int, levels: int = 100) -> bytes:
    """A snapshot that is cut off: so many levels a side, the bid's best at `bid`, the ask's a tick above."""
    return book(update_id, [(bid - at, 1) for at in range(levels)], [(bid + 1 + at, 1) for at in range(levels)])


def moved(at_ms: int, update_id: int, old: int, new: int) -> bytes:
    """Everything between two bids is taken away, and the ask follows."""
    return depth(at_ms, update_id, update_id, [(tick, 0) for tick in range(old, new, -1)], [(new + 1, 1)])


def test_a_new_snapshot_is_requested_before_the_touch_leaves_what_is_known() -> None:
    fed = Fed((0, deep(10, 1000)), (100, moved(100, 11, 1000, 911)))
    assert (fed.status.complete_low_ticks, fed.status.complete_high_ticks) == (901, 1100)
    assert not fed.feed.sync.needs_snapshot
    fed.take((200, moved(200, 12, 911, 909)))
    assert fed.feed.sync.needs_snapshot
    assert fed.feed.is_valid
    assert fed.take((300, deep(12, 909))) == "snapshot12 VALID1"
    assert (fed.status.complete_low_ticks, fed.status.complete_high_ticks) == (810, 1009)
    assert fed.status.reason == "snapshot renewed"
    assert not fed.feed.sync.needs_snapshot


def test_a_touch_outside_of_what_is_known_is_not_valid_until_it_is_inside_again() -> None:
    fed = Fed((0, deep(10, 1000)), (100, depth(100, 11, 11)))
    outside = depth(200, 12, 12, [(tick, 0) for tick in range(1000, 900, -1)] + [(890, 1)])
    assert fed.take((200, outside)) == "STALE1 12-12"
    assert fed.reasons() == ["touch 890 / 1001 ticks outside of what is known, 901 to 1100 ticks"]
    assert not fed.feed.is_valid
    assert fed.feed.sync.needs_snapshot
    assert fed.take((300, depth(300, 13, 13, [(889, 1)]))) == "13-13"
    assert fed.take((400, depth(400, 14, 14, [(950, 1)]))) == "14-14 VALID1"


@pytest.mark.parametrize(
    ("healing", "published"),
    [
        (book(12, [(890, 1)], [(1001 + at, 1) for at in range(100)]), "snapshot12 VALID1"),
        (top(12, (890, 1), (1001, 1)), "VALID1"),
    ],
)
def test_a_snapshot_or_the_venues_own_touch_bounds_what_is_not_known(healing: bytes, published: str) -> None:
    fed = Fed((0, deep(10, 1000)), (100, depth(100, 11, 11)))
    fed.take((200, depth(200, 12, 12, [(tick, 0) for tick in range(1000, 900, -1)] + [(890, 1)])))
    assert fed.take((210, healing)) == published
    assert fed.feed.is_valid
    assert fed.status.complete_low_ticks in (0, 890)


def test_a_touch_that_the_venue_has_shown_before_is_known() -> None:
    fed = Fed((0, deep(10, 1000)), (100, depth(100, 11, 11)), (190, top(12, (890, 1), (1001, 1))))
    assert fed.take((200, depth(200, 12, 12, [(t, 0) for t in range(1000, 900, -1)] + [(890, 1)]))) == "VALID1 12-12"
    assert (fed.status.complete_low_ticks, fed.counts.touch_equal) == (890, 1)


def test_a_short_snapshot_is_the_whole_book() -> None:
    fed = Fed(*PROVEN)
    assert (fed.status.complete_low_ticks, fed.status.complete_high_ticks) == (0, INT64_MAX)
    assert fed.take((200, depth(200, 12, 12, [(1000, 0), (500, 1)]))) == "12-12"
