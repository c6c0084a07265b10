"""Which roots a live log must not take any more: delay is part of the model, and nobody trades on what is long over."""

import logging

from mm_core.events import FeedStatus, InstrumentDefined, OperatorCommand, RootEvent, Tick
from mm_core.types import NS_PER_S, BookState
from mm_services.sequencer.clock import SourceClock
from mm_services.sequencer.intake import Intake

log = logging.getLogger(__name__)


class Lateness:
    """Computes how late a root is. With `delay_ns_max` 0, or a source that does not send its clock, none ever is.

    A Tick is late only while the feed is VALID: else nothing is decided on it, and the log may catch up. An event
    by which the book is not proven is never late.
    """

    def __init__(self, clock: SourceClock, delay_ns_max: int, offset_ns: int, grace_ns: int) -> None:
        self._clock = clock
        self._delay_ns_max = delay_ns_max
        self._offset_ns = offset_ns
        self._grace_ns = grace_ns
        self.is_proven = False  # by the last FeedStatus on the log

    def appended(self, root: RootEvent) -> None:
        """A root is on the log."""
        if isinstance(root, FeedStatus):
            self.is_proven = root.state is BookState.VALID

    def late_ns(self, root: RootEvent) -> int:
        """How long ago it was received, or due, if that is too long ago; else 0."""
        if not (self._delay_ns_max and self._clock.has_source):
            return 0
        match root:
            case InstrumentDefined() | OperatorCommand():
                return 0
            case FeedStatus() if root.state is not BookState.VALID:
                return 0
            case Tick():
                at_ns = root.local_ns + self._grace_ns if self.is_proven else 0
            case _:
                at_ns = root.recv_ns + self._offset_ns
        late_ns = self._clock.now_ns() - at_ns if at_ns else 0
        return late_ns if late_ns > self._delay_ns_max else 0


class Hold:
    """Holds a log whose next root is too late, and has its sources give up what waits, until they have.

    `late_ns` is how late that root is, 0 while the log is not held.
    """

    def __init__(self, lateness: Lateness, intake: Intake) -> None:
        self.late_ns = 0
        self.count = 0
        self._lateness = lateness
        self._intake = intake

    async def holds(self, root: RootEvent) -> bool:
        """Whether this root must not be appended."""
        before_ns, late_ns = self.late_ns, self._lateness.late_ns(root)
        self.late_ns = late_ns
        if late_ns and not before_ns:
            self.count += 1
            log.error("the log stood still for %.1f s: requesting a GAP", late_ns / NS_PER_S)
            await self.request_again()
        return bool(late_ns)

    async def request_again(self) -> None:
        """A request may get lost."""
        if self.late_ns:
            await self._intake.request_gap(self.late_ns)

    def release(self) -> bool:
        """A source has given up what it sent. False if the log was not held."""
        was_held, self.late_ns = bool(self.late_ns), 0
        return was_held
