"""What the venue checks of a new order before the market: its filters, one reject code each."""

from mm_core.book.book import best_ticks
from mm_core.book.window import NO_RANK
from mm_core.compiled import Record, compiled, int64
from mm_core.exchange.venue import Reject
from mm_core.filters import is_price_near, is_price_within, value_lots_max, value_lots_min

ADMITTED = int64(0)
NOTIONAL = int64(Reject.NOTIONAL)
LOT_SIZE = int64(Reject.LOT_SIZE)
PRICE_FILTER = int64(Reject.PRICE_FILTER)
PERCENT_PRICE = int64(Reject.PERCENT_PRICE)
MAX_ORDERS = int64(Reject.MAX_ORDERS)


@compiled
def reference_half(clock: Record, book: Record) -> int:
    """The price that others may not deviate from too far, in half ticks: the last trade's, the mid before any, or 0."""
    if clock.trade_ticks != 0:
        return 2 * clock.trade_ticks
    if book.best[0] == NO_RANK or book.best[1] == NO_RANK:
        return 0
    return best_ticks(book, 0) + best_ticks(book, 1)


@compiled
def broken_filter(venue: Record, side: int, price_ticks: int, lots: int, reference: int) -> int:
    """The first filter that an order breaks, as a reject code; ADMITTED without one."""
    filters = venue.filters
    if not is_price_within(filters, price_ticks):
        return PRICE_FILTER
    if not is_price_near(filters, side, price_ticks, reference):
        return PERCENT_PRICE
    if not filters.lots_min <= lots <= filters.lots_max:
        return LOT_SIZE
    if not value_lots_min(filters, price_ticks) <= lots <= value_lots_max(filters, price_ticks):
        return NOTIONAL
    if venue.resting[0] + venue.resting[1] >= filters.orders_max:
        return MAX_ORDERS
    return ADMITTED
