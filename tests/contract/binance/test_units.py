"""Decimal text to integers: exact, against Decimal."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.types import INT64_MAX
from mm_venues.units import Units, plain_size

UNITS = ["1", "0.5", "0.25", "0.1", "0.01", "0.001", "0.00001", "0.00000001", "0.0000000001", "10", "1000000"]


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("61737.63000000", "0.01", 6_173_763),
        ("0.00000000", "0.01", 0),
        ("0.00001000", "0.00001", 1),
        ("92233720368.54775807", "0.00000001", INT64_MAX),
        ("7.5", "0.5", 15),
        ("7", "0.5", 14),
        ("7.", "0.5", 14),
        (".5", "0.5", 1),
        ("1e-08", "0.00000001", 1),
        ("1.5E3", "0.5", 3000),
        ("0.0000000001", "0.0000000001", 1),
        ("20.00000000", "10", 2),
    ],
)
def test_a_text_counts_as_whole_units(text: str, unit: str, expected: int) -> None:
    assert Units("price", unit).count(text) == expected
    assert Units("price", unit).whole(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "-1.00000000", "-0.00000000", "+1.00000000", " 1.00000000", "1_0.00000000", "1,0.00000000", "NaN"),
        *("Infinity", "1E400", "1E999999999", "\u0663.00000000", "1.0000000\u0663", "1\u00b20.00000000", "9" * 400),
        *("0x10", "1.2.3", "92233720368.54775808"),
    ],
)
def test_what_is_no_countable_number_is_refused(text: str) -> None:
    units = Units("price", "0.00000001")
    with pytest.raises(ValueError, match="price"):
        units.count(text)
    with pytest.raises(ValueError, match="price"):
        units.whole(text)


@given(st.integers(0, INT64_MAX), st.sampled_from(UNITS), st.integers(0, 12))
def test_every_multiple_comes_back_exactly(count: int, unit: str, zeros: int) -> None:
    value = Fraction(unit) * count
    scaled = value * 10**zeros
    if scaled.denominator == 1:
        digits = f"{scaled.numerator:0{zeros + 1}d}"
        text = f"{digits[:-zeros]}.{digits[-zeros:]}" if zeros else digits
        assert Units("price", unit).count(text) == count


@given(st.decimals(0, 10**12, places=8), st.sampled_from(UNITS))
def test_eight_decimals_agree_with_exact_fractions(value: Decimal, unit: str) -> None:
    units, exact = Units("price", unit), Fraction(value) / Fraction(unit)
    text = f"{value:.8f}"
    if exact > INT64_MAX:
        with pytest.raises(ValueError, match="price"):
            units.whole(text)
    elif exact.denominator == 1:
        assert units.count(text) == units.whole(text) == exact
        assert units.off_grid == 0
    else:
        with pytest.raises(ValueError, match="is not a multiple"):
            units.count(text)
        assert units.whole(text) == exact.numerator // exact.denominator
        assert units.off_grid == 1


@pytest.mark.parametrize(("text", "expected"), [("0.01000000", "0.01"), ("10", "10"), ("1E-7", "0.0000001")])
def test_a_size_is_written_plainly(text: str, expected: str) -> None:
    assert plain_size("tick", text) == expected


@pytest.mark.parametrize("text", ["0", "-1", "abc", "", "NaN"])
def test_a_size_that_is_not_above_0_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"tick .* expected a number above 0"):
        plain_size("tick", text)
