"""Sums and products of columns of integers that never wrap: NumPy's where they fit 63 bits, Python's where not."""

from fractions import Fraction
from typing import Any

import numpy as np

from mm_core.accounting.money import EXACT_MAX

Column = np.ndarray[Any, np.dtype[Any]]


def _largest(values: Column) -> int:
    """The largest magnitude of a column; exact, for -2^63 too."""
    return max(abs(int(values.min(initial=0))), abs(int(values.max(initial=0))))


def exact_products(counts: Column, each: Column | int) -> Column:
    """`counts` x `each`: int64 where all products fit, else Python integers."""
    factor = _largest(each) if isinstance(each, np.ndarray) else abs(each)
    if _largest(counts) * factor <= EXACT_MAX:
        products: Column = counts * each
        return products
    return counts.astype(object) * (each.astype(object) if isinstance(each, np.ndarray) else each)


def exact_difference(a: Column, b: Column) -> Column:
    """`a` - `b`: int64 where all differences fit, else Python integers."""
    if a.dtype.hasobject or b.dtype.hasobject or _largest(a) + _largest(b) > EXACT_MAX:
        a, b = a.astype(object), b.astype(object)
    difference: Column = a - b
    return difference


def to_whole(values: Column, factor: Fraction) -> Column:
    """`values` x `factor`, each rounded half-even: int64 where all products fit, else Python integers."""
    products, divisor = exact_products(values, factor.numerator), factor.denominator
    whole: Column = products // divisor
    rest = products - whole * divisor
    is_up = (rest > divisor - rest) | ((rest == divisor - rest) & (whole % 2 == 1))
    rounded: Column = whole + is_up.astype(whole.dtype)
    return rounded


def exact_sum(values: Column) -> int:
    """The sum of a column of integers."""
    if _largest(values) * len(values) <= EXACT_MAX:
        return int(values.sum())
    return sum(values.tolist())


def sum_products(base: Column, counts: Column, each: Column) -> Column:
    """`base` + `counts` x `each`, as int64. OverflowError where one does not fit 63 bits."""
    sizes = base.astype(float) + counts.astype(float) * each.astype(float)
    if np.any(np.abs(sizes) > EXACT_MAX):
        raise OverflowError("a result of the run is beyond 9.2e18 half-ticks x lots: use a larger lot")
    sums: Column = base + counts * each  # what wraps on the way comes back: the sum fits
    return sums


def group_sums(values: Column, groups: Column, count: int) -> Column:
    """Sums of integers by group: int64 where all fit, else Python integers."""
    sums = np.zeros(count, np.int64 if _largest(values) * len(values) <= EXACT_MAX else object)
    np.add.at(sums, groups, values)
    return sums
