"""What happens at the venue: requests arrive, the market moves, our orders fill.

Conditions of a fill of a resting bid (asks mirror them): a seller's trade below its price fills it; a trade at its
price fills it when the queue ahead is used up; a best ask at or below its price fills it. A maker's fill is always at
its own price. One trade's quantity is shared among our orders by price, then time, and never used twice; nor is a
displayed level, until its quantity changes. An order feels nothing whose exchange time lies before its acceptance,
whatever its place in the log: no fill, and no step in its queue. With `partial_fills` an order gets at most what is
left; without, it fills completely. No market impact.
"""

from mm_core.book.book import rank_of
from mm_core.compiled import Record, compiled, hot
from mm_core.exchange.answers import MAKER, fill
from mm_core.exchange.queue import executable_lots, queue_on_depth, queue_on_trade
from mm_core.exchange.requests import unused_lots
from mm_core.exchange.venue import forget_taken, remember_taken, remove_order
from mm_core.types import INT64_MAX


@compiled
def _fill_resting(venue: Record, index: Record, bit: int, side: int, slot: int, lots: int, ts_ns: int) -> int:
    """Fill up to `lots` of a resting order at its own price and return what it took."""
    order = venue.orders[side, slot]
    lots = min(lots, order.leaves_lots)
    order.leaves_lots -= lots
    price_ticks = order.rank if side == 0 else -order.rank
    fill(venue, order.order_id, side, price_ticks, lots, order.leaves_lots, MAKER, ts_ns)
    if order.leaves_lots == 0:
        remove_order(venue, index, bit, side, slot)
    return lots


@hot
def on_level(venue: Record, index: Record, bit: int, side: int, rank: int, previous_lots: int, lots: int) -> None:
    """What is displayed at a price changed: all of it is unused."""
    if venue.taken[side] > 0 and previous_lots != lots:
        forget_taken(venue, index, bit, side, rank)


@hot
def on_depth(venue: Record, side: int, rank: int, lots: int, ts_ns: int) -> None:
    """A depth event names a price: our orders there move in their queue."""
    for i in range(venue.resting[side]):
        order = venue.orders[side, i]
        if order.rank == rank and order.accepted_ns <= ts_ns:
            queue_on_depth(venue.queue_model, venue.queue_power, venue.lot_base, order, lots)


@compiled
def on_best(venue: Record, index: Record, bit: int, book: Record, side: int, ts_ns: int) -> None:
    """The best price of `side` improved: fill our orders of the other side that it reaches, in priority."""
    mine = 1 - side
    reached = -book.best[side]
    unused = unused_lots(venue, book, side, book.best[side]) if venue.partial_fills != 0 else INT64_MAX
    left = unused
    i = 0
    while left > 0 and i < venue.resting[mine] and venue.orders[mine, i].rank >= reached:
        resting = venue.resting[mine]
        if venue.orders[mine, i].accepted_ns <= ts_ns:
            left -= _fill_resting(venue, index, bit, mine, i, left, ts_ns)
        if venue.resting[mine] == resting:
            i += 1
    if venue.partial_fills != 0 and left < unused:
        remember_taken(venue, index, bit, side, book.best[side], unused - left)


@compiled
def _reached_lots(venue: Record, order: Record, fill_lots: int) -> int:
    """How much of `fill_lots` the trades at the order's price have reached."""
    beyond = executable_lots(order)
    if beyond == 0:
        return 0
    if venue.partial_fills == 0:
        return fill_lots
    order.front_lots = 0.0  # we are at the front now; what was beyond is ours and used
    return min(fill_lots, beyond)


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
        if order.accepted_ns > ts_ns:
            i += 1
            continue
        fill_lots = order.leaves_lots if venue.partial_fills == 0 else min(order.leaves_lots, left)
        if order.rank == rank:
            if late:
                return
            queue_on_trade(order, left)
            fill_lots = _reached_lots(venue, order, fill_lots)
        resting = venue.resting[mine]
        if fill_lots > 0 and left > 0:
            left -= min(left, _fill_resting(venue, index, bit, mine, i, fill_lots, ts_ns))
        if venue.resting[mine] == resting:
            i += 1
