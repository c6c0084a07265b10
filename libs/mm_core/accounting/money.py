"""Exact money: integers of 1e-9 of the quote currency, rounded half-even once per fill or for display.

Products go through 128 bits, as two halves of 64 without a sign. What does not fit 63 bits at the end is an error: no
figure wraps.
"""

import numpy as np

from mm_core.compiled import compiled, int64

PPB = 1_000_000_000
EXACT_MAX = 9.2e18  # less than 2^63, by far more than the error of a float there

_0, _1, _32, _63 = np.uint64(0), np.uint64(1), np.uint64(32), np.uint64(63)
_LOW = np.uint64(0xFFFF_FFFF)
_INT64_MAX = np.uint64(2**63 - 1)
_PPB = np.uint64(PPB)


@compiled
def sum_product(base: int, count: int, each: int) -> int:
    """`base` + `count` x `each`, exactly. OverflowError where that does not fit 63 bits."""
    if abs(float(base) + float(count) * float(each)) > EXACT_MAX:
        raise OverflowError("an amount of the account is beyond 9.2e18 half-ticks x lots: use a larger lot")
    return base + count * each  # what wraps on the way comes back: the sum fits


@compiled
def _product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """(high, low) half of a x b."""
    a_high, a_low, b_high, b_low = a >> _32, a & _LOW, b >> _32, b & _LOW
    lowest = a_low * b_low
    cross = a_low * b_high
    middle = a_high * b_low + (lowest >> _32) + (cross & _LOW)
    return a_high * b_high + (cross >> _32) + (middle >> _32), (middle << _32) | (lowest & _LOW)


@compiled
def _quotient(high: np.uint64, low: np.uint64, divisor: np.uint64) -> tuple[np.uint64, np.uint64]:
    """(high, low) half of a quotient rounded half-even; `divisor` from 1 to 2^63 - 1."""
    quotient_high = high // divisor
    rest = high - quotient_high * divisor
    if rest == _0:
        quotient = low // divisor
        rest = low - quotient * divisor
    else:
        quotient = _0
        for _ in range(64):  # long division, bit by bit: only for what is beyond 64 bits
            rest = (rest << _1) | (low >> _63)
            low <<= _1
            quotient <<= _1
            if rest >= divisor:
                rest -= divisor
                quotient |= _1
    twice = rest << _1
    if twice > divisor or (twice == divisor and quotient & _1 != _0):
        quotient += _1
        if quotient == _0:
            quotient_high += _1
    return quotient_high, quotient


@compiled
def _signed(high: np.uint64, low: np.uint64, is_negative: bool) -> int:
    if high != _0 or low > _INT64_MAX:
        raise OverflowError("an amount of money is beyond 9.2e18 of its unit, 1e-9 of the quote: 9.2e9 of the quote")
    value = int64(low)
    return -value if is_negative else value


@compiled
def scale_half_even(value: int, factor: int, divisor: int) -> int:
    """Value x factor / divisor rounded half-even; `divisor` > 0. OverflowError where it does not fit 63 bits."""
    high, low = _product(np.uint64(abs(value)), np.uint64(abs(factor)))
    high, low = _quotient(high, low, np.uint64(divisor))
    return _signed(high, low, (value < 0) != (factor < 0))


@compiled
def money_e9(tick_lots: int, value_num: int, value_den: int) -> int:
    """Value in 1e-9 quote of `tick_lots` = ticks x lots. OverflowError from 9.2e9 of the quote on."""
    return scale_half_even(tick_lots, value_num, value_den)


@compiled
def fee_e9(tick_lots: int, rate_ppb: int, value_num: int, value_den: int) -> int:
    """Fee of a traded value at a rate in 1e-9 (0.0002 is 200,000); > 0 is a cost, < 0 a rebate.

    The value, which may be beyond 63 bits, is rounded to 1e-9 first. OverflowError for a fee of 9.2e9 of the quote.
    """
    high, low = _product(np.uint64(abs(tick_lots)), np.uint64(value_num))
    high, low = _quotient(high, low, np.uint64(value_den))
    rate = np.uint64(abs(rate_ppb))
    beyond, high = _product(high, rate)
    carried, low = _product(low, rate)
    high += carried
    if beyond != _0 or high < carried:
        raise OverflowError("a traded value is beyond 128 bits")
    high, low = _quotient(high, low, _PPB)
    return _signed(high, low, (tick_lots < 0) != (rate_ppb < 0))
