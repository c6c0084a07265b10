"""Amounts in human units to whole ticks, lots and nanoseconds, exactly, with errors that name the key."""

from decimal import Decimal
from fractions import Fraction

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import INT64_MAX, MONEY_E9, InputError, to_units


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
        to_units(text, Decimal("1e-18"))
    except ValueError as error:
        raise InputError(f"{key}: {text!r}; expected a decimal above 0, such as 0.01") from error
    size = Decimal(text)
    if size <= 0:
        raise InputError(f"{key}: {text!r}; expected a decimal above 0, such as 0.01")
    return size


EXPONENT_MAX = 40  # of ten, beyond any amount: a larger one would only take time and memory


def _check_size(key: str, value: Decimal) -> None:
    if abs(value.adjusted()) > EXPONENT_MAX:
        raise InputError(f"{key}: {value}; expected 1e-{EXPONENT_MAX} to 1e{EXPONENT_MAX}")


def exact(key: str, value: Decimal, unit: Decimal, unit_name: str, least: int = 0) -> int:
    """`value` in whole `unit`s. InputError if it is no multiple, or fewer than `least` of them."""
    _check_size(key, value)
    try:
        count = to_units(f"{value:f}", unit)
    except ValueError as error:
        raise InputError(f"{key}: {value:f} is not a multiple of {unit_name} {unit:f}") from error
    if count < least:
        raise InputError(f"{key}: {value:f}; expected {least * unit if least else Decimal(0):f} or more")
    return count


def floor(key: str, value: Decimal, unit: Decimal) -> int:
    """Whole `unit`s in an amount of 0 or more, rounded down: a limit never lets more through. InputError otherwise."""
    _check_size(key, value)
    if not value.is_finite() or value < 0:
        raise InputError(f"{key}: {value}; expected a decimal of 0 or more")
    return min(int(Fraction(value) // Fraction(unit)), INT64_MAX)
