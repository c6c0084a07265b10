"""Requests at the venue: sent, and processed when they arrive; a new order rests, takes or is rejected."""

from mm_core.book.book import best_below, best_ticks, lots_at, rank_of
from mm_core.book.window import NO_RANK
from mm_core.compiled import Record, compiled, int64
from mm_core.exchange.admit import ADMITTED, broken_filter, reference_half
from mm_core.exchange.answers import TAKER, answer, fill
from mm_core.exchange.clock import mid_before
from mm_core.exchange.venue import (
    TOO_MANY_ORDERS,
    WOULD_TAKE,
    find_order,
    insert_order,
    remember_taken,
    remove_order,
    taken_lots,
)
from mm_core.messages import (
    ACCEPTED,
    CANCEL,
    CANCEL_REJECTED,
    CANCELED,
    EXPIRED,
    REJECTED,
    bus_due_ns,
    bus_pop,
    bus_push,
    is_crowded,
)

GTX = 1
IOC = 2
DONE = int64(0)  # nothing left open


@compiled
def send(venue: Record, order: Record) -> None:
    """Put a SubmitOrder or CancelOrder on the connection to the venue; a cancel never overtakes its submit."""
    latency_ns = venue.cancel_ns if order.kind == CANCEL else venue.entry_ns
    message = bus_push(venue.inbox, order.local_ns + latency_ns)
    message.kind = order.kind
    message.ts_ns = message.local_ns
    message.order_id = order.order_id
    message.side = order.side
    message.price_ticks = order.price_ticks
    message.qty_lots = order.qty_lots
    message.time_in_force = order.time_in_force


@compiled
def arrive(venue: Record, index: Record, bit: int, book: Record, clock: Record, until_ns: int) -> None:
    """Process the requests that arrive up to `until_ns`, each at its arrival or the market's time, the later."""
    while bus_due_ns(venue.inbox) <= until_ns:
        message = bus_pop(venue.inbox)
        ts_ns = max(message.local_ns, clock.market_ns)
        venue.mid_half = mid_before(clock, ts_ns)
        if message.kind == CANCEL:
            _cancel(venue, index, bit, message, ts_ns)
            continue
        reference = reference_half(clock, book)
        broken = broken_filter(venue, message.side, message.price_ticks, message.qty_lots, reference)
        if broken != ADMITTED:
            _reject(venue, message, broken, ts_ns)
        else:
            _submit(venue, index, bit, book, message, ts_ns)


@compiled
def _submit(venue: Record, index: Record, bit: int, book: Record, message: Record, ts_ns: int) -> None:
    """Accept an order to the back of its queue, reject it, or let it take."""
    side = message.side
    order_id = message.order_id
    rank = rank_of(side, message.price_ticks)
    opposite = book.best[1 - side]
    if opposite != NO_RANK and rank >= -opposite:
        if message.time_in_force == GTX:
            _reject(venue, message, WOULD_TAKE, ts_ns)
        else:
            _take(venue, index, bit, book, message, rank, ts_ns)
        return
    if message.time_in_force == IOC:
        answer(
            venue, EXPIRED, order_id, side, message.price_ticks, message.qty_lots, ts_ns
        ).leaves_lots = message.qty_lots
        return
    _rest(venue, index, bit, book, message, rank, message.qty_lots, ts_ns)


@compiled
def _reject(venue: Record, message: Record, reason: int, ts_ns: int) -> None:
    rejected = answer(venue, REJECTED, message.order_id, message.side, message.price_ticks, message.qty_lots, ts_ns)
    rejected.leaves_lots = message.qty_lots
    rejected.reason = reason


@compiled
def _rest(
    venue: Record, index: Record, bit: int, book: Record, message: Record, rank: int, leaves_lots: int, ts_ns: int
) -> None:
    side = message.side
    slot = insert_order(venue, index, bit, side, rank)
    if slot < 0:
        _reject(venue, message, TOO_MANY_ORDERS, ts_ns)
        return
    order = venue.orders[side, slot]
    order.order_id = message.order_id
    order.qty_lots = message.qty_lots
    order.leaves_lots = leaves_lots
    order.shown_lots = lots_at(book, side, rank)
    order.front_lots = float(order.shown_lots)
    order.traded_lots = 0
    order.accepted_ns = ts_ns
    answer(
        venue, ACCEPTED, message.order_id, side, message.price_ticks, message.qty_lots, ts_ns
    ).leaves_lots = leaves_lots


@compiled
def _take(venue: Record, index: Record, bit: int, book: Record, message: Record, rank: int, ts_ns: int) -> None:
    """Take from the displayed book, level by level within the limit; the rest rests, or expires for IOC.

    Without partial fills all of the order trades at the best price, whatever is displayed there. While the queue of
    answers is crowded nothing more is taken, and the rest expires.
    """
    side = message.side
    leaves_lots = message.qty_lots
    if venue.partial_fills == 0:
        fill(venue, message.order_id, side, best_ticks(book, 1 - side), leaves_lots, DONE, TAKER, ts_ns)
        return
    level = book.best[1 - side]
    while leaves_lots > 0 and level != NO_RANK and rank >= -level and not is_crowded(venue.outbox):
        lots = min(leaves_lots, unused_lots(venue, book, 1 - side, level))
        if lots > 0:
            leaves_lots -= lots
            remember_taken(venue, index, bit, 1 - side, level, lots)
            price_ticks = level if side == 1 else -level
            fill(venue, message.order_id, side, price_ticks, lots, leaves_lots, TAKER, ts_ns)
        level = best_below(book, 1 - side, level)
    if leaves_lots == 0:
        return
    if message.time_in_force == IOC or is_crowded(venue.outbox):
        answer(
            venue, EXPIRED, message.order_id, side, message.price_ticks, message.qty_lots, ts_ns
        ).leaves_lots = leaves_lots
    else:
        _rest(venue, index, bit, book, message, rank, leaves_lots, ts_ns)


@compiled
def unused_lots(venue: Record, book: Record, side: int, rank: int) -> int:
    """Displayed lots of a level that no order of ours has used."""
    return lots_at(book, side, rank) - taken_lots(venue, side, rank)


@compiled
def _cancel(venue: Record, index: Record, bit: int, message: Record, ts_ns: int) -> None:
    """Cancel a resting order; what is already done cannot be cancelled."""
    for side in range(2):
        slot = find_order(venue, side, message.order_id)
        if slot >= 0:
            order = venue.orders[side, slot]
            price_ticks = order.rank if side == 0 else -order.rank
            canceled = answer(venue, CANCELED, order.order_id, side, price_ticks, order.qty_lots, ts_ns)
            canceled.leaves_lots = order.leaves_lots
            remove_order(venue, index, bit, side, slot)
            return
    answer(venue, CANCEL_REJECTED, message.order_id, message.side, message.price_ticks, message.qty_lots, ts_ns)
