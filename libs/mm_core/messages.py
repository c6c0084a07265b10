"""Order events between the compiled parts: their kinds, the queue that carries them until they are due, the outbox."""

from typing import Any

import numpy as np

from mm_core.compiled import Record, compiled, int64
from mm_core.events.records import MESSAGE, OrderKind
from mm_core.types import NEVER_NS

INTENT = int64(OrderKind.INTENT)
CANCEL_INTENT = int64(OrderKind.CANCEL_INTENT)
SUBMIT = int64(OrderKind.SUBMIT)
CANCEL = int64(OrderKind.CANCEL)
DENIED = int64(OrderKind.DENIED)
ACCEPTED = int64(OrderKind.ACCEPTED)
REJECTED = int64(OrderKind.REJECTED)
CANCELED = int64(OrderKind.CANCELED)
CANCEL_REJECTED = int64(OrderKind.CANCEL_REJECTED)
EXPIRED = int64(OrderKind.EXPIRED)
FILLED = int64(OrderKind.FILLED)
TRADING_STATE = int64(OrderKind.TRADING_STATE)

NEVER = int64(NEVER_NS)


def bus_dtype(capacity: int) -> np.dtype[Any]:
    """A queue of at most `capacity` messages (a power of two), in due order because senders never go back in time."""
    return np.dtype([("head", "i8"), ("tail", "i8"), ("last_due_ns", "i8"), ("ring", MESSAGE, (capacity,))])


BUS = bus_dtype(128)
# Answers of a venue. Of the orders that can be out at once (16 a side) no more than a quarter of it can be pending that
# is not a fill to be joined: an order before the last has at most its refused cancel left, the last one its acceptance,
# its end, a refused cancel and one fill.
ANSWERS = bus_dtype(1024)


@compiled
def bus_push(bus: Record, due_ns: int) -> Record:
    """Append a zero-filled message and return it; its due time is never before the last one's (FIFO connection)."""
    capacity = bus.ring.shape[0]
    if bus.tail - bus.head >= capacity:
        raise OverflowError("a message queue of the core is full: more requests in flight than it was built for")
    due_ns = max(due_ns, bus.last_due_ns)
    bus.last_due_ns = due_ns
    message = bus.ring[bus.tail & (capacity - 1)]
    bus.tail += 1
    message.local_ns = due_ns
    message.leaves_lots = 0
    message.fee_e9 = 0
    message.reason = 0
    message.time_in_force = 0
    message.maker = 0
    message.state = 0
    message.mid_half_ticks = 0
    return message


@compiled
def bus_due_ns(bus: Record) -> int:
    """Due time of the first message; NEVER_NS (2^63-1) of an empty queue."""
    if bus.head == bus.tail:
        return NEVER
    return bus.ring[bus.head & (bus.ring.shape[0] - 1)].local_ns


@compiled
def bus_pop(bus: Record) -> Record:
    """Remove and return the first message; valid until as many more were pushed as the queue holds."""
    message = bus.ring[bus.head & (bus.ring.shape[0] - 1)]
    bus.head += 1
    return message


@compiled
def is_crowded(bus: Record) -> bool:
    """True if no more than a quarter of the queue is free: room reserved for messages that cannot be joined."""
    capacity: int = bus.ring.shape[0]
    return 4 * int(bus.tail - bus.head) >= 3 * capacity


@compiled
def bus_last(bus: Record) -> Record:
    """The last message."""
    return bus.ring[(bus.tail - 1) & (bus.ring.shape[0] - 1)]


@compiled
def bus_join_fill(bus: Record, order_id: int, price_ticks: int, maker: int, due_ns: int) -> bool:
    """Make the order's latest fill at this price and `maker` the last message, due at `due_ns`; False without one.

    It moves because a later fill joins it: that one must not be known before its cause, nor overtake what was sent
    between the two. The queue must not be full.
    """
    mask = bus.ring.shape[0] - 1
    at = bus.tail - 1
    while at >= bus.head and not _is_fill(bus.ring[at & mask], order_id, price_ticks, maker):
        at -= 1
    if at < bus.head:
        return False
    bus.ring[bus.tail & mask] = bus.ring[at & mask]
    for i in range(at, bus.tail):
        bus.ring[i & mask] = bus.ring[(i + 1) & mask]
    bus.last_due_ns = max(due_ns, bus.last_due_ns)
    bus_last(bus).local_ns = bus.last_due_ns
    return True


@compiled
def _is_fill(message: Record, order_id: int, price_ticks: int, maker: int) -> bool:
    is_order: bool = message.kind == FILLED and message.order_id == order_id
    return is_order and message.price_ticks == price_ticks and message.maker == maker


@compiled
def append_message(
    part: Record, kind: int, order_id: int, side: int, price_ticks: int, qty_lots: int, ts_ns: int
) -> Record:
    """Append a message to the outbox of a part that decides (`outbox_count`, `outbox`) and return it."""
    if part.outbox_count >= part.outbox.shape[0]:
        raise OverflowError("a part of the core sends more messages at once than its outbox holds")
    message = part.outbox[part.outbox_count]
    part.outbox_count += 1
    message.kind = kind
    message.ts_ns = ts_ns
    message.local_ns = ts_ns
    message.order_id = order_id
    message.side = side
    message.price_ticks = price_ticks
    message.qty_lots = qty_lots
    message.leaves_lots = 0
    message.fee_e9 = 0
    message.reason = 0
    message.time_in_force = 0
    message.maker = 0
    message.state = 0
    message.mid_half_ticks = 0
    return message
