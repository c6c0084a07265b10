"""Bounds on exchange and receive times that are outliers: a foreign clock does not drive ours. Pure.

The reference is the usual exchange time - receive time of the depth: the median of its last values, late ones left
out. Against it

- an exchange time that has jumped ahead is bounded to receive time + reference, never before the one ahead of it;
- an exchange time that lies behind is passed on: it is late, or it shows that the depth is (`lag_ns`);
- a receive time more than ten minutes off, while exchange time went on as before, is our own clock: exchange time -
  reference takes its place, for as long as it lasts;
- both may jump together (a silent hour, the next day). If they disagree, the second depth event that has the same
  makes a new reference, as at the start.

Frames on disk hold what came.
"""

from collections import deque

from mm_core.types import NS_PER_S

AHEAD_NS = 5 * NS_PER_S  # further ahead of the reference, an exchange time is an outlier
STEP_NS = 600 * NS_PER_S  # a receive time this far off is a step of our clock; shorter, frames may have waited
START_NS = 300 * NS_PER_S  # how far ahead of receive time an exchange time may be without a reference
AGREE_NS = NS_PER_S
_REFERENCE_EVENTS = 31


class ClockGuard:
    """Times of one feed's events in order of arrival. `bounded` counts outliers.

    `lag_ns` is how much later than usual the last depth event came: 0 or less is in time.
    """

    def __init__(self) -> None:
        self.bounded = 0
        self.lag_ns = 0
        self._differences = deque[int](maxlen=_REFERENCE_EVENTS)  # exchange - receive time
        self._reference_ns = 0
        self._candidate_ns: int | None = None  # of a new reference
        self._is_new = False  # a new connection: what waited on the old one does not count
        self._recv_ns = self._ts_ns = 0  # the last receive time, the highest exchange time

    def depth(self, recv_ns: int, ts_ns: int) -> tuple[int, int]:
        """The receive and the exchange time to use for a depth event."""
        difference_ns = ts_ns - recv_ns
        if self._may_restart(recv_ns, ts_ns):
            self._restart(difference_ns)
        bounded_recv_ns, bounded_ts_ns = self.event(recv_ns, ts_ns)
        if self._differences:
            self.lag_ns = self._reference_ns - (ts_ns - bounded_recv_ns)
            if abs(self.lag_ns) <= AHEAD_NS and (recv_ns, ts_ns) == (bounded_recv_ns, bounded_ts_ns):
                self._refer(difference_ns)
        elif (recv_ns, ts_ns) == (bounded_recv_ns, bounded_ts_ns):
            self._refer(difference_ns)
        else:
            self._candidate_ns = difference_ns
        return bounded_recv_ns, bounded_ts_ns

    def event(self, recv_ns: int, ts_ns: int) -> tuple[int, int]:
        """The receive and the exchange time to use for an event of another stream, which is no reference."""
        before = recv_ns, ts_ns
        if not self._differences:
            ts_ns = recv_ns if ts_ns - recv_ns > START_NS else ts_ns
        else:
            recv_ns, ts_ns = self._bounded(recv_ns, ts_ns)
        self.bounded += before != (recv_ns, ts_ns)
        self._recv_ns, self._ts_ns = recv_ns, max(self._ts_ns, ts_ns)
        return recv_ns, ts_ns

    def receive(self, recv_ns: int) -> int:
        """The receive time to use for a frame without an exchange time: a step beside the last one is not followed."""
        return self._recv_ns if self._recv_ns and abs(recv_ns - self._recv_ns) > STEP_NS else recv_ns

    def reconnected(self) -> None:
        """A new connection: the next depth event is in time, if it is no outlier."""
        self._is_new = True

    def _bounded(self, recv_ns: int, ts_ns: int) -> tuple[int, int]:
        ahead_ns = ts_ns - recv_ns - self._reference_ns
        recv_moved_ns, ts_moved_ns = recv_ns - self._recv_ns, ts_ns - self._ts_ns
        if ahead_ns > AHEAD_NS and ts_moved_ns > max(recv_moved_ns, 0) + AHEAD_NS:
            return recv_ns, max(self._ts_ns, recv_ns + self._reference_ns)
        has_stepped_ahead = ahead_ns < -STEP_NS and recv_moved_ns > max(ts_moved_ns, 0) + STEP_NS
        has_stepped_back = ahead_ns > STEP_NS and recv_moved_ns < -STEP_NS
        if has_stepped_ahead or has_stepped_back:
            return ts_ns - self._reference_ns, ts_ns
        return recv_ns, ts_ns

    def _may_restart(self, recv_ns: int, ts_ns: int) -> bool:
        """Whether the reference begins anew with this depth event."""
        difference_ns = ts_ns - recv_ns
        if self._candidate_ns is not None:
            agrees = abs(difference_ns - self._candidate_ns) <= AGREE_NS
            self._candidate_ns = None
            return agrees
        if not self._differences:
            return False
        off_ns = abs(difference_ns - self._reference_ns)
        if self._is_new and off_ns <= STEP_NS:
            return True
        if off_ns > AHEAD_NS and recv_ns - self._recv_ns > STEP_NS and ts_ns - self._ts_ns > STEP_NS:
            self._candidate_ns = difference_ns
        return False

    def _restart(self, difference_ns: int) -> None:
        self._differences.clear()
        self._is_new = False
        self._refer(difference_ns)

    def _refer(self, difference_ns: int) -> None:
        self._differences.append(difference_ns)
        self._reference_ns = sorted(self._differences)[len(self._differences) // 2]
