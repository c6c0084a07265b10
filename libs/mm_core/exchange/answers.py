"""The venue's messages in flight to us: answers, and fills with their fee and the mid just before them."""

from mm_core.accounting.money import fee_e9, sum_product
from mm_core.compiled import Record, compiled, int64
from mm_core.messages import FILLED, bus_join_fill, bus_last, bus_push, is_crowded

TAKER = int64(0)
MAKER = int64(1)


@compiled
def _due_ns(venue: Record, ts_ns: int) -> int:
    """When we receive what happens at the venue at `ts_ns`: the response latency later, and not before its cause."""
    return max(ts_ns + venue.response_ns, venue.known_ns)


@compiled
def answer(venue: Record, kind: int, order_id: int, side: int, price_ticks: int, qty_lots: int, ts_ns: int) -> Record:
    """Send an answer of exchange time `ts_ns` to us, and return it for its other fields."""
    message = bus_push(venue.outbox, _due_ns(venue, ts_ns))
    message.kind = kind
    message.ts_ns = ts_ns
    message.order_id = order_id
    message.side = side
    message.price_ticks = price_ticks
    message.qty_lots = qty_lots
    return message


@compiled
def fill(
    venue: Record, order_id: int, side: int, price_ticks: int, lots: int, leaves_lots: int, maker: int, ts_ns: int
) -> None:
    """Report a fill. Where the queue of answers is crowded, partial fills of one order are reported as one.

    Joined fills have the mid of the first and the time of the last.
    """
    if is_crowded(venue.outbox) and bus_join_fill(venue.outbox, order_id, price_ticks, maker, _due_ns(venue, ts_ns)):
        message = bus_last(venue.outbox)
        message.ts_ns = ts_ns
        message.qty_lots += lots
    else:
        message = answer(venue, FILLED, order_id, side, price_ticks, lots, ts_ns)
        message.maker = maker
        message.mid_half_ticks = venue.mid_half
    message.leaves_lots = leaves_lots
    rate_ppb = venue.maker_fee_ppb if maker == MAKER else venue.taker_fee_ppb
    tick_lots = sum_product(0, price_ticks, lots)
    message.fee_e9 += fee_e9(tick_lots, rate_ppb, venue.value_num, venue.value_den)
