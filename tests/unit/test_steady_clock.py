"""Receive times under a wall clock that steps, drifts and comes back; and the watch on our own standing still."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.types import NS_PER_S
from mm_venues.steady_clock import FreezeWatch, SteadyClock, elapsed_ns

WALL_NS = 1_790_000_000_000_000_000
HOUR_NS = 3_600 * NS_PER_S


class Clocks:
    """A machine: its wall clock and what has passed."""

    def __init__(self) -> None:
        self.passed_ns = 0
        self.off_ns = 0
        self.steady = SteadyClock(lambda: WALL_NS + self.passed_ns + self.off_ns, lambda: self.passed_ns)

    def after(self, seconds: float) -> int:
        """How far the steady clock is from what has passed, when so much more has."""
        self.passed_ns += int(seconds * NS_PER_S)
        return self.steady.now_ns() - WALL_NS - self.passed_ns


@pytest.mark.parametrize("step_s", [3_600.0, -3_600.0, 86_400.0, 0.6])
def test_a_step_of_the_wall_clock_and_back_never_shows(step_s: float) -> None:
    clocks = Clocks()
    seen = [clocks.after(1.0)]
    clocks.off_ns = int(step_s * NS_PER_S)
    seen += [clocks.after(1.0) for _ in range(600)]
    clocks.off_ns = 0
    seen += [clocks.after(1.0) for _ in range(600)]
    assert seen == [0] * 1_201
    assert clocks.steady.steps == 2


def test_small_differences_are_followed_by_a_millisecond_in_a_second() -> None:
    clocks = Clocks()
    clocks.off_ns = NS_PER_S // 100
    assert [clocks.after(1.0) // 1_000_000 for _ in range(12)] == [*range(1, 11), 10, 10]
    clocks.off_ns = 0
    assert [clocks.after(2.0) // 1_000_000 for _ in range(6)] == [8, 6, 4, 2, 0, 0]
    assert clocks.steady.steps == 0


def test_drift_is_followed_behind_a_step_that_stays() -> None:
    clocks = Clocks()
    clocks.off_ns = HOUR_NS
    assert clocks.after(1.0) == 0
    clocks.off_ns += 5_000_000
    assert clocks.after(10.0) == 5_000_000
    assert clocks.steady.steps == 1


@given(st.lists(st.tuples(st.integers(0, 10 * NS_PER_S), st.integers(-HOUR_NS, HOUR_NS)), max_size=50))
def test_it_never_goes_back_and_is_never_off_by_more_than_it_may_follow(moves: Sequence[tuple[int, int]]) -> None:
    clocks, before = Clocks(), WALL_NS
    for passed_ns, off_ns in moves:
        clocks.off_ns = off_ns
        off = clocks.after(passed_ns / NS_PER_S)
        now = WALL_NS + clocks.passed_ns + off
        assert now >= before
        assert abs(off) <= clocks.passed_ns // 1_000 + 1
        before = now


def test_the_real_clocks_agree() -> None:
    clock = SteadyClock()
    first_ns = clock.now_ns()
    assert first_ns <= clock.now_ns()
    assert elapsed_ns() <= elapsed_ns()
    assert clock.steps == 0


@pytest.mark.parametrize(
    ("marks_s", "expected"),
    [([0.25, 0.5, 3.4], [0.0, 0.0, 0.0]), ([0.25, 30.25, 30.5], [0.0, 30.0, 0.0]), ([3.0, 6.1], [0.0, 3.1])],
)
def test_a_freeze_is_a_mark_that_did_not_come_in_time(marks_s: list[float], expected: list[float]) -> None:
    clock = iter([0.0, *marks_s])
    watch = FreezeWatch(3.0, lambda: next(clock))
    assert [round(watch.mark(), 6) for _ in marks_s] == expected
