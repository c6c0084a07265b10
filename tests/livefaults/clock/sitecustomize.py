"""A recorder whose wall clock a test can step: the seconds that a file names are added to it. Monotonic clocks stay."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

FILE = os.environ.get("TEST_WALL_CLOCK_FILE", "")
REALTIME = time.CLOCK_REALTIME


def step_s() -> int:
    """By how much the clock is wrong now."""
    return int(Path(FILE).read_text() or 0)


def stepped(read: Callable[[], int]) -> Callable[[], int]:
    """A clock in ns that is wrong when the test sets it."""
    return lambda: read() + step_s() * 1_000_000_000


if FILE and "mm_services.recorder" in sys.orig_argv:
    wall_ns, gettime_ns = stepped(time.time_ns), time.clock_gettime_ns
    time.time_ns = wall_ns
    time.time = lambda: wall_ns() / 1e9
    time.clock_gettime_ns = lambda clock: wall_ns() if clock == REALTIME else gettime_ns(clock)
    time.clock_gettime = lambda clock: time.clock_gettime_ns(clock) / 1e9
