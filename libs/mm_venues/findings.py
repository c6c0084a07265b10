"""What a feed found wrong with recorded frames, and where."""

import msgspec

from mm_venues.feed_counts import FeedCounts
from mm_venues.port import Feed


class Findings(msgspec.Struct):
    """The first place that contradicts the book, and the place at which the instrument changed; empty without."""

    first_contradiction: str = ""
    definition_changed: str = ""

    def check(self, feed: Feed, where: str) -> bool:
        """Note what the feed has found by the line `where`; False if it takes nothing more."""
        if feed.first_contradiction and not self.first_contradiction:
            self.first_contradiction = f"{where}: {feed.first_contradiction}"
        if feed.definition_changed:
            self.definition_changed = f"{where}: {feed.definition_changed}: the instrument is another one from here on"
        return not feed.definition_changed

    def failures(self, counts: FeedCounts) -> list[str]:
        """What makes a replay or an import of these frames fail, a line each."""
        contradiction = self.first_contradiction
        if counts.contradictions and not contradiction:
            contradiction = "the venue's own touch is not the book's: see the reasons of the feed's GAPs"
        times = f" (the first of {counts.contradictions:,})" if counts.contradictions > 1 else ""
        return [text for text in (contradiction and contradiction + times, self.definition_changed) if text]
