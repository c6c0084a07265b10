"""What time it is for a log whose market is silent."""

from mm_core.types import NS_PER_S
from mm_venues.steady_clock import elapsed_s

# A little slower than ours, so that a source whose clock is slower than ours does not seem late after a day.
DRIFT = 1.0 - 2e-4


class SourceClock:
    """The clock of the sources, on the exchange's clock: the newest that they sent, and what has passed here since.

    Without a source that sends its clock, it is the newest root's local time and what has passed since. What passes
    while no process runs it, such as between two processes of a sequencer, is made up for by the next message.
    """

    def __init__(self) -> None:
        self.is_set = False  # by a root: before, no time passes for the log
        self.has_source = False  # a source sends its clock
        self._newest_ns = 0
        self._newest_s = 0.0

    def set(self, local_ns: int) -> None:
        """A log ends at this time; it never steps back."""
        self.is_set = self.is_set or bool(local_ns)
        if not self.has_source and local_ns > self.now_ns():
            self._newest_ns, self._newest_s = local_ns, elapsed_s()

    def receive(self, sent_ns: int, *, is_new: bool = False) -> None:
        """A source sent this time of its clock. `is_new`: of a process that has just started, whose clock counts."""
        if is_new or not self.has_source or sent_ns > self.now_ns():
            self.has_source = True
            self._newest_ns, self._newest_s = sent_ns, elapsed_s()

    def now_ns(self) -> int:
        """The local time now; 0 before anything was received."""
        if not self._newest_ns:
            return 0
        passed_s = elapsed_s() - self._newest_s
        return self._newest_ns + int(passed_s * (DRIFT if self.has_source else 1.0) * NS_PER_S)
