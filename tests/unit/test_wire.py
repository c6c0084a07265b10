"""Names and bytes of events: every event survives the codec, and the schema changes only on purpose."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.events import Event, MarketEvent, NodeEvent, OperatorCommand, OrderFilled, Tick, Trade
from mm_core.types import Command, InputError, Side
from mm_wire import codec, subjects
from mm_wire.schema import schema

SCHEMA = Path(__file__).parents[2] / "libs" / "mm_wire" / "schema.json"
FILL = OrderFilled(
    instrument_id="binance.BTCUSDT",
    ts_ns=1_700_000_000_000_000_000,
    local_ns=1_700_000_000_000_000_001,
    order_id=7,
    side=Side.SELL,
    price_ticks=6_000_000,
    qty_lots=3,
    leaves_lots=0,
    maker=True,
    fee_e9=-12,
    mid_half_ticks=13,
)
INT64 = st.integers(-(2**63), 2**63 - 1)


def values(of_type: object) -> st.SearchStrategy[object]:
    """Any value of a field's type; integers stay within int64, as everywhere on the wire."""
    if of_type is int:
        return INT64
    if of_type == tuple[int, ...]:
        return st.lists(INT64, max_size=3).map(tuple)
    return st.from_type(of_type)  # type: ignore[arg-type]  # it takes every annotation, not only classes


def events_of(event_type: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of a type."""
    return st.builds(event_type, **{field.name: values(field.type) for field in msgspec.structs.fields(event_type)})


@given(st.sampled_from(list(subjects.NAMES)).flatmap(events_of))
def test_every_event_survives_the_codec(event: Event) -> None:
    data = codec.encode(event)
    again = codec.decode(data)
    assert type(again) is type(event)
    assert codec.encode(again) == data  # not `again == event`: a NaN is not equal to itself


def test_the_bytes_of_an_event_are_msgpack_with_its_type() -> None:
    fields = msgspec.msgpack.decode(codec.encode(FILL))
    assert fields.pop("type") == "OrderFilled"
    assert fields == msgspec.structs.asdict(FILL)


def test_fields_that_a_newer_writer_added_are_skipped() -> None:
    newer = msgspec.msgpack.encode({**msgspec.msgpack.decode(codec.encode(FILL)), "color": "red"})
    assert codec.decode(newer) == FILL


@pytest.mark.parametrize(
    "data",
    [
        b"",
        codec.encode(FILL)[:-1],
        msgspec.msgpack.encode({"type": "Unknown", "ts_ns": 1}),
        msgspec.msgpack.encode({"type": "Tick"}),
        msgspec.msgpack.encode({"type": "Tick", "ts_ns": "1"}),
        msgspec.msgpack.encode({"type": "Tick", "ts_ns": 1.5}),
    ],
    ids=["empty", "cut off", "unknown type", "field missing", "text for a number", "fraction for an integer"],
)
def test_bytes_that_are_no_event_are_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        codec.decode(data)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (FILL, "mm.btc.order.filled.binance.BTCUSDT"),
        (Tick(ts_ns=0), "mm.btc.clock.tick"),
        (OperatorCommand(ts_ns=0, command=Command.HALT), "mm.btc.op.command"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_subject_ends_with_the_instrument_where_there_is_one(event: Event, expected: str) -> None:
    assert subjects.subject("btc", event) == expected


def test_only_what_is_about_an_instrument_has_a_tail() -> None:
    with_instrument = [kind for kind in subjects.NAMES if "instrument_id" in kind.__struct_fields__]
    assert with_instrument == [kind for kind in subjects.NAMES if issubclass(kind, MarketEvent | NodeEvent)]


def test_each_event_is_published_by_the_node_of_the_table() -> None:
    assert [subjects.published_by(kind) for kind in (Trade, Tick, OrderFilled)] == [
        "recorder",
        "sequencer",
        "paper_exchange",
    ]


def test_a_group_names_its_stream() -> None:
    assert subjects.stream("btc-1") == "MM_btc-1"


@pytest.mark.parametrize("group", ["", "a.b", "a b", "*", "a>", "ä"])
def test_a_group_that_the_bus_cannot_carry_is_refused(group: str) -> None:
    with pytest.raises(InputError, match="stream's name"):
        subjects.stream(group)


def test_the_schema_changes_only_on_purpose(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--update-golden"):
        SCHEMA.write_text(schema())
    assert schema() == SCHEMA.read_text(), "events changed: see mm_wire/README.md, then `make golden`"


def test_the_schema_names_every_event() -> None:
    defined = msgspec.json.decode(schema())["$defs"]
    assert [kind.__name__ for kind in subjects.NAMES if kind.__name__ not in defined] == []
