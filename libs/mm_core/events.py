"""All events: frozen facts, keyword-only, units last in every name.

`ts_ns` is the exchange's time of the fact (or, for our own decisions, the local time of their cause). A root comes
from outside; it is numbered and stamped with `local_ns` by the sequencer (offline: by the same rule). New fields get
defaults, types never change, a change of meaning is a new event.
"""

from typing import get_args

import msgspec

from mm_core.types import BookState, Command, Side, TimeInForce, TradeState


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """Base of all events. `ts_ns`: time of the fact, ns UTC."""

    ts_ns: int


class Root(Event, frozen=True, kw_only=True):
    """What comes from outside. `recv_ns`: our wall clock; `local_ns`: receive time on the exchange's clock; both ns.

    `root_seq` counts the roots of one log from 1. It and `local_ns` are 0 until the sequencer stamps them.
    """

    recv_ns: int = 0
    local_ns: int = 0
    root_seq: int = 0


class MarketEvent(Root, frozen=True, kw_only=True):
    """A root about one instrument, named `<venue>.<SYMBOL>`."""

    instrument_id: str


class InstrumentDefined(MarketEvent, frozen=True, kw_only=True):
    """What one tick and one lot are, as exact decimal text, and the venue's own name of the instrument."""

    venue_symbol: str
    tick_size: str
    lot_size: str
    base: str = ""
    quote: str = ""
    qty_lots_min: int = 0
    notional_e9_min: int = 0


class FeedStatus(MarketEvent, frozen=True, kw_only=True):
    """What the sync machine proves from here on. `epoch` counts the (re)synchronisations from 1.

    The book is known to be complete from `complete_low_ticks` to `complete_high_ticks`, both included.
    """

    state: BookState
    epoch: int
    complete_low_ticks: int = 0
    complete_high_ticks: int = 0
    reason: str = ""


class BookSnapshot(MarketEvent, frozen=True, kw_only=True):
    """The whole known book: earlier levels are void. Levels as parallel tuples, best first."""

    update_id: int
    bid_ticks: tuple[int, ...]
    bid_lots: tuple[int, ...]
    ask_ticks: tuple[int, ...]
    ask_lots: tuple[int, ...]


class BookDelta(MarketEvent, frozen=True, kw_only=True):
    """New absolute quantities of some levels, 0 lots removes. One delta is one atomic step of the book.

    Covers the venue's update ids `first_update_id` to `update_id`, both included.
    """

    first_update_id: int
    update_id: int
    bid_ticks: tuple[int, ...]
    bid_lots: tuple[int, ...]
    ask_ticks: tuple[int, ...]
    ask_lots: tuple[int, ...]


class BookTop(MarketEvent, frozen=True, kw_only=True):
    """The venue's own best bid and ask at `update_id`: an oracle for the rebuilt book."""

    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class Trade(MarketEvent, frozen=True, kw_only=True):
    """A print. `side` is the taker's. `trade_id` is the venue's, consecutive per instrument."""

    trade_id: int
    side: Side
    price_ticks: int
    qty_lots: int


class Tick(Root, frozen=True, kw_only=True):
    """A due time of the clock, a UTC multiple of its period; comes before the first event at or after it."""


class OperatorCommand(Root, frozen=True, kw_only=True):
    """A command of the operator; SET changes `key` to `value` (decimal text)."""

    command: Command
    key: str = ""
    value: str = ""


class Said(Event, frozen=True, kw_only=True):
    """What a node said about an instrument; `local_ns`: when it is known on our side."""

    instrument_id: str
    local_ns: int


class Book(Said, frozen=True, kw_only=True):
    """The touch and the signals after everything up to `local_ns`; the state is the feed's, or worse.

    A side without a level has 0 lots. `mid_half_ticks` is bid + ask in ticks. Volatility in ticks per root second,
    NaN until warm. Executable spreads in bps and fillable fractions follow the configured sizes; a spread is null
    where depth is short. `ofi_lots` is the order-flow imbalance at the best level over the configured window.
    """

    state: BookState
    epoch: int
    update_id: int
    complete_low_ticks: int = 0
    complete_high_ticks: int = 0
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    mid_half_ticks: int
    weighted_mid_ticks: float
    volatility_ticks_sqrt_s: float
    micro_stdev_ticks: float
    micro_min_ticks: float
    micro_max_ticks: float
    ofi_lots: int
    executable_spread_bps: tuple[float | None, ...]
    fillable_fraction: tuple[float, ...]


class OrderEvent(Said, frozen=True, kw_only=True):
    """Something about one order; `order_id` counts from 1 per session."""

    order_id: int


class OrderIntent(OrderEvent, frozen=True, kw_only=True):
    """The quoter wants an order; with the terms of the decision: its fair and reservation price and half-spread."""

    side: Side
    price_ticks: int
    qty_lots: int
    time_in_force: TimeInForce = TimeInForce.GTX
    fair_ticks: float = 0.0
    reservation_ticks: float = 0.0
    half_spread_ticks: float = 0.0
    volatility_ticks_sqrt_s: float = 0.0
    position_lots: int = 0


class CancelIntent(OrderEvent, frozen=True, kw_only=True):
    """The quoter wants an order gone."""


class AmendIntent(OrderEvent, frozen=True, kw_only=True):
    """The quoter wants an order smaller, keeping its place in the queue."""

    qty_lots: int


class SubmitOrder(OrderEvent, frozen=True, kw_only=True):
    """Risk lets an order through; `adjusted_reason` is not 0 where risk made it smaller."""

    side: Side
    price_ticks: int
    qty_lots: int
    time_in_force: TimeInForce
    adjusted_reason: int = 0


class CancelOrder(OrderEvent, frozen=True, kw_only=True):
    """A cancel on its way to the venue; risk says it for the quoter, and on its own when it halts."""


class AmendOrder(OrderEvent, frozen=True, kw_only=True):
    """An amend on its way to the venue."""

    qty_lots: int


class OrderDenied(OrderEvent, frozen=True, kw_only=True):
    """Our own risk said no; see `mm_core.risk.Reason`."""

    reason: int


class OrderAccepted(OrderEvent, frozen=True, kw_only=True):
    """The order rests at the venue, with its final price and quantity."""

    side: Side
    price_ticks: int
    qty_lots: int


class OrderRejected(OrderEvent, frozen=True, kw_only=True):
    """The venue said no; see `mm_core.exchange.Reject`."""

    side: Side
    price_ticks: int
    qty_lots: int
    reason: int


class OrderCanceled(OrderEvent, frozen=True, kw_only=True):
    """The order is gone with `leaves_lots` unfilled."""

    side: Side
    price_ticks: int
    leaves_lots: int


class CancelRejected(OrderEvent, frozen=True, kw_only=True):
    """The cancel found nothing: the order was done before it arrived."""


class OrderAmended(OrderEvent, frozen=True, kw_only=True):
    """The order rests with `leaves_lots` open."""

    leaves_lots: int


class OrderExpired(OrderEvent, frozen=True, kw_only=True):
    """The rest of an IOC order that found no more to take."""

    side: Side
    price_ticks: int
    leaves_lots: int


class OrderFilled(OrderEvent, frozen=True, kw_only=True):
    """A fill of `qty_lots` at `price_ticks`; `leaves_lots` stays open, 0 means done. `fee_e9` > 0 is a cost."""

    side: Side
    price_ticks: int
    qty_lots: int
    leaves_lots: int
    maker: bool
    fee_e9: int


class TradingState(Said, frozen=True, kw_only=True):
    """Risk's state from here on, and why; see `mm_core.risk.Reason`."""

    state: TradeState
    reason: int


class LimitChanged(Said, frozen=True, kw_only=True):
    """A limit has a new value, by the operator's SET."""

    name: str
    value: int


class AccountSnapshot(Said, frozen=True, kw_only=True):
    """The account at the opening of a log: position in lots, cash in half-ticks x lots, fees in 1e-9 quote."""

    position_lots: int
    cash_half_tick_lots: int
    fees_e9: int


class PositionChanged(Said, frozen=True, kw_only=True):
    """The account after a fill. Money in 1e-9 of the quote; total = realised + unrealised - fees = spread + inventory - fees."""

    position_lots: int
    average_price_ticks: float
    realised_e9: int
    unrealised_e9: int
    fees_e9: int
    spread_e9: int
    inventory_e9: int


class Markout(OrderEvent, frozen=True, kw_only=True):
    """How far the mid moved in our favour `horizon_ns` after a fill; null where no mid was valid."""

    horizon_ns: int
    markout_ticks: float | None


class KpiSnapshot(Said, frozen=True, kw_only=True):
    """Periodic figures of the accountant, by name."""

    values: dict[str, float | None]


RootEvent = (
    InstrumentDefined | FeedStatus | BookSnapshot | BookDelta | BookTop | Trade | Tick | OperatorCommand
)
AnyEvent = (
    RootEvent
    | Book
    | OrderIntent
    | CancelIntent
    | AmendIntent
    | SubmitOrder
    | CancelOrder
    | AmendOrder
    | OrderDenied
    | OrderAccepted
    | OrderRejected
    | OrderCanceled
    | CancelRejected
    | OrderAmended
    | OrderExpired
    | OrderFilled
    | TradingState
    | LimitChanged
    | AccountSnapshot
    | PositionChanged
    | Markout
    | KpiSnapshot
)
ROOT_EVENTS: tuple[type[Event], ...] = get_args(RootEvent)
EVENTS: tuple[type[Event], ...] = get_args(AnyEvent)
