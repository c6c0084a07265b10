"""Exact money: integers of 1e-9 of the quote currency, rounded half-even once per fill or for display."""

from mm_core.compiled import compiled

PPB = 1_000_000_000


@compiled
def scale_half_even(value: int, factor: int, divisor: int) -> int:
    """Value x factor / divisor rounded half-even, though value x factor may be beyond 2^63; `divisor` > 0.

    The result, and factor x divisor, must stay below 2^63.
    """
    whole = value // divisor
    rest = (value - whole * divisor) * factor
    quotient = rest // divisor
    twice = 2 * (rest - quotient * divisor)
    quotient += whole * factor
    if twice > divisor or (twice == divisor and quotient % 2 != 0):
        quotient += 1
    return quotient


@compiled
def money_e9(tick_lots: int, value_num: int, value_den: int) -> int:
    """Value in 1e-9 quote of `tick_lots` = ticks x lots. The value must stay below 2^63 (9.2e9 quote)."""
    return scale_half_even(tick_lots, value_num, value_den)


@compiled
def fee_e9(tick_lots: int, rate_ppb: int, value_num: int, value_den: int) -> int:
    """Fee of a traded value at a rate in 1e-9 (0.0002 is 200,000); > 0 is a cost, < 0 a rebate. QUANT 7."""
    return scale_half_even(money_e9(tick_lots, value_num, value_den), rate_ppb, PPB)
