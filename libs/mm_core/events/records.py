"""The one mapping between order events and their records of numbers, by the names of the fields.

The compiled parts, the loop and the tables work on records, the nodes and the log on events. A field of the record that
an event does not have is 0; a field of an event that is not in the record comes from its publisher.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np

from mm_core.events.account import TradingState
from mm_core.events.base import Event
from mm_core.events.orders import (
    CancelIntent,
    CancelOrder,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    SubmitOrder,
)

OrderMessage = (
    OrderIntent
    | CancelIntent
    | SubmitOrder
    | CancelOrder
    | OrderDenied
    | OrderAccepted
    | OrderRejected
    | OrderCanceled
    | CancelRejected
    | OrderExpired
    | OrderFilled
    | TradingState
)
Row = tuple[int, ...]  # the fields of a MESSAGE, in its order


class OrderKind(IntEnum):
    """Which event a record is. The numbers are part of recorded results: append only."""

    INTENT = 1
    CANCEL_INTENT = 2
    SUBMIT = 3
    CANCEL = 4
    DENIED = 5
    ACCEPTED = 6
    REJECTED = 7
    CANCELED = 8
    CANCEL_REJECTED = 9
    EXPIRED = 10
    FILLED = 11
    TRADING_STATE = 12


EVENT_TYPES: dict[OrderKind, type[Event]] = {
    OrderKind.INTENT: OrderIntent,
    OrderKind.CANCEL_INTENT: CancelIntent,
    OrderKind.SUBMIT: SubmitOrder,
    OrderKind.CANCEL: CancelOrder,
    OrderKind.DENIED: OrderDenied,
    OrderKind.ACCEPTED: OrderAccepted,
    OrderKind.REJECTED: OrderRejected,
    OrderKind.CANCELED: OrderCanceled,
    OrderKind.CANCEL_REJECTED: CancelRejected,
    OrderKind.EXPIRED: OrderExpired,
    OrderKind.FILLED: OrderFilled,
    OrderKind.TRADING_STATE: TradingState,
}
KINDS = {event_type: kind for kind, event_type in EVENT_TYPES.items()}

MESSAGE = np.dtype(
    [
        ("ts_ns", "i8"),  # time of the fact: decision, arrival at the venue, or fill
        ("local_ns", "i8"),  # when the other side receives it
        ("order_id", "i8"),
        ("price_ticks", "i8"),
        ("qty_lots", "i8"),
        ("leaves_lots", "i8"),
        ("fee_e9", "i8"),
        ("kind", "i8"),
        ("side", "i8"),
        ("reason", "i8"),
        ("time_in_force", "i8"),
        ("maker", "i8"),
        ("state", "i8"),  # risk's trading state
        # 0 where unknown: of a fill, the venue's mid just before it; of an intent, that of the Book it was decided on.
        ("mid_half_ticks", "i8"),
    ]
)
NAMES: tuple[str, ...] = MESSAGE.names or ()
KIND_AT = NAMES.index("kind")


class _Reader:
    """Makes events of one type from rows."""

    def __init__(self, event_type: type[Event]) -> None:
        types = {field.name: field.type for field in msgspec.structs.fields(event_type)}
        self._event_type = event_type
        self._numbers = [(name, at) for at, name in enumerate(NAMES) if types.get(name) is int]
        self._others: list[tuple[str, int, Callable[[int], Any]]] = [
            (name, at, types[name]) for at, name in enumerate(NAMES) if name in types and types[name] is not int
        ]

    def event(self, row: Row, fields: dict[str, Any]) -> Any:
        for name, at in self._numbers:
            fields[name] = row[at]
        for name, at, to_type in self._others:
            fields[name] = to_type(row[at])
        return self._event_type(**fields)


_READERS = {int(kind): _Reader(event_type) for kind, event_type in EVENT_TYPES.items()}


def to_row(event: OrderMessage) -> Row:
    """The record of an event, as a tuple to assign to an element of an array of MESSAGE."""
    row = [getattr(event, name, 0) for name in NAMES]
    row[KIND_AT] = KINDS[type(event)]
    return tuple(row)


def to_event(row: Row, instrument_id: str, **fields: Any) -> Any:
    """The event of a record given as `record.item()`; `fields` are those of it that are not in the record."""
    return _READERS[row[KIND_AT]].event(row, {"instrument_id": instrument_id, **fields})
