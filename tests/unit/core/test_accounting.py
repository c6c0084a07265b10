"""The account by table: average cost, flips, fees to the last 1e-9."""

import pytest
from tests.unit.core import calls
from tests.unit.core.calls import BUY, SELL

from mm_core.accounting.account import ACCOUNT, traded_value
from mm_core.compiled import new

Fill = tuple[int, int, int]


def account_of(*fills: Fill, mid_half: int = 0) -> calls.State:
    """The account after these (side, ticks, lots), then marked."""
    account = new(ACCOUNT)
    for side, price_ticks, qty_lots in fills:
        calls.fill(account, side, price_ticks, qty_lots, 7)
    if mid_half:
        calls.mark(account, mid_half)
    return account


@pytest.mark.parametrize(
    ("fills", "position_lots", "realised_half", "unrealised_half"),
    [
        (((BUY, 100, 10),), 10, 0, 10 * (203 - 200)),
        (((BUY, 100, 10), (SELL, 103, 4)), 6, 4 * 6, 6 * 3),
        (((BUY, 100, 10), (BUY, 102, 10), (SELL, 103, 20)), 0, 20 * 2 * 2, 0),
        (((SELL, 100, 10), (BUY, 99, 4)), -6, 4 * 2, -6 * 3),
        (((BUY, 100, 10), (SELL, 101, 15)), -5, 10 * 2, -5 * (203 - 202)),  # through zero: a new average price
        (((BUY, 100, 1), (BUY, 101, 2), (SELL, 100, 1)), 2, 200 - 201, 2 * 203 - 403),  # 604 / 3, half-even to 201
    ],
)
def test_realised_and_unrealised(
    fills: tuple[Fill, ...], position_lots: int, realised_half: int, unrealised_half: int
) -> None:
    account = account_of(*fills, mid_half=203)
    assert int(account["position_lots"][0]) == position_lots
    assert int(account["realised_half"][0]) == realised_half
    assert int(calls.results(account)[0]) == unrealised_half


def test_spread_is_earned_at_the_fill_and_inventory_after_it() -> None:
    account = new(ACCOUNT)
    calls.mark(account, 201)
    calls.fill(account, BUY, 100, 10, 0)  # half a tick below the mid of 100.5
    calls.mark(account, 197)  # the mid falls by 2 ticks
    assert int(account["spread_half"][0]) == 10
    assert int(account["inventory_half"][0]) == -40


def test_fills_count_fees_and_traded_value() -> None:
    account = account_of((BUY, 100, 10), (SELL, 101, 5))
    assert int(account["fees_e9"][0]) == 14
    assert int(account["traded_tick_lots"][0]) == 1_505
    assert int(account["fills"][0]) == 2


def test_a_position_of_a_billion_lots_is_closed_exactly() -> None:
    account = account_of((BUY, 1_000, 10**9), (BUY, 1_001, 10**9), (SELL, 1_002, 10**9), (SELL, 1_003, 10**9))
    assert int(account["realised_half"][0]) == 2 * 10**9 * 4
    assert int(account["cost_half"][0]) == 0


def test_a_position_of_9e17_lots_is_closed_in_parts_exactly() -> None:
    lots = 9 * 10**17
    account = account_of((BUY, 1, lots), (BUY, 2, 3), (SELL, 2, lots // 3), (SELL, 2, lots - lots // 3 + 3))
    assert int(account["realised_half"][0]) == 2 * lots
    assert int(account["cost_half"][0]) == 0


@pytest.mark.parametrize("fill", [(BUY, 2**31 - 1, 3 * 10**9), (SELL, 2, 4 * 10**18)])
def test_what_the_account_cannot_hold_is_an_error(fill: Fill) -> None:
    with pytest.raises(OverflowError, match=r"beyond 9\.2e18 half-ticks x lots: use a larger lot"):
        account_of(fill)


def test_a_mid_that_makes_the_position_worth_too_much_is_an_error() -> None:
    account = account_of((BUY, 10**9, 10**9))
    calls.mark(account, 10**10)
    with pytest.raises(OverflowError, match="half-ticks x lots"):
        calls.mark(account, 2 * 10**10)


def test_a_volume_beyond_63_bits_is_counted() -> None:
    account = new(ACCOUNT)
    for _ in range(20):
        calls.fill(account, BUY, 10**9, 4 * 10**9, 0)
        calls.fill(account, SELL, 10**9, 4 * 10**9, 0)
    assert traded_value(account[0]) == 40 * 4 * 10**18


def test_a_result_or_fees_of_more_than_1e9_of_the_quote_in_63_bits_are_an_error() -> None:
    with pytest.raises(OverflowError, match="1e-9 of the quote"):
        calls.money_e9(10**10, 10**9, 1)
    with pytest.raises(OverflowError, match="of its unit"):
        calls.fee_e9(10**15, 1_000_000, 10**9, 1)
    with pytest.raises(OverflowError, match="beyond 128 bits"):
        calls.fee_e9(2**61, 10**9, 2**61, 1)


@pytest.mark.parametrize(
    ("tick_lots", "rate_ppb", "value", "fee"),
    [
        (100_000, 200_000, (100, 1), 2_000),  # 0.01 of the quote at 2 bps
        (100_000, -50_000, (100, 1), -500),  # a rebate
        (25, 200_000, (100, 1), 0),  # 0.5 rounds to even
        (75, 200_000, (100, 1), 2),  # 1.5
        (125, 200_000, (100, 1), 2),  # 2.5
        (126, 200_000, (100, 1), 3),
        (3_000_000_001, 500_000_000, (1, 1), 1_500_000_000),  # 1,500,000,000.5 to even
        (1_500_000_000, 1, (1, 1), 2),  # 1.5, of which 1 is in whole units of the quote
        (3, 1_000_000_000, (1, 2), 2),  # a value of 1.5 rounds to 2
        (9_000_000_000_000_000, 1_000_000, (1_000, 1), 9_000_000_000_000_000),  # 9 billion of the quote
        (1_500_000_000 * 10**9, 1_000_000, (10, 1), 15_000_000 * 10**9),  # 10 bitcoins at 1.5e9 rupiah, lot 1e-8
        (1_500_000_000 * 10**6, -1_000_000, (10_000, 1), -15_000_000 * 10**9),  # the same in lots of 1e-5, a rebate
    ],
)
def test_fees_are_rounded_half_even_and_positive_is_a_cost(
    tick_lots: int, rate_ppb: int, value: tuple[int, int], fee: int
) -> None:
    assert calls.fee_e9(tick_lots, rate_ppb, *value) == fee
