"""Which table an event belongs to, and how events become its columns: one event is one row of one table.

Columns follow the fields of the events, so an event with a new field needs a migration and nothing here.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from mm_core import events as e
from mm_core.exchange.venue import Reject
from mm_core.risk.reason import Reason
from mm_wire.chain import Record

TABLES: dict[str, tuple[type[e.Event], ...]] = {
    "instruments": (e.InstrumentDefined,),
    "feed_status": (e.FeedStatus,),
    "book_snapshots": (e.BookSnapshot,),
    "book_deltas": (e.BookDelta,),
    "book_tops": (e.BookTop,),
    "trades": (e.Trade,),
    "ticks": (e.Tick,),
    "operator_commands": (e.OperatorCommand,),
    "books": (e.Book,),
    "intents": (e.OrderIntent, e.CancelIntent),
    "orders": (
        *(e.SubmitOrder, e.CancelOrder, e.OrderDenied),
        *(e.OrderAccepted, e.OrderRejected, e.OrderCanceled, e.CancelRejected, e.OrderExpired),
    ),
    "fills": (e.OrderFilled,),
    "trading_states": (e.TradingState, e.LimitChanged),
    "positions": (e.PositionChanged,),
}
# Integers of the events that name a reason.
REASONS: dict[tuple[type[e.Event], str], type[IntEnum]] = {
    (e.SubmitOrder, "reason"): Reason,
    (e.OrderDenied, "reason"): Reason,
    (e.OrderRejected, "reason"): Reject,
    (e.TradingState, "reason"): Reason,
}
TEXT = pa.dictionary(pa.int32(), pa.string())
TIME = pa.timestamp("ns", "UTC")
TIMES = ("ts_ns", "recv_ns", "local_ns")
ARROW: dict[Any, pa.DataType] = {
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    str: TEXT,
    tuple[int, ...]: pa.list_(pa.int64()),
    tuple[float, ...]: pa.list_(pa.float64()),
    tuple[float | None, ...]: pa.list_(pa.float64()),
}
ROW_KEY = ("session", "seq")
LOG_TABLE = "log"

Read = Callable[[Any], Any]


class Column(msgspec.Struct, frozen=True):
    """One column: its name, its type on the way to ClickHouse, and how each type of event gives its value."""

    name: str
    arrow: pa.DataType
    reads: dict[type[e.Event], Read]

    def fill(self, events: Sequence[e.Event]) -> pa.Array:
        """The column of some events, all of one table."""
        if len(self.reads) == 1:
            (read,) = self.reads.values()
            values = list(map(read, events))
        else:
            values = [self.reads[type(event)](event) for event in events]
        if self.arrow is TIME:
            return pa.array(values, pa.int64()).view(TIME)
        return pa.array(values, self.arrow)


class Table(msgspec.Struct, frozen=True):
    """One table: its name and columns; `session` and `seq` come from the archive."""

    name: str
    columns: tuple[Column, ...]

    def rows(self, session: str, seqs: Sequence[int], events: Sequence[e.Event]) -> pa.RecordBatch:
        """The rows of some events, in one block."""
        columns = {column.name: column.fill(events) for column in self.columns}
        return pa.record_batch(_keys(session, seqs) | columns)


class LogTable(msgspec.Struct, frozen=True):
    """The table of the log itself: its messages as they are, fences too."""

    name: str = LOG_TABLE

    def rows(self, session: str, seqs: Sequence[int], records: Sequence[Record]) -> pa.RecordBatch:
        """The rows of some messages, in one block."""
        texts = {"label": pa.string(), "name": pa.string(), "data": pa.binary()}
        columns = {name: pa.array([getattr(record, name) for record in records], kind) for name, kind in texts.items()}
        return pa.record_batch(_keys(session, seqs) | columns)


def _keys(session: str, seqs: Sequence[int]) -> dict[str, pa.Array]:
    one = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), len(seqs)), pa.array([session]))
    return {"session": one, "seq": pa.array(seqs, pa.uint64())}


def new_table(name: str) -> Table:
    """The table of a name in TABLES."""
    kinds = TABLES[name]
    fields = {kind: {field.name: field.type for field in msgspec.structs.fields(kind)} for kind in kinds}
    names = dict.fromkeys(field for kind in kinds for field in fields[kind])
    columns = [_column(field, fields) for field in names]
    if len(kinds) > 1:
        columns.append(Column("event", TEXT, {kind: _constant(kind.__name__) for kind in kinds}))
    return Table(name, tuple(columns))


def _column(name: str, fields: dict[type[e.Event], dict[str, Any]]) -> Column:
    reads = {kind: _read(kind, name, own[name]) if name in own else _constant(None) for kind, own in fields.items()}
    if name in TIMES:
        return Column(name, TIME, reads)
    types = [
        TEXT if _labels(kind, name, own[name]) else ARROW[own[name]] for kind, own in fields.items() if name in own
    ]
    assert all(each == types[0] for each in types), f"{name} has two types in one table"
    return Column(name, types[0], reads)


def _read(kind: type[e.Event], name: str, annotation: Any) -> Read:
    value = attrgetter(name)
    if labels := _labels(kind, name, annotation):
        return lambda event: labels[value(event)]
    return value


def _labels(kind: type[e.Event], name: str, annotation: Any) -> dict[int, str] | None:
    """What the values of an enumeration are called; None for a field that is none."""
    enum = REASONS.get((kind, name), annotation)
    if isinstance(enum, type) and issubclass(enum, IntEnum):
        return {int(member): member.name.lower() for member in enum}
    return None


def _constant(value: str | None) -> Read:
    return lambda _: value
