"""The life of an order: intended, let through or denied, answered by the venue. All have the fields of OrderEvent."""

from mm_core.events.base import OrderEvent
from mm_core.types import TimeInForce


class OrderIntent(OrderEvent, frozen=True, kw_only=True):
    """The quoter intends an order, with the terms of the decision: fair and reservation price and half-spread.

    `mid_half_ticks`: bid + ask of the Book that it was decided on, in ticks; 0 if that had no proven mid.
    """

    time_in_force: TimeInForce = TimeInForce.GTX
    fair_ticks: float = 0.0
    reservation_ticks: float = 0.0
    half_spread_ticks: float = 0.0
    volatility_ticks_sqrt_s: float = 0.0
    position_lots: int = 0
    mid_half_ticks: int = 0


class CancelIntent(OrderEvent, frozen=True, kw_only=True):
    """The quoter intends to cancel `qty_lots`, all that is left of an order."""


class SubmitOrder(OrderEvent, frozen=True, kw_only=True):
    """Risk lets an order through; `reason` is not 0 where risk made it smaller, see `mm_core.risk.Reason`."""

    time_in_force: TimeInForce
    reason: int = 0


class CancelOrder(OrderEvent, frozen=True, kw_only=True):
    """A cancel in flight to the venue, of the quoter's, or of risk's own when it halts."""


class OrderDenied(OrderEvent, frozen=True, kw_only=True):
    """Our own risk refuses an order; see `mm_core.risk.Reason`."""

    reason: int


class OrderAccepted(OrderEvent, frozen=True, kw_only=True):
    """The order rests at the venue, with its final price and quantity."""


class OrderRejected(OrderEvent, frozen=True, kw_only=True):
    """The venue refuses an order; see `mm_core.exchange.Reject`."""

    reason: int


class OrderCanceled(OrderEvent, frozen=True, kw_only=True):
    """The order is closed with `leaves_lots` unfilled."""


class CancelRejected(OrderEvent, frozen=True, kw_only=True):
    """The cancel found nothing: the order was done before it arrived."""


class OrderExpired(OrderEvent, frozen=True, kw_only=True):
    """The rest of an IOC order that found no more to take."""


class OrderFilled(OrderEvent, frozen=True, kw_only=True):
    """A fill of `qty_lots` at `price_ticks`, its own price; `leaves_lots` of 0: done. `fee_e9` > 0 is a cost.

    `mid_half_ticks`: bid + ask at the venue just before what filled it, in ticks; 0 where it was not known.
    """

    maker: bool
    fee_e9: int
    mid_half_ticks: int = 0
