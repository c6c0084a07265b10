"""The venue's filters of a definition as the integers that risk and the paper exchange compare with."""

from fractions import Fraction

from mm_core.events import InstrumentDefined
from mm_core.filters import new_filters
from mm_core.node import State
from mm_core.setup.units import Units, units_of
from mm_core.types import INT64_MAX


def filters_of(instrument: InstrumentDefined) -> State:
    """An array of one FILTERS. A bound of 0 is off. Values round inward: a least one up, a greatest one down."""
    value_e9 = units_of(instrument).value_e9
    filters = new_filters()
    filters["lots_min"] = max(1, instrument.qty_lots_min)
    filters["tick_lots_min"] = min(int(-(-instrument.notional_e9_min // value_e9)), INT64_MAX)
    filters["price_ticks_min"] = instrument.price_ticks_min
    if instrument.notional_e9_max:
        filters["tick_lots_max"] = min(int(Fraction(instrument.notional_e9_max) // value_e9), INT64_MAX)
    most = {"lots_max": "qty_lots_max", "price_ticks_max": "price_ticks_max", "orders_max": "orders_max"}
    for name, field in most.items():
        filters[name] = getattr(instrument, field) or INT64_MAX
    filters["up_ppm"] = instrument.bid_up_ppm, instrument.ask_up_ppm
    filters["down_ppm"] = instrument.bid_down_ppm, instrument.ask_down_ppm
    return filters


def filters_on(units: Units, instrument: InstrumentDefined) -> State | None:
    """The filters of a definition on the grid of `units`; None on another one."""
    defined = units_of(instrument)
    return filters_of(instrument) if (defined.tick, defined.lot) == (units.tick, units.lot) else None
