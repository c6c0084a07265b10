"""From target prices to orders: leave what rests at a target price, cancel the rest, submit what is missing.

An order counts as resting at its price from the decision on until it is known to be closed, so that nothing is sent
twice. A cancel is never sent before its order is accepted unless `cancel_pending` is set, and never twice. What was
refused is not requested again until the answer could be another one (`refusals`). Where fills leave too little of the
target size at a price, the rest is submitted behind it. While trading is halted nothing is decided: risk cancels.

To flatten is to quote nothing and, when no order of ours is open any more, to take the position off at the touch.
"""

from mm_core.compiled import Record, Strategy, compiled, hot
from mm_core.messages import CANCEL_INTENT, INTENT, append_message
from mm_core.quoting.refusals import (
    PRICE,
    RATE,
    TAKES,
    all_changed,
    count_sent,
    is_price_refused,
    is_size_refused,
    remember,
    side_changed,
    uncount_sent,
    update_touch,
    would_take_again,
)
from mm_core.quoting.state import CANCELING, FLATTENING, LIVE, ORDERS, PENDING, QUOTING, SILENT, TAKING
from mm_core.quoting.terms import decide_prices
from mm_core.signals.builder import VALID
from mm_core.types import Command, TradeState

GTX = 1
IOC = 2
HALT = int(Command.HALT)
RESUME = int(Command.RESUME)
FLATTEN = int(Command.FLATTEN)
REDUCING = int(TradeState.REDUCING)
HALTED = int(TradeState.HALTED)


@hot
def quoter_decide(quoter: Record, top: Record, strategy: Strategy) -> None:
    """One decision on a book: intents are in the outbox, cancels first."""
    quoter.outbox_count = 0
    terms = quoter.terms
    terms.quoted[0] = 0
    terms.quoted[1] = 0
    if quoter.trading_state == HALTED:
        return
    quoter.steps += 1
    update_touch(quoter.refusals, top.bid_ticks, top.ask_ticks, top.local_ns)
    is_proven = top.state == VALID and top.bid_lots > 0 and top.ask_lots > 0
    if is_proven and quoter.mode == QUOTING:
        strategy(terms, top)
        decide_prices(terms, top.bid_ticks, top.ask_ticks)
        if quoter.trading_state == REDUCING:
            _only_reduce(terms)
    for side in range(2):
        _keep_or_cancel(quoter, side, top.local_ns)
    for side in range(2):
        if terms.quoted[side] != 0:
            _submit_missing(quoter, side, top.local_ns)
    if is_proven and quoter.mode == FLATTENING:
        _flatten(quoter, top)
    _name_mid(quoter, top.bid_ticks + top.ask_ticks if is_proven else 0)


@compiled
def quoter_command(quoter: Record, command: int) -> None:
    """An operator's command: FLATTEN ends quoting until RESUME; a HALT ends the flattening, too."""
    if command == FLATTEN:
        quoter.mode = FLATTENING
    elif command == RESUME:
        quoter.mode = QUOTING
    elif command == HALT and quoter.mode == FLATTENING:
        quoter.mode = SILENT


@compiled
def quoter_trading_state(quoter: Record, trading_state: int) -> None:
    """Risk's state from here on: whether to quote both sides, only what reduces the position, or nothing."""
    quoter.trading_state = trading_state
    all_changed(quoter.refusals)


@compiled
def quoter_limits_changed(quoter: Record) -> None:
    """A limit, a filter of the venue or a number of the quoter has changed: what was refused may pass now."""
    all_changed(quoter.refusals)


@compiled
def _only_reduce(terms: Record) -> None:
    if terms.position_lots >= 0:
        terms.quoted[0] = 0
    if terms.position_lots <= 0:
        terms.quoted[1] = 0


@compiled
def _flatten(quoter: Record, top: Record) -> None:
    """Take all of the position off at the other side's best price, once every earlier order is known to be closed."""
    terms = quoter.terms
    if terms.position_lots == 0 or quoter.open[0] + quoter.open[1] != 0:
        return
    side = 1 if terms.position_lots > 0 else 0
    price_ticks = top.bid_ticks if side == 1 else top.ask_ticks
    if is_price_refused(quoter.refusals, side, price_ticks):
        return
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
def _is_target(quoter: Record, side: int, price_ticks: int) -> bool:
    """True if a side is quoted and one of its levels has this price."""
    if quoter.terms.quoted[side] == 0:
        return False
    for level in range(quoter.levels):
        if _level_price(quoter, side, level) == price_ticks:
            return True
    return False


@hot
def _keep_or_cancel(quoter: Record, side: int, ts_ns: int) -> None:
    for i in range(quoter.open[side]):
        order = quoter.orders[side, i]
        if _is_target(quoter, side, order.price_ticks):
            continue
        if order.status == LIVE or (order.status == PENDING and quoter.cancel_pending != 0):
            order.status = CANCELING
            _append(quoter, CANCEL_INTENT, order, side, ts_ns)


@compiled
def _missing_lots(quoter: Record, side: int, price_ticks: int) -> int:
    """Lots to submit at a target price: all where nothing rests, what is missing where too little does.

    None while a cancel is in flight there. What was cut off an order that rests does not count as missing.
    """
    target_lots = quoter.terms.lot_lots
    resting_lots = 0
    is_empty = True
    for i in range(quoter.open[side]):
        order = quoter.orders[side, i]
        if order.price_ticks == price_ticks:
            if order.status == CANCELING:
                return 0
            is_empty = False
            resting_lots += order.leaves_lots
            target_lots -= order.cut_lots
    if is_empty or resting_lots < quoter.replenish_below * target_lots:
        return target_lots - resting_lots
    return 0


@hot
def _submit_missing(quoter: Record, side: int, ts_ns: int) -> None:
    for level in range(quoter.levels):
        price_ticks = _level_price(quoter, side, level)
        lots = _missing_lots(quoter, side, price_ticks) if price_ticks > 0 else 0
        if lots <= 0 or _is_refused(quoter, side, price_ticks, lots):
            continue
        if quoter.open[side] == ORDERS:
            return  # every slot holds an order that is not known to be closed: wait for the venue
        _place(quoter, side, price_ticks, lots, PENDING, GTX, ts_ns)


@compiled
def _is_refused(quoter: Record, side: int, price_ticks: int, lots: int) -> bool:
    refusals = quoter.refusals
    if is_price_refused(refusals, side, price_ticks) or would_take_again(refusals, side, price_ticks):
        return True
    return is_size_refused(refusals, side, lots, quoter.terms.price_ticks[side])


@hot
def _place(quoter: Record, side: int, price_ticks: int, lots: int, status: int, time_in_force: int, ts_ns: int) -> None:
    """Intend an order; the side has a free slot."""
    order = quoter.orders[side, quoter.open[side]]
    quoter.open[side] += 1
    order.order_id = quoter.next_order_id
    order.price_ticks = price_ticks
    order.leaves_lots = lots
    order.status = status
    order.cut_lots = 0
    order.touches = quoter.refusals.touches
    order.changes = quoter.refusals.changes[side]
    quoter.next_order_id += 1
    count_sent(quoter.refusals)
    _append(quoter, INTENT, order, side, ts_ns).time_in_force = time_in_force


@compiled
def _append(quoter: Record, kind: int, order: Record, side: int, ts_ns: int) -> Record:
    message = append_message(quoter, kind, order.order_id, side, order.price_ticks, order.leaves_lots, ts_ns)
    message.leaves_lots = order.leaves_lots
    return message


@compiled
def _name_mid(quoter: Record, mid_half_ticks: int) -> None:
    """Note in the intents of this decision which mid they were decided on; 0 of none."""
    for i in range(quoter.outbox_count):
        if quoter.outbox[i].kind == INTENT:
            quoter.outbox[i].mid_half_ticks = mid_half_ticks


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
    """The order rests at the venue; a cancel in flight stays in flight."""
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        order = quoter.orders[side, slot]
        order.cut_lots = max(order.leaves_lots - leaves_lots, 0)
        order.leaves_lots -= order.cut_lots
        if order.status == PENDING:
            order.status = LIVE


@compiled
def quoter_filled(quoter: Record, side: int, order_id: int, qty_lots: int, leaves_lots: int) -> None:
    """A fill: the position moves; the order is closed when nothing is left."""
    quoter.terms.position_lots += qty_lots if side == 0 else -qty_lots
    all_changed(quoter.refusals)
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        quoter.orders[side, slot].leaves_lots = leaves_lots
        if leaves_lots == 0:
            _remove(quoter, side, slot)


@compiled
def quoter_denied(quoter: Record, side: int, order_id: int, reason: int) -> None:
    """Our own risk refused the order. A lasting refusal ends the flattening: it would be repeated at every book."""
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        kind = quoter.refusals.denied[side, reason]
        uncount_sent(quoter.refusals)
        _refused(quoter, side, slot, kind, kind & (PRICE | RATE) == 0)


@compiled
def quoter_rejected(quoter: Record, side: int, order_id: int, reason: int) -> None:
    """The venue refused the order: it counts no more at risk, either. Such a refusal always ends the flattening."""
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        kind = quoter.refusals.rejected[side, reason]
        if kind & (PRICE | TAKES) != 0:
            side_changed(quoter.refusals, side)
        _refused(quoter, side, slot, kind, True)


@compiled
def _refused(quoter: Record, side: int, slot: int, kind: int, lasts: bool) -> None:
    order = quoter.orders[side, slot]
    if lasts and order.status == TAKING and quoter.mode == FLATTENING:
        quoter.mode = SILENT
    remember(quoter.refusals, kind, side, order, quoter.terms.price_ticks[side])
    _remove(quoter, side, slot)


@compiled
def quoter_closed(quoter: Record, side: int, order_id: int) -> None:
    """The order was canceled or has expired."""
    slot = _find(quoter, side, order_id)
    if slot >= 0:
        side_changed(quoter.refusals, side)
        _remove(quoter, side, slot)
