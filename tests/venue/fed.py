"""A feed of the small ETHUSDT market, and what came of the frames that a test gave it."""

from typing import Any

from tests.venue.market import ETH, short
from tests.venue.market_frames import at_ns, book, depth

from mm_core.events import FeedStatus, RootEvent
from mm_core.types import BookState
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed

Timed = tuple[int, bytes]
BIDS, ASKS = [(1000, 1)], [(1001, 1)]
# Proven at 5 ms and 105 ms: bid 1000, ask 1001.
PROVEN: list[Timed] = [(0, book(10, BIDS, ASKS)), (100, depth(100, 11, 11, [(1000, 2)]))]


class Fed:
    """A feed, and what came of the frames."""

    def __init__(self, *frames: Timed) -> None:
        self.feed = Feed(ETH, TouchAudit(CompiledBook()))
        self.events: list[RootEvent] = []
        self.take(*frames)

    def take(self, *frames: Timed) -> str:
        """Take frames received 5 ms after those times; the book's events in short."""
        events = [event for at_ms, frame in frames for event in self.feed.feed(at_ns(at_ms), frame)]
        self.events += events
        return short(events)

    @property
    def counts(self) -> Any:
        """What the feed counted."""
        return self.feed.counts()

    @property
    def status(self) -> FeedStatus:
        """The last status."""
        return [event for event in self.events if isinstance(event, FeedStatus)][-1]

    def reasons(self) -> list[str]:
        """Why the book was not quoted."""
        bad = (BookState.GAP, BookState.STALE)
        return [event.reason for event in self.events if isinstance(event, FeedStatus) and event.state in bad]
