"""Why risk denied an order, cut it, or halted."""

from enum import IntEnum


class Reason(IntEnum):
    """Values of `OrderDenied.reason`, `SubmitOrder.reason` and `TradingState.reason`."""

    NONE = 0
    HALTED = 1
    REDUCING = 2
    BOOK_NOT_VALID = 3
    BOOK_EMPTY = 4
    ORDER_LOTS = 5
    ORDER_VALUE = 6
    POSITION = 7
    NOTIONAL = 8
    PRICE_COLLAR = 9
    ORDER_RATE = 10
    SPOT_BALANCE = 11
    TOO_MANY_ORDERS = 12
    LOSS_SESSION = 13
    LOSS_DAY = 14
    FILL_RATE = 15
    OPERATOR = 16
    BELOW_MINIMUM = 17  # the venue's filters, as all below
    MIN_NOTIONAL = 18
    VENUE_QTY_MAX = 19
    PRICE_DEVIATION = 20
    PRICE_BOUNDS = 21
    VENUE_ORDERS = 22
    VENUE_NOTIONAL_MAX = 23
    COOLED_DOWN = 24  # of a state: a halt by the fill rate is over
