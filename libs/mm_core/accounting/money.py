"""Exact money: integers of 1e-9 of the quote currency, rounded half-even once per fill or for display."""

from mm_core.compiled import compiled

PPB = 1_000_000_000


@compiled
def divide_half_even(value, divisor):
    """value / divisor rounded half-even; `divisor` > 0."""
    quotient = value // divisor
    twice = 2 * (value - quotient * divisor)
    if twice > divisor or (twice == divisor and quotient % 2 != 0):
        quotient += 1
    return quotient


@compiled
def money_e9(tick_lots, value_num, value_den):
    """Value in 1e-9 quote of `tick_lots` = ticks x lots. The product must stay below 2^63 (9.2e9 quote)."""
    return divide_half_even(tick_lots * value_num, value_den)


@compiled
def fee_e9(tick_lots, rate_ppb, value_num, value_den):
    """Fee of a traded value at a rate in 1e-9 (0.0002 is 200,000); > 0 is a cost, < 0 a rebate. QUANT 7."""
    value = money_e9(tick_lots, value_num, value_den)
    whole = value // PPB
    return whole * rate_ppb + divide_half_even((value - whole * PPB) * rate_ppb, PPB)
