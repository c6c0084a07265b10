"""Order events and their records: one mapping by names, there and back for every type."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core import events as e
from mm_core.events.records import EVENT_TYPES, KIND_AT, MESSAGE, NAMES, OrderKind, to_event, to_row
from mm_core.types import INT64_MAX

NAME = "binance.TEST"
NUMBERS = st.integers(-INT64_MAX - 1, INT64_MAX)
VALUES: dict[Any, st.SearchStrategy[Any]] = {int: NUMBERS, bool: st.booleans(), float: st.floats(allow_nan=False)}
# What an event has and its record does not: the publisher gives it.
OWN: dict[type[e.Event], tuple[str, ...]] = {
    e.OrderIntent: (
        *("fair_ticks", "reservation_ticks", "half_spread_ticks", "volatility_ticks_sqrt_s", "position_lots"),
    ),
    e.TradingState: ("resumes_ns",),
}


def fields_of(event_type: type[e.Event]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(event_type)}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value of a field, or any member of an enumeration."""
    return VALUES[annotation] if annotation in VALUES else st.sampled_from(list(annotation))


@st.composite
def events(draw: st.DrawFn, event_type: type[e.Event]) -> Any:
    """An event with any values."""
    fields = {name: draw(values(each)) for name, each in fields_of(event_type).items() if name != "instrument_id"}
    return event_type(instrument_id=NAME, **fields)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", OrderKind)
@given(data=st.data())
def test_an_event_comes_back_from_its_record_as_it_was(kind: OrderKind, data: st.DataObject) -> None:
    event = data.draw(events(EVENT_TYPES[kind]))
    records = np.zeros(2, MESSAGE)
    records[1] = to_row(event)
    own = {name: getattr(event, name) for name in OWN.get(type(event), ())}
    back = to_event(records[1].item(), NAME, **own)
    assert (back, [type(value) for value in msgspec.structs.astuple(back)]) == (
        event,
        [type(value) for value in msgspec.structs.astuple(event)],
    )


@pytest.mark.parametrize("kind", OrderKind)
@given(data=st.data())
def test_a_record_comes_back_from_its_event_where_the_event_has_the_fields(
    kind: OrderKind, data: st.DataObject
) -> None:
    types = fields_of(EVENT_TYPES[kind])
    row = [int(data.draw(values(types[name]))) if name in types else 0 for name in NAMES]
    row[KIND_AT] = kind
    own = dict.fromkeys(OWN.get(EVENT_TYPES[kind], ()), 0)
    assert to_row(to_event(tuple(row), NAME, **own)) == tuple(row)


@pytest.mark.parametrize("event_type", EVENT_TYPES.values())
def test_what_is_not_in_the_record_is_known_by_name(event_type: type[e.Event]) -> None:
    assert set(fields_of(event_type)) - set(NAMES) == {"instrument_id", *OWN.get(event_type, ())}


@pytest.mark.parametrize(
    "event_type", [each for each in e.EVENTS if issubclass(each, e.OrderEvent)], ids=lambda each: str(each.__name__)
)
def test_every_event_of_an_order_always_has_its_side_price_and_what_is_left(event_type: type[e.Event]) -> None:
    required = {field.name for field in msgspec.structs.fields(event_type) if field.required}
    assert required >= {"order_id", "side", "price_ticks", "qty_lots", "leaves_lots"}
