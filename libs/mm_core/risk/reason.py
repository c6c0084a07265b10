"""Why risk said no, or less."""

from enum import IntEnum


class Reason(IntEnum):
    """Values of `OrderDenied.reason`, `SubmitOrder.adjusted_reason` and `TradingState.reason`."""

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
    BELOW_MINIMUM = 17


# Denials that time or the market takes away: the same order may go on later.
PASSING = (int(Reason.ORDER_RATE), int(Reason.PRICE_COLLAR))
