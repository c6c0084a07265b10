"""Ticks, lots and half-ticks x lots as amounts in quote and base currency, for display."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from mm_core.events import InstrumentDefined
from mm_core.node import State
from mm_core.setup.units import units_of
from mm_core.types import INT64_MAX, MONEY_E9

SIDES = ("bid", "ask")
Read = Callable[[], float]


class Scale(NamedTuple):
    """One tick in quote currency, one lot in base currency, and the value of one tick x one lot in quote currency."""

    tick: float
    lot: float
    value: float

    @classmethod
    def of(cls, instrument: InstrumentDefined) -> "Scale":
        """The scale of an instrument."""
        units = units_of(instrument)
        return cls(float(units.tick), float(units.lot), float(units.value))


def scaled(record: State, field: str, unit: float) -> Read:
    """What reads a field of a record, in `unit`s."""
    return lambda: float(record[field]) * unit


def e9(amount_e9: Any) -> float:
    """Quote currency of 1e-9 of it; what is not limited is infinite."""
    return limited(amount_e9, 1 / MONEY_E9)


def limited(count: Any, unit: float) -> float:
    """A limit in human units; infinite where there is none."""
    return math.inf if int(count) == INT64_MAX else int(count) * unit
