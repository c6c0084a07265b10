"""Outlying exchange and receive times: by table, and by property against a true clock."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_core.types import NS_PER_S
from mm_venues.clock_guard import AHEAD_NS, STEP_NS, ClockGuard

MS = 1_000_000
NOW_NS = 1_790_000_000 * NS_PER_S
HOUR_NS = 3_600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
LAG_NS = 5 * MS


def usual(guard: ClockGuard, events: int = 40, start_ns: int = NOW_NS) -> int:
    """Depth ten times a second, received 5 ms late; the exchange time of the next one."""
    for at in range(events):
        ts_ns = start_ns + at * 100 * MS
        assert guard.depth(ts_ns + LAG_NS, ts_ns) == (ts_ns + LAG_NS, ts_ns)
    return start_ns + events * 100 * MS


@pytest.mark.parametrize("shift_ns", [6 * NS_PER_S, HOUR_NS, DAY_NS])
@pytest.mark.parametrize("stream", ["depth", "event"])
def test_an_exchange_time_that_jumps_ahead_is_bounded(stream: str, shift_ns: int) -> None:
    guard = ClockGuard()
    ts_ns = usual(guard)
    take = guard.depth if stream == "depth" else guard.event
    assert take(ts_ns + LAG_NS, ts_ns + shift_ns) == (ts_ns + LAG_NS, ts_ns)
    assert guard.bounded == 1
    usual(guard, start_ns=ts_ns + 100 * MS)
    assert guard.bounded == 1


@pytest.mark.parametrize("behind_ns", [6 * NS_PER_S, HOUR_NS, DAY_NS])
def test_an_exchange_time_that_lies_behind_is_passed_on(behind_ns: int) -> None:
    guard = ClockGuard()
    ts_ns = usual(guard)
    assert guard.event(ts_ns + LAG_NS, ts_ns - behind_ns) == (ts_ns + LAG_NS, ts_ns - behind_ns)
    assert guard.bounded == 0
    usual(guard, start_ns=ts_ns + 100 * MS)


@pytest.mark.parametrize("shift_ns", [-DAY_NS, -HOUR_NS, HOUR_NS, DAY_NS])
@pytest.mark.parametrize("events", [1, 100])
def test_a_step_of_our_clock_and_back_leaves_nothing(shift_ns: int, events: int) -> None:
    guard = ClockGuard()
    start_ns = usual(guard)
    for at in range(events):
        ts_ns = start_ns + at * 100 * MS
        assert guard.depth(ts_ns + LAG_NS + shift_ns, ts_ns) == (ts_ns + LAG_NS, ts_ns)
        assert guard.lag_ns == 0
    assert guard.bounded == events
    usual(guard, start_ns=start_ns + events * 100 * MS)
    assert guard.bounded == events


@pytest.mark.parametrize("silence_ns", [60 * NS_PER_S, HOUR_NS, DAY_NS])
def test_a_silence_is_no_outlier(silence_ns: int) -> None:
    guard = ClockGuard()
    ts_ns = usual(guard)
    usual(guard, start_ns=ts_ns + silence_ns)
    assert guard.bounded == 0


def test_after_a_silence_two_that_agree_are_a_new_reference() -> None:
    guard = ClockGuard()
    ts_ns = usual(guard) + DAY_NS
    ahead_ns = 10 * NS_PER_S  # of another recorder's clock
    assert guard.depth(ts_ns - ahead_ns, ts_ns)[1] == ts_ns - ahead_ns - LAG_NS
    usual_again = ts_ns + 100 * MS
    assert guard.depth(usual_again - ahead_ns, usual_again) == (usual_again - ahead_ns, usual_again)
    assert guard.bounded == 1


def test_the_first_time_of_all_is_bounded_unless_the_second_agrees() -> None:
    guard = ClockGuard()
    assert guard.depth(NOW_NS, NOW_NS + HOUR_NS) == (NOW_NS, NOW_NS)
    usual(guard)
    assert guard.bounded == 1
    guard = ClockGuard()
    assert guard.depth(NOW_NS, NOW_NS + HOUR_NS) == (NOW_NS, NOW_NS)
    second_ns = NOW_NS + 100 * MS
    assert guard.depth(second_ns, second_ns + HOUR_NS) == (second_ns, second_ns + HOUR_NS)


def test_a_trade_is_no_reference() -> None:
    guard = ClockGuard()
    guard.event(NOW_NS, NOW_NS - HOUR_NS)
    usual(guard, start_ns=NOW_NS + 100 * MS)
    assert guard.bounded == 0


def test_depth_that_waited_is_late_until_it_has_caught_up() -> None:
    guard = ClockGuard()
    start_ns = usual(guard)
    frozen_ns = 30 * NS_PER_S
    lags = []
    for at in range(300):  # the backlog, read at once
        ts_ns = start_ns + at * 100 * MS
        recv_ns = start_ns + frozen_ns + at * 1_000
        assert guard.depth(recv_ns, ts_ns) == (recv_ns, ts_ns)
        lags.append(guard.lag_ns)
    assert lags[0] == frozen_ns - LAG_NS
    assert lags == sorted(lags, reverse=True)
    usual(guard, start_ns=start_ns + frozen_ns + 100 * MS)
    assert guard.lag_ns == 0


def test_a_new_connection_may_be_slower_but_not_an_hour() -> None:
    guard = ClockGuard()
    ts_ns = usual(guard)
    guard.reconnected()
    guard.depth(ts_ns + 8 * NS_PER_S, ts_ns)
    assert guard.lag_ns == 0
    guard.reconnected()
    ts_ns += NS_PER_S
    assert guard.depth(ts_ns + 8 * NS_PER_S, ts_ns + HOUR_NS) == (ts_ns + 8 * NS_PER_S, ts_ns)


def test_frames_without_a_time_of_their_own_do_not_lead() -> None:
    guard = ClockGuard()
    assert guard.receive(NOW_NS) == NOW_NS
    ts_ns = usual(guard)
    last_ns = ts_ns - 100 * MS + LAG_NS
    assert guard.receive(last_ns + NS_PER_S) == last_ns + NS_PER_S
    assert guard.receive(last_ns + HOUR_NS) == guard.receive(last_ns - HOUR_NS) == last_ns


steps = st.lists(
    st.tuples(
        st.booleans(),  # of the depth
        st.integers(1, 2_000),  # ms that pass
        st.integers(0, 400),  # ms until it is received
        st.sampled_from([0, 0, 0, 0, 0, 7, 60, 3_600, 86_400, -7, -60, -3_600, -86_400]),  # s that the exchange is off
        st.sampled_from([0, 0, 0, 0, 0, 3_600, 86_400, -3_600]),  # s that our clock is off
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(steps)
def test_local_time_never_runs_ahead_of_the_true_time_by_more_than_the_bound(
    drawn: list[tuple[bool, int, int, int, int]],
) -> None:
    guard, true_ns, local_ns = ClockGuard(), usual(ClockGuard()), 0
    usual(guard)
    for is_depth, passed_ms, delay_ms, exchange_off_s, ours_off_s in drawn:
        true_ns += passed_ms * MS
        recv_ns = true_ns + delay_ms * MS + ours_off_s * NS_PER_S
        take = guard.depth if is_depth else guard.event
        bounded = take(recv_ns, true_ns + (0 if ours_off_s else exchange_off_s) * NS_PER_S)  # one clock at a time
        local_ns = max(local_ns, *bounded)
        assert local_ns - true_ns - delay_ms * MS <= 2 * AHEAD_NS
    assert STEP_NS > AHEAD_NS
