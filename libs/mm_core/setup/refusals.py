"""What each refusal depends on: the kinds by which the quoter remembers reasons of risk and of the venue."""

from collections.abc import Mapping

from mm_core.exchange.venue import Reject
from mm_core.node import State
from mm_core.quoting.refusals import BY_LOTS, BY_ORDERS, BY_PRICE, PRICE, RATE, SIZE, TAKES, TRANSIENT
from mm_core.risk.reason import Reason
from mm_core.types import Side

DENIALS: Mapping[Reason, int] = {
    # No order is denied for these, or the quoter finds it out by itself.
    **dict.fromkeys((Reason.NONE, Reason.HALTED, Reason.BOOK_NOT_VALID, Reason.BOOK_EMPTY), TRANSIENT),
    **dict.fromkeys((Reason.LOSS_SESSION, Reason.LOSS_DAY, Reason.FILL_RATE, Reason.OPERATOR), TRANSIENT),
    Reason.COOLED_DOWN: TRANSIENT,
    **dict.fromkeys((Reason.PRICE_COLLAR, Reason.PRICE_DEVIATION, Reason.PRICE_BOUNDS), PRICE),
    Reason.ORDER_RATE: RATE,
    **dict.fromkeys((Reason.REDUCING, Reason.ORDER_LOTS, Reason.POSITION, Reason.VENUE_QTY_MAX), SIZE),
    **dict.fromkeys((Reason.ORDER_VALUE, Reason.NOTIONAL, Reason.VENUE_NOTIONAL_MAX), SIZE | BY_PRICE),
    Reason.SPOT_BALANCE: SIZE | BY_PRICE,
    **dict.fromkeys((Reason.TOO_MANY_ORDERS, Reason.VENUE_ORDERS), SIZE | BY_ORDERS),
    Reason.BELOW_MINIMUM: SIZE | BY_LOTS,
    Reason.MIN_NOTIONAL: SIZE | BY_LOTS | BY_PRICE,
}
REJECTIONS: Mapping[Reject, int] = {
    Reject.WOULD_TAKE: TAKES,
    **dict.fromkeys((Reject.PRICE_FILTER, Reject.PERCENT_PRICE), PRICE),
    **dict.fromkeys((Reject.TOO_MANY_ORDERS, Reject.LOT_SIZE), SIZE),
    Reject.MAX_ORDERS: SIZE | BY_ORDERS,
    Reject.NOTIONAL: SIZE | BY_PRICE,
}


def fill_kinds(refusals: State) -> None:
    """Write both tables into an array of one REFUSALS."""
    for name, kinds in (("denied", DENIALS), ("rejected", REJECTIONS)):
        for reason, kind in kinds.items():
            refusals[name][..., reason] = kind
    # A sale needs no money: what the balance does not hold, no price can change.
    refusals["denied"][..., Side.SELL, Reason.SPOT_BALANCE] = SIZE
