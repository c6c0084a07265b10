"""Ends a process whose event loop stands still, or whose bus is dead: another start may mend what it cannot notice."""

import logging
import os
import threading
from collections.abc import Callable
from time import monotonic

log = logging.getLogger(__name__)

UNAVAILABLE = 75  # EX_TEMPFAIL: to be started again
CHECK_S = 1.0
DEAD_CHECKS = 3  # a loop that was busy until now has not checked its bus yet
START_S_MAX = 600.0  # the core may be compiled before the loop goes on


class Watchdog:
    """A thread of its own. `beat` is called by the loop, `alive_s` returns when the bus was last alive (monotonic).

    Time in which the process itself stood still (a stopped process, a machine that slept) does not count.
    """

    def __init__(
        self, silent_s_max: float, alive_s: Callable[[], float], end: Callable[[int], object] = os._exit
    ) -> None:
        self._silent_s_max = silent_s_max
        self._alive_s = alive_s
        self._end = end
        self._beat_s = monotonic()
        self._is_started = False
        self._ends_s = 0.0
        self._code = 0
        self._dead_checks = 0
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch; until `started` a loop may be busy for minutes."""
        self._thread.start()

    def started(self) -> None:
        """The service has begun its work: from now on its loop is never busy for long."""
        self._is_started = True
        self.beat()

    def beat(self) -> None:
        """The loop runs."""
        self._beat_s = monotonic()

    def end_within(self, seconds: float, code: int) -> None:
        """End the process with `code` if it has not ended by itself in time, whatever hangs."""
        self._ends_s, self._code = monotonic() + seconds, code

    def stop(self) -> None:
        """Watch no more."""
        self._wake.set()

    def _run(self) -> None:
        checked_s, stood_s = monotonic(), 0.0  # how long we stood still, of the time since the last beat
        beat_s = self._beat_s
        while not self._wake.wait(CHECK_S):
            now_s = monotonic()
            stood_s = stood_s if beat_s == self._beat_s else 0.0
            beat_s = self._beat_s
            stood_s += max(0.0, now_s - checked_s - 2 * CHECK_S)
            checked_s = now_s
            if self._ends_s and now_s >= self._ends_s:
                self._give_up("it does not end", self._code)
            elif not self._ends_s:
                self._check(now_s - stood_s)

    def _check(self, now_s: float) -> None:
        loop_s, bus_s = now_s - self._beat_s, now_s - self._alive_s()
        is_dead = bus_s >= self._silent_s_max and loop_s < self._silent_s_max
        self._dead_checks = self._dead_checks + 1 if is_dead else 0
        if loop_s >= (self._silent_s_max if self._is_started else max(START_S_MAX, self._silent_s_max)):
            self._give_up(f"the event loop has not run for {loop_s:.0f} s", UNAVAILABLE)
        elif self._dead_checks == DEAD_CHECKS:
            self._give_up(f"the connection to the bus is dead for {bus_s:.0f} s", UNAVAILABLE)

    def _give_up(self, reason: str, code: int) -> None:
        log.error("%s: the process ends with exit code %d", reason, code)
        self._end(code)
