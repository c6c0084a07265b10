"""Amounts in human units to whole ticks, lots and nanoseconds, exactly, with errors that name the key."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import INT64_MAX, MONEY_E9, InputError, from_units, to_units


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """Tick and lot of an instrument, exact, and the value of one tick x one lot."""

    tick: Decimal
    lot: Decimal

    @property
    def value(self) -> Decimal:
        """Quote currency of one tick x one lot."""
        return self.tick * self.lot

    @property
    def value_e9(self) -> Fraction:
        """The same in 1e-9 of the quote."""
        return Fraction(self.tick) * Fraction(self.lot) * MONEY_E9


def units_of(instrument: InstrumentDefined) -> Units:
    """Tick and lot of an instrument. InputError if one is no decimal above 0."""
    return Units(
        tick=size_of(f"{instrument.instrument_id}: tick_size", instrument.tick_size),
        lot=size_of(f"{instrument.instrument_id}: lot_size", instrument.lot_size),
    )


def size_of(key: str, text: str) -> Decimal:
    """A tick or lot size from text. InputError if it is no decimal above 0."""
    try:
        size = Decimal(text)
    except InvalidOperation:
        size = Decimal(0)
    if not size.is_finite() or size <= 0:
        raise InputError(f"{key}: {text!r}; expected a decimal above 0, such as 0.01")
    _check_size(key, size)
    return size


UNITS_MAX = 1 << 61  # of an amount: what the account holds exactly at any price that its value allows
EXPONENT_MAX = 40  # of ten, beyond any amount: a larger one would only take time and memory


def _check_size(key: str, value: Decimal) -> None:
    if abs(value.adjusted()) > EXPONENT_MAX:
        raise InputError(f"{key}: {value}; expected 1e-{EXPONENT_MAX} to 1e{EXPONENT_MAX}")


def exact(key: str, value: Decimal, unit: Decimal, unit_name: str, least: int = 0) -> int:
    """`value` in whole `unit`s. InputError if it is no multiple, or fewer than `least` of them."""
    _check_size(key, value)
    if value.is_finite() and abs(Fraction(value)) > UNITS_MAX * Fraction(unit):
        raise InputError(
            f"{key}: {value:f}; expected no more than {UNITS_MAX * unit:f}, 2^61 times {unit_name} {unit:f}"
        )
    try:
        count = to_units(f"{value:f}", unit)
    except ValueError as error:
        raise InputError(f"{key}: {value:f} is not a multiple of {unit_name} {unit:f}") from error
    if count < least:
        raise InputError(f"{key}: {value:f}; expected {least * unit if least else Decimal(0):f} or more")
    return count


def money_e9(key: str, value: Decimal) -> int:
    """Whole 1e-9 of the quote in an amount of 0 or more, rounded down. InputError otherwise, or from 9.2e9 on.

    That is as far as results and fees are counted: a limit beyond would never be reached, and must not seem to hold.
    """
    count = floor(key, value, Decimal(1) / MONEY_E9)
    if count == INT64_MAX:
        most = from_units(INT64_MAX - 1, Decimal(1) / MONEY_E9)
        raise InputError(
            f"{key}: {value:f}; expected at most {most:f}: results and fees are counted in 63 bits of 1e-9"
        )
    return count


def check_range(instrument: InstrumentDefined) -> None:
    """InputError if one tick x one lot is worth what the account cannot count exactly."""
    units = units_of(instrument)
    value = units.value_e9
    if max(value.numerator, 2 * value.denominator) > UNITS_MAX:
        raise InputError(
            f"{instrument.instrument_id}: tick_size {units.tick:f} x lot_size {units.lot:f}: money is counted exactly "
            f"where the product x 1e9 is a fraction of whole numbers up to 2^61; expected a larger tick or lot, or "
            "fewer digits"
        )


def floor(key: str, value: Decimal, unit: Decimal) -> int:
    """Whole `unit`s in an amount of 0 or more, rounded down: a limit never lets more through. InputError otherwise."""
    _check_size(key, value)
    if not value.is_finite() or value < 0:
        raise InputError(f"{key}: {value}; expected a decimal of 0 or more")
    return min(int(Fraction(value) // Fraction(unit)), INT64_MAX)
