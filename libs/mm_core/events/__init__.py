"""All events: frozen facts, keyword-only, units last in every name.

`ts_ns` is the exchange's time of the fact (or, for our own decisions, the local time of their cause). A root comes
from outside; it is numbered and stamped with `local_ns` by the sequencer (offline: by the same rule). New fields get
defaults, types never change, a change of meaning is a new event.
"""

from typing import get_args

from mm_core.events.account import (
    LimitChanged,
    PositionChanged,
    TradingState,
)
from mm_core.events.base import (
    Event,
    MarketEvent,
    NodeEvent,
    OrderEvent,
    Root,
)
from mm_core.events.market import (
    Book,
    BookDelta,
    BookSnapshot,
    BookTop,
    FeedStatus,
    InstrumentDefined,
    OperatorCommand,
    Tick,
    Trade,
)
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

RootEvent = InstrumentDefined | FeedStatus | BookSnapshot | BookDelta | BookTop | Trade | Tick | OperatorCommand
AnyEvent = (
    RootEvent
    | Book
    | OrderIntent
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
    | LimitChanged
    | PositionChanged
)
ROOT_EVENTS: tuple[type[Event], ...] = get_args(RootEvent)
EVENTS: tuple[type[Event], ...] = get_args(AnyEvent)

__all__ = [
    "EVENTS",
    "ROOT_EVENTS",
    "AnyEvent",
    "Book",
    "BookDelta",
    "BookSnapshot",
    "BookTop",
    "CancelIntent",
    "CancelOrder",
    "CancelRejected",
    "Event",
    "FeedStatus",
    "InstrumentDefined",
    "LimitChanged",
    "MarketEvent",
    "NodeEvent",
    "OperatorCommand",
    "OrderAccepted",
    "OrderCanceled",
    "OrderDenied",
    "OrderEvent",
    "OrderExpired",
    "OrderFilled",
    "OrderIntent",
    "OrderRejected",
    "PositionChanged",
    "Root",
    "RootEvent",
    "SubmitOrder",
    "Tick",
    "Trade",
    "TradingState",
]
