"""Decimal text of a venue to integer ticks and lots: exact, and fast for texts of eight decimals."""

import re
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from mm_core.types import INT64_MAX, to_units
from mm_venues.frame_error import OffGridError

_DECIMALS = 8
# Plain or exponent form, ASCII digits, no sign: Decimal alone would also take "NaN", "1_000" and " 1 ".
# Two digits of exponent are enough for any number of 64 bits and keep "1e999999999" from filling the memory.
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?")
_FAST_LENGTH_MAX = 28
_LENGTH_MAX = 64  # any number of 64 bits is shorter, and a long one would take its time


def plain_size(name: str, text: str) -> str:
    """A tick or lot size without trailing zeros or exponent. ValueError, naming `name`, unless it is above 0."""
    size = Decimal(text) if _NUMBER.fullmatch(text) else Decimal(0)
    if not size:
        raise ValueError(f"{name} {text!r}: expected a number above 0")
    return f"{size.normalize():f}"


def _is_number(text: str) -> bool:
    return len(text) <= _LENGTH_MAX and _NUMBER.fullmatch(text) is not None


def whole_units(name: str, text: str, unit: Decimal, *, up: bool = False) -> int:
    """Whole `unit`s in a bound of 0 or more, a part of one rounded down or `up`; at most 2^63 - 1.

    ValueError, naming `name`, for a text that is no such number.
    """
    if not _is_number(text):
        raise ValueError(f"{name} {text[:40]!r}: expected a decimal number that is not negative")
    count = Fraction(Decimal(text)) / Fraction(unit)
    return min(ceil(count) if up else floor(count), INT64_MAX)


class Units:
    """Counts whole `unit`s in a decimal text, up to `count_max`; `name` is the field that an error names.

    `off_grid` is how often `whole` left a part of a unit away.
    """

    def __init__(self, name: str, unit: str, count_max: int = INT64_MAX) -> None:
        self._name = name
        self._count_max = count_max
        self._unit = Decimal(unit)
        self.off_grid = 0
        scaled = self._unit.scaleb(_DECIMALS)
        # The unit in 1e-8; 0 where it is finer, which leaves every text to the slow path.
        self._unit_e8 = int(scaled) if scaled == scaled.to_integral_value() else 0

    def count(self, text: str) -> int:
        """The exact count, from 0 to the highest. ValueError if `text` is no such multiple of the unit."""
        if text[-9:-8] == "." and self._unit_e8 and len(text) <= _FAST_LENGTH_MAX:
            digits = text[:-9] + text[-8:]
            if digits.isdigit() and digits.isascii():
                count, rest = divmod(int(digits), self._unit_e8)
                if rest == 0 and count <= self._count_max:
                    return count
        return self._count_slowly(text)

    def whole(self, text: str) -> int:
        """As `count`, but a part of a unit at the end is left away and counted instead of an error."""
        try:
            return self.count(text)
        except ValueError:
            if not _is_number(text) or Decimal(text) > INT64_MAX * self._unit:
                raise
        self.off_grid += 1
        return int(Decimal(text) // self._unit)

    def _count_slowly(self, text: str) -> int:
        if not _is_number(text):
            raise ValueError(f"{self._name} {text[:40]!r}: expected a decimal number that is not negative")
        try:
            count = to_units(text, self._unit)
        except ValueError as error:
            is_large = Decimal(text) > INT64_MAX * self._unit
            raise (ValueError if is_large else OffGridError)(f"{self._name} {error}") from error
        if count > self._count_max:
            raise ValueError(
                f"{self._name} {text} is {count} units of {self._unit}; expected {self._count_max} or less"
            )
        return count
