"""The risk gate event by event: intents in, requests or denials out; states that cancel everything.

A halt, and reducing, reach the venue as cancels of every open order. Losses are taken at each Book; a halt by loss
stays until a command of the operator; to resume takes the loss so far as the new start of the session. A halt by the
fill rate, which counts orders and not prints, ends by itself after a while unless a loss or the operator halts, too.
"""

from mm_core.accounting.account import account_fill, account_mark
from mm_core.accounting.money import money_e9, sum_product
from mm_core.compiled import Record, compiled, hot
from mm_core.messages import CANCEL, DENIED, SUBMIT, TRADING_STATE, append_message
from mm_core.risk.gate import (
    ACTIVE,
    HALTED,
    NONE,
    REDUCING,
    VALID,
    blocking_reason,
    fitting_lots,
    minimum_reason,
    rate_count,
    rate_reached,
    rate_restart,
    risk_result_e9,
    sum_lots,
)
from mm_core.risk.reason import Reason
from mm_core.risk.state import ORDERS, RATE
from mm_core.types import INT64_MAX

BPS = 10_000
DAY_NS = 86_400_000_000_000
R_TOO_MANY_ORDERS = int(Reason.TOO_MANY_ORDERS)
R_LOSS_SESSION = int(Reason.LOSS_SESSION)
R_LOSS_DAY = int(Reason.LOSS_DAY)
R_FILL_RATE = int(Reason.FILL_RATE)
R_COOLED_DOWN = int(Reason.COOLED_DOWN)
R_VENUE_ORDERS = int(Reason.VENUE_ORDERS)


@compiled
def _append(
    risk: Record, kind: int, order_id: int, side: int, price_ticks: int, qty_lots: int, reason: int, ts_ns: int
) -> None:
    message = append_message(risk, kind, order_id, side, price_ticks, qty_lots, ts_ns)
    message.leaves_lots = qty_lots
    message.reason = reason


@hot
def risk_intent(risk: Record, intent: Record) -> None:
    """Allow, adjust or block one intended order; the answer is in the outbox."""
    risk.outbox_count = 0
    lots = intent.qty_lots
    reason = blocking_reason(risk, intent.side, intent.price_ticks, intent.local_ns)
    if reason == NONE and risk.open_orders == ORDERS:
        reason = R_TOO_MANY_ORDERS
    if reason == NONE and risk.open_orders >= risk.filters.orders_max:
        reason = R_VENUE_ORDERS
    if reason == NONE:
        lots, reason = fitting_lots(risk, intent.side, intent.price_ticks, intent.qty_lots)
        too_small = minimum_reason(risk, intent.price_ticks, lots)
        if too_small == NONE:
            _submit(risk, intent, lots, reason)
            return
        if reason == NONE:
            reason = too_small
    lots = intent.qty_lots
    _append(risk, DENIED, intent.order_id, intent.side, intent.price_ticks, lots, reason, intent.local_ns)


@compiled
def _submit(risk: Record, intent: Record, lots: int, reason: int) -> None:
    order = risk.orders[risk.open_orders]
    side, price_ticks, ts_ns = intent.side, intent.price_ticks, intent.local_ns
    risk.open_orders += 1
    order.order_id = intent.order_id
    order.side = side
    order.price_ticks = price_ticks
    order.leaves_lots = lots
    order.canceling = 0
    order.filled = 0
    risk.open_lots[side] += lots
    risk.open_tick_lots[side] = sum_product(risk.open_tick_lots[side], lots, price_ticks)
    rate_count(risk.submitted, ts_ns)
    risk.submitted_lots = sum_lots(risk.submitted_lots, lots)
    _append(risk, SUBMIT, intent.order_id, side, price_ticks, lots, reason, ts_ns)
    risk.outbox[risk.outbox_count - 1].time_in_force = intent.time_in_force


@compiled
def risk_cancel_intent(risk: Record, order_id: int, ts_ns: int) -> None:
    """Let a cancel through once; an order that is done needs none."""
    risk.outbox_count = 0
    slot = _find(risk, order_id)
    if slot >= 0 and risk.orders[slot].canceling == 0:
        _cancel(risk, slot, ts_ns)


@compiled
def _cancel(risk: Record, slot: int, ts_ns: int) -> None:
    order = risk.orders[slot]
    order.canceling = 1
    risk.cancels += 1
    _append(risk, CANCEL, order.order_id, order.side, order.price_ticks, order.leaves_lots, NONE, ts_ns)


@compiled
def _find(risk: Record, order_id: int) -> int:
    for i in range(risk.open_orders):
        if risk.orders[i].order_id == order_id:
            return i
    return -1


@hot
def risk_filled(risk: Record, fill: Record) -> None:
    """A fill: account, open orders and fill rate; too many orders filled in the window halt at the next Book."""
    account_fill(risk.account, fill.side, fill.price_ticks, fill.qty_lots, fill.fee_e9, fill.mid_half_ticks)
    risk.filled_lots = sum_lots(risk.filled_lots, fill.qty_lots)
    slot = _find(risk, fill.order_id)
    if slot < 0:
        if not _was_filled(risk, fill.order_id):
            _count_filled(risk, fill.order_id, fill.local_ns)
        return
    order = risk.orders[slot]
    if order.filled == 0:
        order.filled = 1
        _count_filled(risk, fill.order_id, fill.local_ns)
    _reduce_open(risk, slot, fill.leaves_lots)


@compiled
def _count_filled(risk: Record, order_id: int, ts_ns: int) -> None:
    """Count an order at its first fill."""
    risk.filled_ids[risk.filled.count % RATE] = order_id
    rate_count(risk.filled, ts_ns)


@compiled
def _was_filled(risk: Record, order_id: int) -> bool:
    """True if an order that is not open any more was counted, among as many as a rate can count."""
    for i in range(min(risk.filled.count, RATE)):
        if risk.filled_ids[i] == order_id:
            return True
    return False


@compiled
def risk_closed(risk: Record, order_id: int) -> None:
    """The order was rejected, canceled or has expired."""
    slot = _find(risk, order_id)
    if slot >= 0:
        _reduce_open(risk, slot, 0)


@compiled
def _reduce_open(risk: Record, slot: int, leaves_lots: int) -> None:
    order = risk.orders[slot]
    done_lots = order.leaves_lots - leaves_lots
    risk.open_lots[order.side] -= done_lots
    risk.open_tick_lots[order.side] = sum_product(risk.open_tick_lots[order.side], -done_lots, order.price_ticks)
    order.leaves_lots = leaves_lots
    if leaves_lots == 0:
        risk.open_orders -= 1
        for i in range(slot, risk.open_orders):
            risk.orders[i] = risk.orders[i + 1]


@hot
def risk_book(risk: Record, top: Record) -> None:
    """A new book: mark the account, check the losses and the fill rate; a breach halts and cancels everything.

    A halt by the fill rate ends here, at the first VALID book of its time or later.
    """
    risk.outbox_count = 0
    risk.top.state = top.state
    risk.top.bid_ticks = top.bid_ticks
    risk.top.bid_lots = top.bid_lots
    risk.top.ask_ticks = top.ask_ticks
    risk.top.ask_lots = top.ask_lots
    if top.state != VALID or top.bid_lots == 0 or top.ask_lots == 0:
        return
    account_mark(risk.account, top.bid_ticks + top.ask_ticks)
    if risk.limits.loss_auto_bps > 0:
        _set_loss(risk.limits, top.bid_ticks + top.ask_ticks)
    day = top.local_ns // DAY_NS
    if day != risk.day:
        risk.day = day
        risk.day_start_e9 = risk_result_e9(risk)
    if risk.trading_state == HALTED:
        _cool_down(risk, top.local_ns)
    elif risk.flattening == 0:
        _check(risk, top.local_ns)


@compiled
def _check(risk: Record, now_ns: int) -> None:
    """Halt on a breach. By the fill rate only for a time, after which the state before holds again."""
    reason = _loss_reason(risk)
    if reason == NONE and rate_reached(risk.filled, risk.limits.fills_per_window_max, risk.limits.window_ns, now_ns):
        reason = R_FILL_RATE
    if reason == NONE:
        return
    before = risk.trading_state
    risk_set_state(risk, HALTED, reason, now_ns)
    if reason == R_FILL_RATE and risk.limits.rate_halt_ns > 0:
        risk.resumes_ns = now_ns + risk.limits.rate_halt_ns
        risk.resume_state = before


@compiled
def _cool_down(risk: Record, now_ns: int) -> None:
    """Halted by the fill rate: a loss makes it a halt by loss, and without one it ends when its time is over."""
    if risk.reason != R_FILL_RATE:
        return
    loss = _loss_reason(risk)
    if loss != NONE:
        risk_set_state(risk, HALTED, loss, now_ns)
    elif 0 < risk.resumes_ns <= now_ns:
        rate_restart(risk.filled)
        risk_set_state(risk, risk.resume_state, R_COOLED_DOWN, now_ns)


@compiled
def _set_loss(limits: Record, mid_half: int) -> None:
    """Once, at the first mid: the loss of the session as a share of the largest position's value, unless it was set."""
    bps = limits.loss_auto_bps
    limits.loss_auto_bps = 0
    if limits.loss_session_e9_max == INT64_MAX and limits.position_lots_max <= INT64_MAX // mid_half:
        value_half = limits.position_lots_max * mid_half
        limits.loss_session_e9_max = money_e9(value_half, limits.value_num * bps, 2 * limits.value_den * BPS)


@compiled
def _loss_reason(risk: Record) -> int:
    """The limit of losses that is breached; NONE if none is."""
    limits = risk.limits
    if limits.loss_session_e9_max < INT64_MAX and _lost_e9(risk, risk.session_start_e9) > limits.loss_session_e9_max:
        return R_LOSS_SESSION
    if limits.loss_day_e9_max < INT64_MAX and _lost_e9(risk, risk.day_start_e9) > limits.loss_day_e9_max:
        return R_LOSS_DAY
    return NONE


@compiled
def _lost_e9(risk: Record, start_e9: int) -> int:
    """How far the result is below what it was at a start."""
    return sum_product(start_e9, -1, risk_result_e9(risk))


@compiled
def risk_command(risk: Record, trading_state: int, reason: int, ts_ns: int) -> None:
    """The operator sets the trading state; resuming starts loss limits and fill rate anew, from the result so far."""
    risk.outbox_count = 0
    if trading_state == ACTIVE:
        rate_restart(risk.filled)
        risk.session_start_e9 = risk_result_e9(risk)
        risk.day_start_e9 = risk.session_start_e9
    risk_set_state(risk, trading_state, reason, ts_ns)


@compiled
def risk_flatten(risk: Record, reason: int, ts_ns: int) -> None:
    """The operator flattens: reduce, and let neither losses nor many fills stop it. Another command ends it."""
    risk.outbox_count = 0
    risk_set_state(risk, REDUCING, reason, ts_ns)
    risk.flattening = 1


@compiled
def risk_set_state(risk: Record, trading_state: int, reason: int, ts_ns: int) -> None:
    """Enter a trading state and publish it. All but ACTIVE cancel every open order, each once.

    So for REDUCING: what rests may add to the position, or close more of it than there is.
    """
    risk.trading_state = trading_state
    risk.reason = reason
    risk.resumes_ns = 0
    risk.flattening = 0
    _append(risk, TRADING_STATE, 0, 0, 0, 0, reason, ts_ns)
    risk.outbox[risk.outbox_count - 1].state = trading_state
    if trading_state != ACTIVE:
        for i in range(risk.open_orders):
            if risk.orders[i].canceling == 0:
                _cancel(risk, i, ts_ns)
