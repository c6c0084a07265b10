"""Back-off and budgets, by table."""

import pytest

from mm_venues.pacing import Backoff, Budget, WeightBudget


def test_delays_double_up_to_the_cap_and_start_over_only_on_reset() -> None:
    backoff = Backoff(0.5, 10.0, lambda: 0.0)
    assert [backoff.next_s() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    backoff.reset()
    assert backoff.next_s() == 0.5


@pytest.mark.parametrize(("random", "expected"), [(0.0, 4.0), (0.5, 3.0), (1.0, 2.0)])
def test_chance_takes_up_to_half_of_a_delay_away(random: float, expected: float) -> None:
    assert Backoff(4.0, 60.0, lambda: random).next_s() == expected


def test_a_very_long_outage_keeps_the_cap() -> None:
    backoff = Backoff(0.5, 60.0, lambda: 0.0)
    assert {backoff.next_s() for _ in range(10_000)} == {0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0}


def test_a_budget_lets_only_so_many_through_in_any_window() -> None:
    budget, now_s, spent = Budget(3, 300.0), 1_000.0, []
    for _ in range(7):
        now_s += budget.wait_s(now_s)
        budget.spend(now_s)
        spent.append(now_s - 1_000.0)
        now_s += 1.0
    assert spent == [0.0, 1.0, 2.0, 300.0, 301.0, 302.0, 600.0]


def test_request_weight_stays_below_its_maximum_in_any_window() -> None:
    budget, now_s, spent = WeightBudget(1_200, 60.0), 0.0, []
    for weight in [250] * 12 + [20, 1, 1] + [250] * 4:
        now_s += budget.wait_s(weight, now_s)
        budget.spend(weight, now_s)
        spent.append((now_s, weight))
        now_s += 0.5
    for begin_s, _ in spent:
        assert sum(weight for at_s, weight in spent if begin_s <= at_s < begin_s + 60.0) <= 1_200
    assert [at_s for at_s, _ in spent[:6]] == [0.0, 0.5, 1.0, 1.5, 60.0, 60.5]


def test_what_is_heavier_than_the_maximum_waits_for_an_idle_window() -> None:
    budget = WeightBudget(100, 60.0)
    assert budget.wait_s(250, 5.0) == 0.0
    budget.spend(10, 5.0)
    budget.spend(10, 7.0)
    assert (budget.wait_s(250, 8.0), budget.wait_s(80, 8.0), budget.wait_s(81, 8.0)) == (59.0, 0.0, 57.0)
    assert budget.wait_s(250, 67.0) == 0.0
