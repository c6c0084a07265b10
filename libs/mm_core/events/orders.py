"""The life of an order: wanted, let through or denied, answered by the venue."""

from mm_core.events.base import OrderEvent
from mm_core.types import Side, TimeInForce


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


class SubmitOrder(OrderEvent, frozen=True, kw_only=True):
    """Risk lets an order through; `adjusted_reason` is not 0 where risk made it smaller."""

    side: Side
    price_ticks: int
    qty_lots: int
    time_in_force: TimeInForce
    adjusted_reason: int = 0


class CancelOrder(OrderEvent, frozen=True, kw_only=True):
    """A cancel on its way to the venue; risk says it for the quoter, and on its own when it halts."""


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


class OrderExpired(OrderEvent, frozen=True, kw_only=True):
    """The rest of an IOC order that found no more to take."""

    side: Side
    price_ticks: int
    leaves_lots: int


class OrderFilled(OrderEvent, frozen=True, kw_only=True):
    """A fill of `qty_lots` at `price_ticks`; `leaves_lots` stays open, 0 means done. `fee_e9` > 0 is a cost.

    `mid_half_ticks`: bid + ask at the venue just before what filled it, in ticks; 0 where it was not known.
    """

    side: Side
    price_ticks: int
    qty_lots: int
    leaves_lots: int
    maker: bool
    fee_e9: int
    mid_half_ticks: int = 0
