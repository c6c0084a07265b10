"""Outliers of the venue's clocks and of ours at the feed."""

import pytest
from tests.venue.fed import ASKS, PROVEN, Fed
from tests.venue.market_frames import at_ns, book, depth, print_, top


@pytest.mark.parametrize("shift_ms", [3_600_000, 86_400_000])
@pytest.mark.parametrize("stream", ["depth", "trade"])
def test_an_exchange_time_far_ahead_changes_nothing_else(stream: str, shift_ms: int) -> None:
    fed = Fed(*PROVEN)
    outlier = depth(200 + shift_ms, 12, 12) if stream == "depth" else print_(200 + shift_ms, 1, 1000)
    fed.take((200, outlier), (300, depth(300, 13 if stream == "depth" else 12, 13)), (310, print_(310, 2, 1000)))
    assert max(event.ts_ns for event in fed.events) == at_ns(310, 0)
    assert (fed.counts.times_bounded, fed.counts.trades_late) == (1, 0)
    assert fed.feed.is_valid


@pytest.mark.parametrize("shift_ms", [3_600_000, -3_600_000, 86_400_000])
def test_a_step_of_our_clock_moves_no_receive_time(shift_ms: int) -> None:
    fed = Fed(*PROVEN)
    frames = [depth(200, 12, 12), print_(210, 1, 1000), top(12, (1000, 2), (1001, 1)), book(12, [(1000, 2)], ASKS)]
    fed.take(*[(200 + shift_ms, frame) for frame in frames], (300, depth(300, 13, 13)))
    assert {event.recv_ns for event in fed.events if event.recv_ns > at_ns(300)} == set()
    assert min(event.recv_ns for event in fed.events) == at_ns(0)
    assert fed.feed.is_valid
