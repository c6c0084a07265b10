"""Terms and units of the field. Prices are ticks, quantities lots, times nanoseconds UTC, money 1e-9 of the quote."""

from decimal import Decimal, InvalidOperation
from enum import IntEnum

NS_PER_S = 1_000_000_000
MONEY_E9 = 1_000_000_000  # one unit of the quote currency
INT64_MAX = 2**63 - 1
NEVER_NS = INT64_MAX  # a due time that does not come


class Side(IntEnum):
    """BUY is the bid side and 0, so that it indexes [bid, ask] arrays; of a trade it is the taker's side."""

    BUY = 0
    SELL = 1


class BookState(IntEnum):
    """What the feed proves about a book. Quotes rest on VALID only."""

    SYNCING = 0
    VALID = 1
    STALE = 2
    GAP = 3


class BookReason(IntEnum):
    """Why a book's state is worse than its feed's; values of `Book.reason`."""

    NONE = 0  # it is the feed's state, or not worse
    SILENT = 1  # no depth event for longer than `book.stale_ms`
    CROSSED = 2  # best bid at or above best ask
    WINDOW = 3  # the touch lies outside of what is known to be complete


class TradeState(IntEnum):
    """What risk lets through: everything, only what reduces the position, nothing."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2


class TimeInForce(IntEnum):
    """GTX is post-only: rejected by the venue where it would take."""

    GTC = 0
    GTX = 1
    IOC = 2


class Command(IntEnum):
    """What an operator can command."""

    HALT = 0
    REDUCE = 1
    RESUME = 2
    FLATTEN = 3
    SET = 4


class InputError(Exception):
    """Bad input or usage. The message is one line: it names the file, line or field and what would be right."""


class UnavailableError(Exception):
    """Something outside cannot be reached or takes nothing now: tried again later, counted and shown. One line."""


class IntegrityError(Exception):
    """What was stored is not what was written. Stop and delete nothing; the line names what, where, and the remedy."""


def to_units(text: str, unit: Decimal) -> int:
    """Exact number of `unit`s in a decimal text. ValueError if it is no finite multiple of `unit`.

    Text becomes integers here and nowhere else, never through a float.
    """
    try:
        value = Decimal(text)
        units = value / unit
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a decimal number") from error
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    count = int(units.to_integral_value())
    if count * unit != value:
        raise ValueError(f"{text} is not a multiple of {unit}")
    if abs(count) > INT64_MAX:
        raise ValueError(f"{text} is more than 2^63 units of {unit}")
    return count


def from_units(count: int, unit: Decimal) -> Decimal:
    """The decimal value of `count` units, for display."""
    return count * unit
