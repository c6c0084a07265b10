"""The venue's filters: from a definition to integers, and compared without a product that would not fit."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core import filters as core
from mm_core.compiled import compiled
from mm_core.events import InstrumentDefined
from mm_core.filters import FILTERS, new_filters
from mm_core.node import State
from mm_core.setup.filters import filters_of, filters_on
from mm_core.setup.units import units_of
from mm_core.types import INT64_MAX

UNITS = st.sampled_from(["0.00000001", "0.001", "0.1", "1", "5"])


def instrument(tick: str = "0.01", lot: str = "0.001", **filters: Any) -> InstrumentDefined:
    return InstrumentDefined(
        instrument_id="binance.TEST", ts_ns=0, venue_symbol="TEST", tick_size=tick, lot_size=lot, **filters
    )


@compiled
def value_lots(filters: State, price_ticks: int) -> Any:
    return core.value_lots_min(filters[0], price_ticks), core.value_lots_max(filters[0], price_ticks)


@compiled
def is_price_near(filters: State, side: int, price_ticks: int, reference_half: int) -> Any:
    return core.is_price_near(filters[0], side, price_ticks, reference_half)


def test_without_a_filter_nothing_is_bound() -> None:
    assert filters_of(instrument()).tobytes() == new_filters().tobytes()
    assert value_lots(new_filters(), INT64_MAX) == (0, 1)
    assert value_lots(new_filters(), 1) == (0, INT64_MAX)


def test_every_filter_is_stored_in_its_field() -> None:
    # One tick x one lot is 1e-5 quote, 10,000 of 1e-9.
    found = filters_of(
        instrument(
            qty_lots_min=2,
            qty_lots_max=3,
            price_ticks_min=4,
            price_ticks_max=5,
            orders_max=6,
            bid_up_ppm=7,
            bid_down_ppm=8,
            ask_up_ppm=9,
            ask_down_ppm=10,
            notional_e9_min=110_001,
            notional_e9_max=129_999,
        )
    )
    assert {name: found[name][0].tolist() for name in FILTERS.names or ()} == {
        "lots_min": 2,
        "lots_max": 3,
        "price_ticks_min": 4,
        "price_ticks_max": 5,
        "orders_max": 6,
        "up_ppm": [7, 9],
        "down_ppm": [8, 10],
        "tick_lots_min": 12,
        "tick_lots_max": 12,
    }


@pytest.mark.parametrize(
    ("tick", "lot", "equal"), [("0.01", "0.001", True), ("0.010", "1e-3", True), ("0.1", "0.001", False)]
)
def test_filters_of_another_grid_are_none(tick: str, lot: str, equal: bool) -> None:
    assert (filters_on(units_of(instrument()), instrument(tick, lot)) is not None) == equal


@given(UNITS, UNITS, st.integers(1, 10**15), st.integers(0, 10**18), st.integers(0, 10**18))
def test_a_value_is_bounded_exactly(tick: str, lot: str, price_ticks: int, least_e9: int, most_e9: int) -> None:
    filters = filters_of(instrument(tick, lot, notional_e9_min=least_e9, notional_e9_max=most_e9))
    least, most = value_lots(filters, price_ticks)
    unit_e9 = Fraction(Decimal(tick)) * Fraction(Decimal(lot)) * price_ticks * 10**9
    if filters["tick_lots_min"][0] < INT64_MAX:
        assert least * unit_e9 >= least_e9
        assert not least or (least - 1) * unit_e9 < least_e9
    if most_e9 and filters["tick_lots_max"][0] < INT64_MAX:
        assert most * unit_e9 <= most_e9 < (most + 1) * unit_e9


@given(
    st.integers(0, 1), st.integers(1, 10**13), st.integers(0, 10**13), st.integers(0, 10**8), st.integers(0, 2 * 10**6)
)
def test_a_price_deviates_exactly_as_far_as_its_side_allows(
    side: int, price_ticks: int, reference_half: int, up_ppm: int, down_ppm: int
) -> None:
    filters = new_filters()
    filters["up_ppm"][0, side], filters["down_ppm"][0, side] = up_ppm, down_ppm
    reference = Fraction(reference_half, 2)
    is_near = reference * down_ppm / 10**6 <= price_ticks and (not up_ppm or price_ticks <= reference * up_ppm / 10**6)
    assert is_price_near(filters, side, price_ticks, reference_half) == (reference_half == 0 or is_near)
    assert is_price_near(filters, 1 - side, price_ticks, reference_half)
