"""The thread that ends a service whose loop stands still, whose bus is dead, or that does not end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from mm_service.watchdog import UNAVAILABLE, Watchdog

LIMIT_S = 0.3
PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_service.watchdog.CHECK_S", 0.02)
    monkeypatch.setattr("mm_service.watchdog.START_S_MAX", 2 * LIMIT_S)


@contextmanager
def watched(alive_s: Callable[[], float] = monotonic) -> Iterator[tuple[Watchdog, Callable[[], tuple[int, float]]]]:
    """A watchdog, and what waits until it ends the process: the exit code and after how long."""
    codes: list[int] = []
    ended = threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    began_s = monotonic()

    def until_ended() -> tuple[int, float]:
        assert ended.wait(PATIENCE_S)
        return codes[0], monotonic() - began_s

    watchdog = Watchdog(LIMIT_S, alive_s, end)
    watchdog.start()
    yield watchdog, until_ended
    watchdog.stop()


def test_a_loop_that_stands_still_ends_the_process() -> None:
    with watched() as (watchdog, until_ended):
        watchdog.started()
        code, after_s = until_ended()
    assert code == UNAVAILABLE
    assert LIMIT_S <= after_s < 2 * LIMIT_S


def test_before_the_service_has_begun_its_loop_may_be_busy_for_longer() -> None:
    with watched() as (_, until_ended):
        code, after_s = until_ended()
    assert code == UNAVAILABLE
    assert after_s >= 2 * LIMIT_S


def test_a_dead_bus_ends_the_process_though_its_loop_runs() -> None:
    died_s = monotonic()
    with watched(lambda: died_s) as (watchdog, until_ended):
        watchdog.started()
        until_s = monotonic() + LIMIT_S
        while monotonic() < until_s:
            watchdog.beat()
        code, _ = until_ended()
    assert code == UNAVAILABLE


def test_a_process_that_does_not_end_is_ended_with_the_code_that_it_was_to_have() -> None:
    with watched() as (watchdog, until_ended):
        watchdog.end_within(0.05, 1)
        code, after_s = until_ended()
    assert code == 1
    assert after_s < LIMIT_S


def test_time_in_which_the_process_itself_stood_still_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process has one long check: the clock jumps, and its loop runs again a moment later."""
    jump_s = 0.0
    monkeypatch.setattr("mm_service.watchdog.monotonic", lambda: monotonic() + jump_s)
    with watched(lambda: monotonic() + jump_s) as (watchdog, until_ended):
        watchdog.started()
        jump_s = 100 * LIMIT_S
        stood_s = monotonic()
        code, _ = until_ended()
    assert code == UNAVAILABLE  # in the end, for this loop never runs again
    assert monotonic() - stood_s >= LIMIT_S / 2
