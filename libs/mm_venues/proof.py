"""What speaks against a rebuilt book, and against a snapshot that would be one. Pure; the sync machine asks it."""

from mm_core.events import BookDelta, BookSnapshot
from mm_venues.audit import Touch, TouchAudit
from mm_venues.complete import Window, window_of


class Proof:
    """The book of one feed while it is rebuilt; `window` is where it is known to be complete."""

    def __init__(self, audit: TouchAudit) -> None:
        self.window = Window()
        self._audit = audit
        self._crossed = ""

    @property
    def wants_renewal(self) -> bool:
        """True while the touch is close to the end of what is known."""
        touch = self._audit.touch
        has_left = 0 < touch.bid_ticks < self.window.renew_low_ticks
        return has_left or touch.ask_ticks > self.window.renew_high_ticks

    def begin(self, snapshot: BookSnapshot, following: list[BookDelta]) -> str:
        """Rebuild the book from a snapshot and the diffs behind it; what speaks against it, empty if nothing does."""
        self._audit.snapshot(snapshot)
        self.window = window_of(snapshot)
        self._crossed = "crossed by the snapshot" if self._audit.touch.is_crossed else ""
        for diff in following:
            self._step(diff)
        return self.problem()

    def step(self, diff: BookDelta) -> str:
        """Take a diff into the book; what speaks against it then."""
        self._step(diff)
        return self.problem()

    def renew(self, snapshot: BookSnapshot, merged: BookSnapshot) -> str:
        """Put a newer snapshot of the venue in the book's place, `merged` with the diffs behind it."""
        before = self._audit.touch
        self._audit.renew(merged)
        after = self._audit.touch
        if before[:4] != after[:4]:
            self._audit.note(f"at update id {merged.update_id} the snapshot's touch is {after}, the book's {before}")
        self.window = window_of(snapshot)
        return self.problem()

    def problem(self) -> str:
        """What speaks against the book now, empty if nothing does."""
        if self._audit.contradiction or self._crossed:
            return self._audit.contradiction or self._crossed
        touch, (low_ticks, high_ticks, *_) = self._audit.touch, self.window
        if 0 < touch.bid_ticks < low_ticks or touch.ask_ticks > high_ticks:
            known = f"{low_ticks} to {high_ticks} ticks"
            return f"touch {touch.bid_ticks} / {touch.ask_ticks} ticks outside of what is known, {known}"
        return ""

    def _step(self, diff: BookDelta) -> None:
        before = self._audit.touch
        self._audit.delta(diff)
        self._crossed = _crossing(before, self._audit.touch) if self._audit.touch.is_crossed else ""

    def clear(self) -> None:
        """The book is void."""
        self._audit.clear()

    def restart(self) -> None:
        """The book is void, and update ids begin anew."""
        self._audit.restart()


def _crossing(before: Touch, after: Touch) -> str:
    """Which prices crossed: a book hides the levels that the new best of the other side has moved through."""
    bid_ticks, ask_ticks = after.bid_ticks, after.ask_ticks
    if 0 < before.ask_ticks <= bid_ticks:
        ask_ticks = before.ask_ticks
    elif ask_ticks <= before.bid_ticks:
        bid_ticks = before.bid_ticks
    return f"crossed: bid {bid_ticks} ticks, ask {ask_ticks} ticks"
