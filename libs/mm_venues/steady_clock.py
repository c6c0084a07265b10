"""Our clock for receive times, which no step of the system's clock moves, and a watch on freezes of this process."""

import logging
import time
from collections.abc import Callable

from mm_core.types import NS_PER_S

_log = logging.getLogger(__name__)

STEP_NS = NS_PER_S // 2
# 1 ms in a second: more than a disciplined clock drifts, less than any figure of ours would show.
_FOLLOW_PARTS = 1_000
FREEZE_S = 3.0
# On Linux the clock that goes on while the machine is suspended; elsewhere the plain monotonic one.
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed_ns() -> int:
    """A clock that never steps and, where the system has one, counts the time of a suspended machine too."""
    return time.clock_gettime_ns(_BOOT)


def elapsed_s() -> float:
    """As `elapsed_ns`, in seconds."""
    return elapsed_ns() / NS_PER_S


class SteadyClock:
    """Unix time in ns that begins with the wall clock and goes on with `elapsed_ns`.

    It follows the wall clock by at most 1 ms in a second. A wall clock that is off by more than half a second from one
    reading to the next has stepped: that is counted in `steps`, logged, and not followed.
    """

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns, elapsed_ns: Callable[[], int] = elapsed_ns) -> None:
        self.steps = 0
        self._wall_ns = wall_ns
        self._elapsed_ns = elapsed_ns
        self._read_ns = elapsed_ns()
        self._offset_ns = wall_ns() - self._read_ns
        self._stepped_ns = 0  # by how much the wall clock is off for good, as far as we know

    def now_ns(self) -> int:
        """The time now; it never goes back."""
        read_ns = self._elapsed_ns()
        passed_ns, self._read_ns = read_ns - self._read_ns, read_ns
        ahead_ns = self._wall_ns() - (read_ns + self._offset_ns)
        if abs(ahead_ns - self._stepped_ns) > STEP_NS:
            self._stepped(ahead_ns)
        most_ns = passed_ns // _FOLLOW_PARTS
        self._offset_ns += max(-most_ns, min(most_ns, ahead_ns - self._stepped_ns))
        return read_ns + self._offset_ns

    def _stepped(self, ahead_ns: int) -> None:
        self.steps += 1
        by_s = (ahead_ns - self._stepped_ns) / NS_PER_S
        # Back where it was, it is followed as before.
        self._stepped_ns = ahead_ns if abs(ahead_ns) > STEP_NS else 0
        _log.warning("the wall clock stepped by %+.3f s; receive times do not follow it", by_s)


class FreezeWatch:
    """Detects that this process stood still: `mark` is called by its event loop many times in `freeze_s`."""

    def __init__(self, freeze_s: float = FREEZE_S, clock_s: Callable[[], float] = elapsed_s) -> None:
        self._freeze_s = freeze_s
        self._clock_s = clock_s
        self._marked_s = clock_s()

    def mark(self) -> float:
        """How long the process has stood still since the last mark; 0 if that is not longer than `freeze_s`."""
        now_s = self._clock_s()
        stood_s, self._marked_s = now_s - self._marked_s, now_s
        return stood_s if stood_s > self._freeze_s else 0.0
