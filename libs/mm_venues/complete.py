"""The price window in which a book is known to be complete. Pure.

A snapshot holds the best levels of each side, as many as were requested. A side with fewer is the complete side and has
no bound. How many were requested is not in the frame, so a side counts as cut off at its worst price if it has as many
levels as the other side, or one of the usual limits, and at least a hundred of them, the venue's smallest default:
a shorter list is a thin market or a small example.

A level that is not known has not changed since the snapshot. So what the venue shows as its own best bid and ask, at
the snapshot's update id or any later one, also bounds them: none lies between.
"""

from typing import NamedTuple

from mm_core.events import BookSnapshot
from mm_core.types import INT64_MAX

CUT_LEVELS_MIN = 100
LIMITS = (100, 500, 1000, 5000)
_RENEWED_PART = 10  # less than a tenth of the first distance left: time for a new snapshot


class Window(NamedTuple):
    """Known from `low_ticks` to `high_ticks`, both included; to be renewed when the touch leaves the renewal prices.

    0 and INT64_MAX where a side has no bound.
    """

    low_ticks: int = 0
    high_ticks: int = INT64_MAX
    renew_low_ticks: int = 0
    renew_high_ticks: int = INT64_MAX


def window_of(snapshot: BookSnapshot) -> Window:
    """The window of a snapshot of the venue."""
    bids, asks = snapshot.bid_ticks, snapshot.ask_ticks
    window = Window()
    if is_cut(len(bids), len(asks)):
        left_ticks = (bids[0] - bids[-1]) // _RENEWED_PART
        window = window._replace(low_ticks=bids[-1], renew_low_ticks=bids[-1] + left_ticks)
    if is_cut(len(asks), len(bids)):
        left_ticks = (asks[-1] - asks[0]) // _RENEWED_PART
        window = window._replace(high_ticks=asks[-1], renew_high_ticks=asks[-1] - left_ticks)
    return window


def grown(window: Window, bid_ticks: int, ask_ticks: int) -> Window:
    """The window with everything between the venue's own best prices; a price of 0 is a side without levels."""
    low_ticks = min(window.low_ticks, bid_ticks)
    high_ticks = max(window.high_ticks, ask_ticks or INT64_MAX)
    return window._replace(low_ticks=low_ticks, high_ticks=high_ticks)


def is_cut(levels: int, other_levels: int) -> bool:
    """Whether a side of so many levels goes on behind its worst price."""
    return levels >= CUT_LEVELS_MIN and (levels == other_levels or levels in LIMITS)
