"""From wanted prices to orders: keep what rests at a wanted price, cancel the rest, submit what is missing.

An order counts as resting at its price from the decision on until it is known to be gone, so that nothing is sent
twice. A cancel is never sent before its order is accepted unless `cancel_pending` says so, and never twice.

To flatten is to quote nothing and, when no order of ours is out any more, to take the position off at the touch.
"""

import numpy as np

from mm_core.compiled import Record, Strategy, compiled, hot
from mm_core.messages import CANCEL_INTENT, INTENT, MESSAGE, say
from mm_core.quoting.terms import TERMS, decide_prices
from mm_core.signals.builder import VALID
from mm_core.types import Command

ORDERS = 16  # orders a side that are not known to be gone
OUTBOX = 64
PENDING = 1
LIVE = 2
CANCELING = 3
TAKING = 4  # an order that flattens: it takes and never rests
GTX = 1
IOC = 2
# Modes.
QUOTING = 0
FLATTENING = 1
SILENT = 2  # a flattening that was ended before it was done
HALT = int(Command.HALT)
RESUME = int(Command.RESUME)
FLATTEN = int(Command.FLATTEN)

QUOTE = np.dtype([("order_id", "i8"), ("price_ticks", "i8"), ("leaves_lots", "i8"), ("status", "i8")])
QUOTER = np.dtype(
    [
        ("terms", TERMS),
        ("levels", "i8"),  # orders a side
        ("level_step_ticks", "i8"),
        ("cancel_pending", "i8"),  # 1: cancel an order before it is accepted
        ("mode", "i8"),
        ("next_order_id", "i8"),
        ("steps", "i8"),  # decisions taken
        ("open", "i8", (2,)),  # how many of a side's orders are not known to be gone
        ("orders", QUOTE, (2, ORDERS)),  # oldest first
        ("said", "i8"),
        ("outbox", MESSAGE, (OUTBOX,)),
    ]
)


@hot
def quoter_decide(quoter: Record, top: Record, strategy: Strategy) -> None:
    """One decision on a book: answers are in the outbox, cancels first."""
    quoter.said = 0
    quoter.steps += 1
    terms = quoter.terms
    terms.want[0] = 0
    terms.want[1] = 0
    is_proven = top.state == VALID and top.bid_lots > 0 and top.ask_lots > 0
    if is_proven and quoter.mode == QUOTING:
        strategy(terms, top)
        decide_prices(terms, top.bid_ticks, top.ask_ticks)
    for side in range(2):
        _keep_or_cancel(quoter, side, top.local_ns)
    for side in range(2):
        if terms.want[side] != 0:
            _submit_missing(quoter, side, top.local_ns)
    if is_proven and quoter.mode == FLATTENING:
        _flatten(quoter, top)


@compiled
def quoter_command(quoter: Record, command: int) -> None:
    """The operator's word: FLATTEN ends quoting until RESUME; a HALT ends the flattening, too."""
    if command == FLATTEN:
        quoter.mode = FLATTENING
    elif command == RESUME:
        quoter.mode = QUOTING
    elif command == HALT and quoter.mode == FLATTENING:
        quoter.mode = SILENT


@compiled
def _flatten(quoter: Record, top: Record) -> None:
    """Take the whole position off at the other side's best price, once every earlier order is known to be gone."""
    terms = quoter.terms
    if terms.position_lots == 0 or quoter.open[0] + quoter.open[1] != 0:
        return
    side = 1 if terms.position_lots > 0 else 0
    price_ticks = top.bid_ticks if side == 1 else top.ask_ticks
    terms.fair_ticks = (top.bid_ticks + top.ask_ticks) / 2.0
    terms.reservation_ticks = float(price_ticks)
    terms.half_spread_ticks = 0.0
    _place(quoter, side, price_ticks, abs(terms.position_lots), TAKING, IOC, top.local_ns)


@compiled
def _level_price(quoter: Record, side: int, level: int) -> int:
    """Price of the nth order of a side, going away from the touch."""
    step = level * quoter.level_step_ticks
    return quoter.terms.price_ticks[side] + (step if side == 1 else -step)


@compiled
def _is_wanted(quoter: Record, side: int, price_ticks: int) -> bool:
    """True if a side is quoted and one of its levels has this price."""
    if quoter.terms.want[side] == 0:
        return False
    for level in range(quoter.levels):
        if _level_price(quoter, side, level) == price_ticks:
            return True
    return False


@hot
def _keep_or_cancel(quoter: Record, side: int, ts_ns: int) -> None:
    for i in range(quoter.open[side]):
        order = quoter.orders[side, i]
        if _is_wanted(quoter, side, order.price_ticks):
            continue
        if order.status == LIVE or (order.status == PENDING and quoter.cancel_pending != 0):
            order.status = CANCELING
            message = say(quoter, CANCEL_INTENT, order.order_id, side, order.price_ticks, order.leaves_lots, ts_ns)
            message.flag = GTX


@compiled
def _rests_at(quoter: Record, side: int, price_ticks: int) -> bool:
    for i in range(quoter.open[side]):
        if quoter.orders[side, i].price_ticks == price_ticks:
            return True
    return False


@hot
def _submit_missing(quoter: Record, side: int, ts_ns: int) -> None:
    for level in range(quoter.levels):
        price_ticks = _level_price(quoter, side, level)
        if price_ticks <= 0 or _rests_at(quoter, side, price_ticks):
            continue
        if quoter.open[side] == ORDERS:
            return  # every slot holds an order that is not known to be gone: wait for the venue
        _place(quoter, side, price_ticks, quoter.terms.lot_lots, PENDING, GTX, ts_ns)


@hot
def _place(quoter: Record, side: int, price_ticks: int, lots: int, status: int, flag: int, ts_ns: int) -> None:
    """Want an order; the side has a free slot."""
    order = quoter.orders[side, quoter.open[side]]
    quoter.open[side] += 1
    order.order_id = quoter.next_order_id
    order.price_ticks = price_ticks
    order.leaves_lots = lots
    order.status = status
    quoter.next_order_id += 1
    message = say(quoter, INTENT, order.order_id, side, price_ticks, lots, ts_ns)
    message.flag = flag


@compiled
def _find(quoter: Record, side: int, order_id: int) -> int:
    for i in range(quoter.open[side]):
        if quoter.orders[side, i].order_id == order_id:
            return i
    return -1


@compiled
def _remove(quoter: Record, side: int, slot: int) -> None:
    quoter.open[side] -= 1
    for i in range(slot, quoter.open[side]):
        quoter.orders[side, i] = quoter.orders[side, i + 1]


@compiled
def quoter_accepted(quoter: Record, side: int, order_id: int, leaves_lots: int) -> None:
    """The order rests at the venue; a cancel already on its way stays on its way."""
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        order = quoter.orders[side, slot]
        order.leaves_lots = min(order.leaves_lots, leaves_lots)
        if order.status == PENDING:
            order.status = LIVE


@compiled
def quoter_filled(quoter: Record, side: int, order_id: int, qty_lots: int, leaves_lots: int) -> None:
    """A fill: the position moves; the order is gone when nothing is left."""
    quoter.terms.position_lots += qty_lots if side == 0 else -qty_lots
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        quoter.orders[side, slot].leaves_lots = leaves_lots
        if leaves_lots == 0:
            _remove(quoter, side, slot)


@compiled
def quoter_refused(quoter: Record, side: int, order_id: int, lasts: int) -> None:
    """The order was denied or rejected. A no that lasts ends the flattening: to ask again at every book is no use."""
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        if lasts != 0 and quoter.orders[side, slot].status == TAKING and quoter.mode == FLATTENING:
            quoter.mode = SILENT
        _remove(quoter, side, slot)


@compiled
def quoter_gone(quoter: Record, side: int, order_id: int) -> None:
    """The order was canceled, has expired, or was refused outside a flattening."""
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        _remove(quoter, side, slot)
