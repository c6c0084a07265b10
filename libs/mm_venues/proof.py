"""What contradicts a rebuilt book, and against a snapshot that would be one. Pure; used by the sync machine."""

from mm_core.events import BookDelta, BookSnapshot, BookTop
from mm_core.types import INT64_MAX
from mm_venues.audit import Touch, TouchAudit
from mm_venues.complete import Window, grown, window_of


class Proof:
    """The book of one feed while it is rebuilt; `window` is where it is known to be complete."""

    def __init__(self, audit: TouchAudit) -> None:
        self.window = Window()
        self._known = Window()  # what is known now; `window` is what was published of it
        self._snapshot_id = INT64_MAX
        self._audit = audit
        self._crossed = ""

    @property
    def needs_renewal(self) -> bool:
        """True while the touch is close to the end of what is known."""
        touch = self._audit.touch
        has_left = 0 < touch.bid_ticks < self.window.renew_low_ticks
        return has_left or touch.ask_ticks > self.window.renew_high_ticks

    def begin(self, snapshot: BookSnapshot, following: list[BookDelta]) -> str:
        """Rebuild the book from a snapshot and the diffs behind it; what speaks against it, empty if nothing does."""
        self._audit.snapshot(snapshot)
        self._see(snapshot)
        self._crossed = "crossed by the snapshot" if self._audit.touch.is_crossed else ""
        for diff in following:
            self._step(diff)
        self.window = self._known
        return self.problem()

    def step(self, diff: BookDelta) -> str:
        """Take a diff into the book; what speaks against it then."""
        self._step(diff)
        return self.problem()

    def top(self, top: BookTop) -> None:
        """The venue's own touch."""
        self._audit.top(top)
        self._grow(top)

    def renew(self, snapshot: BookSnapshot, merged: BookSnapshot) -> str:
        """Put a newer snapshot of the venue in the book's place, `merged` with the diffs behind it."""
        before = self._audit.touch
        self._audit.renew(merged)
        after = self._audit.touch
        if before[:4] != after[:4]:
            self._audit.note(f"at update id {merged.update_id} the snapshot's touch is {after}, the book's {before}")
        self._see(snapshot)
        self.window = self._known
        return self.problem()

    def problem(self) -> str:
        """What speaks against the book now, empty if nothing does."""
        return self._audit.contradiction or self._crossed

    def outside(self) -> str:
        """Why the touch may not be the best there is: it is outside of what is known; empty if it is inside.

        `window` grows where the touch has left it and more is known by now.
        """
        touch = self._audit.touch
        if _is_outside(touch, self.window):
            self.window = self._known
        if not _is_outside(touch, self.window):
            return ""
        known = f"{self.window.low_ticks} to {self.window.high_ticks} ticks"
        return f"touch {touch.bid_ticks} / {touch.ask_ticks} ticks outside of what is known, {known}"

    def _see(self, snapshot: BookSnapshot) -> None:
        self._known, self._snapshot_id = window_of(snapshot), snapshot.update_id
        for top in self._audit.ahead():
            self._grow(top)

    def _grow(self, top: BookTop) -> None:
        known = self._known
        is_inside = top.bid_ticks >= known.low_ticks and 0 < top.ask_ticks <= known.high_ticks
        if top.update_id >= self._snapshot_id and not is_inside:
            self._known = grown(known, top.bid_ticks, top.ask_ticks)

    def _step(self, diff: BookDelta) -> None:
        before = self._audit.touch
        self._audit.delta(diff)
        self._crossed = _crossing(before, self._audit.touch) if self._audit.touch.is_crossed else ""

    def clear(self) -> None:
        """The book is void."""
        self._snapshot_id = INT64_MAX
        self._audit.clear()

    def restart(self) -> None:
        """The book is void, and update ids begin anew."""
        self.clear()
        self._audit.restart()


def _is_outside(touch: Touch, window: Window) -> bool:
    return 0 < touch.bid_ticks < window.low_ticks or touch.ask_ticks > window.high_ticks


def _crossing(before: Touch, after: Touch) -> str:
    """Which prices crossed: a book hides the levels that the new best of the other side has moved through."""
    bid_ticks, ask_ticks = after.bid_ticks, after.ask_ticks
    if 0 < before.ask_ticks <= bid_ticks:
        ask_ticks = before.ask_ticks
    elif ask_ticks <= before.bid_ticks:
        bid_ticks = before.bid_ticks
    return f"crossed: bid {bid_ticks} ticks, ask {ask_ticks} ticks"
