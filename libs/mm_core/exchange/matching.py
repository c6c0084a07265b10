"""What happens at the venue: requests arrive, the market moves, our orders fill.

Conditions of a fill of a resting bid (asks mirror them): a seller's trade below its price fills it; a trade at its
price fills it when the queue ahead is used up; a best ask at or below its price fills it. A maker's fill is always at
its own price. One trade's quantity is shared among our orders by price, then time, and never used twice; nor is a
displayed level, until its quantity changes. With `partial_fills` an order gets at most what is left; without, it fills
whole. No market impact.
"""

from mm_core.accounting.money import fee_e9, sum_product
from mm_core.book.book import best_below, best_ticks, lots_at, rank_of
from mm_core.book.window import NO_RANK
from mm_core.compiled import Record, compiled, hot, int64
from mm_core.exchange.admit import ADMITTED, broken_filter, reference_half
from mm_core.exchange.queue import executable_lots, queue_on_depth, queue_on_trade
from mm_core.exchange.venue import (
    TOO_MANY_ORDERS,
    WOULD_TAKE,
    find_order,
    forget_taken,
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
    FILLED,
    REJECTED,
    bus_due_ns,
    bus_join_fill,
    bus_last,
    bus_pop,
    bus_push,
    is_crowded,
)
from mm_core.types import INT64_MAX

GTX = 1
IOC = 2
TAKER = int64(0)
MAKER = int64(1)
DONE = int64(0)  # nothing left open
FIRST = int64(0)


@compiled
def send(
    venue: Record, kind: int, order_id: int, side: int, price_ticks: int, qty_lots: int, flag: int, local_ns: int
) -> None:
    """Put a request on the connection to the venue at `local_ns`; a cancel never overtakes its submit."""
    latency_ns = venue.cancel_ns if kind == CANCEL else venue.entry_ns
    message = bus_push(venue.inbox, local_ns + latency_ns)
    message.kind = kind
    message.ts_ns = message.due_ns
    message.order_id = order_id
    message.side = side
    message.price_ticks = price_ticks
    message.qty_lots = qty_lots
    message.flag = flag


@compiled
def _due_ns(venue: Record, ts_ns: int) -> int:
    """When we hear of what happens at the venue at `ts_ns`: the response latency later, and not before its cause."""
    return max(ts_ns + venue.response_ns, venue.known_ns)


@compiled
def _answer(venue: Record, kind: int, order_id: int, side: int, price_ticks: int, qty_lots: int, ts_ns: int) -> Record:
    message = bus_push(venue.outbox, _due_ns(venue, ts_ns))
    message.kind = kind
    message.ts_ns = ts_ns
    message.order_id = order_id
    message.side = side
    message.price_ticks = price_ticks
    message.qty_lots = qty_lots
    return message


@compiled
def arrive(venue: Record, index: Record, bit: int, book: Record, clock: Record, until_ns: int) -> None:
    """Process the requests that arrive up to `until_ns`, each at its arrival or the market's time, the later."""
    while bus_due_ns(venue.inbox) <= until_ns:
        message = bus_pop(venue.inbox)
        ts_ns = max(message.due_ns, clock.market_ns)
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
        if message.flag == GTX:
            _reject(venue, message, WOULD_TAKE, ts_ns)
        else:
            _take(venue, index, bit, book, message, rank, ts_ns)
        return
    if message.flag == IOC:
        _answer(
            venue, EXPIRED, order_id, side, message.price_ticks, message.qty_lots, ts_ns
        ).leaves_lots = message.qty_lots
        return
    _rest(venue, index, bit, book, message, rank, message.qty_lots, ts_ns)


@compiled
def _reject(venue: Record, message: Record, reason: int, ts_ns: int) -> None:
    answer = _answer(venue, REJECTED, message.order_id, message.side, message.price_ticks, message.qty_lots, ts_ns)
    answer.leaves_lots = message.qty_lots
    answer.reason = reason


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
    order.front_lots = float(lots_at(book, side, rank))
    order.traded_lots = 0
    _answer(
        venue, ACCEPTED, message.order_id, side, message.price_ticks, message.qty_lots, ts_ns
    ).leaves_lots = leaves_lots


@compiled
def _take(venue: Record, index: Record, bit: int, book: Record, message: Record, rank: int, ts_ns: int) -> None:
    """Take from the displayed book, level by level within the limit; the rest rests, or expires for IOC.

    Without partial fills the whole order trades at the best price, whatever is displayed there. While the queue of
    answers is crowded nothing more is taken, and the rest expires.
    """
    side = message.side
    leaves_lots = message.qty_lots
    if venue.partial_fills == 0:
        _fill(venue, message.order_id, side, best_ticks(book, 1 - side), leaves_lots, DONE, TAKER, ts_ns)
        return
    level = book.best[1 - side]
    while leaves_lots > 0 and level != NO_RANK and rank >= -level and not is_crowded(venue.outbox):
        lots = min(leaves_lots, _unused_lots(venue, book, 1 - side, level))
        if lots > 0:
            leaves_lots -= lots
            remember_taken(venue, index, bit, 1 - side, level, lots)
            price_ticks = level if side == 1 else -level
            _fill(venue, message.order_id, side, price_ticks, lots, leaves_lots, TAKER, ts_ns)
        level = best_below(book, 1 - side, level)
    if leaves_lots == 0:
        return
    if message.flag == IOC or is_crowded(venue.outbox):
        _answer(
            venue, EXPIRED, message.order_id, side, message.price_ticks, message.qty_lots, ts_ns
        ).leaves_lots = leaves_lots
    else:
        _rest(venue, index, bit, book, message, rank, leaves_lots, ts_ns)


@compiled
def _unused_lots(venue: Record, book: Record, side: int, rank: int) -> int:
    """Displayed lots of a level that no order of ours has used."""
    return lots_at(book, side, rank) - taken_lots(venue, side, rank)


@compiled
def _fill(
    venue: Record, order_id: int, side: int, price_ticks: int, lots: int, leaves_lots: int, maker: int, ts_ns: int
) -> None:
    """Report a fill. Where the queue of answers is crowded, partial fills of one order are reported as one."""
    if is_crowded(venue.outbox) and bus_join_fill(venue.outbox, order_id, price_ticks, maker, _due_ns(venue, ts_ns)):
        message = bus_last(venue.outbox)
        message.ts_ns = ts_ns
        message.qty_lots += lots
    else:
        message = _answer(venue, FILLED, order_id, side, price_ticks, lots, ts_ns)
        message.flag = maker
    message.leaves_lots = leaves_lots
    rate_ppb = venue.maker_fee_ppb if maker == MAKER else venue.taker_fee_ppb
    tick_lots = sum_product(0, price_ticks, lots)
    message.fee_e9 += fee_e9(tick_lots, rate_ppb, venue.value_num, venue.value_den)


@compiled
def _cancel(venue: Record, index: Record, bit: int, message: Record, ts_ns: int) -> None:
    """Cancel a resting order; what is already done cannot be cancelled."""
    for side in range(2):
        slot = find_order(venue, side, message.order_id)
        if slot >= 0:
            order = venue.orders[side, slot]
            price_ticks = order.rank if side == 0 else -order.rank
            answer = _answer(venue, CANCELED, order.order_id, side, price_ticks, order.qty_lots, ts_ns)
            answer.leaves_lots = order.leaves_lots
            remove_order(venue, index, bit, side, slot)
            return
    _answer(venue, CANCEL_REJECTED, message.order_id, message.side, message.price_ticks, message.qty_lots, ts_ns)


@compiled
def _fill_resting(venue: Record, index: Record, bit: int, side: int, slot: int, lots: int, ts_ns: int) -> int:
    """Fill up to `lots` of a resting order at its own price and return what it took."""
    order = venue.orders[side, slot]
    lots = min(lots, order.leaves_lots)
    order.leaves_lots -= lots
    price_ticks = order.rank if side == 0 else -order.rank
    _fill(venue, order.order_id, side, price_ticks, lots, order.leaves_lots, MAKER, ts_ns)
    if order.leaves_lots == 0:
        remove_order(venue, index, bit, side, slot)
    return lots


@hot
def on_depth(venue: Record, index: Record, bit: int, side: int, rank: int, previous_lots: int, lots: int) -> None:
    """The displayed quantity of a price changed: move our orders there in their queue, and all of it is unused."""
    if venue.taken[side] > 0 and previous_lots != lots:
        forget_taken(venue, index, bit, side, rank)
    for i in range(venue.resting[side]):
        if venue.orders[side, i].rank == rank:
            order = venue.orders[side, i]
            queue_on_depth(venue.queue_model, venue.queue_power, venue.lot_base, order, previous_lots, lots)


@compiled
def on_best(venue: Record, index: Record, bit: int, book: Record, side: int, ts_ns: int) -> None:
    """The best price of `side` improved: fill our orders of the other side that it reaches, in priority."""
    mine = 1 - side
    reached = -book.best[side]
    unused = _unused_lots(venue, book, side, book.best[side]) if venue.partial_fills != 0 else INT64_MAX
    left = unused
    while left > 0 and venue.resting[mine] > 0 and venue.orders[mine, 0].rank >= reached:
        left -= _fill_resting(venue, index, bit, mine, FIRST, left, ts_ns)
    if venue.partial_fills != 0 and left < unused:
        remember_taken(venue, index, bit, side, book.best[side], unused - left)


@compiled
def _reached_lots(venue: Record, order: Record, wanted: int) -> int:
    """How much of `wanted` the trades at the order's price have reached."""
    beyond = executable_lots(order)
    if beyond == 0:
        return 0
    if venue.partial_fills == 0:
        return wanted
    order.front_lots = 0.0  # we are at the front now; what was beyond is ours and used
    return min(wanted, beyond)


@hot
def on_trade(
    venue: Record, index: Record, bit: int, taker: int, price_ticks: int, lots: int, ts_ns: int, late: bool
) -> None:
    """A trade: fill ours that it went through, then those at its price whose queue is used up.

    A late trade (older than depth already processed) does not advance the queue: that depth holds it.
    """
    mine = 1 - taker
    rank = rank_of(mine, price_ticks)
    left = lots
    i = 0
    while i < venue.resting[mine] and venue.orders[mine, i].rank >= rank:
        order = venue.orders[mine, i]
        wanted = order.leaves_lots if venue.partial_fills == 0 else min(order.leaves_lots, left)
        if order.rank == rank:
            if late:
                return
            queue_on_trade(order, left)
            wanted = _reached_lots(venue, order, wanted)
        resting = venue.resting[mine]
        if wanted > 0 and left > 0:
            left -= min(left, _fill_resting(venue, index, bit, mine, i, wanted, ts_ns))
        if venue.resting[mine] == resting:
            i += 1
